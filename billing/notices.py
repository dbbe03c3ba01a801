"""Notices: mails to those who pay, about what has become of their subscription, whoever brought it about.

They are written where our copy of the provider's truth changes, so that each change is told once: also one that was made on the
provider's own pages, or that we learn of late.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import people
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Kind as OrganisationKind
from app.accounts.organisations import Organisation
from app.kernel import clock, journal, outbox
from app.kernel.db import db
from billing import changes, figures, invoices, price_cards, quotes, subscriptions
from billing.changes import Kind
from billing.price_cards import Interval
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from billing.changes import Change
    from billing.invoices import Invoice
    from billing.subscriptions import Before

SHORTEST_MONTH = 28
UNPAID = ("past_due", "unpaid", "canceled")
TOLD = {
    Kind.MORE_SEATS: "seats_added",
    Kind.YEARLY: "paid_yearly",
    Kind.FEWER_SEATS: "renewal_planned",
    Kind.MONTHLY: "renewal_planned",
    Kind.DROP_PLAN: "plan_dropped",
}


def write(before: Before, subscription: Subscription, settled: Change | None, paid: Sequence[Invoice] = ()) -> None:
    """Write the mails about what is different now; `paid` are the invoices that are known as paid since this moment."""
    if before.is_live and not subscription.is_live:
        _mail(subscription, "subscription_ended")
        return
    if (before.cancel_at is None) != (subscription.cancel_at is None):
        _mail(subscription, "subscription_goes_on" if subscription.cancel_at is None else "subscription_ends")
    if (before.status == "paused") != (subscription.status == "paused"):
        _mail(subscription, "subscription_paused" if subscription.status == "paused" else "subscription_resumed")
    if subscription.is_by_invoice:
        _about_invoices(before, subscription, paid)
    elif before.status == "active" and subscription.status == "past_due":
        _payment_failed(subscription)
    elif before.status in {"past_due", "unpaid"} and subscription.status == "active":
        _mail(subscription, "payment_came")
    if settled is not None and settled.state == changes.State.LAPSED:
        _mail(subscription, "change_not_paid")
    elif settled is not None and settled.kind in TOLD:
        _mail(
            subscription,
            TOLD[Kind(settled.kind)],
            added=settled.added,
            gross_minor=settled.gross_minor,
            vat_minor=settled.vat_minor,
            then_seats=settled.then_seats,
            then_interval=settled.then_interval,
        )


def tell_closed(grace: timedelta) -> int:
    """Tell those who pay that the courses have closed because a payment has not come, once; gives how many were told of."""
    is_overdue = sa.and_(Subscription.is_by_invoice, Subscription.due_at < clock.now())
    query = sa.select(Subscription).where(
        Subscription.is_live, sa.or_(Subscription.status.in_(UNPAID), is_overdue), Subscription.closed_told_at.is_(None)
    )
    closed = 0
    for subscription in db.session.scalars(query.order_by(Subscription.id).with_for_update()):
        if subscriptions.state_of(subscription, grace, clock.now()) is subscriptions.State.LAPSED:
            subscription.closed_told_at = clock.now()
            journal.write("subscription.lapsed", organisation_id=subscription.organisation_id, about=subscription.id)
            _mail(subscription, "courses_closed")
            closed += 1
    return closed


def tell_renewals(days: tuple[int, ...]) -> int:
    """Tell those who pay by the year, or who bought for themselves, that it renews soon, once for each number of days before.

    Of a month only what comes within it is told, so that no notice comes with the payment before. Gives how many were told of.
    """
    if not days:
        return 0
    now, told = clock.now(), 0
    consumers = sa.select(Organisation.id).where(Organisation.kind == OrganisationKind.INDIVIDUAL)
    query = sa.select(Subscription).where(
        Subscription.is_live,
        Subscription.status == "active",
        sa.or_(Subscription.interval == Interval.YEAR, Subscription.organisation_id.in_(consumers)),
        Subscription.cancel_at.is_(None),
        Subscription.period_end > now,
        Subscription.period_end <= now + timedelta(days=max(days)),
    )
    for subscription in db.session.scalars(query.order_by(Subscription.id).with_for_update()):
        is_month = subscription.interval == Interval.MONTH
        within = [number for number in days if not (is_month and number >= SHORTEST_MONTH)]
        due = min((number for number in within if subscription.period_end <= now + timedelta(days=number)), default=None)
        if due is None:
            continue
        if subscription.renewal_told_days is not None and subscription.renewal_told_days <= due:
            continue
        subscription.renewal_told_days = due
        card = price_cards.of_version(subscription.card_version)
        interval = Interval(subscription.coming_interval or subscription.interval)
        figure = figures.figure(
            card,
            subscription.coming_seats or subscription.ordered,
            interval,
            subscription.vat_percent,
            subscription.discount_at(subscription.period_end),
        )
        _mail(
            subscription,
            "renewal_coming",
            then_seats=figure.seats,
            then_interval=figure.interval,
            gross_minor=figure.gross_minor,
            vat_minor=figure.vat_minor,
        )
        told += 1
    return told


def tell(subscription: Subscription, kind: str, *, gross_minor: int) -> None:
    """Write a mail of a kind about an amount to those who pay for a subscription."""
    _mail(subscription, kind, gross_minor=gross_minor)


def tell_paid(subscription: Subscription, paid: Sequence[Invoice], *, is_ready: bool = False) -> None:
    """Write that invoices have been paid, and whether seats are ready by that."""
    for invoice in paid:
        if not invoice.paid_minor:
            continue
        facts = {"number": invoice.number, "gross_minor": invoice.paid_minor, "seats_now": subscription.bought}
        _mail(subscription, "invoice_paid", also_finance=True, is_ready=is_ready, **facts)


def payers(organisation_id: UUID) -> list[str]:
    """Give the addresses of the owners and billing contacts of an organisation."""
    query = sa.select(Membership.address).where(
        Membership.organisation_id == organisation_id,
        Membership.state == MembershipState.ACTIVE,
        sa.or_(Membership.is_owner, Membership.is_billing),
    )
    return list(db.session.scalars(query.order_by(Membership.id)))


def _about_invoices(before: Before, subscription: Subscription, paid: Sequence[Invoice]) -> None:
    """Say which invoices have been paid, or that one is overdue."""
    tell_paid(subscription, paid, is_ready=before.withheld > subscription.withheld)
    if before.status == "active" and subscription.status == "past_due" and (owed := invoices.owed(subscription)) is not None:
        # One that asks for seats that are withheld closes nothing, so that no day is counted from.
        closes_from = None if owed.due_at is None or owed.due_at != subscription.due_at else owed.due_at.isoformat()
        _mail(
            subscription,
            "invoice_overdue",
            also_finance=True,
            number=owed.number,
            gross_minor=owed.remaining_minor,
            due_at=closes_from,
            pay_url=owed.url,
        )


def _payment_failed(subscription: Subscription) -> None:
    owed = invoices.owed(subscription)
    tries_again_at = None if owed is None or owed.tries_again_at is None else owed.tries_again_at.isoformat()
    _mail(
        subscription,
        "payment_failed",
        gross_minor=_debt(subscription),
        tries_again_at=tries_again_at,
        due_at=subscription.period_start.isoformat(),
    )


def _debt(subscription: Subscription) -> int:
    """Give what is still to be paid of the newest open invoice, in pence."""
    owed = invoices.owed(subscription)
    return 0 if owed is None else owed.remaining_minor


def _mail(subscription: Subscription, kind: str, *, also_finance: bool = False, **facts: object) -> None:
    ends_at = subscription.cancel_at or subscription.period_end
    addresses = payers(subscription.organisation_id)
    if also_finance:
        addresses += quotes.finance_addresses(subscription.organisation_id)
    for address in {people.address_key(address): address for address in addresses}.values():
        outbox.write(
            kind,
            address,
            organisation_id=subscription.organisation_id,
            organisation=str(subscription.organisation_id),
            seats=subscription.bought,
            interval=subscription.interval,
            is_by_invoice=subscription.is_by_invoice,
            renews_at=subscription.period_end.isoformat(),
            ends_at=ends_at.isoformat(),
            **facts,
        )
