"""Batches: thousands of rows as one parameter, so that a statement that reads them costs one round trip however many there are.

A batch travels as JSON and is unpacked by the database itself: `json_each` on SQLite, `jsonb_array_elements` on PostgreSQL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.types import TypeEngine

    from app.kernel.db import Base

Row = tuple[object, ...]
# As many characters may stay in memory with a statement that was prepared; what is larger is prepared anew each time.
MOST_REMEMBERED = 10_000


class _Large(sa.BindParameter[str]):
    """A parameter that SQLAlchemy does not remember, as it does what a statement was first given, for good."""

    inherit_cache = False


def of(rows: Iterable[Row], **columns: TypeEngine[Any]) -> sa.Subquery:
    """Give rows as something to select from, with a column for each part of a row, named and typed in their order."""
    given = _parameter(f"[{','.join(map(_JSON.encode, rows))}]")
    if db.session.get_bind().dialect.name == "postgresql":
        item = sa.func.jsonb_array_elements(sa.cast(given, postgresql.JSONB)).column_valued("item")
        parts = [_from_jsonb(item, place, kind).label(name) for place, (name, kind) in enumerate(columns.items())]
        return sa.select(*parts).subquery()
    each = sa.func.json_each(given).table_valued("value")
    parts = [
        sa.type_coerce(sa.func.json_extract(each.c.value, f"$[{place}]"), kind).label(name)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return sa.select(*parts).select_from(each).subquery()


def ids(given: Iterable[UUID]) -> sa.Select[tuple[UUID]]:
    """Give ids as something to be IN, such as `Membership.id.in_(batches.ids(chosen))`."""
    return sa.select(of(((one,) for one in given), id=sa.Uuid()).c.id)


def random_id() -> sa.ColumnElement[UUID]:
    """Give an id of version 4 that the database makes, another one for each row."""
    if db.session.get_bind().dialect.name == "postgresql":
        return sa.func.gen_random_uuid(type_=sa.Uuid())
    return sa.func.lower(sa.func.hex(sa.func.randomblob(16)), type_=sa.Uuid())


def insert(model: type[Base], columns: Sequence[str], rows: sa.Select[Any]) -> None:
    """Insert what a SELECT gives into the columns of a table, in one statement."""
    db.session.execute(sa.insert(model).from_select(list(columns), rows, include_defaults=False))


def _parameter(text: str) -> sa.BindParameter[str]:
    if len(text) > MOST_REMEMBERED:
        return _Large(None, text, sa.String(), unique=True)
    return sa.literal(text, sa.String())


def _from_jsonb(item: sa.ColumnElement[Any], place: int, kind: TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """Give one part of an item; JSON stays JSON, everything else is read from its text."""
    if isinstance(kind, sa.JSON):
        return sa.cast(item.op("->")(sa.literal_column(str(place))), kind)
    return sa.cast(item.op("->>")(sa.literal_column(str(place))), kind)


def _plain(value: object) -> str:
    """Write an id as both databases read it."""
    if isinstance(value, UUID):
        return value.hex
    message = f"{value!r} cannot stand in a batch"
    raise TypeError(message)


_JSON = json.JSONEncoder(default=_plain, separators=(",", ":"))
