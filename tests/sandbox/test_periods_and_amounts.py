"""The arithmetic of periods, bands and tax, without any server."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.sandbox.engine import amounts
from billing.sandbox.engine.periods import end_of_period

YEARS = st.integers(2020, 2030)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds must be naive


def seconds(year, month, day, hour=0, minute=0):
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


def ends(anchor, interval, count, periods):
    start, found = anchor, []
    for _ in range(periods):
        start = end_of_period(anchor, start, interval, count)
        found.append(datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M"))
    return found


def test_a_month_from_the_31st_is_clamped_and_comes_back():
    assert ends(seconds(2026, 1, 31, 9, 30), "month", 1, 4) == [
        *("2026-02-28 09:30", "2026-03-31 09:30", "2026-04-30 09:30", "2026-05-31 09:30")
    ]


def test_a_year_from_29_february_is_clamped_and_comes_back():
    assert ends(seconds(2024, 2, 29, 23, 59), "year", 1, 4) == [
        *("2025-02-28 23:59", "2026-02-28 23:59", "2027-02-28 23:59", "2028-02-29 23:59")
    ]


@pytest.mark.parametrize(
    ("interval", "end"), [("day", "2027-01-01"), ("week", "2027-01-13"), ("month", "2027-02-28"), ("year", "2028-12-30")]
)
def test_a_period_may_be_two_intervals_long(interval, end):
    assert ends(seconds(2026, 12, 30), interval, 2, 1) == [f"{end} 00:00"]


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12))
def test_periods_follow_each_other_and_never_drift_from_the_anchor(moment, interval, count):
    anchor = int(moment.timestamp())
    first = end_of_period(anchor, anchor, interval, count)
    second = end_of_period(anchor, first, interval, count)
    assert anchor < first < second
    if interval in {"month", "year"} and moment.day <= 28:
        assert datetime.fromtimestamp(second, UTC).day == moment.day
    # Whatever moment within a period one asks about, its end is the same.
    assert end_of_period(anchor, (first + second) // 2, interval, count) == second


BANDS = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 5000)), min_size=1, max_size=8)


def priced(bands, mode):
    tiers, top = [], 0
    for width, amount in bands[:-1]:
        top += width
        tiers.append({"up_to": top, "unit_amount": amount})
    tiers.append({"up_to": None, "unit_amount": bands[-1][1]})
    return {"billing_scheme": "tiered", "tiers_mode": mode, "_tiers": tiers}


def unit_price(price, unit):
    return next(tier["unit_amount"] for tier in price["_tiers"] if tier["up_to"] is None or unit <= tier["up_to"])


@settings(deadline=None)
@given(BANDS, st.integers(1, 3000))
def test_graduated_bands_charge_each_unit_at_its_own_band(bands, quantity):
    price = priced(bands, "graduated")
    assert amounts.net(price, quantity) == sum(unit_price(price, unit) for unit in range(1, quantity + 1))
    assert sum(part.quantity for part in amounts.parts(price, quantity)) == quantity


@settings(deadline=None)
@given(BANDS, st.integers(1, 3000))
def test_volume_bands_charge_every_unit_at_the_band_of_the_last(bands, quantity):
    price = priced(bands, "volume")
    assert amounts.net(price, quantity) == quantity * unit_price(price, quantity)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.decimals(0, 100, places=4))
def test_tax_is_within_half_a_penny_and_half_goes_up(net, percentage):
    tax = amounts.taxes([{"id": "txr", "percentage": str(percentage)}], net)[0].amount
    exact = Fraction(percentage) * net / 100
    assert Fraction(-1, 2) < tax - exact <= Fraction(1, 2)


@settings(deadline=None)
@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=10))
def test_tax_shared_out_to_lines_adds_up(total, weights):
    shares = amounts.shared_out(total, weights)
    assert sum(shares) == (total if sum(weights) else 0)
    assert all(share >= 0 for share in shares)
