"""Terms and what is added within them: month ends, the leap day, the change of the clocks; ours is what the provider counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import additions, figures, price_cards
from billing.price_cards import Interval
from billing.sandbox.engine import prorations
from billing.sandbox.engine.periods import end_of_period
from tests.provider import snapshot

LONDON = ZoneInfo("Europe/London")
CARD = price_cards.seed()
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds must be naive


def term(start, interval=Interval.MONTH, quantity=10, anchor=None):
    """Give a subscription whose present term begins at a moment; it is counted from the anchor, when that was earlier."""
    end = end_of_period(int((anchor or start).timestamp()), int(start.timestamp()), interval, 1)
    period_end = datetime.fromtimestamp(end, UTC)
    return replace(snapshot(quantity=quantity, interval=interval), period_start=start, period_end=period_end)


@pytest.mark.parametrize(
    ("start", "interval", "end", "days"),
    [
        (datetime(2027, 1, 31, 10, tzinfo=UTC), Interval.MONTH, datetime(2027, 2, 28, 10, tzinfo=UTC), 28),
        (datetime(2028, 1, 31, 10, tzinfo=UTC), Interval.MONTH, datetime(2028, 2, 29, 10, tzinfo=UTC), 29),
        (datetime(2028, 2, 29, 10, tzinfo=UTC), Interval.MONTH, datetime(2028, 3, 29, 10, tzinfo=UTC), 29),
        (datetime(2028, 2, 29, 10, tzinfo=UTC), Interval.YEAR, datetime(2029, 2, 28, 10, tzinfo=UTC), 365),
        (datetime(2027, 3, 1, 10, tzinfo=UTC), Interval.YEAR, datetime(2028, 3, 1, 10, tzinfo=UTC), 366),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), Interval.MONTH, datetime(2027, 1, 31, 23, 59, tzinfo=UTC), 31),
    ],
)
def test_a_term_ends_on_its_day_or_the_last_of_the_month(start, interval, end, days):
    found = term(start, interval)
    assert found.period_end == end
    assert additions.days_left(found, start) == (days, days)


def test_after_a_short_month_a_term_comes_back_to_the_31st():
    anchor = datetime(2027, 1, 31, 10, tzinfo=UTC)
    march = term(datetime(2027, 2, 28, 10, tzinfo=UTC), anchor=anchor)
    assert march.period_end == datetime(2027, 3, 31, 10, tzinfo=UTC)
    assert additions.days_left(march, march.period_start) == (31, 31)


@pytest.mark.parametrize(
    ("start", "change"),
    [
        (datetime(2027, 3, 10, 0, 30, tzinfo=LONDON), datetime(2027, 3, 28, 2, 30, tzinfo=LONDON)),
        (datetime(2027, 10, 10, 0, 30, tzinfo=LONDON), datetime(2027, 10, 31, 0, 30, tzinfo=LONDON)),
    ],
)
def test_the_change_of_the_clocks_makes_no_day_longer_or_shorter(start, change):
    begun = start.astimezone(UTC)
    found = term(begun)
    assert found.period_end - begun == timedelta(days=31)
    before = additions.counted_from(begun, change.astimezone(UTC) - timedelta(hours=1))
    after = additions.counted_from(begun, change.astimezone(UTC) + timedelta(hours=23))
    assert after - before == timedelta(days=1)
    left = [additions.days_left(found, moment)[0] for moment in (before, after)]
    assert left[0] - left[1] == 1


def test_an_addition_on_the_leap_day_counts_it():
    found = term(datetime(2028, 2, 1, 9, tzinfo=UTC))
    counted = additions.counted_from(found.period_start, datetime(2028, 2, 29, 12, tzinfo=UTC))
    assert additions.days_left(found, counted) == (1, 29)
    # Two seats more in the band of £2, for one day of 29: 400 / 29, rounded half up.
    assert additions.cost_of(found, CARD, 12, Interval.MONTH, counted).net_minor == 14


@given(MOMENTS, st.sampled_from(Interval), st.integers(0, 366 * 86400), st.integers(1, 1500), st.integers(1, 500))
def test_what_we_reckon_is_what_the_provider_counts_within_a_penny(start, interval, later, quantity, added):
    begun = start.replace(microsecond=0)
    found = term(begun, interval, quantity)
    now = begun + timedelta(seconds=later) % (found.period_end - begun)
    counted = additions.counted_from(begun, now)
    assert begun <= counted <= now < counted + timedelta(days=1)
    ours = additions.cost_of(found, CARD, quantity + added, interval, counted).net_minor
    left, total = int((found.period_end - counted).total_seconds()), int((found.period_end - begun).total_seconds())
    old, new = (figures.figure(CARD, number, interval, None).net_minor for number in (quantity, quantity + added))
    theirs = prorations.share(new, left, total) - prorations.share(old, left, total)
    assert abs(ours - theirs) <= 1


@given(MOMENTS, st.integers(0, 31 * 86400), st.integers(1, 1500))
def test_a_year_costs_what_the_provider_counts_too(start, later, quantity):
    begun = start.replace(microsecond=0)
    found = term(begun, Interval.MONTH, quantity)
    counted = additions.counted_from(begun, begun + timedelta(seconds=later) % (found.period_end - begun))
    ours = additions.cost_of(found, CARD, quantity, Interval.YEAR, counted).net_minor
    left, total = int((found.period_end - counted).total_seconds()), int((found.period_end - begun).total_seconds())
    month, year = (figures.figure(CARD, quantity, interval, None).net_minor for interval in (Interval.MONTH, Interval.YEAR))
    assert ours == year - prorations.share(month, left, total)
