"""Subscriptions: what an organisation pays for, as a copy of the provider's truth; their state is derived, never moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import waiting_places
from app.kernel import clock, journal, nudges
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict
from billing import credit, invoices
from billing.figures import Discount
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.gateway import ProviderInvoice, Snapshot

LEASE = timedelta(seconds=60)


class State(StrEnum):
    """Where a subscription stands for the organisation."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLING = "cancelling"
    PAST_DUE = "past_due"
    LAPSED = "lapsed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a subscription that is paid by invoice stands: whether nothing can be given yet, and when its oldest debt is due."""

    is_waiting: bool
    due_at: datetime | None


class Subscription(Model):
    """What an organisation pays for. `taken` counts the open seat assignments; only a guarded UPDATE changes it.

    `bought` leaves out the seats that are `withheld` until an invoice is paid; `due_at` is when the oldest of the others that is
    not paid is due.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    provider_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    card_version: Mapped[int] = mapped_column(sa.ForeignKey("price_card.version"))
    interval: Mapped[str]
    vat_percent: Mapped[int | None]
    bought: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    is_over: Mapped[bool] = mapped_column(default=False)
    is_live: Mapped[bool] = mapped_column(default=True)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    cancel_at: Mapped[datetime | None]
    was_asked_to_end: Mapped[bool]
    began_at: Mapped[datetime]
    coming_seats: Mapped[int | None]
    coming_interval: Mapped[str | None]
    pays_with: Mapped[str | None]
    pays_by_debit: Mapped[bool] = mapped_column(default=False)
    discount_percent: Mapped[int | None]
    discount_minor: Mapped[int | None]
    discount_until: Mapped[datetime | None]
    closed_told_at: Mapped[datetime | None]
    renewal_told_days: Mapped[int | None]
    is_by_invoice: Mapped[bool] = mapped_column(default=False)
    withheld: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("bought >= 0 AND taken >= 0 AND (taken <= bought OR is_over)", name="seats_within_bought"),
        sa.CheckConstraint("withheld >= 0 AND (withheld = 0 OR is_by_invoice)", name="withheld"),
        sa.CheckConstraint("interval IN ('month', 'year')", name="interval"),
        sa.CheckConstraint("(coming_seats IS NULL) = (coming_interval IS NULL) AND coming_seats > 0", name="coming"),
        sa.Index(
            "ix_subscription_one_live",
            "organisation_id",
            unique=True,
            sqlite_where=sa.text("is_live"),
            postgresql_where=sa.text("is_live"),
        ),
        sa.Index(None, "organisation_id"),
    )

    @property
    def paid_interval(self) -> Interval:
        """How often is paid."""
        return Interval(self.interval)

    @property
    def ordered(self) -> int:
        """How many seats are paid for at the renewal: those bought, and those that are withheld until their invoice is paid."""
        return self.bought + self.withheld

    @property
    def terms(self) -> Terms | None:
        """How it stands by its invoices; None where a card is charged."""
        return Terms(self.withheld > 0 and self.bought == 0, self.due_at) if self.is_by_invoice else None

    @property
    def capacity(self) -> int:
        """How many seats can be given: what was bought, or fewer where that is planned for the renewal."""
        return self.bought if self.coming_seats is None else min(self.bought, self.coming_seats)

    def discount_at(self, moment: datetime) -> Discount | None:
        """Give what a promotion takes off the payments of a moment, if one runs then."""
        has_one = self.discount_percent is not None or self.discount_minor is not None
        if not has_one or (self.discount_until is not None and self.discount_until <= moment):
            return None
        return Discount(self.discount_percent, self.discount_minor)


@dataclass(frozen=True, slots=True)
class Before:
    """What a subscription was before it was brought up to date."""

    status: str
    bought: int
    interval: Interval
    period_end: datetime
    cancel_at: datetime | None
    coming: tuple[int | None, str | None]
    is_live: bool
    withheld: int
    due_at: datetime | None


def state(
    status: str,
    *,
    period_start: datetime,
    will_end: bool,
    was_asked_to_end: bool,
    grace: timedelta,
    now: datetime,
    terms: Terms | None = None,
) -> State:
    """Derive the state from what the provider says, our grace and the time; no answer of the provider is refused.

    The grace of an unpaid renewal counts from the start of the period that is not paid for; that of an invoice from the day by
    which it was to be paid.
    """
    match status:
        case "active" | "trialing" | "past_due" if terms is not None:
            return _state_by_invoice(terms, will_end=will_end, grace=grace, now=now)
        case "incomplete":
            return State.PENDING
        case "active" | "trialing":
            return State.CANCELLING if will_end else State.ACTIVE
        case "past_due":
            return State.PAST_DUE if now < period_start + grace else State.LAPSED
        case "canceled" | "incomplete_expired":
            return State.ENDED if was_asked_to_end or status == "incomplete_expired" else State.LAPSED
        case _:
            return State.LAPSED


def _state_by_invoice(terms: Terms, *, will_end: bool, grace: timedelta, now: datetime) -> State:
    """Derive the state of a subscription that the provider calls active whether its invoices are paid or not."""
    if terms.is_waiting:
        return State.PENDING
    if terms.due_at is None or now < terms.due_at:
        return State.CANCELLING if will_end else State.ACTIVE
    return State.PAST_DUE if now < terms.due_at + grace else State.LAPSED


def state_of(subscription: Subscription, grace: timedelta, now: datetime) -> State:
    """Derive the state of a subscription from our copy of the provider's truth."""
    return state(
        subscription.status,
        period_start=subscription.period_start,
        will_end=subscription.cancel_at is not None,
        was_asked_to_end=subscription.was_asked_to_end,
        grace=grace,
        now=now,
        terms=subscription.terms,
    )


