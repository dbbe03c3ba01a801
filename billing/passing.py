"""Passing: a seat goes from one membership to another, which changes no count and so can be done also where no seat is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import waiting_places
from app.kernel import clock, journal, nudges
from app.kernel.db import db
from app.kernel.errors import Conflict
from billing import allowances, seats
from billing.seats import SeatAssignment, State
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class _Passed:
    """What is kept of a seat when it changes hands."""

    subscription_id: UUID
    allowance_id: UUID | None


def pass_on(organisation_id: UUID, from_id: UUID, to_id: UUID, state: State, why: str, *, by: UUID) -> None:
    """Pass a membership's seat on to one that has none, from the same allowance where that one's teams draw from it.

    Raises Conflict where there is no seat to pass on or they have one, and where another allowance would have to suffice and
    does not.
    """
    passed = _end(organisation_id, from_id, why, by=by)
    allowance_id = _allowance_for(organisation_id, to_id, passed.allowance_id)
    if allowance_id != passed.allowance_id:
        nudges.ask(waiting_places.SWEEP)
    seats.begin(organisation_id, passed.subscription_id, to_id, state, allowance_id, by=by)


def keep_for(organisation_id: UUID, from_id: UUID, to_id: UUID, state: State, why: str, *, by: UUID) -> None:
    """Pass a seat on to another record of the same human, who keeps it with the allowance it came from, whatever their teams.

    Raises Conflict where there is no seat to pass on or they have one.
    """
    passed = _end(organisation_id, from_id, why, by=by)
    seats.begin(organisation_id, passed.subscription_id, to_id, state, passed.allowance_id, by=by)


def _end(organisation_id: UUID, from_id: UUID, why: str, *, by: UUID) -> _Passed:
    """Release the seat that goes on, its subscription locked before; the count of taken seats stays as it is."""
    is_theirs = sa.and_(
        SeatAssignment.organisation_id == organisation_id,
        SeatAssignment.membership_id == from_id,
        SeatAssignment.released_at.is_(None),
    )
    theirs = sa.select(SeatAssignment.subscription_id).where(is_theirs).scalar_subquery()
    subscription_id = db.session.scalar(sa.select(Subscription.id).where(Subscription.id == theirs).with_for_update())
    ended = db.session.execute(
        sa.update(SeatAssignment)
        .where(is_theirs, SeatAssignment.subscription_id == subscription_id)
        .values(state=State.RELEASED, released_at=clock.now(), why_released=why)
        .returning(SeatAssignment.id, SeatAssignment.allowance_id)
    ).first()
    if subscription_id is None or ended is None:
        message = "The seat to be passed on was taken back a moment ago. Reload the page to see where things stand."
        raise Conflict(message)
    journal.write("seat.released", organisation_id=organisation_id, by=by, about=from_id, assignment=str(ended.id), why=why)
    return _Passed(subscription_id, ended.allowance_id)


def _allowance_for(organisation_id: UUID, to_id: UUID, passed_id: UUID | None) -> UUID | None:
    """Give the allowance that a seat comes from in its new hands, its old one being free again; raises Conflict for none."""
    found = seats.allowances_of(organisation_id)
    if allowances.may_draw(organisation_id, to_id, passed_id if passed_id in found else None, found):
        return passed_id
    drawn = allowances.draw(organisation_id, [to_id], found).teams[to_id]
    if drawn is None and not seats.count(organisation_id).common:
        message = (
            "This seat is set aside for a team that the other person is not in, and no other seat is free. "
            "Put them into that team, or add seats under Billing."
        )
        raise Conflict(message)
    return drawn
