"""Price cards: published once, never changed, kept by those who bought them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import Invalid, Missing, Unavailable
from app.kernel.transaction import transaction
from billing import changes, figures, invoices, price_cards
from billing.price_cards import Interval, Mode
from tests import changing

VOLUME = [{"first": 1, "month": 1000, "year": 9000}, {"first": 10, "month": 500, "year": 4500}]
NEW = [{"first": 1, "month": 1100, "year": 9900}]


def test_the_seed_is_published_once(shop):
    for _ in range(2):
        with transaction():
            price_cards.publish_seed()
    assert price_cards.current().version == 1


def test_a_new_card_leaves_the_old_version_as_it_was(shop):
    with transaction():
        price_cards.publish_seed()
    before = price_cards.of_version(1)
    with transaction():
        price_cards.publish("GBP", NEW)
        price_cards.publish("GBP", NEW)
    assert price_cards.current().version == 2
    assert price_cards.of_version(1) == before


def test_a_later_seed_never_overrides_what_was_published(shop):
    with transaction():
        price_cards.publish("GBP", NEW)
    with transaction():
        price_cards.publish_seed()
    assert price_cards.current().bands[0].month_minor == 1100


@given(
    st.lists(
        st.tuples(st.integers(2, 400), st.integers(0, 2000), st.integers(0, 9000)), max_size=6, unique_by=lambda band: band[0]
    ),
    st.sampled_from(Mode),
    st.booleans(),
)
def test_a_card_is_refused_or_more_seats_never_cost_less(later, mode, bump):
    firsts = [1, *sorted(first for first, _, _ in later)]
    months = [2000, *sorted((month for _, month, _ in later), reverse=True)]
    years = [9000, *sorted((year for _, _, year in later), reverse=True)]
    bands = [{"first": first, "month": month, "year": year} for first, month, year in zip(firsts, months, years, strict=True)]
    try:
        card = price_cards.read(1, "GBP", bands, mode, bump=bump)
    except Invalid:
        assert mode is Mode.VOLUME
        assert not bump
        return
    for interval in Interval:
        figure = [figures.figure(card, seats, interval, 20) for seats in range(1, 450)]
        assert [found.gross_minor for found in figure] == sorted(found.gross_minor for found in figure)
        assert [found.seats for found in figure] == sorted(found.seats for found in figure)
        for found in figure:
            assert found.asked <= found.seats
            assert figures.figure(card, found.seats, interval, 20).seats == found.seats
            assert sum(share.seats for share in found.bands) == found.seats


def test_a_volume_card_that_inverts_is_refused_with_the_numbers_and_sold_with_a_bump():
    bands = [{"first": 1, "month": 1000, "year": 9000}, {"first": 10, "month": 500, "year": 8900}]
    with pytest.raises(Invalid, match="By the month, 9 would cost more than 10"):
        price_cards.read(1, "GBP", bands, Mode.VOLUME)
    card = price_cards.read(1, "GBP", bands, Mode.VOLUME, bump=True)
    assert [figures.figure(card, seats, Interval.MONTH, None).seats for seats in (4, 5, 6, 9, 10)] == [4, 5, 10, 10, 10]
    assert [figures.figure(card, seats, Interval.YEAR, None).seats for seats in (6, 9, 10)] == [6, 9, 10]


def test_the_provider_charges_a_volume_card_as_the_figure_says_and_the_larger_number_where_it_costs_less(shop, owner, connect):
    with transaction():
        price_cards.publish("GBP", VOLUME, Mode.VOLUME, bump=True)
    gateway = connect()
    changing.buy(shop, owner, gateway, 9, Interval.MONTH)
    assert changing.row(owner).bought == 10
    assert [invoice.gross_minor for invoice in invoices.of_organisation(owner.organisation.id)] == [6000]
    assert gateway.price_drift(price_cards.current(), Interval.MONTH) is None


def test_whoever_adds_seats_or_pays_by_the_year_gets_the_larger_number_where_it_costs_less(shop, owner, connect):
    with transaction():
        price_cards.publish("GBP", VOLUME, Mode.VOLUME, bump=True)
    gateway = connect()
    changing.buy(shop, owner, gateway, 2, Interval.MONTH)
    _, state = changing.add(owner, gateway, 5)
    assert (state, changing.row(owner).bought) == ("done", 10)
    with transaction(), pytest.raises(Invalid, match="would not cost less"):
        changes.fewer_seats(owner, 7)
    changing.do(gateway, lambda: changes.fewer_seats(owner, 4))
    assert changing.sees(gateway, owner).coming_seats == 4


def test_without_a_card_the_message_says_what_to_run(shop):
    with pytest.raises(Unavailable, match="python3 -m app load"):
        price_cards.current()
    with pytest.raises(Missing):
        price_cards.of_version(7)
