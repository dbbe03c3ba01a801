"""The sandbox's own pages: a clock that can be moved, and a mailbox with every mail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import factory, mail
from app.kernel import clock, outbox
from app.kernel.transaction import transaction
from app.web.lone_mail import MAIL_POLICY
from tests.page_reader import PageReader


@pytest.fixture
def visitor(app):
    """Give somebody who tries the shop."""
    return PageReader(app)


@pytest.fixture
def sent(app):
    """Give a sender of mails to addresses."""

    def send(*addresses):
        with app.app_context():
            with transaction():
                for address in addresses:
                    outbox.write("no_account", address)
            mail.send_due()

    return send


@pytest.mark.parametrize(("step", "days"), [("hour", 0), ("day", 1), ("week", 7), ("month", 31)])
def test_the_clock_moves_forward(app, visitor, connect, step, days):
    connect()
    with app.app_context():
        before = clock.now()
    visitor.get("/sandbox/")
    visitor.submit(f"Forward {'an' if step == 'hour' else 'a'} {step}")
    assert "The clock has moved." in visitor.words
    with app.app_context():
        moved = clock.now() - before
    assert timedelta(days=days) < moved < timedelta(days=days, hours=1, minutes=1)


def test_the_clock_does_not_move_back_or_by_what_was_made_up(visitor, connect):
    connect()
    visitor.get("/sandbox/")
    for step in ("", "year", "-1"):
        visitor.post("/sandbox/clock", {"step": step}, 422)
    assert "Choose by how much the clock moves" in visitor.words


def test_an_empty_mailbox_says_how_it_fills(visitor):
    visitor.get("/sandbox/mailbox")
    assert "No mail yet" in visitor.words
    visitor.click("Register")


def test_mails_are_found_by_a_part_of_their_address(visitor, sent):
    sent("ruth@example.org", "tom@example.org", "100%@example.org")
    visitor.get("/sandbox/mailbox")
    assert len(visitor.page.select("tbody tr")) == 3
    visitor.submit("Search", {"to": "TOM"})
    assert [cell.text for cell in visitor.page.select("tbody th p")] == ["tom@example.org"]
    visitor.submit("Search", {"to": "%"})
    assert [cell.text for cell in visitor.page.select("tbody th p")] == ["100%@example.org"]
    visitor.submit("Search", {"to": "nobody"})
    assert "No mail to nobody" in visitor.words


def test_a_mail_is_shown_with_its_links(visitor, sent):
    sent("ruth@example.org")
    visitor.get("/sandbox/mailbox")
    visitor.get(visitor.page.select_one("tbody a")["href"])
    assert "ruth@example.org" in visitor.words
    visitor.get(visitor.page.select_one("main li a[href*='/register']")["href"].removeprefix("http://127.0.0.1:8000"))


def test_a_mail_as_sent_can_do_nothing_but_be_read(visitor, sent):
    sent("ruth@example.org")
    visitor.get("/sandbox/mailbox")
    visitor.get(visitor.page.select_one("tbody a")["href"])
    page = visitor.click("See it with its layout")
    assert visitor.response.headers["Content-Security-Policy"] == MAIL_POLICY
    assert not page.select("script, form, img")


def test_a_mail_that_is_not_there_is_not_found(visitor):
    for part in ("", "/html"):
        visitor.get(f"/sandbox/mailbox/00000000-0000-0000-0000-000000000000{part}", 404)


def test_the_provider_s_pages_stand_beside_the_shop(app, connect):
    connect()
    app.wsgi_app, shop = factory.with_sandbox(app), app.wsgi_app
    try:
        answer = app.test_client().get(f"{factory.SANDBOX_MOUNT}/checkout/cs_unknown")
    finally:
        app.wsgi_app = shop
    assert answer.status_code == 404
    assert "We cannot find that payment page" in answer.text


@pytest.fixture
def paid(app, connect):
    """Give the controls of a sandbox in which somebody has paid."""
    gateway = connect()
    v1 = gateway.client.v1
    card = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    customer = v1.customers.create({"name": "St Mary", **card})
    price = v1.prices.create(
        {"product_data": {"name": "Seats"}, "currency": "gbp", "unit_amount": 1000, "recurring": {"interval": "month"}}
    )
    v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": 5}]})
    return app.extensions["sandbox"].controls


def test_with_nothing_paid_the_controls_say_how_to_get_there(visitor, connect):
    connect()
    visitor.get("/sandbox/")
    assert "Nobody pays yet" in visitor.words
    assert "No card has been charged yet" in visitor.words
    assert "Each message arrives once, in order and at once." in visitor.words


def test_the_next_payment_is_made_to_fail(visitor, paid):
    visitor.get("/sandbox/")
    visitor.submit("Let it fail: the next payment of St Mary")
    assert "Their next payment will be declined, once." in visitor.words
    assert "will be declined" in visitor.words
    assert paid.payers()[0].will_fail


@pytest.mark.parametrize(("outcome", "state"), [("Won", "dispute won"), ("Lost", "dispute lost")])
def test_a_payment_is_disputed_and_the_bank_decides(visitor, paid, outcome, state):
    visitor.get("/sandbox/")
    visitor.submit("Dispute £50.00 of St Mary")
    assert "The payment is disputed" in visitor.words
    visitor.submit(f"{outcome}: the dispute about £50.00 of St Mary")
    assert state in visitor.words
    assert [payment.state for payment in paid.payments()] == [state]


def test_a_dispute_ends_in_one_of_two_ways_and_about_what_is_there(visitor, paid):
    visitor.get("/sandbox/")
    visitor.post("/sandbox/disputes/du_none/close", {"outcome": "drawn"}, 422)
    assert "won or lost" in visitor.words
    for address in ("disputes/du_none/close", "payments/ch_none/dispute", "payers/cus_none/fail"):
        visitor.post(f"/sandbox/{address}", {"outcome": "won"}, 404)


def test_messages_are_put_in_trouble_and_back_in_order(visitor, paid):
    visitor.get("/sandbox/")
    visitor.post("/sandbox/messages", {"trouble": ["duplicate", "drop"]}, 303)
    visitor.get("/sandbox/")
    assert "do not arrive as they should" in visitor.words
    assert paid.troubles() == {"duplicate", "drop"}
    assert {box["value"] for box in visitor.page.select("input[name=trouble][checked]")} == {"duplicate", "drop"}
    visitor.submit("Put all back")
    assert "Each message arrives once, in order and at once." in visitor.words
    assert paid.troubles() == set()
