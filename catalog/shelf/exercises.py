"""Exercises as they are written: scenario, cards, sort, order and check, each read into what the classroom shows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from catalog.shelf import markup
from catalog.shelf.sources import Line, Mistake, items, joined, under_headings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from catalog.shelf.sources import Item, Part

END = "end"
GROUPS = range(2, 5)
FEWEST_TO_ORDER = 3
MARKS = {"x": "good", "~": "fair", " ": "poor"}
Exercise = dict[str, Any]


def read(part: Part) -> Exercise:
    """Read an exercise; raises Mistake with the line to mend."""
    return {"kind": part.kind, "title": markup.inline(part.words)} | KINDS[part.kind](part)


def options(lines: Iterable[Line]) -> tuple[str, list[dict[str, Any]], str]:
    """Read a question, its options and the quotation after them, as HTML; raises Mistake when there is nothing to choose."""
    asked, listed, after = _split(list(lines))
    found = items(listed)
    first = listed[0].number if listed else next(iter(lines), Line(0, "")).number
    if not joined(asked).strip():
        raise Mistake(first, "ask the question before its options")
    for item in found:
        if item.mark not in {"x", " "}:
            raise Mistake(item.line, "begin an option with [x] when it is right and with [ ] when it is not")
    right = sum(item.mark == "x" for item in found)
    if not 0 < right < len(found):
        raise Mistake(first, "give at least two options, one of them right and one of them wrong")
    made = [{"html": markup.inline(item.text), "is_right": item.mark == "x", "why": markup.block(item.why)} for item in found]
    return markup.block(joined(asked)), made, markup.block(after)


def _split(lines: list[Line]) -> tuple[list[Line], list[Line], str]:
    """Part the question from its list and the list from the quotation after it."""
    begins = next((place for place, line in enumerate(lines) if line.text.startswith("- ")), len(lines))
    ends = next((place for place in range(begins, len(lines)) if lines[place].text.startswith(">")), len(lines))
    for line in lines[ends:]:
        if line.text.strip() and not line.text.startswith(">"):
            raise Mistake(line.number, "after the explanation nothing may follow but the next heading")
    after = (line.text.removeprefix(">").removeprefix(" ").rstrip() for line in lines[ends:])
    return lines[:begins], lines[begins:ends], "\n".join(after)


def _check(part: Part) -> Exercise:
    asked, made, after = options(part.lines)
    if after:
        raise Mistake(part.line, "explain each option of a check below it, indented")
    if not all(option["why"] for option in made):
        raise Mistake(part.line, "explain every option of a check: a line below it, indented, that begins with >")
    return {"html": asked, "options": made}


def _cards(part: Part) -> Exercise:
    found = items(part.lines)
    _demand(part, len(found) > 1, "give at least two cards")
    for item in found:
        if not item.why:
            raise Mistake(item.line, "say what stands on the back of the card: a line below it, indented, that begins with >")
    return {"cards": [_thing(item) for item in found]}


def _sort(part: Part) -> Exercise:
    groups: list[str] = []
    things: list[dict[str, Any]] = []
    for heading, under in under_headings(part.lines, 2):
        found = items(under)
        if not heading.text:
            _demand(part, not found, "put every thing under a heading such as ## Fact")
            continue
        things += [_thing(item) | {"group": len(groups)} for item in found]
        if not found:
            raise Mistake(heading.number, f"put at least one thing into the group {heading.text}")
        groups.append(markup.inline(heading.text))
    _demand(part, len(groups) in GROUPS, "make two to four groups, each under a heading such as ## Fact")
    return {"groups": groups, "things": _mixed(things)}


def _order(part: Part) -> Exercise:
    found = items(part.lines)
    _demand(part, len(found) >= FEWEST_TO_ORDER, "give at least three things to put in order")
    things = [_thing(item) | {"place": place} for place, item in enumerate(found)]
    mixed = _mixed(things)
    return {"things": mixed if mixed != things else mixed[::-1]}


def _scenario(part: Part) -> Exercise:
    steps = []
    for heading, under in under_headings(part.lines, 2):
        if heading.text:
            steps.append(_step(heading, under))
        else:
            _demand(part, not joined(under).strip(), "begin a scenario with a step such as ## start")
    names = [step["name"] for step in steps]
    _demand(part, bool(names), "give a scenario at least one step, such as ## start")
    _demand(part, len(set(names)) == len(names) and END not in names, "give every step a name of its own, and none the name end")
    for step in steps:
        for choice in step["choices"]:
            _demand(part, choice["then"] in {*names, END, ""}, f"no step is called {choice['then']}")
    ways = {step["name"]: {choice["then"] for choice in step["choices"]} - {""} for step in steps}
    for name in names:
        _demand(part, name in _reached(ways, names[0]), f"no choice leads to the step {name}")
        _demand(part, END in _reached(ways, name), f"from the step {name} no way leads to the end")
    return {"steps": steps}


def _step(heading: Line, under: list[Line]) -> Exercise:
    told, listed, after = _split(under)
    found = items(listed)
    if len(found) < 2 or not joined(told).strip() or after:  # noqa: PLR2004 - a choice is between two
        raise Mistake(heading.number, "tell what happens, then give at least two choices, each explained below it, indented")
    choices = []
    for item in found:
        text, arrow, then = item.text.partition(" -> ")
        if item.mark is None or not item.why:
            raise Mistake(item.line, "mark a choice with [x], [~] or [ ] and say below it, indented after >, what follows")
        choices.append(
            {
                "html": markup.inline(text),
                "mark": MARKS[item.mark],
                "then": then.strip() if arrow else "",
                "why": markup.block(item.why),
            }
        )
    return {"name": heading.text, "html": markup.block(joined(told)), "choices": choices}


def _reached(ways: dict[str, set[str]], start: str) -> set[str]:
    """Give every step that can be reached from one, itself included."""
    reached, ahead = {start}, [start]
    while ahead:
        new = ways.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return reached


def _thing(item: Item) -> dict[str, Any]:
    return {"html": markup.inline(item.text), "why": markup.block(item.why)}


def _mixed(things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put things into an order that has nothing to do with how they were written, the same each time."""
    return sorted(things, key=lambda thing: hashlib.sha256(thing["html"].encode()).digest())


def _demand(part: Part, condition: bool, words: str) -> None:  # noqa: FBT001 - it reads as a sentence
    if not condition:
        raise Mistake(part.line, words)


KINDS: dict[str, Callable[[Part], Exercise]] = {
    "scenario": _scenario,
    "cards": _cards,
    "sort": _sort,
    "order": _order,
    "check": _check,
}
