"""Notices: mails to those who pay, about what has become of their subscription, whoever brought it about.

They are written where our copy of the provider's truth changes, so that each change is told once: also one that was made on the
provider's own pages, or that we learn of late.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.kernel import clock, journal, outbox
from app.kernel.db import db
from billing import changes, figures, invoices, price_cards, subscriptions
from billing.changes import Kind
from billing.price_cards import Interval
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from uuid import UUID

    from billing.changes import Change
    from billing.subscriptions import Before

UNPAID = ("past_due", "unpaid", "canceled")
TOLD = {
    Kind.MORE_SEATS: "seats_added",
    Kind.YEARLY: "paid_yearly",
    Kind.FEWER_SEATS: "renewal_planned",
    Kind.MONTHLY: "renewal_planned",
    Kind.DROP_PLAN: "plan_dropped",
}


def write(before: Before, subscription: Subscription, settled: Change | None) -> None:
    """Write the mails about what is different now."""
    if before.is_live and not subscription.is_live:
        _mail(subscription, "subscription_ended")
        return
    if (before.cancel_at is None) != (subscription.cancel_at is None):
        _mail(subscription, "subscription_goes_on" if subscription.cancel_at is None else "subscription_ends")
    if (before.status == "paused") != (subscription.status == "paused"):
        _mail(subscription, "subscription_paused" if subscription.status == "paused" else "subscription_resumed")
    if before.status == "active" and subscription.status == "past_due":
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
    query = sa.select(Subscription).where(
        Subscription.is_live, Subscription.status.in_(UNPAID), Subscription.closed_told_at.is_(None)
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
    """Tell those who pay by the year that it renews soon, once for each number of days before; gives how many were told of."""
    if not days:
        return 0
    now, told = clock.now(), 0
    query = sa.select(Subscription).where(
        Subscription.is_live,
        Subscription.status == "active",
        Subscription.interval == Interval.YEAR,
        Subscription.cancel_at.is_(None),
        Subscription.period_end > now,
        Subscription.period_end <= now + timedelta(days=max(days)),
    )
    for subscription in db.session.scalars(query.order_by(Subscription.id).with_for_update()):
        due = min(number for number in days if subscription.period_end <= now + timedelta(days=number))
        if subscription.renewal_told_days is not None and subscription.renewal_told_days <= due:
            continue
        subscription.renewal_told_days = due
        card = price_cards.of_version(subscription.card_version)
        interval = Interval(subscription.coming_interval or subscription.interval)
        figure = figures.figure(card, subscription.coming_seats or subscription.bought, interval, subscription.vat_percent)
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


def tell(subscription: Subscription, kind: str, **facts: object) -> None:
    """Write a mail of a kind about a subscription to those who pay for it."""
    _mail(subscription, kind, **facts)


def payers(organisation_id: UUID) -> list[str]:
    """Give the addresses of the owners and billing contacts of an organisation."""
    query = sa.select(Membership.address).where(
        Membership.organisation_id == organisation_id,
        Membership.state == MembershipState.ACTIVE,
        sa.or_(Membership.is_owner, Membership.is_billing),
    )
    return list(db.session.scalars(query.order_by(Membership.id)))


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


def _mail(subscription: Subscription, kind: str, **facts: object) -> None:
    ends_at = subscription.cancel_at or subscription.period_end
    for address in payers(subscription.organisation_id):
        outbox.write(
            kind,
            address,
            organisation_id=subscription.organisation_id,
            organisation=str(subscription.organisation_id),
            seats=subscription.bought,
            interval=subscription.interval,
            renews_at=subscription.period_end.isoformat(),
            ends_at=ends_at.isoformat(),
            **facts,
        )
