"""Seat allowances: so many of an organisation's seats are set aside for a site or team, and its people get no others.

An allowance is for the people of a team and of all under it that have none of their own. A seat remembers the team whose
allowance it came from until it is free again, also when its person moves to another team.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import teams
from app.accounts.teams import Team
from app.kernel import clock
from app.kernel.db import Model, db
from app.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from app.accounts.teams import Node


class SeatAllowance(Model):
    """How many seats are for the people of a team; one that is archived has none while it is."""

    team_id: Mapped[UUID] = mapped_column(sa.ForeignKey("team.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    allotted: Mapped[int]
    changed_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("allotted > 0", name="allotted"), sa.Index(None, "organisation_id"))


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many seats a team has been allotted, and how many of them are taken."""

    allotted: int
    taken: int

    @property
    def unused(self) -> int:
        """Seats that are set aside and that nobody has."""
        return max(0, self.allotted - self.taken)


@dataclass(frozen=True, slots=True)
class Draw:
    """From which team's allowance each of some people gets a seat, if from one; what stays set aside for others then."""

    teams: dict[UUID, UUID | None]
    set_aside: int

    @property
    def is_common(self) -> bool:
        """Whether anybody gets a seat that is set aside for nobody."""
        return None in self.teams.values()


@dataclass(frozen=True, slots=True)
class Outlook:
    """For how many of some people who are to come into teams there is a seat, and how many would have to be free for all.

    `tight` is the team whose allowance is too small, if one is. `wanted` seats would come from there and `left` are; else from
    what is set aside for nobody.
    """

    fitting: int
    needed: int
    tight: UUID | None
    wanted: int
    left: int


def allotted(organisation_id: UUID) -> dict[UUID, int]:
    """Give how many seats each team of an organisation has been allotted that has any and is not archived."""
    query = sa.select(SeatAllowance.team_id, SeatAllowance.allotted).join(Team, Team.id == SeatAllowance.team_id)
    is_meant = sa.and_(SeatAllowance.organisation_id == organisation_id, Team.archived_at.is_(None))
    return dict(db.session.execute(query.where(is_meant)).all())


def keep(organisation_id: UUID, team_id: UUID, number: int) -> None:
    """Keep how many seats a team is allotted from now on; none takes its allowance away."""
    row = db.session.get(SeatAllowance, team_id)
    if not number:
        if row is not None:
            db.session.delete(row)
    elif row is None:
        db.session.add(SeatAllowance(team_id=team_id, organisation_id=organisation_id, allotted=number, changed_at=clock.now()))
    else:
        row.allotted, row.changed_at = number, clock.now()
    db.session.flush()


def draw(organisation_id: UUID, membership_ids: Sequence[UUID], found: Mapping[UUID, Allowance]) -> Draw:
    """Say from which allowance each person's seat comes; raises Conflict where an allowance does not suffice.

    Who is in several teams gets it from the one that has most left, and without any where one of their teams has no allowance.
    """
    left = {team_id: allowance.unused for team_id, allowance in found.items()}
    drawn: dict[UUID, UUID | None] = {}
    for membership_id, choices in _choices(organisation_id, membership_ids, found):
        fullest = _fullest(choices, left)
        if fullest is None and None not in choices:
            tightest = next(team_id for team_id in choices if team_id is not None)
            raise _used_up(organisation_id, tightest, found[tightest])
        drawn[membership_id] = fullest
        if fullest is not None:
            left[fullest] -= 1
    return Draw(drawn, sum(left.values()))


def may_draw(organisation_id: UUID, membership_id: UUID, team_id: UUID | None, found: Mapping[UUID, Allowance]) -> bool:
    """Whether somebody's seat may come from a team's allowance, or from what is set aside for nobody, however much is left."""
    return any(team_id in choices for _, choices in _choices(organisation_id, [membership_id], found))


