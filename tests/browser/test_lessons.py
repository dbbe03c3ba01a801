"""What a lesson offers beside its text: somebody to turn to, a quick way out, and keys that choose."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import shelf

WEATHER = "https://www.bbc.co.uk/weather"


@pytest.fixture
def reader(come, demo_password):
    """Give a way for a learner to come to the first exercise of a kind."""

    def arrive(kind, **options):
        visitor = come(**options)
        visitor.sign_in("leo.grant@demo.example", demo_password)
        visitor.heads("My learning")
        number, block = shelf.place_of(kind)
        visitor.open(f"{visitor.path()}{shelf.FIRST_RESPONSE}/{number}/{block}")
        return visitor

    return arrive


@pytest.mark.parametrize("way", ["the button", "Escape three times"])
def test_whoever_leaves_a_lesson_in_a_hurry_is_away_and_cannot_go_back_to_it(reader, way):
    visitor = reader("scenario", elsewhere=WEATHER)
    lesson = visitor.page.url
    visitor.follow("Worried about someone now?")
    visitor.heads("Worried about someone now?")
    visitor.page.go_back()
    expect(visitor.page).to_have_url(lesson)
    visitor.open(lesson)
    if way == "the button":
        visitor.press("Quick exit")
    else:
        for _ in range(3):
            visitor.page.keyboard.press("Escape")
    visitor.heads("Somewhere else")
    # The sign-out goes on behind the page that was left: a second look at the lesson says when it has arrived.
    other = visitor.page.context.new_page()
    for _ in range(50):
        other.goto(lesson)
        if "/sign-in" in other.url:
            break
    visitor.page.go_back()
    visitor.heads("Sign in")


def test_number_keys_choose_an_answer_until_they_are_turned_off_for_good(reader):
    visitor = reader("check")
    answers = visitor.page.locator("main input[name=choice]")
    visitor.page.keyboard.press("2")
    expect(answers.nth(1)).to_be_checked()
    visitor.press("Turn number keys off")
    visitor.page.keyboard.press("3")
    visitor.page.keyboard.press("2")
    expect(answers.nth(1)).to_be_checked()
    expect(answers.nth(2)).not_to_be_checked()
    visitor.page.reload()
    visitor.sees("Number keys are off.")
    visitor.page.keyboard.press("2")
    visitor.page.keyboard.press("3")
    visitor.press("Turn number keys on")
    assert not any(answers.nth(number).is_checked() for number in range(answers.count()))
    visitor.page.keyboard.press("3")
    expect(answers.nth(2)).to_be_checked()
