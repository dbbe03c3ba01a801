"""Entitlements: what an organisation may use today because of what it has paid for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel.db import db
from billing import subscriptions
from billing.seats import SeatAssignment
from billing.seats import State as SeatState
from billing.subscriptions import State, Subscription

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID


class Access(StrEnum):
    """What is open: everything, only what people have already earned, or nothing yet."""

    FULL = "full"
    RECORDS = "records"
    NONE = "none"


ACCESS = {
    State.PENDING: Access.NONE,
    State.ACTIVE: Access.FULL,
    State.CANCELLING: Access.FULL,
    State.PAST_DUE: Access.FULL,
    State.LAPSED: Access.RECORDS,
    State.ENDED: Access.RECORDS,
}


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What an organisation may use, and the state of the subscription that says so (None: it never had one)."""

    access: Access
    state: State | None


def of_organisation(organisation_id: UUID, grace: timedelta, now: datetime) -> Entitlement:
    """Give what an organisation may use at a moment."""
    newest = sa.select(Subscription).where(Subscription.organisation_id == organisation_id)
    subscription = db.session.scalar(newest.order_by(Subscription.is_live.desc(), Subscription.began_at.desc()).limit(1))
    if subscription is None:
        return Entitlement(Access.NONE, None)
    state = subscriptions.state_of(subscription, grace, now)
    return Entitlement(ACCESS[state], state)


def of_seat(membership_id: UUID, grace: timedelta, now: datetime) -> Entitlement:
    """Give what the seat of a membership opens at a moment: nothing without a seat in use."""
    subscription = db.session.scalar(
        sa.select(Subscription)
        .join(SeatAssignment, SeatAssignment.subscription_id == Subscription.id)
        .where(
            SeatAssignment.membership_id == membership_id,
            SeatAssignment.state == SeatState.IN_USE,
            # Said as well, so that the index of open seats will do, which holds one row for each person at most.
            SeatAssignment.released_at.is_(None),
        )
    )
    if subscription is None:
        return Entitlement(Access.NONE, None)
    state = subscriptions.state_of(subscription, grace, now)
    return Entitlement(ACCESS[state], state)
