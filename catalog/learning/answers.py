"""Answers to the exercises of a lesson: read from what a browser sends, and judged for the feedback that is given at once.

An answer is what the kind of its block needs: a check holds the options `chosen`, a sort the `groups` of its things, an order
their `places`, a scenario the step it is `at` and the `choice` made there. An empty one says that nothing was answered yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.errors import Invalid
from catalog.shelf.exercises import END

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Sent = Mapping[str, Sequence[str]]
    Block = dict[str, Any]
    Answer = dict[str, Any]

ASKING = frozenset({"check", "sort", "order", "scenario"})


def read(block: Block, sent: Sent) -> Answer:
    """Read the answer to a block from the fields of a form; raises Invalid with what is missing."""
    reader = READERS.get(block["kind"])
    return reader(block, sent) if reader else {}


def is_complete(block: Block, answer: Answer) -> bool:
    """Whether there is nothing more to do in a block: it asks for no answer, has one, or its story came to its end."""
    if block["kind"] == "scenario":
        choice = chosen(block, answer)
        return answer.get("at") == END or (choice is not None and choice["then"] == END)
    return block["kind"] not in ASKING or bool(answer)


def right_count(block: Block, answer: Answer) -> int:
    """Count the things that were put where they belong, or the options that were judged rightly."""
    if not answer:
        return 0
    if block["kind"] == "sort":
        return sum(thing["group"] == group for thing, group in zip(block["things"], answer["groups"], strict=True))
    if block["kind"] == "order":
        return sum(thing["place"] == place for thing, place in zip(block["things"], answer["places"], strict=True))
    return sum(option["is_right"] == (number in answer["chosen"]) for number, option in enumerate(block["options"]))


def step(block: Block, answer: Answer) -> dict[str, Any]:
    """Give the step at which somebody stands in a scenario."""
    steps: list[dict[str, Any]] = block["steps"]
    return next((found for found in steps if found["name"] == answer.get("at")), steps[0])


def chosen(block: Block, answer: Answer) -> dict[str, Any] | None:
    """Give what somebody chose at the step where they stand, if they did."""
    if answer.get("choice") is None or answer.get("at") == END:
        return None
    choice: dict[str, Any] = step(block, answer)["choices"][answer["choice"]]
    return choice


def _read_check(block: Block, sent: Sent) -> Answer:
    picked = sorted({_number(value, len(block["options"])) for value in sent.get("choice", ())})
    if not picked:
        raise Invalid("Choose an answer first.", field="choice")
    return {"chosen": picked}


def _read_sort(block: Block, sent: Sent) -> Answer:
    given = [sent.get(f"group-{number}", [""])[0] for number in range(len(block["things"]))]
    if not all(given):
        raise Invalid("Put every one of them into a group first.", field="group")
    return {"groups": [_number(value, len(block["groups"])) for value in given]}


def _read_order(block: Block, sent: Sent) -> Answer:
    count = len(block["things"])
    given = [sent.get(f"place-{number}", [""])[0] for number in range(count)]
    places = [_number(value, count) for value in given if value]
    if sorted(places) != list(range(count)):
        raise Invalid("Give each of them a place of its own, from first to last.", field="place")
    return {"places": places}


def _read_scenario(block: Block, sent: Sent) -> Answer:
    at = step(block, {"at": sent.get("step", [""])[0]})
    picked = sent.get("choice", [""])[0]
    if not picked:
        return {"at": at["name"], "choice": None}
    number = _number(picked, len(at["choices"]))
    if "on" in sent and at["choices"][number]["then"] not in {"", END}:
        return {"at": at["choices"][number]["then"], "choice": None}
    return {"at": at["name"], "choice": number}


def _number(value: str, count: int) -> int:
    """Read the number of a thing among so many; raises Invalid for what no page of ours sends."""
    if not (value.isascii() and value.isdecimal() and int(value[:4]) < count):
        raise Invalid("This page has changed since you opened it. Reload it and answer again.")
    return int(value[:4])


READERS: dict[str, Callable[[Block, Sent], Answer]] = {
    "check": _read_check,
    "sort": _read_sort,
    "order": _read_order,
    "scenario": _read_scenario,
}
