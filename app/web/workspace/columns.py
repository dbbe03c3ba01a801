"""The columns of the people table: which there are, which are shown, and what stands in each for one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.accounts import profile_values
from app.accounts.memberships import State
from app.web import context, field_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from werkzeug.datastructures import MultiDict

    from app.accounts.profile_fields import ProfileField
    from app.roster import Entry

SEAT_WORDS = {None: "none", "held": "held", "in_use": "in use"}
# Those that are shown while nobody has chosen others.
USUAL = frozenset({"address", "roles", "teams", "state", "seat"})
# This one costs a query of its own, so it is asked for only where it is shown.
LEARNT = "learnt"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: by which key an address names it, what stands above it, and what stands in it for one person."""

    key: str
    label: str
    text: Callable[[Entry], str]


def all_of(fields: Sequence[ProfileField], titles: Mapping[UUID, str]) -> list[Column]:
    """Give every column there is beside the name, in order; `titles` are those of the teams that may be seen."""
    return [
        Column("address", "E-mail", lambda entry: entry.member.address or ""),
        Column("user_name", "User name", lambda entry: entry.member.user_name or ""),
        Column("roles", "Here as", lambda entry: ", ".join(sorted(entry.member.roles))),
        Column("teams", "Teams", lambda entry: "; ".join(titles[team.id] for team in entry.teams if team.id in titles)),
        Column("state", "State", _state),
        Column("seat", "Seat", lambda entry: SEAT_WORDS[entry.seat]),
        Column("until", "Invitation until", lambda entry: _day(entry.expires_at)),
        Column("added", "Added", lambda entry: _day(entry.member.added_at)),
        Column("joined", "Accepted", lambda entry: _day(entry.member.joined_at)),
        Column(LEARNT, "Last learnt", lambda entry: _day(entry.learnt_at)),
        Column("left", "Left", lambda entry: _day(entry.member.archived_at)),
        *(_of_field(field) for field in fields),
    ]


def chosen(every: Sequence[Column], given: MultiDict[str, str]) -> list[Column]:
    """Give the columns that an address asks for, or the usual ones; what is no column is left out."""
    keys = USUAL if "columns" not in given else {*given["columns"].split("."), *given.getlist("column")}
    return [column for column in every if column.key in keys]


def has_learning(shown: Sequence[Column]) -> bool:
    """Whether a column says when people last learnt."""
    return any(column.key == LEARNT for column in shown)


def _state(entry: Entry) -> str:
    """Say where somebody stands; who waits for a seat is invited once there is one."""
    return "to be invited" if entry.member.state == State.INVITED and entry.expires_at is None else entry.member.state


def _of_field(field: ProfileField) -> Column:
    return Column(
        profile_values.form_name(field.id),
        field.name,
        lambda entry: field_words.written(field, entry.values.get(field.id, "")),
    )


def _day(moment: datetime | None) -> str:
    return context.day(moment) if moment else ""
