"""Figures: what any number of seats costs, to the penny."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import money
from app.kernel.errors import Invalid
from billing import figures, price_cards
from billing.figures import Discount
from billing.price_cards import SEED, Interval
from billing.sandbox.engine import amounts

BANDS = tomllib.loads(SEED.read_text())["bands"]
CARD = price_cards.read(1, "GBP", BANDS)
MONTH, YEAR = Interval.MONTH, Interval.YEAR


@pytest.mark.parametrize(
    ("seats", "month", "year"),
    [
        (1, 1000, 9000),
        (10, 6200, 55800),
        (25, 9120, 82080),
        (50, 12080, 108720),
        (100, 16050, 144450),
        (249, 23500, 211500),
        (500, 33530, 301770),
        (1000, 48525, 436725),
    ],
)
def test_the_published_check_figures_hold(seats, month, year):
    assert figures.figure(CARD, seats, MONTH, 20).net_minor == month
    assert figures.figure(CARD, seats, YEAR, 20).net_minor == year


def test_twenty_five_seats_for_a_year_are_984_pounds_96_with_vat():
    figure = figures.figure(CARD, 25, YEAR, 20)
    assert (figure.net_minor, figure.vat_minor, figure.gross_minor) == (82080, 16416, 98496)
    assert [(share.seats, share.unit_minor) for share in figure.bands] == [(4, 9000), (5, 3600), (15, 1800), (1, 1080)]
    assert figure.saving_minor == 27360
    assert figure.average_net_minor == 274


def test_one_seat_for_a_month_is_12_pounds_with_vat():
    assert figures.figure(CARD, 1, MONTH, 20).gross_minor == 1200


def test_more_seats_never_cost_less_and_a_year_always_costs_nine_months():
    for interval in Interval:
        totals = [figures.figure(CARD, seats, interval, 20).gross_minor for seats in range(1, 10_001)]
        assert totals == sorted(totals)
    for seats in range(1, 10_001):
        assert figures.figure(CARD, seats, YEAR, None).net_minor == 9 * figures.figure(CARD, seats, MONTH, None).net_minor


@given(seats=st.integers(1, 10_000), interval=st.sampled_from(Interval), vat=st.sampled_from([None, 5, 20]))
def test_a_figure_adds_up(seats, interval, vat):
    figure = figures.figure(CARD, seats, interval, vat)
    assert sum(share.seats for share in figure.bands) == seats
    assert sum(share.seats * share.unit_minor for share in figure.bands) == figure.net_minor
    assert figure.gross_minor == figure.net_minor + figure.vat_minor
    assert figure.vat_minor == (0 if vat is None else money.half_up(Fraction(figure.net_minor * vat, 100)))


def at_the_provider(seats, interval, vat, discount):
    """Give net, VAT and gross as the sandbox's engine works them out from a Price and a coupon of its own."""
    tiers = [{"up_to": band.last, "unit_amount": band.unit_minor(interval)} for band in CARD.bands]
    price = {"billing_scheme": "tiered", "tiers_mode": "graduated", "_tiers": tiers}
    coupon = None
    if discount is not None:
        coupon = {
            "amount_off": discount.amount_minor,
            "_percent": None if discount.percent is None else str(discount.percent),
        }
    listed = amounts.net(price, seats)
    net = listed - amounts.taken_off(coupon, listed)
    rates = [] if vat is None else [{"id": "txr", "percentage": f"{vat}.0"}]
    tax = sum(found.amount for found in amounts.taxes(rates, net))
    return net, tax, net + tax


DISCOUNTS = st.one_of(
    st.none(),
    st.builds(Discount, percent=st.integers(1, 90), amount_minor=st.none()),
    st.builds(Discount, percent=st.none(), amount_minor=st.integers(1, 500_000)),
)


@given(seats=st.integers(1, 10_000), interval=st.sampled_from(Interval), vat=st.sampled_from([None, 20]), discount=DISCOUNTS)
def test_our_figure_is_that_of_the_provider_with_any_promotion_and_vat(seats, interval, vat, discount):
    ours = figures.figure(CARD, seats, interval, vat, discount)
    assert (ours.net_minor, ours.vat_minor, ours.gross_minor) == at_the_provider(seats, interval, vat, discount)
    assert ours.net_minor + ours.discount_minor == sum(share.amount_minor for share in ours.bands)


def test_for_every_number_of_seats_month_or_year_with_or_without_vat_and_promotion_our_figure_is_that_of_the_provider():
    kinds = [None, Discount(15, None), Discount(None, 2500)]
    for seats in range(1, 10_001):
        for interval, vat, discount in product(Interval, (20, None), kinds):
            ours = figures.figure(CARD, seats, interval, vat, discount)
            assert (ours.net_minor, ours.vat_minor, ours.gross_minor) == at_the_provider(seats, interval, vat, discount)


def test_vat_is_on_what_is_left_after_the_promotion():
    figure = figures.figure(CARD, 25, YEAR, 20, Discount(20, None))
    assert (figure.discount_minor, figure.net_minor, figure.vat_minor, figure.gross_minor) == (16416, 65664, 13133, 78797)


def test_an_amount_takes_off_all_there_is_at_most():
    assert figures.figure(CARD, 1, MONTH, 20, Discount(None, 5000)).gross_minor == 0


@given(amount=st.fractions(min_value=0, max_value=10_000, max_denominator=1000))
def test_half_a_penny_is_rounded_up(amount):
    assert money.half_up(amount) == int(amount + Fraction(1, 2))
    assert money.half_up(-amount) == -money.half_up(amount)


@pytest.mark.parametrize("seats", [0, -1])
def test_fewer_than_one_seat_has_no_price(seats):
    with pytest.raises(Invalid, match="from 1 upwards"):
        figures.figure(CARD, seats, MONTH, 20)


@pytest.mark.parametrize(
    ("minor", "words"), [(0, "£0.00"), (5, "£0.05"), (108720, "£1,087.20"), (-98496, "-£984.96"), (100000000, "£1,000,000.00")]
)
def test_pence_are_written_as_pounds(minor, words):
    assert money.pounds(minor) == words


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [{"first": 2, "month": 1, "year": 9}],
        [{"first": 1, "month": 1, "year": 9}, {"first": 1, "month": 1, "year": 9}],
        [{"first": 1, "month": 1, "year": 9}, {"first": 5, "month": 2, "year": 9}],
        [{"first": 1, "month": 1, "year": -9}],
    ],
)
def test_a_card_that_makes_no_sense_is_refused(bands):
    with pytest.raises(Invalid):
        price_cards.read(1, "GBP", bands)
