"""Somebody takes a course in a browser, block by block, and its test, with the answers that the files of the course name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from catalog.shelf.exercises import END
from tests.browser import shelf
from tests.learning import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Locator

    from tests.browser.shelf import Place
    from tests.browser.visits import Visitor


class CourseTaker:
    """A visitor on a course of ours."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._page = visitor.page

    def do_lessons(self, places: Iterable[tuple[Place, dict[str, Any]]]) -> None:
        """Do blocks in order, beginning at the first of them, and go on from each."""
        for place, block in places:
            self.is_at(place)
            exercise = {"scenario": self._scenario, "cards": self._cards, "sort": self._sort, "order": self._order}
            if block["kind"] != "reading":
                exercise.get(block["kind"], self._check)(block)
            self._visitor.press(_onward(place))

    def is_at(self, place: Place) -> None:
        """Wait until a block is open."""
        expect(self._page).to_have_url(re.compile(rf"/{place[0]}/{place[1]}(#feedback)?$"))

    def take_test(self, *, rightly: bool) -> None:
        """Answer every question of the test that is open, rightly or wrongly, and hand it in."""
        heading = self._page.locator("h1")
        expect(heading).to_have_text(re.compile(r"^Question 1 of \d+$"))
        total = int(heading.inner_text().rpartition(" ")[2])
        for number in range(1, total + 1):
            self._visitor.heads(f"Question {number} of {total}")
            question = shelf.question(self._page.locator("#asked").inner_text())
            chosen = [option for option in question.options if option["is_right"] == rightly]
            has_several = sum(option["is_right"] for option in question.options) > 1
            for option in chosen if rightly else chosen[:1]:
                role = "checkbox" if has_several else "radio"
                self._visitor.choose(self._page.get_by_role(role, name=shelf.text(option["html"]), exact=True))  # type: ignore[arg-type]  # one of the two
            self._visitor.press("Save and go on")
        self._visitor.heads("Your answers")
        self._visitor.sees(f"All {total} are answered.")
        self._visitor.press("Hand in")

    def _scenario(self, block: dict[str, Any]) -> None:
        """Take the first way that leads to the end of the story."""
        for sent in forms_of(block):
            if "on" in sent:
                self._visitor.press("Go on")
                continue
            (step,), (number,) = sent["step"], sent["choice"]
            expect(self._page.locator("#exercise input[name=step]")).to_have_value(step)
            self._visitor.activate(self._page.get_by_role("group").get_by_role("button").nth(int(number)))
            expect(self._page.locator(".consequence")).to_be_visible()
        expect(self._page.locator(f"#exercise input[name=step][value={END}]")).to_have_count(0)

    def _cards(self, block: dict[str, Any]) -> None:
        """Turn every card over."""
        for number, card in enumerate(block["cards"]):
            turned = self._page.locator("main details").nth(number)
            self._visitor.activate(turned.locator("summary"))
            expect(turned).to_contain_text(shelf.text(card["why"]))
            expect(turned.locator(".turn-card__back")).to_be_visible()

    def _sort(self, block: dict[str, Any]) -> None:
        """Forget the last thing at first, which is said, and then put all where they belong."""
        for number, thing in enumerate(block["things"][:-1]):
            self._choose(f"group-{number}", thing["group"])
        self._visitor.press("Check")
        self._visitor.sees("Put every one of them into a group first.")
        last = len(block["things"]) - 1
        self._choose(f"group-{last}", block["things"][last]["group"])
        self._visitor.press("Check")
        self._visitor.sees(f"All {last + 1} are where they belong.")

    def _order(self, block: dict[str, Any]) -> None:
        """Put things in order: by the buttons beside them or, without scripts, by saying the place of each."""
        rows = [self._page.locator("main li", has=self._page.locator(f"[name=place-{n}]")) for n in range(len(block["things"]))]
        if not self._visitor.has_scripts:
            for row, thing in zip(rows, block["things"], strict=True):
                self._visitor.pick(row.get_by_role("combobox"), str(thing["place"] + 1))
        else:
            standing = list(range(len(rows)))
            for place in range(len(rows)):
                number = next(n for n, thing in enumerate(block["things"]) if thing["place"] == place)
                button = rows[number].get_by_role("button", name=re.compile("^Move up: "))
                for _ in range(standing.index(number) - place):
                    self._visitor.activate(button)
                standing.remove(number)
                standing.insert(place, number)
        self._visitor.press("Check")
        self._visitor.sees("That is the order.")

    def _check(self, block: dict[str, Any]) -> None:
        """Choose every right answer."""
        for number, option in enumerate(block["options"]):
            if option["is_right"]:
                self._choose("choice", number)
        self._visitor.press("Check")
        self._visitor.sees("That is right.")

    def _choose(self, name: str, value: int) -> None:
        self._visitor.choose(self._field(name, value))

    def _field(self, name: str, value: int) -> Locator:
        return self._page.locator(f"main input[name={name}][value='{value}']")


def _onward(place: Place) -> str:
    """Give the words on the button that leads on from a block."""
    lessons = shelf.course().lessons
    if place[1] < len(lessons[place[0] - 1].blocks):
        return "Go on"
    return "Next lesson" if place[0] < len(lessons) else "Finish the lessons"
