"""Customers: by which id the provider knows an organisation, and what the operator sees of each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel.db import Model, db
from billing import subscriptions
from billing.subscriptions import State, Subscription

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Customer(Model):
    """The provider's customer of an organisation."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    provider_id: Mapped[str] = mapped_column(unique=True)


@dataclass(frozen=True, slots=True)
class Overview:
    """An organisation, its live subscription and that one's state (None: it has not bought)."""

    organisation: Organisation
    subscription: Subscription | None
    state: State | None


def provider_id(organisation_id: UUID) -> str | None:
    """Give the id by which the provider knows an organisation, if there is one yet."""
    return db.session.scalar(sa.select(Customer.provider_id).where(Customer.organisation_id == organisation_id))


def keep(organisation_id: UUID, provider_id: str) -> None:
    """Remember by which id the provider knows an organisation, unless another one was just remembered."""
    with suppress(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.add(Customer(organisation_id=organisation_id, provider_id=provider_id))


def forget(organisation_id: UUID) -> None:
    """Forget a customer that the provider no longer knows."""
    db.session.execute(sa.delete(Customer).where(Customer.organisation_id == organisation_id))


def newest(grace: timedelta, now: datetime, limit: int = 200) -> list[Overview]:
    """Give the newest organisations first, in one query."""
    rows = db.session.execute(
        sa.select(Organisation, Subscription)
        .outerjoin(Subscription, sa.and_(Subscription.organisation_id == Organisation.id, Subscription.is_live))
        .order_by(Organisation.founded_at.desc(), Organisation.id)
        .limit(limit)
    )
    return [
        Overview(organisation, subscription, subscriptions.state_of(subscription, grace, now) if subscription else None)
        for organisation, subscription in rows
    ]
