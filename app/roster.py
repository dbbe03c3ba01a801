"""The roster: an organisation's people as an actor sees them, searched, filtered, sorted and turned page by page.

A page is found by the person before it, never by counting rows, so that the last page costs what the first one does; and
whatever a page lists is asked for in a constant number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from app import unused_seats
from app.accounts import invitations, oversight, people, profile_values, teams
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.accounts.teams import TeamMember
from app.kernel import batches
from app.kernel.db import db
from billing.seats import SeatAssignment
from catalog.learning import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.accounts.profile_values import Asked
    from app.accounts.teams import Team

PAGE = 50
# Beyond this a page says "more than": counting further would make the page slower the more people there are.
COUNTED = 10_000
CHUNK = 2_000
NO_TEAM = "none"


class Show(StrEnum):
    """Which people are listed."""

    HERE = "here"
    INVITED = "invited"
    ACTIVE = "active"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"


class Seat(StrEnum):
    """By what they have of a seat."""

    ANY = ""
    IN_USE = "in_use"
    HELD = "held"
    UNUSED = "unused"
    NONE = "none"


class Sort(StrEnum):
    """In which order."""

    NAME = "name"
    NAME_BACKWARDS = "-name"
    ADDRESS = "address"
    NEWEST = "-added"
    OLDEST = "added"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked the table for.

    `team` is a team with all under it, or nothing, `in_no_team` those in none; `fields` are what is asked of profile fields.
    """

    search: str = ""
    show: Show = Show.HERE
    role: Role | None = None
    seat: Seat = Seat.ANY
    team: UUID | None = None
    in_no_team: bool = False
    fields: tuple[Asked, ...] = ()
    sort: Sort = Sort.NAME

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the default is asked for, apart from the order."""
        return replace(self, sort=Sort.NAME) != Wanted()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table."""

    member: Membership
    seat: str | None
    teams: list[Team]
    expires_at: datetime | None
    values: dict[UUID, str]
    learnt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines in order, and whether there are others before and after."""

    entries: list[Entry]
    has_before: bool
    has_after: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a page begins: after somebody, before somebody, or at the end; at the beginning without any."""

    after: UUID | None = None
    before: UUID | None = None
    is_last: bool = False


def page(actor: Actor, wanted: Wanted, turn: Turn, *, with_learning: bool = False) -> Page:
    """Give a page of the people whom the actor may see, with when they last learnt if asked.

    Raises Missing for a place in the list that they may not see.
    """
    is_backwards = turn.before is not None or turn.is_last
    key, is_falling = _order(wanted.sort)
    query = _matching(actor, wanted)
    mark = turn.after or turn.before
    if mark is not None:
        place = oversight.member(actor, mark)
        at = sa.tuple_(sa.literal(getattr(place, key.key), key.type), sa.literal(place.id, sa.Uuid()))
        rows = sa.tuple_(key, Membership.id)
        query = query.where(rows < at if is_falling != is_backwards else rows > at)
    falls = is_falling != is_backwards
    query = query.order_by(key.desc() if falls else key, Membership.id.desc() if falls else Membership.id)
    found = list(db.session.scalars(query.limit(PAGE + 1)))
    has_more = len(found) > PAGE
    found = found[:PAGE]
    if is_backwards:
        found.reverse()
    has_before = has_more if is_backwards else turn.after is not None
    has_after = turn.before is not None if is_backwards else has_more
    return Page(_entries(found, with_learning=with_learning), has_before, has_after)


def count(actor: Actor, wanted: Wanted) -> int:
    """Count those who match; beyond COUNTED it stops there and gives one more."""
    some = _matching(actor, wanted).with_only_columns(Membership.id).order_by(None).limit(COUNTED + 1)
    return db.session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def everyone(actor: Actor, wanted: Wanted, *, with_learning: bool = False) -> Iterator[list[Entry]]:
    """Give everybody who matches, in order, some thousands at a time, for an export."""
    key, falls = _order(wanted.sort)
    last: Membership | None = None
    while True:
        query = _matching(actor, wanted)
        if last is not None:
            at = sa.tuple_(sa.literal(getattr(last, key.key), key.type), sa.literal(last.id, sa.Uuid()))
            rows = sa.tuple_(key, Membership.id)
            query = query.where(rows < at if falls else rows > at)
        query = query.order_by(key.desc() if falls else key, Membership.id.desc() if falls else Membership.id)
        found = list(db.session.scalars(query.limit(CHUNK)))
        if found:
            yield _entries(found, with_learning=with_learning)
            last = found[-1]
            _let_go(actor, found)
        if len(found) < CHUNK:
            return


