"""Customers as the operator sees them: each organisation with what it bought and where that stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts.organisations import Organisation
from app.kernel.db import db
from billing import subscriptions
from billing.subscriptions import State, Subscription

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Customer:
    """An organisation, its live subscription and that one's state (None: it has not bought)."""

    organisation: Organisation
    subscription: Subscription | None
    state: State | None


def newest(grace: timedelta, now: datetime, limit: int = 200) -> list[Customer]:
    """Give the newest organisations first, in one query."""
    rows = db.session.execute(
        sa.select(Organisation, Subscription)
        .outerjoin(Subscription, sa.and_(Subscription.organisation_id == Organisation.id, Subscription.is_live))
        .order_by(Organisation.founded_at.desc(), Organisation.id)
        .limit(limit)
    )
    return [
        Customer(organisation, subscription, subscriptions.state_of(subscription, grace, now) if subscription else None)
        for organisation, subscription in rows
    ]
