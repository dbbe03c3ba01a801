"""Buying in a browser: from the price page over the provider's page to seats, and every way in which that goes otherwise."""

from __future__ import annotations

import pytest
import requests
import sqlalchemy as sa
from bs4 import BeautifulSoup
from werkzeug.datastructures import Headers

from app.accounts.memberships import Role
from app.factory import SANDBOX_MOUNT
from app.kernel.db import db
from billing.checkouts import Checkout
from billing.seats import Count
from tests.buying import CARD
from tests.page_reader import CHECKS, PageReader, Sheet

SHOP = "http://127.0.0.1:8000"
DECLINED, ASKS = "4000 0000 0000 0002", "4000 0025 0000 3155"
# The provider's page has headers, forms and addresses of its own.
OF_THE_SHOP = {"security", "forms", "addresses"}


class PaymentPage:
    """The provider's page of an order, as the buyer's browser has it."""

    def __init__(self, app, address):
        assert address.startswith(f"{SHOP}{SANDBOX_MOUNT}/checkout/cs_")
        self.app = app
        self.base = app.extensions["sandbox"].listen()
        self.address = address.replace(f"{SHOP}{SANDBOX_MOUNT}", self.base)

    def read(self, answer, status):
        """Read a page of the provider as the shop's are read, but for what is the shop's own."""
        assert answer.status_code == status
        page = BeautifulSoup(answer.text, "html5lib")
        sheet = Sheet(page, Headers(answer.headers.items()), self.app)
        assert [fault for check in CHECKS if check.__name__ not in OF_THE_SHOP for fault in check(sheet)] == []
        return page

    def open(self, status=200):
        return self.read(requests.get(self.address, timeout=20), status)

    def pay(self, number=CARD["number"]):
        return requests.post(self.address, data=CARD | {"number": number}, timeout=20, allow_redirects=False)


@pytest.fixture
def order(parish, connect):
    """Give a way to order seats as the owner: it gives the provider's page."""
    connect()

    def begin(number=25, interval="year", **fields):
        parish.owner.get(f"/buy?seats={number}&interval={interval}")
        button = parish.owner.page.select_one("main form button").text
        parish.owner.submit(button, fields)
        return PaymentPage(parish.app, parish.owner.location)

    return begin


def come_back(parish, answer):
    """Follow the provider's way back to the shop."""
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{SHOP}/workspace/{parish.id}/checkouts/")
    return parish.owner.get(answer.headers["Location"].removeprefix(SHOP))


def page_of_order(parish):
    """Give the address of the page about the one order there is."""
    with parish.app.app_context():
        return f"{parish.home}checkouts/{db.session.scalars(sa.select(Checkout.id)).one()}"


def test_a_visitor_sees_the_exact_price_and_the_ways_in(parish):
    visitor = PageReader(parish.app)
    visitor.get("/buy?seats=25&interval=year")
    assert "£984.96" in visitor.words
    visitor.click("Create an account")
    visitor.get("/buy?seats=25&interval=year")
    visitor.page.header.decompose()
    visitor.click("Sign in")
    visitor.submit("Sign in", {"address": "ruth@example.org", "password": parish.password})
    assert visitor.path == "/buy?seats=25&interval=year"


@pytest.mark.parametrize("seats", ["", "0", "-1", "abc", "2001", "1e3", "9" * 4400])
def test_a_number_that_cannot_be_bought_is_refused_with_what_to_do(parish, seats):
    parish.owner.get("/buy", 422, query_string={"seats": seats, "interval": "year"})
    assert "Choose between 1 and 2,000 people on the price page." in parish.owner.words
    parish.owner.get("/workspace/")
    parish.owner.post(f"{parish.home}checkouts", {"seats": seats, "interval": "year"}, 422)


def test_an_order_is_paid_confirmed_and_served(parish, order):
    page = order()
    shown = page.open().get_text(" ")
    assert "£984.96" in shown
    come_back(parish, page.pay())
    assert parish.owner.heading == "We are confirming your payment"
    assert parish.seats() == Count(0, 0, 0)
    parish.owner.submit("Check now")
    assert parish.owner.heading == "Thank you. Your seats are ready"
    assert "St Mary has 25 seats." in parish.owner.words
    assert parish.seats() == Count(25, 0, 0)
    parish.owner.click("Go to the workspace")
    assert "0 of 25 seats in use" in parish.owner.words
    assert "£984.96 including VAT" in parish.owner.words


def test_the_page_after_payment_only_reads(parish, order):
    page = order()
    page.pay()
    path = page_of_order(parish)
    for _ in range(2):
        parish.owner.get(f"{path}?returned=paid")
        assert parish.owner.heading == "We are confirming your payment"
    assert parish.seats() == Count(0, 0, 0)


