"""Withdrawals: whoever buys for themselves can cancel within 14 days and get their money back, less the days they have used.

The wording that a buyer ticks is kept with the order by its number; a wording that was shown once never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel import clock, journal, money, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict
from billing import additions, changes, disputes, figures, notices, subscriptions
from billing.checkouts import Checkout
from billing.checkouts import State as CheckoutState
from billing.gateway import GivenBack
from billing.invoices import Invoice

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from billing.subscriptions import Subscription

DAYS = 14
DAY = timedelta(days=1)
ZONE = ZoneInfo("Europe/London")
LEFT_ALONE_FOR = timedelta(minutes=1)
OVERDUE_AFTER = timedelta(hours=1)
TOO_LATE = "If that takes longer than your 14 days, write to us before they are over."


class State(StrEnum):
    """Where a withdrawal stands."""

    ASKED = "asked"
    DONE = "done"


class Withdrawal(Model):
    """A subscription that its buyer cancelled within 14 days, with what goes back, in pence."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"), unique=True)
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    state: Mapped[str]
    keeps_used_days: Mapped[bool]
    days_used: Mapped[int]
    paid_minor: Mapped[int]
    refund_minor: Mapped[int]
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'done')", name="state"),
        sa.CheckConstraint("refund_minor >= 0 AND refund_minor <= paid_minor", name="figures"),
        sa.Index(None, "organisation_id"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """The right to withdraw as it stands today: until when, what was paid, what goes back, and of which invoices, in pence.

    `hindrance` says why it cannot be used just now, if that is so.
    """

    subscription_id: UUID
    until: datetime
    days_used: int
    paid_minor: int
    refund_minor: int
    parts: tuple[GivenBack, ...]
    hindrance: str | None

    @property
    def kept_minor(self) -> int:
        """What is kept for the days that were used."""
        return self.paid_minor - self.refund_minor


def right_of(organisation_id: UUID, *, keeps_used_days: bool) -> Right | None:
    """Give the right of somebody who bought for themselves while it runs; None for everybody else, and after 14 days."""
    subscription = subscriptions.live(organisation_id)
    if subscription is None or subscription.is_by_invoice or subscription.status not in {"active", "past_due"}:
        return None
    order = _order_of(subscription, clock.now())
    if order is None or order.served_at is None or order.starts_at_once is None:
        return None
    until = last_moment(order.served_at)
    if clock.now() >= until:
        return None
    paid = _paid(subscription, order)
    parts = tuple(_part(invoice, subscription, order.served_at, keeps_used_days=keeps_used_days) for invoice in paid)
    return Right(
        subscription_id=subscription.id,
        until=until,
        days_used=(clock.now() - order.served_at) // DAY,
        paid_minor=sum(invoice.gross_minor for invoice in paid),
        refund_minor=sum(part.net_minor + part.vat_minor for part in parts),
        parts=parts,
        hindrance=_hindrance(subscription),
    )


def last_moment(bought_at: datetime) -> datetime:
    """Give the end of the 14th day after the day of the purchase, in London."""
    day = bought_at.astimezone(ZONE).date() + timedelta(days=DAYS + 1)
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def ask(actor: Actor, *, keeps_used_days: bool, shown_minor: int | None = None) -> Withdrawal:
    """Keep that a buyer withdraws; `shown_minor` is what they have seen to go back.

    Raises Conflict when the right has run out, was used before, cannot be used yet, or something else would go back today.
    """
    right = right_of(actor.organisation.id, keeps_used_days=keeps_used_days)
    if right is None:
        message = "The 14 days in which you could cancel and get your money back are over. You can still cancel with the term."
        raise Conflict(message)
    if right.hindrance is not None:
        raise Conflict(right.hindrance)
    if shown_minor is not None and shown_minor != right.refund_minor:
        message = "What you get back has changed since you opened this page. Please look at it again."
        raise Conflict(message, shown=shown_minor, now=right.refund_minor)
    withdrawal = Withdrawal(
        id=uuid7(),
        organisation_id=actor.organisation.id,
        subscription_id=right.subscription_id,
        by_id=actor.membership.id,
        state=State.ASKED,
        keeps_used_days=keeps_used_days,
        days_used=right.days_used,
        paid_minor=right.paid_minor,
        refund_minor=right.refund_minor,
        asked_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(withdrawal)
    except sa.exc.IntegrityError as error:
        message = "You have cancelled already. Your money is on its way back."
        raise Conflict(message) from error
    journal.write(
        "withdrawal.asked",
        organisation_id=actor.organisation.id,
        by=actor.person.id,
        about=withdrawal.id,
        refund_minor=right.refund_minor,
    )
    return withdrawal


def parts_of(withdrawal: Withdrawal) -> tuple[GivenBack, ...]:
    """Give what goes back of each invoice, counted from the moment at which it was asked for."""
    subscription = subscriptions.known(withdrawal.subscription_id)
    order = _order_of(subscription, withdrawal.asked_at)
    if order is None or order.served_at is None:
        return ()
    return tuple(
        _part(invoice, subscription, order.served_at, keeps_used_days=withdrawal.keeps_used_days, at=withdrawal.asked_at)
        for invoice in _paid(subscription, order)
    )


def mark_done(withdrawal_id: UUID) -> None:
    """Note that the money went back, and confirm it by mail; nothing when that was done."""
    query = sa.select(Withdrawal).where(Withdrawal.id == withdrawal_id).with_for_update()
    withdrawal = db.session.execute(query.execution_options(populate_existing=True)).scalar_one()
    if withdrawal.state == State.DONE:
        return
    withdrawal.state, withdrawal.done_at = State.DONE, clock.now()
    journal.write("withdrawal.done", organisation_id=withdrawal.organisation_id, about=withdrawal.id)
    for address in notices.payers(withdrawal.organisation_id):
        outbox.write(
            "withdrawn",
            address,
            organisation_id=withdrawal.organisation_id,
            organisation=str(withdrawal.organisation_id),
            refund_minor=withdrawal.refund_minor,
            kept_minor=withdrawal.paid_minor - withdrawal.refund_minor,
            days_used=withdrawal.days_used,
        )


def newest_of(organisation_id: UUID) -> Withdrawal | None:
    """Give the newest withdrawal of an organisation, if there is one."""
    query = sa.select(Withdrawal).where(Withdrawal.organisation_id == organisation_id)
    return db.session.scalar(query.order_by(Withdrawal.asked_at.desc(), Withdrawal.id.desc()).limit(1))


def known(withdrawal_id: UUID) -> Withdrawal:
    """Give a withdrawal that is known to exist."""
    return db.session.get_one(Withdrawal, withdrawal_id)


def left_alone() -> list[UUID]:
    """Give the withdrawals that are not done and that nobody is busy with any more, oldest first."""
    query = sa.select(Withdrawal.id).where(Withdrawal.state == State.ASKED, Withdrawal.asked_at <= clock.now() - LEFT_ALONE_FOR)
    return list(db.session.scalars(query.order_by(Withdrawal.asked_at)))


def overdue() -> list[tuple[Withdrawal, str]]:
    """Give the withdrawals that were asked for long ago and are not done, with the names of their organisations, oldest first."""
    query = sa.select(Withdrawal, Organisation.name).join(Organisation, Organisation.id == Withdrawal.organisation_id)
    late = query.where(Withdrawal.state == State.ASKED, Withdrawal.asked_at <= clock.now() - OVERDUE_AFTER)
    return [(withdrawal, name) for withdrawal, name in db.session.execute(late.order_by(Withdrawal.asked_at, Withdrawal.id))]


def _hindrance(subscription: Subscription) -> str | None:
    """Say why nothing can be given back just now: the provider refuses it, or a payment on its way would be kept."""
    if disputes.open_of(subscription.organisation_id) is not None:
        return f"Your bank is looking into a payment of yours. Until it has decided, no money can be given back. {TOO_LATE}"
    change = changes.open_of(subscription.id)
    if change is not None and change.kind in changes.AT_ONCE and not change.is_applied:
        return (
            "A change of your subscription is still being paid. Wait until that payment has come or has failed, "
            f"or give the change up under Billing. {TOO_LATE}"
        )
    return None


def _order_of(subscription: Subscription, moment: datetime) -> Checkout | None:
    """Give the order from which a subscription came, as of a moment: its row may have taken over another one's seats."""
    query = sa.select(Checkout).where(
        Checkout.organisation_id == subscription.organisation_id,
        Checkout.state == CheckoutState.SERVED,
        Checkout.served_at <= moment,
    )
    return db.session.scalar(query.order_by(Checkout.served_at.desc(), Checkout.id.desc()).limit(1))


def _paid(subscription: Subscription, order: Checkout) -> list[Invoice]:
    """Give the invoices since an order that were paid with something, oldest first; the provider counts in whole seconds."""
    query = sa.select(Invoice).where(
        Invoice.subscription_id == subscription.id,
        Invoice.issued_at >= order.began_at.replace(microsecond=0),
        Invoice.status == "paid",
        Invoice.gross_minor > 0,
    )
    return list(db.session.scalars(query.order_by(Invoice.issued_at, Invoice.id)))


def _part(
    invoice: Invoice, subscription: Subscription, served_at: datetime, *, keeps_used_days: bool, at: datetime | None = None
) -> GivenBack:
    """Give what goes back of one invoice: its net, less a share for the days with its seats, rounded half up once, and VAT on it.

    The days that it pays for are counted as those of an addition: whole ones since the term began.
    """
    begun = min(invoice.issued_at, additions.counted_from(subscription.period_start, invoice.issued_at))
    total = max(1, (subscription.period_end - begun) // DAY)
    days = ((at or clock.now()) - max(invoice.issued_at, served_at)) // DAY
    # What was charged after it was asked for, as while the provider did not answer, goes back whole.
    used = max(0, min(total, days)) if keeps_used_days else 0
    net = invoice.net_minor - money.share(invoice.net_minor, used, total)
    vat = figures.vat_on(net, subscription.vat_percent) if used else invoice.vat_minor
    return GivenBack(invoice_id=invoice.id, net_minor=net, vat_minor=vat)