def live_by_card() -> dict[int, int]:
    """Count the live subscriptions of each version of the price card that has any."""
    number = sa.func.count().label("number")
    query = sa.select(Subscription.card_version, number).where(Subscription.is_live).group_by(Subscription.card_version)
    return {row.card_version: row.number for row in db.session.execute(query)}


def live(organisation_id: UUID) -> Subscription | None:
    """Give the organisation's live subscription, if it has one."""
    return db.session.scalar(sa.select(Subscription).where(Subscription.organisation_id == organisation_id, Subscription.is_live))


def is_running(organisation_id: UUID) -> bool:
    """Whether the organisation has a subscription that the provider still knows, so that buying another would be a mistake."""
    return organisation_id in running_among([organisation_id])


def running_among(organisation_ids: Iterable[UUID]) -> set[UUID]:
    """Give those of some organisations that have such a subscription, in one query."""
    query = sa.select(Subscription.organisation_id).where(
        Subscription.organisation_id.in_(set(organisation_ids)), Subscription.is_live, Subscription.status != "canceled"
    )
    return set(db.session.scalars(query))


def with_provider_id(provider_id: str) -> Subscription | None:
    """Give the subscription that the provider knows by this id."""
    return db.session.scalar(sa.select(Subscription).where(Subscription.provider_id == provider_id))


def known(subscription_id: UUID) -> Subscription:
    """Give a subscription that is known to exist."""
    return db.session.get_one(Subscription, subscription_id)


def begin(organisation_id: UUID, snapshot: Snapshot, found: Sequence[ProviderInvoice] = ()) -> Subscription:
    """Start a subscription from the provider's truth, or let it take over the seats of a live one that died there.

    `found` are its invoices: one that is paid by them gives nothing until they are paid or within the limit.
    """
    subscription = db.session.scalar(
        sa.select(Subscription).where(Subscription.organisation_id == organisation_id, Subscription.is_live).with_for_update()
    )
    if subscription is None:
        subscription = Subscription(id=uuid7(), organisation_id=organisation_id, taken=0, began_at=clock.now(), is_live=True)
        db.session.add(subscription)
    # Whoever was about to refresh the subscription that died must not write it over this one.
    subscription.lease_token = subscription.lease_until = None
    subscription.bought = subscription.withheld = 0
    _copy(subscription, snapshot, found)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        message = "Another subscription of this organisation has just begun."
        raise Conflict(message) from error
    journal.write(
        "subscription.began",
        organisation_id=organisation_id,
        about=subscription.id,
        seats=snapshot.quantity,
        interval=snapshot.interval,
    )
    return subscription