def fitting(organisation_id: UUID, membership_ids: Sequence[UUID], found: Mapping[UUID, Allowance], free: int) -> list[UUID]:
    """Give those of some people, the first ones first, for whom there is a seat when so many are free in all."""
    left = {team_id: allowance.unused for team_id, allowance in found.items()}
    common = free - sum(left.values())
    fit: list[UUID] = []
    for membership_id, choices in _choices(organisation_id, membership_ids, found):
        fullest = _fullest(choices, left)
        if len(fit) >= free or (fullest is None and (None not in choices or common <= 0)):
            continue
        if fullest is None:
            common -= 1
        else:
            left[fullest] -= 1
        fit.append(membership_id)
    return fit


def outlook(organisation_id: UUID, placed: Sequence[Collection[UUID]], found: Mapping[UUID, Allowance], free: int) -> Outlook:
    """Say what giving a seat to some people would come to, each of whom is given by the teams they will be in."""
    left = {team_id: allowance.unused for team_id, allowance in found.items()}
    common = max(0, free - sum(left.values()))
    drawing = sources(organisation_id, found) if found else {}
    drawn: Counter[UUID | None] = Counter()
    refused: Counter[UUID] = Counter()
    for team_ids in placed:
        choices = _of_teams(team_ids, drawing)
        fullest = _fullest(choices, left)
        if fullest is None and None not in choices:
            refused[next(team_id for team_id in choices if team_id is not None)] += 1
            continue
        drawn[fullest] += 1
        if fullest is not None:
            left[fullest] -= 1
    number, from_common = drawn.total(), drawn[None]
    fitting = min(free, number - max(0, from_common - common))
    if refused:
        tight = max(refused, key=refused.__getitem__)
        return Outlook(fitting, len(placed), tight, drawn[tight] + refused[tight], found[tight].unused)
    needed = number + sum(left.values()) if from_common else number
    return Outlook(fitting, needed, None, from_common, common)


def _of_teams(team_ids: Iterable[UUID], drawing: Mapping[UUID, UUID | None]) -> list[UUID | None]:
    """Give the teams from whose allowances somebody in some teams may draw; None stands for what is set aside for nobody."""
    return [drawing[team_id] for team_id in team_ids if team_id in drawing] or [None]


def _choices(
    organisation_id: UUID, membership_ids: Sequence[UUID], found: Mapping[UUID, Allowance]
) -> Iterator[tuple[UUID, list[UUID | None]]]:
    """Give the teams from whose allowances each person may draw; None stands for what is set aside for nobody."""
    if not found:
        for membership_id in membership_ids:
            yield membership_id, [None]
        return
    drawing = sources(organisation_id, found)
    theirs = teams.of_people(membership_ids)
    for membership_id in membership_ids:
        yield membership_id, _of_teams((team.id for team in theirs.get(membership_id, [])), drawing)


def _fullest(choices: Sequence[UUID | None], left: Mapping[UUID, int]) -> UUID | None:
    """Give the team that has most left, if any has something left."""
    fullest = max((team_id for team_id in choices if team_id is not None), key=left.__getitem__, default=None)
    return fullest if fullest is not None and left[fullest] else None


def sources(organisation_id: UUID, having: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Give for each team the one whose allowance its people draw from: itself or the nearest above it that has one."""
    found: dict[UUID, UUID | None] = {}

    def note(node: Node, above: UUID | None) -> None:
        found[node.team.id] = node.team.id if node.team.id in having else above
        for below in node.below:
            note(below, found[node.team.id])

    for top in teams.tree_of(organisation_id).tops:
        note(top, None)
    return found


def _used_up(organisation_id: UUID, team_id: UUID, allowance: Allowance) -> Conflict:
    name = teams.of_organisation(organisation_id, team_id).name
    seats_are = "The one seat" if allowance.allotted == 1 else f"All {allowance.allotted:,} seats"
    return Conflict(
        f"{seats_are} of {name} would not be enough: {allowance.taken:,} taken. "
        f"Take one back from somebody who has left, or ask an owner or admin to allot {name} more under Teams."
    )
