"""Buying for oneself in a browser: told of the right to cancel, ticking to start at once, and cancelling with the money back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import memberships, people
from app.accounts.organisations import Organisation
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import reconciliation, withdrawals
from tests.web.test_checkout_pages import PaymentPage, come_back


@pytest.fixture
def alone(parish, connect):
    """Have the owner buy for themselves."""
    connect()
    with parish.app.app_context(), transaction():
        db.session.execute(sa.update(Organisation).values(kind="individual"))
    return parish.owner


def buy(parish, alone):
    alone.get("/buy?seats=1&interval=year")
    alone.submit("Pay £108.00", {"starts_at_once": "y"})
    come_back(parish, PaymentPage(parish.app, alone.location).pay())
    alone.submit("Check now")


def travel(parish, **step):
    with parish.app.app_context(), transaction():
        clock.advance(timedelta(**step))


def test_before_paying_they_are_told_of_the_right_and_have_to_ask_to_start_at_once(parish, alone):
    alone.get("/buy?seats=1&interval=year")
    assert "You have 14 days to change your mind" in alone.words
    alone.submit("Pay £108.00", status=422)
    assert "Tick that you want to start at once." in alone.words
    assert alone.page.find("input", attrs={"name": "starts_at_once"}) is not None


def test_an_organisation_is_not_asked(parish):
    parish.owner.get("/buy?seats=1&interval=year")
    assert "14 days" not in parish.owner.words


def test_they_cancel_from_billing_see_what_goes_back_and_that_it_did(parish, alone):
    buy(parish, alone)
    travel(parish, days=10)
    alone.get(f"{parish.home}billing")
    alone.click("Cancel and get your money back")
    assert "we keep £2.96 for the 10 days you have used" in alone.words
    alone.submit("Cancel now and get £105.04 back")
    assert alone.heading == "You have cancelled"
    assert "£105.04" in alone.words
    alone.get(f"{parish.home}billing")
    assert "The subscription has ended" in alone.words
    assert "cancelled within 14 days" in alone.words


def test_a_page_that_was_opened_days_ago_gives_back_nothing_else_than_it_showed(parish, alone):
    buy(parish, alone)
    alone.get(f"{parish.home}billing/withdrawal")
    travel(parish, days=2)
    alone.submit("Cancel now and get £108.00 back", status=409)
    assert "What you get back has changed" in alone.words


def test_after_fourteen_days_the_way_there_is_gone_and_the_page_says_why(parish, alone):
    buy(parish, alone)
    travel(parish, days=15)
    alone.get(f"{parish.home}billing")
    assert alone.page.find("a", string="Cancel and get your money back") is None
    alone.get(f"{parish.home}billing/withdrawal")
    assert alone.heading == "Nothing to give back"


def test_while_a_bank_looks_into_the_payment_the_page_says_so_instead_of_a_button(parish, alone, connect):
    buy(parish, alone)
    with parish.app.app_context():
        controls = parish.app.extensions["sandbox"].controls
        controls.open_dispute(controls.payments()[0].id)
        reconciliation.run(connect())
    alone.get(f"{parish.home}billing/withdrawal")
    assert "Your bank is looking into a payment of yours." in alone.words
    assert alone.page.find("button", string="Cancel now and get £108.00 back") is None


def test_the_operator_sees_what_should_have_gone_back_an_hour_ago(parish, alone, operator):
    buy(parish, alone)
    with parish.app.app_context(), transaction():
        buyer = memberships.actor(people.with_address("ruth@example.org"), parish.id)
        withdrawals.ask(buyer, keeps_used_days=True)
    operator.get("/office/money")
    assert "Money that should have gone back" not in operator.words
    travel(parish, hours=2)
    operator.get("/office/money")
    assert "Money that should have gone back" in operator.words
    assert "£108.00" in operator.words