def lease(subscription_id: UUID) -> UUID | None:
    """Take the right to refresh a subscription for a minute of real time; None while somebody else has it."""
    now, token = clock.real_now(), uuid4()
    taken = db.session.execute(
        sa.update(Subscription)
        .where(
            Subscription.id == subscription_id,
            sa.or_(Subscription.lease_until.is_(None), Subscription.lease_until < now),
        )
        .values(lease_token=token, lease_until=now + LEASE)
        .returning(Subscription.id)
    )
    return token if taken.first() is not None else None


def give_back(subscription_id: UUID, token: UUID) -> None:
    """Give a lease back unused, so that the next try need not wait for its end."""
    db.session.execute(
        sa.update(Subscription)
        .where(Subscription.id == subscription_id, Subscription.lease_token == token)
        .values(lease_token=None, lease_until=None)
    )


def refresh(subscription_id: UUID, snapshot: Snapshot, token: UUID, found: Sequence[ProviderInvoice] = ()) -> Before | None:
    """Copy the provider's truth if the lease is still ours, give that back, and say what was before; None when it was lost."""
    mine = sa.select(Subscription).where(
        Subscription.id == subscription_id, Subscription.lease_token == token, Subscription.provider_id == snapshot.id
    )
    # What was loaded before it was locked may have been changed by others since.
    subscription = db.session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if subscription is None:
        return None
    before = Before(
        status=subscription.status,
        bought=subscription.bought,
        interval=subscription.paid_interval,
        period_end=subscription.period_end,
        cancel_at=subscription.cancel_at,
        coming=(subscription.coming_seats, subscription.coming_interval),
        is_live=subscription.is_live,
        withheld=subscription.withheld,
        due_at=subscription.due_at,
    )
    _copy(subscription, snapshot, found)
    subscription.lease_token = subscription.lease_until = None
    seen = (subscription.status, subscription.bought, subscription.period_end, subscription.cancel_at)
    if (before.status, before.bought, before.period_end, before.cancel_at) != seen:
        journal.write(
            "subscription.changed",
            organisation_id=subscription.organisation_id,
            about=subscription.id,
            status=snapshot.status,
            seats=snapshot.quantity,
        )
    return before


def _copy(subscription: Subscription, snapshot: Snapshot, found: Sequence[ProviderInvoice]) -> None:
    """Copy the provider's truth; fewer seats than are taken are flagged, and nothing can be given until it fits again."""
    subscription.provider_id = snapshot.id
    subscription.status = snapshot.status
    subscription.card_version = snapshot.card_version
    subscription.interval = snapshot.interval
    subscription.vat_percent = snapshot.vat_percent
    subscription.is_by_invoice = snapshot.is_by_invoice
    before, subscription.withheld, subscription.due_at = (subscription.ordered, subscription.withheld), 0, None
    if snapshot.is_by_invoice:
        with db.session.no_autoflush:
            organisation_id = subscription.organisation_id
            limit_minor = credit.limit_of(organisation_id) - invoices.owed_besides(organisation_id, found)
        subscription.withheld = credit.withheld(before, snapshot.quantity, found, limit_minor)
        subscription.due_at = credit.due_at(found, subscription.withheld)
    subscription.bought = snapshot.quantity - subscription.withheld
    nudges.ask(waiting_places.SWEEP)
    subscription.is_over = subscription.taken > subscription.bought
    if subscription.period_end != snapshot.period_end:
        subscription.renewal_told_days = None
    subscription.period_start = snapshot.period_start
    subscription.period_end = snapshot.period_end
    subscription.cancel_at = snapshot.cancel_at
    subscription.coming_seats = snapshot.coming_seats
    subscription.coming_interval = snapshot.coming_interval
    subscription.pays_with = snapshot.pays_with
    subscription.pays_by_debit = snapshot.pays_by_debit
    subscription.discount_percent = snapshot.discount_percent
    subscription.discount_minor = snapshot.discount_minor
    subscription.discount_until = snapshot.discount_until
    is_overdue = subscription.due_at is not None and subscription.due_at < clock.now()
    if snapshot.status == "active" and not is_overdue:
        subscription.closed_told_at = None
    subscription.was_asked_to_end = snapshot.was_asked_to_end
    subscription.is_live = not (
        snapshot.status == "incomplete_expired" or (snapshot.status == "canceled" and snapshot.was_asked_to_end)
    )
