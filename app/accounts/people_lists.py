"""Lists of people as others write them: pasted lines and sheets with any columns, read into people, teams and profile fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from app.accounts import people, profile_fields
from app.kernel import sheets
from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from app.accounts.profile_fields import ProfileField

MOST = 20_000
LOOKED_AT = 10
HEAD = ("Name", "E-mail", "Team")
# What stands between two signs that no address holds; one search for all of an address would take quadratic time.
TOKEN = re.compile(r"[^\s<>(),;:\"|\[\]]+")
AROUND = " \t<>()[]\"',;|:-\u2013\u2014\u200b\u200e\u200f\ufeff"
LONGEST = 1_000
LONGEST_TITLE = 100
TOO_LONG = f"This is longer than {LONGEST:,} characters. Give each person a line of their own, with only a name and an address."
NO_ADDRESS = "There is no e-mail address. Add one, or send the list again so that people without one get a user name."


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list as it was read, with what is wrong with it, if anything is; the key is empty without an address."""

    number: int
    name: str
    address: str
    key: str
    team: str
    problem: str = ""
    values: dict[str, str] = field(default_factory=dict)


def of_text(text: str, *, by_name: bool = False) -> Iterator[Line]:
    """Read pasted lines: names and addresses in any common form, one or several on a line; or names alone, if they will do."""
    number = 0
    for typed in text.splitlines():
        if typed.strip(AROUND):
            for name, address in _pairs(typed):
                number += 1
                if number == 1 and not address and len(typed) <= LONGEST and _titles(re.split(r"[,;\t|]", typed)):
                    number = 0
                    continue
                yield _line(number, name, address, "", by_name=by_name)


def of_rows(rows: Iterable[Sequence[str]], fields: Sequence[ProfileField] = (), *, by_name: bool = False) -> Iterator[Line]:
    """Read the rows of a sheet, numbered as a spreadsheet program shows them; a title that is a field's name fills the field.

    Raises Invalid, for the form's file, when there is no column of addresses, or of names where these will do.
    """
    found = enumerate(rows, start=1)
    waiting: list[tuple[int, Sequence[str]]] = []
    columns: dict[str, int] = {}
    for number, row in found:
        columns = _titles(row, fields)
        if _is_head(columns, by_name=by_name):
            waiting = []
            break
        waiting.append((number, row))
        if len(waiting) == LOOKED_AT:
            break
    if not _is_head(columns, by_name=by_name):
        columns = _guessed([row for _, row in waiting], by_name=by_name)
    for number, row in chain(waiting, found):
        if any(cell.strip() for cell in row):
            yield _of_row(number, row, columns, fields, by_name=by_name)


def checked(lines: Iterable[Line]) -> list[Line]:
    """Give the lines with those marked that repeat an address; raises Invalid for no line at all, or too many."""
    first: dict[str, int] = {}
    found: list[Line] = []
    for line in lines:
        if len(found) == MOST:
            raise Invalid(f"This list has more than {MOST:,} people. Send it in parts.", field="file")
        if line.problem or not line.key or line.key not in first:
            found.append(line)
            first.setdefault(line.key, line.number)
        else:
            problem = f"This address stands in line {first[line.key]} already. Each person needs an address of their own."
            found.append(Line(line.number, line.name, line.address, line.key, line.team, problem))
    if not found:
        raise Invalid("There is nobody in this list. Give names and e-mail addresses, one person on each line.", field="file")
    return found


def _titles(row: Sequence[str], fields: Sequence[ProfileField] = ()) -> dict[str, int]:
    """Give which column is which by the titles in a row, a field by its id; empty for a row without titles."""
    found: dict[str, int] = {}
    named = {people.plain_title(one.name): str(one.id) for one in fields}
    for column, cell in enumerate(row):
        plain = people.plain_title(cell[:LONGEST_TITLE])
        if plain in named:
            found.setdefault(named[plain], column)
            continue
        for kind, titles in profile_fields.TITLES.items():
            if plain in titles:
                found.setdefault(kind, column)
    return found


