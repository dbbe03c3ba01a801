"""The sandbox's own pages: a clock that can be moved, and a mailbox with every mail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import factory, mail
from app.kernel import clock, outbox
from app.kernel.transaction import transaction
from app.web.sandbox import MAIL_POLICY
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
    assert [cell.text for cell in visitor.page.select("tbody td:nth-of-type(1)")] == ["tom@example.org"]
    visitor.submit("Search", {"to": "%"})
    assert [cell.text for cell in visitor.page.select("tbody td:nth-of-type(1)")] == ["100%@example.org"]
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
