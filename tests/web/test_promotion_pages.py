"""Promotion codes on the operator's page and on the order."""

from __future__ import annotations

import pytest

from app.kernel.transaction import transaction
from billing import promotions
from billing.figures import Discount
from billing.price_cards import Interval
from tests.page_reader import PageReader
from tests.web.test_checkout_pages import PaymentPage, come_back


@pytest.fixture
def code(parish):
    with parish.app.app_context(), transaction():
        promotions.make("AUTUMN20", Discount(20, None), by=parish.owner_id, currency="GBP", interval=Interval.YEAR, payments=1)


def test_the_operator_makes_a_code_sees_it_and_ends_it(parish, operator):
    operator.get("/office/money")
    operator.click("Promotion codes")
    assert "There is no promotion code yet." in operator.words
    operator.submit("Make the code", {"code": "spring", "amount": "£12.50", "interval": "month", "payments": "3", "limit": "10"})
    assert "The code SPRING can be used now: £12.50 before VAT off the first 3 payments." in operator.words
    assert "0 of 10" in operator.words
    operator.submit("End it")
    assert "The code SPRING cannot be used any more." in operator.words
    assert operator.page.find("button", string="End it") is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"percent": ""}, "Give either a percentage or an amount."),
        ({"percent": "ten"}, "Give a whole number, or leave it empty."),
        ({"percent": "", "amount": "lots"}, "Give an amount in pounds"),
        ({"percent": "", "amount": "1.005"}, "Give an amount in pounds"),
        ({"percent": "", "amount": "1e5"}, "Give an amount in pounds"),
        ({"percent": "", "amount": "0"}, "Give a whole number from 1 upwards."),
        ({"last_day": "soon"}, "Give the last day as a date"),
    ],
)
def test_a_code_that_makes_no_sense_is_refused_and_the_form_comes_back_filled_in(operator, typed, words):
    operator.get("/office/promotions")
    operator.submit("Make the code", {"code": "SPRING", "percent": "10", **typed}, status=422)
    assert words in operator.words
    assert operator.page.find("input", id="code")["value"] == "SPRING"


def test_a_visitor_sees_what_a_code_takes_off_and_keeps_it_while_registering(parish, code):
    visitor = PageReader(parish.app)
    visitor.get("/buy?seats=25&interval=year")
    visitor.submit("Use this code", {"code": "autumn20"})
    for words in ("£820.80", "Code AUTUMN20", "-£164.16", "£656.64", "£131.33", "£787.97", "20% off the first payment"):
        assert words in visitor.words
    visitor.click("Create an account")
    assert "code=AUTUMN20" in visitor.page.find("input", attrs={"name": "next"})["value"]


@pytest.mark.parametrize("typed", ["NOSUCH", "  ?  ", "x" * 300])
def test_a_code_we_do_not_know_is_said_at_its_field(parish, typed):
    parish.owner.get("/buy?seats=25&interval=year")
    parish.owner.submit("Use this code", {"code": typed}, status=422)
    assert "We do not know this code." in parish.owner.words
    assert "£984.96" in parish.owner.words


def test_an_order_with_a_code_is_paid_as_it_was_shown_and_billing_says_until_when_it_runs(parish, code, connect):
    connect()
    parish.owner.get("/buy?seats=25&interval=year&code=AUTUMN20")
    parish.owner.submit("Pay £787.97")
    page = PaymentPage(parish.app, parish.owner.location)
    assert "£787.97" in page.open().get_text(" ")
    come_back(parish, page.pay())
    parish.owner.submit("Check now")
    assert "-£164.16" in parish.owner.words
    parish.owner.get(f"{parish.home}billing")
    assert "20% off each payment until" in parish.owner.words
    assert "£984.96 including £164.16 VAT" in parish.owner.words
    assert "1 High Street, Exampleton, SW1A 1AA" in parish.owner.words


def test_a_code_that_ran_out_while_the_page_was_open_is_said_there(parish, code):
    parish.owner.get("/buy?seats=25&interval=year&code=AUTUMN20")
    with parish.app.app_context(), transaction():
        promotions.end("AUTUMN20", by=parish.owner_id)
    parish.owner.submit("Pay £787.97", status=422)
    assert "The code AUTUMN20 has run out." in parish.owner.words
