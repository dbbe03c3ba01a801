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

    from billing.gateway import Billed


class Customer(Model):
    """The provider's customer of an organisation."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    provider_id: Mapped[str] = mapped_column(unique=True)
    billed_name: Mapped[str | None]
    business_name: Mapped[str | None]
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    city: Mapped[str | None]
    postcode: Mapped[str | None]
    country: Mapped[str | None]
    vat_number: Mapped[str | None]

    @property
    def address_lines(self) -> list[str]:
        """The billing address as it stands on an envelope."""
        return [line for line in (self.line1, self.line2, self.city, self.postcode) if line]


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


def of_organisation(organisation_id: UUID) -> Customer | None:
    """Give what the provider knows of an organisation, with who its invoices are made out to."""
    return db.session.get(Customer, organisation_id)


def keep_billed(organisation_id: UUID, billed: Billed | None) -> None:
    """Keep who the invoices of an organisation are made out to, as the provider has it; nothing where it did not say."""
    customer = of_organisation(organisation_id)
    if customer is None or billed is None:
        return
    customer.billed_name, customer.business_name = billed.name, billed.business_name
    customer.line1, customer.line2, customer.city = billed.line1, billed.line2, billed.city
    customer.postcode, customer.country, customer.vat_number = billed.postcode, billed.country, billed.vat_number


def subscription_of(provider_id: str) -> str | None:
    """Give by which id the provider knows the live subscription of a customer of its, if we have one."""
    query = sa.select(Subscription.provider_id).join(Customer, Customer.organisation_id == Subscription.organisation_id)
    return db.session.scalar(query.where(Customer.provider_id == provider_id, Subscription.is_live))


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
