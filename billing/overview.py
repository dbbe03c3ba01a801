"""The business at one look: how many customers pay for how many seats, what that is worth, and what comes up for renewal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts.organisations import Organisation
from app.kernel.db import db
from billing import figures, price_cards
from billing.price_cards import Interval
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import InstrumentedAttribute

MONTHS = 12
PAYING = ("active", "trialing", "past_due")


@dataclass(frozen=True, slots=True)
class Month:
    """What comes up for renewal in a month: how many subscriptions, their seats, and what they pay then before VAT."""

    begins_on: date
    subscriptions: int
    seats: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class Largest:
    """A customer with many seats: how many are bought, and how many of them are given to people."""

    name: str
    bought: int
    taken: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What is sold today; money is before VAT, and a year's worth counts monthly subscriptions twelve times.

    `began` counts the subscriptions that began in each of the last twelve months, this one last.
    """

    subscriptions: int
    bought: int
    taken: int
    year_minor: int
    began: tuple[int, ...]
    renewals: tuple[Month, ...]
    largest: tuple[Largest, ...]


def today(now: datetime, most: int = 10) -> Overview:
    """Add up the subscriptions that pay today, in four queries however many there are; months are those of UTC."""
    cards = {card.version: card for card in price_cards.published()}
    starts = _months(now, range(MONTHS + 1))
    groups = db.session.execute(
        sa.select(
            Subscription.card_version,
            Subscription.interval,
            Subscription.bought,
            Subscription.cancel_at.is_(None).label("renews"),
            _month_of(Subscription.period_end, starts),
            sa.func.count(),
            sa.func.sum(Subscription.taken),
        )
        .where(Subscription.is_live, Subscription.status.in_(PAYING), Subscription.bought > 0)
        .group_by(Subscription.card_version, Subscription.interval, Subscription.bought, "renews", "month")
    )
    renewals = [Month(start.date(), 0, 0, 0) for start in starts]
    count = bought = taken = worth = 0
    for version, interval, seats, will_renew, place, found, sat_on in groups:
        net = figures.figure(cards[version], seats, Interval(interval), None).net_minor
        count, bought, taken = count + found, bought + found * seats, taken + sat_on
        worth += found * net * (MONTHS if interval == Interval.MONTH else 1)
        if will_renew:
            before = renewals[place]
            renewals[place] = Month(
                before.begins_on, before.subscriptions + found, before.seats + found * seats, before.net_minor + found * net
            )
    return Overview(count, bought, taken, worth, _began(now), tuple(renewals), _largest(most))


def _began(now: datetime) -> tuple[int, ...]:
    starts = _months(now, range(1 - MONTHS, 1))
    month = _month_of(Subscription.began_at, starts)
    rows = db.session.execute(
        sa.select(month, sa.func.count().label("found")).where(Subscription.began_at >= starts[0]).group_by("month")
    )
    began = {row.month: row.found for row in rows}
    return tuple(began.get(place, 0) for place in range(MONTHS))


def _largest(most: int) -> tuple[Largest, ...]:
    rows = db.session.execute(
        sa.select(Organisation.name, Subscription.bought, Subscription.taken)
        .join(Subscription, Subscription.organisation_id == Organisation.id)
        .where(Subscription.is_live, Subscription.status.in_(PAYING))
        .order_by(Subscription.bought.desc(), Organisation.name, Organisation.id)
        .limit(most)
    )
    return tuple(Largest(*row) for row in rows)


def _months(moment: datetime, steps: range) -> list[datetime]:
    """Give the starts of months, counted from the one that holds a moment."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    counted = [MONTHS * start.year + start.month - 1 + step for step in steps]
    return [start.replace(year=count // MONTHS, month=count % MONTHS + 1) for count in counted]


def _month_of(column: InstrumentedAttribute[datetime], starts: list[datetime]) -> sa.Label[int]:
    """Give the place of the month in which a moment lies; what is earlier or later lies in the first or the last."""
    return sa.case(*((column < end, place) for place, end in enumerate(starts[1:])), else_=len(starts) - 1).label("month")
