"""Quotes in a browser: from the price page to an invoice that is paid by bank, with and without an account."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import mail
from app.accounts import invitations
from app.accounts.invitations import Invitation
from app.accounts.people import Person
from app.kernel import clock
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail
from app.kernel.transaction import transaction
from app.web import context
from billing import invoices, quotes, receipts, reconciliation
from billing.quotes import Quote
from billing.seats import Count
from tests.changing import pay_invoice
from tests.page_reader import PageReader

BANK = "Sample Training Ltd, sort code 00-00-00, account 12345678"
ACCEPTANCE = {
    "purchase_order": "PO-4711",
    "name": "Frances Doyle",
    "finance_name": "Accounts",
    "finance_address": "accounts@example.org",
    "line1": "1 High Street",
    "city": "Exampleton",
    "postcode": "SW1A 1AA",
    "is_agreed": "y",
}


class Desk:
    """The parish, its quotes, and whoever has their links."""

    def __init__(self, parish, gateway):
        self.parish, self.app, self.gateway = parish, parish.app, gateway
        self.here = f"{parish.home}billing"

    def quote(self, seats=25):
        owner = self.parish.owner
        owner.get(f"{self.here}/quote", query_string={"seats": str(seats)})
        owner.submit(owner.page.select_one("main form[method=post] button").text)
        return owner.path

    def stranger(self, path):
        browser = PageReader(self.app)
        browser.get(path)
        return browser

    def accept(self, path, **changes):
        browser = self.stranger(path)
        browser.post(f"{path}/accept", ACCEPTANCE | changes)
        browser.get(path)
        return browser

    def operator(self):
        self.parish.make_person(name="Olive Marsh", address="olive@example.org", organisation="The shop")
        with self.app.app_context(), transaction():
            db.session.execute(sa.update(Person).where(Person.address == "olive@example.org").values(is_operator=True))
        return self.parish.browser("olive@example.org")

    def invoice(self):
        with self.app.app_context():
            return invoices.of_organisation(self.parish.id)[0]

    def newest(self):
        with self.app.app_context():
            return db.session.scalars(sa.select(Quote).order_by(Quote.number.desc()).limit(1)).one()

    def later(self, **step):
        with self.app.app_context(), transaction():
            clock.advance(timedelta(**step))

    def subjects(self, address):
        with self.app.app_context():
            mail.send_due()
            query = sa.select(DeliveredMail.subject).where(DeliveredMail.address == address).order_by(DeliveredMail.id)
            return list(db.session.scalars(query))


@pytest.fixture
def environment(environment):
    return environment | {"LANYARD_BANK_DETAILS": BANK}


@pytest.fixture
def desk(parish, connect):
    return Desk(parish, connect())


def test_the_price_page_leads_to_a_quote_for_the_same_number_and_figure(desk):
    owner = desk.parish.owner
    owner.get("/prices", query_string={"seats": "25"})
    owner.click("Get a quote", 303)
    owner.follow()
    assert owner.path == f"{desk.here}/quote?seats=25"
    assert "£984.96" in owner.words
    owner.submit("Send a quote for £984.96")
    assert "The quote is on its way to ruth@example.org." in owner.words
    assert re.search(r"Quote Q-20\d\d-0001", owner.words)
    assert desk.subjects("ruth@example.org")[-1].endswith("for St Mary")
    owner.get(desk.here)
    assert "-0001" in owner.words


def test_a_visitor_is_led_to_an_account_and_back_to_the_quote(desk):
    visitor = desk.stranger("/quote?seats=5000")
    visitor.get("/quote", query_string={"seats": "5000"})
    assert "Create an account" in visitor.words
    hrefs = [link["href"] for link in visitor.page.select("main .actions a")]
    assert hrefs == ["/register?next=/quote?seats%3D5000", "/sign-in?next=/quote?seats%3D5000"]
    desk.parish.owner.get("/quote", 303, query_string={"seats": "5000"})


def test_the_link_needs_no_account_says_the_figures_and_opens_the_same_pdf_each_time(desk):
    path = desk.quote(5000)
    browser = desk.stranger(path)
    for words in ("For St Mary", "5,000 seats for a year", "the next 4,001", "To pay, including VAT", "Valid until"):
        assert words in browser.words
    assert browser.page.select_one("meta[name=robots]")["content"] == "noindex"
    answers = [browser.client.get(f"{path}/quote.pdf") for _ in range(2)]
    assert [(answer.status_code, answer.mimetype) for answer in answers] == [(200, "application/pdf")] * 2
    assert answers[0].data == answers[1].data
    assert answers[0].data.startswith(b"%PDF-")
    browser.get("/quotes/forged", 404)


def test_accepting_needs_what_the_invoice_needs_and_comes_back_filled_in(desk):
    path = desk.quote()
    browser = desk.stranger(path)
    browser.post(f"{path}/accept", ACCEPTANCE | {"finance_address": "accounts"}, 422)
    assert "Give an e-mail address in full" in browser.words
    assert browser.page.select_one("#purchase_order")["value"] == "PO-4711"
    for name, words in (("line1", "Give the first line"), ("city", "Give the town"), ("postcode", "Give the postcode")):
        browser.post(f"{path}/accept", ACCEPTANCE | {name: ""}, 422)
        assert words in browser.words
    assert browser.page.select_one("#line1")["value"] == "1 High Street"
    typed = {name: value for name, value in ACCEPTANCE.items() if name != "is_agreed"}
    browser.post(f"{path}/accept", typed, 422)
    assert "Tick this to accept" in browser.words


def test_an_accepted_quote_shows_its_invoice_and_nothing_is_given_until_it_is_paid(desk):
    path = desk.quote()
    browser = desk.accept(path)
    for words in ("Frances Doyle accepted this quote", "SANDBOX-0001", "PO-4711", "£984.96", "Pay £984.96 by card"):
        assert words in browser.words
    assert f"Pay it by bank transfer to {BANK} with SANDBOX-0001 as the reference" in browser.words
    browser.post(f"{path}/accept", ACCEPTANCE | {"purchase_order": "PO-1"})
    browser.get(path)
    assert "PO-4711" in browser.words
    assert desk.parish.seats() == Count(0, 0, 0, None, 25)
    owner = desk.parish.owner
    owner.get(desk.here)
    for words in ("waiting for payment", "25 seats, 25 of them wait for payment", "invoices, within 30 days", "SANDBOX-0001"):
        assert words in owner.words
    assert "Change the card" not in owner.words
    owner.get(f"{desk.here}/more-seats", 409)
    for page in (desk.parish.home, f"{desk.parish.home}people"):
        owner.get(page)
        assert "25 seats wait for their invoice to be paid" in owner.words
    assert desk.subjects("accounts@example.org")[-1].endswith("is accepted, and here is the invoice")


def test_while_the_provider_does_not_answer_the_page_says_so_and_the_sweep_goes_on(desk, connect):
    path = desk.quote()
    desk.app.extensions["gateway"] = connect("http://127.0.0.1:9")
    browser = desk.accept(path)
    assert "The invoice is being issued" in browser.words
    desk.app.extensions["gateway"] = desk.gateway
    desk.later(minutes=2)
    assert desk.app.extensions["jobs"].run(quotes.SWEEP) == 1
    browser.get(path)
    assert "SANDBOX-0001" in browser.words


def test_a_quote_is_declined_with_a_reason(desk):
    path = desk.quote()
    browser = desk.stranger(path)
    browser.post(f"{path}/decline", {"because": "No budget this year"})
    browser.get(path)
    assert "This quote was declined" in browser.words
    browser.post(f"{path}/accept", ACCEPTANCE, 409)
    assert desk.subjects("ruth@example.org")[-1].endswith("was declined")
    with desk.app.app_context():
        mail.send_due()
        texts = db.session.scalars(sa.select(DeliveredMail.text).where(DeliveredMail.subject.endswith("was declined")))
        assert "No budget this year" in texts.one()


def test_an_expired_quote_says_so_before_and_after_the_sweep(desk):
    path = desk.quote()
    desk.later(days=23, hours=1)
    desk.app.extensions["jobs"].run("quotes")
    assert "is valid until" in desk.subjects("ruth@example.org")[-1]
    for step in (7, 0):
        browser = desk.stranger(path)
        if step:
            desk.later(days=step)
            browser.post(f"{path}/accept", ACCEPTANCE, 409)
        browser.get(path)
        assert "has expired" in browser.words
        desk.app.extensions["jobs"].run("quotes")
    assert desk.subjects("ruth@example.org")[-1].endswith("has expired")


def test_whoever_has_a_subscription_is_led_to_add_seats_instead(desk):
    path = desk.quote()
    desk.parish.pays_for(5)
    owner = desk.parish.owner
    owner.get(f"{desk.here}/quote", query_string={"seats": "5"})
    assert "has a subscription already" in owner.words
    browser = desk.stranger(path)
    browser.post(f"{path}/accept", ACCEPTANCE, 409)
    assert "already has a subscription" in browser.words


@pytest.mark.parametrize("typed", ["0", "x", "10001", "-1", "2.5"])
def test_a_number_that_cannot_be_quoted_is_refused_at_its_field(desk, typed):
    owner = desk.parish.owner
    owner.get(f"{desk.here}/quote", 422, query_string={"seats": typed})
    assert "from 1 to 10,000" in owner.words
    owner.post(f"{desk.here}/quote", {"seats": typed, "name": "Ruth", "address": "ruth@example.org"}, 422)


def test_the_operator_prepares_a_quote_for_a_new_organisation_looks_at_it_and_sends_it(desk):
    operator = desk.operator()
    operator.get("/office/quotes")
    assert "No quotes yet" in operator.words
    operator.click("Prepare a quote")
    typed = {"organisation": "St Bede", "name": "Ben Hale", "address": "ben@example.org", "seats": "120"}
    operator.post("/office/quotes", typed | {"discount_percent": "half"}, 422)
    assert "Give a discount as a whole number" in operator.words
    assert operator.page.select_one("#organisation")["value"] == "St Bede"
    operator.post("/office/quotes", typed | {"note": "As agreed by phone", "discount_percent": "10"})
    quote = desk.newest()
    operator.get(f"/office/quotes/{quote.id}")
    assert "draft" in operator.words
    desk.stranger("/prices").get(f"/quotes/{token(desk, quote)}", 404)
    operator.submit("Send it")
    assert "The quote is on its way." in operator.words
    browser = desk.accept(f"/quotes/{token(desk, quote)}")
    assert "SANDBOX-0001" in browser.words
    for words in ("As agreed by phone", "Discount of 10%, for the first year -£153.45", "£1,657.26"):
        assert words in browser.words
    assert "£1,841.40" not in browser.words
    assert desk.subjects("ben@example.org")[-1].startswith("Quote Q-")
    assert any(subject.startswith("St Bede invites you") for subject in desk.subjects("ben@example.org"))
    operator.get(f"/office/quotes/{quote.id}")
    for words in ("PO-4711", "1 High Street, Exampleton, SW1A 1AA"):
        assert words in operator.words


def test_the_operator_sends_the_owner_of_an_organisation_that_nobody_has_got_into_a_new_invitation(desk):
    operator = desk.operator()
    operator.get(f"/office/customers/{desk.parish.id}")
    assert "Nobody owns it yet" not in operator.words
    typed = {"organisation": "St Bede", "name": "Ben Hale", "address": "ben@example.org", "seats": "120"}
    operator.post("/office/quotes", typed)
    operator.post(f"/office/quotes/{desk.newest().id}/send", {})
    desk.accept(f"/quotes/{token(desk, desk.newest())}")
    desk.later(days=90)
    desk.app.extensions["jobs"].run("invitations")
    operator.get(f"/office/customers/{desk.newest().organisation_id}")
    assert "Ben Hale (ben@example.org) was invited to be its owner and has not accepted." in operator.words
    before = len(desk.subjects("ben@example.org"))
    with desk.app.app_context():
        link = invitations.token(db.session.scalars(sa.select(Invitation.link_id)).one())
    guest = desk.stranger(f"/join/{link}")
    assert guest.heading == "Join St Bede"
    assert "is good until" not in guest.words
    operator.submit("Send the invitation again")
    assert "We have sent Ben Hale a new invitation." in operator.words
    assert desk.subjects("ben@example.org")[before:] == ["St Bede invites you to join its training"]


def test_the_operator_prepares_a_quote_for_a_customer(desk):
    operator = desk.operator()
    operator.get("/office/customers")
    operator.click("St Mary")
    operator.click("Prepare a quote")
    form = {"customer": str(desk.parish.id), "organisation": "St Mary", "name": "Ruth", "address": "ruth@example.org"}
    operator.post("/office/quotes", form | {"seats": "30"})
    assert desk.newest().organisation_id == desk.parish.id


def test_within_the_credit_limit_seats_are_there_at_once(desk):
    operator = desk.operator()
    operator.post(f"/office/customers/{desk.parish.id}/credit", {"limit": "a lot"}, 422)
    assert "Give an amount in pounds" in operator.words
    operator.post(f"/office/customers/{desk.parish.id}/credit", {"limit": "£1,000"})
    operator.get(f"/office/customers/{desk.parish.id}")
    assert operator.page.select_one("#limit")["value"] == "1000.00"
    desk.accept(desk.quote())
    assert desk.parish.seats() == Count(25, 0, 0)
    desk.parish.owner.get(desk.here)
    assert "waiting for payment" not in desk.parish.owner.words
    operator.get("/office/money")
    assert "£1,000.00" in operator.words


def test_a_limit_that_is_raised_later_gives_what_waited(desk):
    operator = desk.operator()
    desk.accept(desk.quote())
    assert desk.parish.seats() == Count(0, 0, 0, None, 25)
    operator.post(f"/office/customers/{desk.parish.id}/credit", {"limit": "1000"})
    assert desk.parish.seats() == Count(25, 0, 0)


def test_money_by_bank_is_marked_once_it_was_asked_for_twice_and_gives_the_seats(desk):
    operator = desk.operator()
    desk.accept(desk.quote())
    operator.get("/office/money")
    assert "not due yet" in operator.words
    operator.click("SANDBOX-0001")
    here = operator.path
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1"}
    operator.post(here, typed, 422)
    assert "Tick this once you are sure" in operator.words
    operator.post(here, typed | {"amount": "984.95", "is_sure": "y"}, 422)
    assert "£984.96 is to be paid." in operator.words
    operator.post(here, typed | {"received_on": "yesterday", "is_sure": "y"}, 422)
    operator.post(here, typed | {"is_sure": "y"})
    operator.get(here)
    assert "£984.96 came by bank on" in operator.words
    assert desk.parish.seats() == Count(25, 0, 0)
    assert desk.invoice().status == "paid"
    for address in ("ruth@example.org", "accounts@example.org"):
        assert desk.subjects(address)[-1] == "Invoice SANDBOX-0001 is paid"
    operator.post(here, typed | {"is_sure": "y"}, 409)
    operator.get("/office/money")
    assert "No invoice waits for its payment." in operator.words


def test_a_receipt_is_kept_while_the_provider_does_not_answer_and_told_later(desk, connect):
    operator = desk.operator()
    desk.accept(desk.quote())
    invoice = desk.invoice()
    desk.app.extensions["gateway"] = connect("http://127.0.0.1:9")
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1", "is_sure": "y"}
    operator.post(f"/office/receipts/{invoice.id}", typed)
    operator.get("/office/money")
    assert "received, being passed on" in operator.words
    desk.app.extensions["gateway"] = desk.gateway
    assert desk.app.extensions["jobs"].run(receipts.SWEEP) == 1
    assert desk.invoice().status == "paid"


def test_money_by_bank_for_what_was_just_paid_by_card_is_shown_as_to_be_sent_back(desk):
    operator = desk.operator()
    desk.accept(desk.quote())
    operator.get("/office/money")
    assert "this money is to be sent back" not in operator.words
    invoice = desk.invoice()
    assert pay_invoice(desk.app, invoice.url) == 303
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1", "is_sure": "y"}
    operator.post(f"/office/receipts/{invoice.id}", typed)
    operator.follow()
    assert "Paid by card already: this money is to be sent back." in operator.words
    assert "The invoice is marked as paid." not in operator.words
    operator.get("/office/money")
    for words in ("Money by bank that was not needed", "BACS 1", "Paid by card already: this money is to be sent back."):
        assert words in operator.words


def test_more_seats_by_invoice_say_what_they_wait_for_and_can_be_given_up(desk):
    operator, owner = desk.operator(), desk.parish.owner
    desk.accept(desk.quote())
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1", "is_sure": "y"}
    operator.post(f"/office/receipts/{desk.invoice().id}", typed)
    owner.get(f"{desk.here}/more-seats", query_string={"seats": "5"})
    assert "an invoice, within 30 days" in owner.words
    owner.submit(owner.page.select_one("main form[method=post] button").text)
    assert f"Invoice SANDBOX-0002 is to be paid by {in_thirty_days(desk)}, by bank transfer to {BANK}" in owner.words
    change = owner.path
    assert desk.parish.seats() == Count(25, 0, 0, None, 5)
    owner.get(desk.here)
    assert "The 5 seats that you added can be given to people as soon as their invoice is paid." in owner.words
    owner.get(change)
    owner.submit("Give it up")
    assert "Not paid, so nothing was changed" in owner.words
    assert desk.parish.seats() == Count(25, 0, 0)


def test_more_seats_whose_invoice_was_taken_back_can_be_given_up_on_their_page(desk):
    operator, owner = desk.operator(), desk.parish.owner
    desk.accept(desk.quote())
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1", "is_sure": "y"}
    operator.post(f"/office/receipts/{desk.invoice().id}", typed)
    owner.get(f"{desk.here}/more-seats", query_string={"seats": "5"})
    owner.submit(owner.page.select_one("main form[method=post] button").text)
    change = owner.path
    desk.gateway.client.v1.invoices.void_invoice(desk.invoice().id)
    with desk.app.app_context():
        reconciliation.run(desk.gateway)
    owner.get(change)
    assert "There is no invoice to pay for these seats" in owner.words
    owner.submit("Give it up")
    assert "Not paid, so nothing was changed" in owner.words
    assert desk.parish.seats() == Count(25, 0, 0)


def test_the_history_tells_of_quotes_credit_and_receipts(desk):
    operator = desk.operator()
    operator.post(f"/office/customers/{desk.parish.id}/credit", {"limit": "10"})
    desk.accept(desk.quote())
    invoice = desk.invoice()
    typed = {"received_on": clock_day(desk), "amount": "984.96", "reference": "BACS 1", "is_sure": "y"}
    operator.post(f"/office/receipts/{invoice.id}", typed)
    desk.parish.owner.get(desk.here)
    for words in ("was accepted", "The invoice for quote", "of invoice SANDBOX-0001 by bank was noted", "how much can be owed"):
        assert words in desk.parish.owner.words


def in_thirty_days(desk):
    with desk.app.app_context():
        return context.day(clock.now() + timedelta(days=30))


def clock_day(desk):
    with desk.app.app_context():
        return clock.now().date().isoformat()


def token(desk, quote):
    with desk.app.app_context():
        return db.session.get_one(Quote, quote.id).token