def test_a_way_back_that_was_typed_proves_nothing(parish, order):
    order()
    parish.owner.get(f"{page_of_order(parish)}?returned=paid")
    parish.owner.submit("Check now")
    assert parish.owner.heading == "We are confirming your payment"
    assert parish.seats() == Count(0, 0, 0)


def test_checking_twice_serves_once(parish, order):
    come_back(parish, order().pay())
    parish.owner.submit("Check now")
    parish.owner.post(f"{page_of_order(parish)}/confirm")
    assert parish.seats() == Count(25, 0, 0)


def test_who_turns_back_finds_the_order_where_it_was(parish, order):
    page = order()
    back = page.open().find("a", string="Back to the shop")["href"]
    parish.owner.get(back.removeprefix(SHOP))
    assert parish.owner.heading == "You have not paid yet"
    onward = parish.owner.page.find("a", string="Go on to payment")["href"]
    assert PaymentPage(parish.app, onward).address == page.address
    parish.owner.click("Change the order")


def test_the_same_order_again_leads_to_the_same_page_and_another_closes_it(parish, order):
    first = order()
    assert order().address == first.address
    second = order(10)
    assert second.address != first.address
    assert "expired" in first.open(410).h1.text
    come_back(parish, second.pay())
    parish.owner.submit("Check now")
    assert parish.seats() == Count(10, 0, 0)


def test_a_declined_card_charges_nothing_and_can_be_replaced(parish, order):
    page = order()
    declined = page.pay(DECLINED)
    assert "Your card was declined." in page.read(declined, 402).get_text(" ")
    come_back(parish, page.pay())
    parish.owner.submit("Check now")
    assert parish.seats() == Count(25, 0, 0)


def test_a_card_that_asks_its_bank_pays_after_the_answer(parish, order):
    page = order()
    asked = page.pay(ASKS)
    assert asked.status_code == 303
    question = f"{page.base}{asked.headers['Location'].removeprefix(SANDBOX_MOUNT)}"
    page.read(requests.get(question, timeout=20), 200)
    answer = requests.post(question, data={"outcome": "complete"}, timeout=20, allow_redirects=False)
    come_back(parish, answer)
    parish.owner.submit("Check now")
    assert parish.seats() == Count(25, 0, 0)


def test_a_seat_for_the_buyer_opens_the_courses_to_them(parish, order):
    parish.owner.get("/buy?seats=1&interval=month")
    assert parish.owner.page.select_one("#seat-for-me-1").has_attr("checked")
    come_back(parish, order(1, "month", seat_for_me="y").pay())
    parish.owner.submit("Check now")
    assert parish.seats() == Count(1, 1, 0)
    parish.owner.get(f"/learn/{parish.id}/fire-safety-awareness/1/1")
    assert "looking around without a seat" not in parish.owner.words


def test_an_organisation_buys_once(parish, order):
    come_back(parish, order().pay())
    parish.owner.submit("Check now")
    parish.owner.get("/buy?seats=5&interval=year")
    assert "St Mary has a subscription already." in parish.owner.words
    parish.owner.post(f"{parish.home}checkouts", {"seats": "5", "interval": "year"}, 409)
    assert "already has a subscription, so we have not started another" in parish.owner.words


def test_somebody_who_pays_may_buy_and_somebody_who_learns_may_not(parish, connect):
    connect()
    frances = parish.member("frances@example.org", Role.BILLING)
    frances.get("/buy?seats=5&interval=year")
    assert "St Mary" in [heading.text for heading in frances.page.select("main h2")]
    leo = parish.member("leo@example.org", Role.LEARNER)
    leo.get("/buy?seats=5&interval=year")
    assert "St Mary" not in [heading.text for heading in leo.page.select("main h2")]
    leo.post(f"{parish.home}checkouts", {"seats": "5", "interval": "year"}, 403)


def test_a_provider_that_does_not_answer_is_said_and_nothing_is_lost(parish, connect):
    parish.app.extensions["gateway"] = connect("http://127.0.0.1:9")
    parish.owner.get("/buy?seats=5&interval=year")
    parish.owner.submit("Pay £475.20", status=503)
    assert parish.owner.page.select_one("code").text == parish.owner.response.headers["X-Request-Id"]
    parish.app.extensions["gateway"] = connect()
    parish.owner.get("/buy?seats=5&interval=year")
    parish.owner.submit("Pay £475.20")
    come_back(parish, PaymentPage(parish.app, parish.owner.location).pay())
    parish.owner.submit("Check now")
    assert parish.seats() == Count(5, 0, 0)


def test_a_second_payment_is_given_back_and_said(parish, order):
    page = order()
    parish.pays_for(5, id="sub_elsewhere")
    come_back(parish, page.pay())
    parish.owner.submit("Check now")
    assert parish.owner.heading == "Your second payment was given back"
    assert "£984.96 goes back the way you paid" in parish.owner.words
    assert parish.seats() == Count(5, 0, 0)
