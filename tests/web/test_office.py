"""The operator's office: customers, and money that went wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa

from app.accounts import memberships, people
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import checkouts, events, reactions, refunds
from billing.checkouts import Checkout
from billing.gateway import ProviderEvent, ProviderRefund
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from tests.buying import CARD
from tests.changing import buy


def row_of(browser, name):
    """Give the words of the row of a table with this heading."""
    heading = browser.page.find("th", string=lambda text: text and text.strip() == name)
    return " ".join(heading.find_parent("tr").get_text(" ").split())


def store(app, event_id, kind="invoice.paid", subscription_id=None, api_version=None):
    with app.app_context(), transaction():
        events.store(
            ProviderEvent(
                id=event_id,
                kind=kind,
                created_at=clock.now(),
                api_version=api_version,
                object_id="in_1",
                checkout_id=None,
                subscription_id=subscription_id,
                payload={},
            )
        )


def test_signing_in_leads_the_operator_to_the_overview(parish, operator):
    assert operator.path == "/office/"
    assert "Nothing is sold yet" in operator.words
    parish.pays_for(25)
    operator.get("/office/")
    assert "£820.80" in operator.words
    assert row_of(operator, "November 2027").endswith("1 25 £820.80")
    assert row_of(operator, "St Mary").endswith("0 25")
    assert [rect["class"] for rect in operator.page.select(".bar rect")] == [["bar--first"], ["bar--first"], ["bar--rest"]]


def test_every_organisation_is_listed_with_what_it_bought(parish, operator):
    operator.click("Customers")
    assert "has not bought" in row_of(operator, "St Mary")
    parish.pays_for(25)
    operator.get("/office/customers")
    assert row_of(operator, "St Mary").endswith("active 25 0 23 November 2027")


@pytest.mark.parametrize(("status", "words"), [("past_due", "lapsed"), ("unpaid", "lapsed"), ("incomplete", "pending")])
def test_a_customer_in_trouble_is_shown_as_such(parish, operator, status, words):
    parish.pays_for(25, status=status, period_start=clock_of(parish) - timedelta(days=30))
    operator.get("/office/customers")
    assert words in row_of(operator, "St Mary")


def test_more_seats_taken_than_bought_are_shown(parish, operator):
    parish.pays_for(5)
    with parish.app.app_context(), transaction():
        db.session.execute(sa.update(Subscription).values(taken=7, is_over=True))
    operator.get("/office/customers")
    assert "more taken than bought" in row_of(operator, "St Mary")


def test_the_money_page_of_a_quiet_shop_says_that_all_is_well(operator):
    operator.get("/office/money")
    assert "Every order that was paid has its seats." in operator.words
    assert "No message has arrived yet." in operator.words


def test_a_message_that_failed_stands_first_with_its_error_and_is_replayed(parish, operator, connect):
    connect()
    store(parish.app, "evt_failed", "customer.subscription.updated", subscription_id="sub_unknown")
    with parish.app.app_context():
        assert parish.app.extensions["jobs"].run("provider_events") == 1
    store(parish.app, "evt_new")
    operator.get("/office/money")
    first = operator.page.select("tbody tr")[0].get_text(" ")
    assert "failed" in first
    assert "Missing" in first
    operator.submit("Replay customer.subscription.updated evt_failed")
    assert "The message will be applied again in a moment." in operator.words
    with parish.app.app_context():
        assert parish.app.extensions["jobs"].run("provider_events") == 2


def test_a_message_that_never_came_cannot_be_replayed(operator):
    operator.get("/office/money")
    operator.post("/office/money/events/evt_0/replay", status=404)


def test_an_order_paid_and_not_served_is_shown_until_it_is(parish, operator, connect):
    gateway = connect()
    with parish.app.app_context():
        with transaction():
            buyer = memberships.actor(people.with_address("ruth@example.org"), parish.id)
            order = checkouts.start(buyer, 25, Interval.YEAR, vat_percent=20, seat_for_buyer=False)
        reactions.open_checkout(gateway, order.id, address="ruth@example.org", page_url="http://127.0.0.1:8000/order")
        provider_id = db.session.scalars(sa.select(Checkout.provider_id)).one()
        page = f"{parish.app.extensions['sandbox'].listen()}/checkout/{provider_id}"
        requests.post(page, data=CARD, timeout=20, allow_redirects=False).raise_for_status()
        with transaction():
            assert checkouts.record(order.id, gateway.checkout(provider_id)) is checkouts.State.PAID
        order_id = str(order.id)
    operator.get("/office/money")
    assert "£984.96 paid" in row_of(operator, order_id)
    operator.submit("Reconcile now")
    assert "Asked about 1 orders and 1 subscriptions." in operator.words
    assert "Every order that was paid has its seats." in operator.words
    assert parish.seats().bought == 25


def test_what_cannot_be_put_right_is_said(parish, operator, connect):
    connect()
    parish.pays_for(5)
    operator.get("/office/money")
    operator.submit("Reconcile now")
    assert "Subscription sub_1: We cannot find that." in operator.words


def test_the_office_is_not_there_for_customers(parish):
    parish.owner.get("/office/", 404)
    assert not parish.owner.page.select('a[href="/office/"]')


def clock_of(parish):
    with parish.app.app_context():
        return clock.now()


def test_money_shows_whether_the_providers_prices_are_those_of_the_cards(parish, operator, connect):
    operator.get("/office/money")
    assert "They have not been compared yet." in operator.words
    connect()
    operator.submit("Reconcile now")
    assert "Version 1 by the month" in operator.words
    assert "as the card says" in operator.words


def test_messages_in_another_version_of_the_api_raise_an_alarm(parish, operator, connect):
    operator.get("/office/money")
    assert "another API version" not in operator.words
    store(parish.app, "evt_old", api_version="2019-01-01")
    store(parish.app, "evt_ours", api_version=connect().api_version)
    operator.get("/office/money")
    assert "Messages came in another API version than 2026-10-28.endive" in operator.words
    assert "1 in 2019-01-01" in operator.words


def test_a_dispute_is_shown_with_what_it_is_about_until_when_and_where_to_answer(parish, operator, connect):
    gateway = connect()
    with parish.app.app_context():
        buy(parish.app, memberships.actor(people.with_address("ruth@example.org"), parish.id), gateway, 25, Interval.YEAR)
    controls = parish.app.extensions["sandbox"].controls
    operator.get("/office/money")
    assert "Nobody disputes a payment." in operator.words
    controls.open_dispute(controls.payments()[0].id)
    operator.submit("Reconcile now")
    shown = row_of(operator, "St Mary")
    assert "£984.96 fraudulent" in shown
    assert "to be answered" in shown
    operator.click("Open the dispute about £984.96 of St Mary")
    assert operator.path == "/sandbox/"
    controls.close_dispute(controls.payments()[0].dispute, is_won=True)
    operator.get("/office/money")
    operator.submit("Reconcile now")
    assert "nothing to do won" in row_of(operator, "St Mary")
    parish.owner.get(f"{parish.home}billing")
    assert "A dispute about a payment was decided for us, and nothing changes" in parish.owner.words


def test_money_that_came_back_is_to_be_paid_by_hand(parish, operator, connect):
    connect()
    parish.pays_for(5)
    with parish.app.app_context(), transaction():
        refunds.record(
            ProviderRefund(
                id="re_1",
                invoice_id=None,
                subscription_id="sub_1",
                status="failed",
                amount_minor=1234,
                currency="GBP",
                made_at=clock.now(),
            )
        )
    operator.get("/office/money")
    assert "£12.34" in row_of(operator, "St Mary")
    assert "came back: pay it by hand" in row_of(operator, "St Mary")
