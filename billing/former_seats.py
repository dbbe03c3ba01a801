"""Former seats: those that came back when a subscription ended, and whose people get theirs again when seats are bought again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.accounts import waiting_places
from app.accounts.memberships import Membership, State
from app.kernel import batches
from app.kernel.db import db
from billing import allotting, seats
from billing.seats import SeatAssignment

if TYPE_CHECKING:
    from uuid import UUID


def of_organisation(organisation_id: UUID) -> list[Membership]:
    """Give the members whose last seat came back when a subscription ended, those who had it longest first."""
    query = _former(organisation_id).order_by(sa.func.min(SeatAssignment.assigned_at), Membership.id)
    return list(db.session.scalars(query))


def are_there(organisation_id: UUID) -> bool:
    """Whether there are seats, and members whose seat came back when a subscription ended."""
    return seats.count(organisation_id).free > 0 and db.session.scalar(_former(organisation_id).limit(1)) is not None


def give_again(organisation_id: UUID, *, by: UUID) -> int:
    """Give their seats back to those members, as many as are free, in one go; gives how many.

    They come before everybody on the waiting list, and go off it if they are on it.
    """
    former = [membership.id for membership in of_organisation(organisation_id)]
    here = sa.select(Membership.id).where(Membership.id.in_(batches.ids(former)), Membership.state == State.ACTIVE)
    # Locked first: whoever is archived at the same moment is so before or after, and has no seat then.
    still_here = set(db.session.scalars(here.order_by(Membership.id).with_for_update()))
    wanted = allotting.fitting(organisation_id, [one for one in former if one in still_here])
    given = seats.assign_each(organisation_id, wanted, seats.State.IN_USE, by=by)
    waiting_places.settle(organisation_id, given, waiting_places.State.SEATED, by=by)
    return len(given)


def _former(organisation_id: UUID) -> sa.Select[Membership]:
    later = aliased(SeatAssignment)
    had_another = sa.select(later.id).where(
        later.membership_id == Membership.id, later.assigned_at > SeatAssignment.assigned_at, later.id != SeatAssignment.id
    )
    return (
        sa.select(Membership)
        .join(SeatAssignment, SeatAssignment.membership_id == Membership.id)
        .where(
            Membership.organisation_id == organisation_id,
            Membership.state == State.ACTIVE,
            Membership.is_learner,
            SeatAssignment.why_released == seats.SUBSCRIPTION_ENDED,
            ~had_another.exists(),
        )
        .group_by(Membership.id)
    )
