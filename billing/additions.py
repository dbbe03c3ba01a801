"""Additions: what more seats, or a year instead of a month, cost for the rest of a term; a check on the provider's own figure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.kernel import money
from billing import figures
from billing.gateway import Preview

if TYPE_CHECKING:
    from datetime import datetime

    from billing.figures import Discount
    from billing.gateway import Snapshot
    from billing.price_cards import Card, Interval
    from billing.subscriptions import Subscription

DAY = timedelta(days=1)


def counted_from(period_start: datetime, now: datetime) -> datetime:
    """Give the moment from which an addition is counted: whole days since the term began, so that it is the same all day."""
    return period_start + max(0, (now - period_start) // DAY) * DAY


def days_left(subscription: Subscription | Snapshot, counted_at: datetime) -> tuple[int, int]:
    """Give how many days of the term are left from a moment on, and how many it has."""
    return (subscription.period_end - counted_at) // DAY, (subscription.period_end - subscription.period_start) // DAY


def cost(subscription: Subscription, card: Card, seats: int, interval: Interval, counted_at: datetime) -> Preview:
    """Give what it costs today to have so many seats, paid so often, in pence.

    More seats: the net difference for the days that are left, rounded half up once. Another interval: a whole new term, less the
    days of the present one that are left. A discount that runs is taken off before and after.
    """
    present = (subscription.bought, subscription.paid_interval)
    terms = (subscription.vat_percent, subscription.discount_at(counted_at))
    return _cost(card, present, (seats, interval), terms, days_left(subscription, counted_at))


def cost_of(snapshot: Snapshot, card: Card, seats: int, interval: Interval, counted_at: datetime) -> Preview:
    """Give the same for a subscription as the provider has it, when it has no discount."""
    present = (snapshot.quantity, snapshot.interval)
    return _cost(card, present, (seats, interval), (snapshot.vat_percent, None), days_left(snapshot, counted_at))


def _cost(
    card: Card,
    present: tuple[int, Interval],
    wanted: tuple[int, Interval],
    terms: tuple[int | None, Discount | None],
    days: tuple[int, int],
) -> Preview:
    vat, discount = terms
    now = figures.figure(card, *present, vat, discount).net_minor
    then = figures.figure(card, *wanted, vat, discount).net_minor
    left, total = days
    is_same = present[1] is wanted[1]
    net = money.share(then - now, left, total) if is_same else then - money.share(now, left, total)
    vat_minor = figures.vat_on(net, vat)
    return Preview(net_minor=net, vat_minor=vat_minor, gross_minor=net + vat_minor)
