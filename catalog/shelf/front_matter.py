"""Front matter: the facts about a file, between two lines of --- at its top, each known and of its kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

from catalog.shelf.sources import Line, Mistake, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from catalog.shelf.sources import Mistakes

MATTER = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)
LONGEST_MONTHS = 120
CONTACT = {"name", "contact", "about"}


class OnceLoader(yaml.SafeLoader):
    """Reads plain data in which no key stands twice: of two, YAML would silently take the later."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's words
        """Give a mapping; raises MarkedYAMLError for a key that stands twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands here twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be, and that in words."""

    words: str
    fits: Callable[[Any], bool]


def one_of(*names: str) -> Kind:
    """Give the kind of a value that is one of some names."""
    return Kind(f"is one of {', '.join(names)}", lambda value: value in names)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)


def _contacts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and set(item) == CONTACT and all(isinstance(part, str) for part in item.values()) for item in value
    )


TEXT = Kind("is a text", lambda value: isinstance(value, str) and bool(value.strip()))
LOOSE_TEXT = Kind("is a text", lambda value: isinstance(value, str))
NUMBER = Kind("is a whole number above 0", lambda value: type(value) is int and value > 0)
MONTHS = Kind("is a number of months from 1 to 120", lambda value: type(value) is int and 0 < value <= LONGEST_MONTHS)
FLAG = Kind("is true or false", lambda value: isinstance(value, bool))
DATE = Kind("is a date such as 2026-11-01", lambda value: type(value) is date)
TEXTS = Kind("is a list of texts", lambda value: _texts(value) and bool(value))
LOOSE_TEXTS = Kind("is a list of texts", _texts)
CONTACTS = Kind("is a list, each with name, contact and about", _contacts)


def read(
    text: str, kinds: Mapping[str, Kind], defaults: Mapping[str, Any], mistakes: Mistakes
) -> tuple[dict[str, Any], list[Line]]:
    """Read the front matter and give it with the lines that follow; raises Mistake when it cannot be read at all."""
    match = MATTER.match(text)
    if match is None:
        raise Mistake(1, "begin with front matter between two lines of ---")
    try:
        found = yaml.load(match[1], Loader=OnceLoader)  # noqa: S506 - a safe loader that is only stricter
    except yaml.MarkedYAMLError as error:
        raise Mistake((error.problem_mark.line if error.problem_mark else 0) + 2, str(error.problem)) from error
    if not isinstance(found, dict):
        raise Mistake(2, "write the front matter as lines of key: value")
    front = {**defaults, **found}
    for key in kinds:
        if key not in front:
            mistakes.add(2, f"{key} is missing")
    for key, value in found.items():
        if key not in kinds:
            mistakes.add(line_of(match[1], key), f"{key} is not known here")
        elif not kinds[key].fits(value):
            mistakes.add(line_of(match[1], key), f"{key} {kinds[key].words}")
    return front, numbered(text[match.end() :], text.count("\n", 0, match.end()) + 1)


def line_of(text: str, key: str) -> int:
    """Give the line of a file on which a key of its front matter stands."""
    for number, line in enumerate(text.removeprefix("---\n").splitlines(), start=2):
        if line.startswith(f"{key}:"):
            return number
    return 2