def _is_head(columns: Mapping[str, int], *, by_name: bool) -> bool:
    """Whether the titles of a row are enough to read the rows under it."""
    return "address" in columns or (by_name and bool({"name", "first", "last"} & columns.keys()))


def _guessed(rows: Sequence[Sequence[str]], *, by_name: bool) -> dict[str, int]:
    """Give the columns of a sheet without titles: where the addresses stand, and the first words beside them."""
    width = max((len(row) for row in rows), default=0)
    scores = [sum("@" in row[column] for row in rows if column < len(row)) for column in range(width)]
    if not any(scores) and by_name:
        return {"name": next((column for column in range(width) if any(row[column : column + 1] != [""] for row in rows)), 0)}
    if not any(scores):
        raise Invalid("We found no column of e-mail addresses. Call it “E-mail”, as the template does.", field="file")
    columns = {"address": scores.index(max(scores))}
    for column in range(width):
        if column != columns["address"] and any(column < len(row) and row[column].strip() for row in rows):
            columns["name"] = column
            break
    return columns


def _of_row(
    number: int, row: Sequence[str], columns: Mapping[str, int], fields: Sequence[ProfileField], *, by_name: bool
) -> Line:
    def cell(kind: str) -> str:
        column = columns.get(kind)
        return sheets.unguarded(row[column]).strip() if column is not None and column < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    typed = cell("address")
    pairs = [pair for pair in _pairs(typed) if pair[1]] if len(typed) <= LONGEST else []
    if len(pairs) > 1:
        return _problem(number, name, typed, cell("team"), "There are two addresses. Give each person one line.")
    given, address = pairs[0] if pairs else ("", typed)
    try:
        values = {str(one.id): profile_fields.read_value(one, cell(str(one.id))[:LONGEST]) for one in fields if cell(str(one.id))}
    except Invalid as refusal:
        return _problem(number, name or given, address, cell("team"), refusal.message)
    return replace(_line(number, name or given, address, cell("team"), by_name=by_name), values=values)


def _line(number: int, name: str, address: str, team: str, *, by_name: bool) -> Line:
    """Check one line; what is wrong is kept with it, and says how to mend it."""
    if max(len(name), len(address), len(team)) > LONGEST:
        return _problem(number, name, address, team, TOO_LONG)
    if not address and not (by_name and name):
        return _problem(number, name, "", team, NO_ADDRESS)
    try:
        if not address:
            return Line(number, people.read_name(_turned(name)), "", "", team)
        read = people.read_address(address)
        key = people.address_key(read)
        named = people.read_name(_turned(name) or _name_from(read))
    except Invalid as refusal:
        return _problem(number, name, address, team, refusal.message)
    return Line(number, named, read, key, team)


def _problem(number: int, name: str, address: str, team: str, problem: str) -> Line:
    """Give a line that cannot be brought in, with as much of it as tells which it is."""
    return Line(number, name[: people.LONGEST_NAME], address[:254], "", team[: people.LONGEST_NAME], problem)


def _pairs(typed: str) -> Iterator[tuple[str, str]]:
    """Give each address on a line with the words that belong to it: those before it, or behind it where none are before."""
    typed = typed.replace("mailto:", " ")
    found = [token for token in TOKEN.finditer(typed) if "@" in token[0][1:-1]]
    if not found:
        yield typed.strip(AROUND), ""
    for place, address in enumerate(found):
        begin = found[place - 1].end() if place else 0
        before = typed[begin : address.start()].strip(AROUND)
        behind = typed[address.end() :].strip(AROUND) if len(found) == 1 else ""
        yield before or behind, address[0].strip("'.")


def _turned(name: str) -> str:
    """Give a name that was written surname first in the order in which it is spoken."""
    parts = [part.strip() for part in name.strip(AROUND).split(",")]
    return f"{parts[1]} {parts[0]}" if len(parts) == 2 and all(parts) else " ".join(parts)  # noqa: PLR2004 - surname, first name


def _name_from(address: str) -> str:
    """Give a name made of an address, where none was given."""
    return " ".join(part.capitalize() for part in re.split(r"[._+\-]+", address.partition("@")[0]) if part) or address
