"""Paying by Direct Debit in a browser: each page says where it stands, and none lets anybody buy twice meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from app.kernel import clock
from app.kernel.transaction import transaction
from billing.seats import Count
from tests.buying import CARD
from tests.web.test_checkout_pages import come_back, order, page_of_order

__all__ = ["order"]
DEBIT = CARD | {"number": "", "method": "bacs_debit", "sort_code": "10-88-00", "account_name": "Ruth"}


@pytest.fixture
def debited(parish, order):
    """Give a way to pay an order from an account."""

    def by(account):
        page = order()
        assert "Direct Debit" in page.open().get_text(" ")
        answer = requests.post(page.address, data=DEBIT | {"account": account}, timeout=20, allow_redirects=False)
        come_back(parish, answer)
        parish.owner.submit("Check now")
        return page

    return by


def travel(parish, **step):
    with parish.app.app_context(), transaction():
        clock.advance(timedelta(**step))


def test_while_the_debit_is_on_its_way_every_page_says_so(parish, debited):
    page = debited("00012345")
    assert parish.owner.heading == "Your Direct Debit is on its way"
    assert "Your payment is on its way" in page.open().get_text(" ")
    parish.owner.get(f"{parish.home}billing")
    assert "An order of 25 seats is being paid by Direct Debit: £984.96." in parish.owner.words
    parish.owner.get("/buy?seats=25&interval=year")
    assert parish.owner.page.find("button", string="Pay £984.96") is None
    parish.owner.click("See where it stands")
    assert parish.seats() == Count(0, 0, 0)


def test_an_order_page_that_was_still_open_starts_no_second_order(parish, debited):
    other = parish.owner.again()
    other.get("/buy?seats=30&interval=year")
    debited("00012345")
    other.submit(other.page.select_one("main form button").text, status=409)
    assert "being paid by Direct Debit already" in other.words


def test_when_the_bank_has_paid_the_seats_are_there(parish, debited):
    debited("00012345")
    travel(parish, days=12)
    parish.owner.get(page_of_order(parish))
    parish.owner.submit("Check now")
    assert parish.owner.heading == "Thank you. Your seats are ready"
    parish.owner.get(f"{parish.home}billing")
    assert "Direct Debit from the account ending 2345" in parish.owner.words


def test_when_the_bank_has_refused_the_order_is_closed_and_another_can_start(parish, debited):
    debited("22222227")
    travel(parish, days=12)
    parish.owner.get(page_of_order(parish))
    parish.owner.submit("Check now")
    assert parish.owner.heading == "This order is closed"
    parish.owner.click("Start again")
    assert parish.owner.page.find("button", string="Pay £984.96") is not None


def test_more_seats_by_debit_wait_for_the_bank_and_say_so(parish, debited):
    debited("00012345")
    travel(parish, days=12)
    parish.owner.get(page_of_order(parish))
    parish.owner.submit("Check now")
    parish.owner.get(f"{parish.home}billing/more-seats?seats=5")
    assert "Direct Debit" in parish.owner.words
    button = parish.owner.page.select_one("main form[method=post] button").text
    parish.owner.submit(button)
    assert "is on its way, which takes up to four working days" in parish.owner.words
    assert parish.seats() == Count(25, 0, 0)
