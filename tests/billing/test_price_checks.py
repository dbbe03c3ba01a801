"""The provider's prices are compared with our cards: what differs is found, kept and shown."""

from __future__ import annotations

import sqlalchemy as sa

from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import price_cards, price_checks, reconciliation
from billing.price_cards import Interval, PriceCard
from tests.changing import buy


def change_card(amount):
    """Change the card in our database, as nobody may."""
    bands = db.session.scalars(sa.select(PriceCard.bands)).one()
    with transaction():
        changed = [{**bands[0], "month": amount}, *bands[1:]]
        db.session.execute(sa.update(PriceCard).values(bands=changed))


def test_a_price_that_is_not_made_yet_and_one_that_agrees_are_no_problem(shop, owner, connect):
    with transaction():
        price_cards.publish_seed()
    gateway = connect()
    assert price_checks.run(gateway) == []
    buy(shop, owner, gateway)
    assert reconciliation.run(gateway).differences == ()
    assert [(row.version, row.interval, row.problem) for row in price_checks.newest()] == [(1, "month", None), (1, "year", None)]


def test_a_price_that_differs_is_found_by_every_reconciliation_until_it_agrees_again(shop, owner, connect):
    with transaction():
        price_cards.publish_seed()
    gateway = connect()
    buy(shop, owner, gateway)
    change_card(1100)
    (problem,) = reconciliation.run(gateway).differences
    assert "differs from version 1 of the price card" in problem
    assert price_checks.newest()[0].problem == problem
    change_card(1000)
    assert reconciliation.run(gateway).differences == ()
    assert price_checks.newest()[0].problem is None


def test_a_version_that_somebody_pays_by_is_looked_at_beside_the_one_that_is_sold(shop, owner, connect):
    with transaction():
        price_cards.publish_seed()
    gateway = connect()
    buy(shop, owner, gateway)
    with transaction():
        for price in (900, 800):
            price_cards.publish("GBP", [{"first": 1, "month": price, "year": 9 * price}])
    price_checks.run(gateway)
    assert {row.version for row in price_checks.newest()} == {1, 3}
    assert gateway.price_drift(price_cards.of_version(2), Interval.YEAR) is None


def test_a_provider_out_of_reach_is_kept_as_what_was_found(shop, owner, connect):
    with transaction():
        price_cards.publish_seed()
    connect()
    (first, *_) = price_checks.run(connect(address="http://127.0.0.1:9"))
    assert "does not answer" in first
