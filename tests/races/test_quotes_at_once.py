"""Quotes that meet: accepted, numbered, invoiced and received by several at the same moment, each happens once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from app.kernel import clock, journal
from app.kernel.db import db
from app.kernel.errors import Conflict, Unavailable
from app.kernel.transaction import transaction
from billing import invoices, invoicing, quotes, receipts, receiving, replies, subscriptions
from billing.quotes import State, Wanted
from tests import quoting

SEVERAL = 6


@pytest.fixture
def gateway(shop, connect):
    quoting.publish()
    return connect()


@pytest.fixture
def at_once(app):
    """Give a starter of the same at the edge, several times at the same moment; gives what each came to."""

    def run(operation):
        barrier = threading.Barrier(SEVERAL)

        def compete(_):
            with app.app_context():
                barrier.wait()
                return operation()

        with ThreadPoolExecutor(SEVERAL) as pool:
            return list(pool.map(compete, range(SEVERAL)))

    return run


def begin(gateway, quote_id):
    """Invoice a quote; whoever is told to come back, because somebody else is asking for just that, does, as a sweep would."""
    for _ in range(5):
        with suppress(Unavailable):
            return invoicing.begin(gateway, quote_id)
    return invoicing.begin(gateway, quote_id)


def again():
    db.session.rollback()
    db.session.expire_all()


def test_a_quote_that_several_accept_at_once_is_accepted_by_one(shop, owner, gateway, race):
    quote_id = quoting.send(owner)
    accept = partial(replies.accept, quote_id, quoting.TYPED, invitation_days=14)
    assert race(*[accept] * SEVERAL) == [None] * SEVERAL
    again()
    whats = [entry.what for entry in journal.of(owner.organisation.id, journal.Wanted(kinds=("quote.accepted",)))]
    assert whats == ["quote.accepted"]


def test_a_new_organisation_is_founded_once_by_several_who_accept_its_quote_at_once(shop, owner, gateway, race):
    wanted = Wanted(seats=5, organisation="St Bede", name="Ben Hale", address="ben@example.org")
    with transaction():
        quote_id = quotes.prepare(wanted, by=owner.person.id, organisation_id=None, vat_percent=20).id
        quotes.send(quote_id, by=owner.person.id, days=30)
    accept = partial(replies.accept, quote_id, quoting.TYPED, invitation_days=14)
    assert race(*[accept] * SEVERAL) == [None] * SEVERAL
    again()
    founded = db.session.query(journal.JournalEntry).filter_by(what="organisation.founded").count()
    assert founded == 2


def test_of_several_quotes_of_an_organisation_that_are_accepted_at_once_one_is(shop, owner, gateway, race):
    ids = [quoting.send(owner, number) for number in range(1, SEVERAL + 1)]
    refused = race(*(partial(replies.accept, quote_id, quoting.TYPED, invitation_days=14) for quote_id in ids))
    assert [type(refusal) for refusal in refused if refusal is not None] == [Conflict] * (SEVERAL - 1)
    again()
    assert sorted(State(quotes.known(quote_id).state) for quote_id in ids) == [State.ACCEPTED, *[State.SENT] * (SEVERAL - 1)]


def test_numbers_that_are_taken_at_once_have_no_gaps_and_no_doubles(shop, owner, race):
    quoting.publish()
    person_id, organisation_id = owner.person.id, None

    def prepare():
        wanted = Wanted(seats=5, organisation="St Bede", name="Ben Hale", address="ben@example.org")
        quotes.prepare(wanted, by=person_id, organisation_id=organisation_id, vat_percent=20)

    assert race(*[prepare] * SEVERAL) == [None] * SEVERAL
    again()
    numbers = sorted(quote.number for quote in quotes.newest())
    assert numbers == [f"Q-{clock.now().year}-{number:04}" for number in range(1, SEVERAL + 1)]


def test_a_quote_that_a_page_and_sweeps_invoice_at_once_has_one_subscription_and_one_invoice(shop, owner, gateway, at_once):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    states = at_once(lambda: begin(gateway, quote_id))
    assert states == [State.INVOICED] * SEVERAL
    again()
    live = subscriptions.live(owner.organisation.id)
    assert live is not None
    assert len(gateway.invoices(live.provider_id)) == len(invoices.of_organisation(owner.organisation.id)) == 1


def test_a_receipt_that_several_tell_the_provider_of_at_once_is_told_once(shop, owner, gateway, at_once):
    bill = quoting.by_invoice(owner, gateway)
    with transaction():
        noted = receipts.note(bill.id, clock.now().date(), "BACS", bill.remaining_minor, by=owner.person.id).id
    states = at_once(lambda: receiving.tell(gateway, noted))
    assert states == [receipts.State.TOLD] * SEVERAL
    again()
    assert (receipts.known(noted).state, quoting.newest(owner).status) == (receipts.State.TOLD, "paid")