def _let_go(actor: Actor, found: Sequence[Membership]) -> None:
    """Let the session forget people that were listed, so that a long export holds only some of them at a time."""
    for member in found:
        if member is not actor.membership:
            db.session.expunge(member)


def ids(actor: Actor, wanted: Wanted) -> list[UUID]:
    """Give the ids of everybody who matches."""
    return list(db.session.scalars(_matching(actor, wanted).with_only_columns(Membership.id)))


def _entries(found: Sequence[Membership], *, with_learning: bool) -> list[Entry]:
    """Add seats, teams, invitations, profile values and learning to people, in at most five queries however many they are."""
    chosen = [member.id for member in found]
    sitting = dict(
        db.session.execute(
            sa.select(SeatAssignment.membership_id, SeatAssignment.state).where(
                SeatAssignment.membership_id.in_(batches.ids(chosen)), SeatAssignment.released_at.is_(None)
            )
        ).all()
    )
    placed = teams.of_people(chosen)
    until = invitations.expiries(chosen)
    known = profile_values.of_people(chosen)
    learnt = progress.newest(chosen) if with_learning else {}
    return [
        Entry(one, sitting.get(one.id), placed.get(one.id, []), until.get(one.id), known.get(one.id, {}), learnt.get(one.id))
        for one in found
    ]


def _order(sort: Sort) -> tuple[sa.orm.InstrumentedAttribute[Any], bool]:
    """Give the column that the table is sorted by, and whether it falls."""
    match sort:
        case Sort.NAME:
            return Membership.name_key, False
        case Sort.NAME_BACKWARDS:
            return Membership.name_key, True
        case Sort.ADDRESS:
            return Membership.login_key, False
        case Sort.NEWEST:
            return Membership.added_at, True
        case Sort.OLDEST:
            return Membership.added_at, False


def _matching(actor: Actor, wanted: Wanted) -> sa.Select[Membership]:
    return sa.select(Membership).where(matches(actor, wanted))


def matches(actor: Actor, wanted: Wanted) -> sa.ColumnElement[bool]:
    """Give the condition under which the actor may see a membership and it is what they want."""
    conditions = [oversight.sees(actor), _is_shown(wanted.show)]
    for word in people.name_key(wanted.search).split():
        is_named = Membership.name_key.contains(word, autoescape=True)
        conditions.append(is_named | Membership.login_key.contains(word, autoescape=True))
    if wanted.role is not None:
        conditions.append(getattr(Membership, f"is_{wanted.role}"))
    if wanted.seat is not Seat.ANY:
        conditions.append(_has_seat(wanted.seat))
    if wanted.team is not None:
        within = oversight.teams_of(actor).find(wanted.team)
        members = sa.select(TeamMember.membership_id).where(TeamMember.team_id.in_([node.team.id for node in within.walk()]))
        conditions.append(Membership.id.in_(members))
    elif wanted.in_no_team:
        is_placed = sa.exists().where(
            TeamMember.membership_id == Membership.id, TeamMember.team_id == teams.Team.id, teams.Team.archived_at.is_(None)
        )
        conditions.append(~is_placed)
    conditions += [profile_values.matches(asked) for asked in wanted.fields]
    return sa.and_(*conditions)


def _is_shown(show: Show) -> sa.ColumnElement[bool]:
    if show is Show.HERE:
        # Written out and not as parameters, so that both databases see that the index for those who are here will do.
        return sa.text("membership.state IN ('invited', 'active')")  # type: ignore[return-value]  # a condition all the same
    return Membership.state == MembershipState(show)


def _has_seat(seat: Seat) -> sa.ColumnElement[bool]:
    if seat is Seat.UNUSED:
        return unused_seats.is_unused(Membership.id)
    is_theirs = sa.and_(SeatAssignment.membership_id == Membership.id, SeatAssignment.released_at.is_(None))
    theirs = sa.select(SeatAssignment.id).where(is_theirs).correlate(Membership)
    if seat is Seat.NONE:
        return ~theirs.exists()
    return theirs.where(SeatAssignment.state == str(seat)).exists()
