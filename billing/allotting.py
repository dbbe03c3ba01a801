"""Allotting: how seats are set aside for a team, taken back from it, and for whom there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import teams
from app.accounts.teams import TeamMember
from app.kernel import journal
from app.kernel.db import db
from app.kernel.errors import Conflict
from billing import allowances, seats
from billing.allowances import Allowance
from billing.seats import SeatAssignment

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from billing.allowances import Outlook


def allot(organisation_id: UUID, team_id: UUID, number: int, *, by: UUID) -> None:
    """Set so many seats aside for the people of a team, instead of what it had; none takes the allowance away.

    Seats that its people have already count among them. Raises Conflict when those are more, or fewer are free.
    """
    teams.of_organisation(organisation_id, team_id)
    seats.lock_live(organisation_id)
    found = seats.allowances_of(organisation_id)
    if number:
        counted_in = _count_in(organisation_id, team_id, found)
        own = seats.allowances_of(organisation_id).get(team_id, Allowance(0, counted_in))
        counted = seats.count(organisation_id)
        # What is set aside for others may be more than is free, when fewer are bought than there were.
        taken, free = own.taken, max(0, counted.free - (counted.set_aside - own.unused))
        if number < taken:
            raise Conflict(f"Seats that its people have: {taken:,}, so {taken:,} is the fewest. Take some back first.")
        if number - taken > free and number > own.allotted:
            raise Conflict(
                f"Seats that its people have: {taken:,}. Free for them besides: {free:,}. Choose fewer, or add seats first."
            )
    allowances.keep(organisation_id, team_id, number)
    _note(organisation_id, team_id, number, by)


def _note(organisation_id: UUID, team_id: UUID, number: int, by: UUID) -> None:
    journal.write("seat_allowance.set", organisation_id=organisation_id, by=by, about=team_id, team=str(team_id), seats=number)


def _count_in(organisation_id: UUID, team_id: UUID, found: Collection[UUID]) -> int:
    """Count the seats that a team's people have from no allowance that is there among those of its own; gives how many."""
    sources = allowances.sources(organisation_id, {*found, team_id})
    drawing = [below for below, source in sources.items() if source == team_id]
    theirs = sa.select(TeamMember.membership_id).where(TeamMember.team_id.in_(drawing))
    are_meant = sa.and_(
        SeatAssignment.organisation_id == organisation_id,
        SeatAssignment.released_at.is_(None),
        sa.or_(SeatAssignment.allowance_id.is_(None), SeatAssignment.allowance_id.not_in({*found, team_id})),
        SeatAssignment.membership_id.in_(theirs),
    )
    statement = sa.update(SeatAssignment).where(are_meant).values(allowance_id=team_id).returning(SeatAssignment.id)
    return len(db.session.execute(statement.execution_options(synchronize_session=False)).all())


def reclaim(organisation_id: UUID, team_id: UUID, *, by: UUID) -> int:
    """Set no more seats aside for a team than its people have; gives how many are free for everybody again. Raises Missing."""
    teams.of_organisation(organisation_id, team_id)
    seats.lock_live(organisation_id)
    found = seats.allowances_of(organisation_id).get(team_id)
    if found is None or not found.unused:
        return 0
    allowances.keep(organisation_id, team_id, found.taken)
    _note(organisation_id, team_id, found.taken, by)
    return found.unused


def missing_for(organisation_id: UUID, membership_ids: Sequence[UUID]) -> int:
    """Say how many seats would have to be added so that each of some people gets one; others keep what is set aside for them.

    Raises Conflict where the allowance of a team does not suffice, which no seat that is added would change.
    """
    drawn = allowances.draw(organisation_id, membership_ids, seats.allowances_of(organisation_id))
    needed = len(membership_ids) + (drawn.set_aside if drawn.is_common else 0)
    return seats.count(organisation_id).missing_for(needed)


def fitting(organisation_id: UUID, membership_ids: Sequence[UUID]) -> list[UUID]:
    """Give those of some people, the first ones first, for whom there is a seat now; nobody else gives any until this is done."""
    seats.lock_live(organisation_id)
    free = seats.count(organisation_id).free
    return allowances.fitting(organisation_id, membership_ids, seats.allowances_of(organisation_id), free) if free else []


def outlook(organisation_id: UUID, placed: Sequence[Collection[UUID]]) -> Outlook:
    """Say whether there are seats for some people who are to come, each of whom is given by the teams they will be in."""
    free = seats.count(organisation_id).free
    return allowances.outlook(organisation_id, placed, seats.allowances_of(organisation_id), free)
