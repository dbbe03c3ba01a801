"""Sources: the text of a file as numbered lines, and the mistakes that are found in it, each with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FENCE = re.compile(r"\s*(```|~~~)")
OPENING = re.compile(r":::([a-z-]+)(?:\s+(.+?))?\s*$")
CLOSING = re.compile(r":::\s*$")
ITEM = re.compile(r"(?:[-*]|\d+[.)])\s+(?:\[([ x~])\]\s+)?(.+)$")


class Line(NamedTuple):
    """A line of a file."""

    number: int
    text: str


class Mistake(Exception):
    """Something to mend in a line."""

    def __init__(self, line: int, words: str) -> None:
        """Keep where and what."""
        super().__init__(words)
        self.line = line
        self.words = words


@dataclass(slots=True)
class Mistakes:
    """The mistakes of one file, collected so that its author can mend all of them at once."""

    path: Path
    found: list[Mistake] = field(default_factory=list)

    def add(self, line: int, words: str) -> None:
        """Note a mistake and go on reading."""
        self.found.append(Mistake(line, words))

    def report(self) -> None:
        """Raise Invalid with a line for each mistake, if there is any."""
        if self.found:
            ordered = sorted(self.found, key=lambda mistake: mistake.line)
            raise Invalid("\n".join(f"{self.path}:{mistake.line}: {mistake.words}" for mistake in ordered))


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list: its text, its mark if it has one, and the quotation below it."""

    line: int
    mark: str | None
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Part:
    """A run of lines: `kind` is "text", or the name of the directive that encloses them, with the words after that name."""

    line: int
    kind: str
    words: str
    lines: tuple[Line, ...]


def read(path: Path) -> str:
    """Give the text of a file; raises Invalid when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise Invalid(f"{path}:{line}: save this file as UTF-8; a letter here is written otherwise") from error


def numbered(text: str, first: int = 1) -> list[Line]:
    """Give the lines of a text with their numbers."""
    return [Line(number, line) for number, line in enumerate(text.splitlines(), start=first)]


def joined(lines: Iterable[Line]) -> str:
    """Put lines together again."""
    return "\n".join(line.text for line in lines)


def under_headings(lines: Iterable[Line], rank: int) -> Iterator[tuple[Line, list[Line]]]:
    """Split lines at their headings of a rank: each heading (empty for what stands before the first) with what is under it."""
    mark = "#" * rank + " "
    heading, under, is_code = Line(0, ""), list[Line](), False
    for line in lines:
        is_code ^= bool(FENCE.match(line.text))
        if line.text.startswith(mark) and not is_code:
            yield heading, under
            heading, under = Line(line.number, line.text[len(mark) :].strip()), []
        else:
            under.append(line)
    yield heading, under


def parts(lines: Iterable[Line], mistakes: Mistakes) -> Iterator[Part]:
    """Split lines into text and directives, which stand between `:::name` and `:::`."""
    text: list[Line] = []
    opened: tuple[Line, re.Match[str]] | None = None
    inside: list[Line] = []
    is_code = False
    for line in lines:
        is_code ^= bool(FENCE.match(line.text))
        match = None if is_code else OPENING.match(line.text)
        if match and opened:
            mistakes.add(line.number, f"close :::{opened[1][1]} of line {opened[0].number} with ::: first")
        elif match:
            yield from _text(text)
            text, opened, inside = [], (line, match), []
        elif CLOSING.match(line.text) and not is_code:
            if opened is None:
                mistakes.add(line.number, "this ::: closes nothing")
                continue
            yield Part(opened[0].number, opened[1][1], opened[1][2] or "", tuple(inside))
            opened = None
        else:
            (inside if opened else text).append(line)
    if opened:
        mistakes.add(opened[0].number, f":::{opened[1][1]} is never closed; end it with a line of :::")
    yield from _text(text)


def items(lines: Iterable[Line]) -> list[Item]:
    """Read a list, with what stands indented below each item; raises Mistake for a line that belongs to none."""
    found: list[Item] = []
    for line in lines:
        text = line.text.strip()
        match = None if line.text[:1].isspace() else ITEM.match(line.text)
        if match:
            found.append(Item(line.number, match[1], match[2].strip(), ""))
        elif found and line.text[:1].isspace() and text:
            last = found.pop()
            if text.startswith(">"):
                last = Item(last.line, last.mark, last.text, f"{last.why}\n{text[1:].removeprefix(' ').rstrip()}".strip("\n"))
            elif last.why:
                raise Mistake(line.number, "begin each line of the quotation with >")
            else:
                last = Item(last.line, last.mark, f"{last.text} {text}", last.why)
            found.append(last)
        elif text:
            raise Mistake(line.number, "begin an item with - or a number; indent what belongs to it by two spaces")
    return found


def _text(lines: list[Line]) -> Iterator[Part]:
    if any(line.text.strip() for line in lines):
        yield Part(next(line.number for line in lines if line.text.strip()), "text", "", tuple(lines))
