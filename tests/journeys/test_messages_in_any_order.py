"""The provider's messages about a purchase may come in any order, twice, or not at all: the end is the same."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
import requests
import sqlalchemy as sa
import stripe

from app.accounts import credentials, memberships, organisations, registrations
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import checkouts, reactions, reconciliation, seats, subscriptions
from billing.checkouts import Checkout
from billing.price_cards import Interval
from tests.journeys import steps

# The messages that a purchase makes; whatever else the provider tells, such as that it has a price, is stored and does nothing.
KINDS = ("checkout.session.completed", "customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.paid")
ORDERS = list(itertools.permutations(KINDS))
A_FEW = ORDERS[::10]
PAGE = "http://127.0.0.1:8000/workspace/x/checkouts/y"
numbers = itertools.count()


@pytest.fixture
def purchase(scene):
    """Give a maker of a paid order of an organisation of its own, and of the messages about it by their kind."""
    password_hash = credentials.hash_password(steps.PASSWORD)

    def make() -> tuple[Any, dict[str, str]]:
        number = next(numbers)
        buyer = f"ruth{number}@example.org"
        gateway = scene.app.extensions["gateway"]
        told = {event["id"] for event in steps.provider_has(scene.data, "event")}
        with scene.app.app_context():
            with transaction():
                person = registrations.open_account("Ruth Amadi", buyer, password_hash)
                organisation = organisations.found(f"St Mary {number}", Kind.ORGANISATION, by=person.id)
                memberships.add(organisation, person, {Role.OWNER})
            actor = memberships.actor(person, organisation.id)
            organisation_id = organisation.id
            with transaction():
                order = checkouts.start(actor, 25, Interval.YEAR, vat_percent=20, seat_for_buyer=False).id
            hosted = reactions.open_checkout(gateway, order, address=buyer, page_url=PAGE)
        address = scene.app.extensions["sandbox"].listen() + "/checkout/" + hosted.rpartition("/")[2]
        requests.post(address, data={**steps.CARD, "email": buyer}, allow_redirects=False, timeout=20).raise_for_status()
        events = [event for event in steps.provider_has(scene.data, "event") if event["id"] not in told]
        assert {event["type"] for event in events} >= set(KINDS)
        return organisation_id, {event["type"]: json.dumps(event) for event in events}

    return make


@pytest.fixture
def tell(scene):
    """Give a way to have a message arrive and be applied."""
    client = scene.app.test_client()
    secret = scene.app.config["SETTINGS"].stripe_webhook_secret

    def arrive(payload: str) -> None:
        signed = stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time()))
        assert client.post("/hooks/stripe", data=payload, headers={"Stripe-Signature": signed}).status_code == 200
        scene.sweep("provider_events")

    return arrive


@pytest.fixture
def is_served_once(scene):
    """Give the check that an organisation has what it paid for, once, and that the shop and the provider agree."""

    def check(organisation_id: Any) -> None:
        with scene.app.app_context():
            assert seats.count(organisation_id) == seats.Count(25, 0, 0)
            subscription = subscriptions.live(organisation_id)
            assert subscription is not None
            assert subscription.status == "active"
            (checkout,) = db.session.scalars(sa.select(Checkout).filter_by(organisation_id=organisation_id))
            assert checkout.state == checkouts.State.SERVED
            said = list(db.session.scalars(sa.select(JournalEntry.what).filter_by(organisation_id=organisation_id)))
            assert sorted(said) == SAID
            mails = list(db.session.scalars(sa.select(OutboxMail.kind).filter_by(organisation_id=organisation_id)))
            assert mails == ["seats_bought"]

    return check


SAID = ["checkout.paid", "checkout.served", "checkout.started", "organisation.founded", "subscription.began"]


def orders(config: pytest.Config) -> list[tuple[str, ...]]:
    """Give the orders to try: a few, or every one."""
    return ORDERS if config.getoption("--full") else A_FEW


def test_in_any_order(scene, purchase, tell, is_served_once, pytestconfig):
    for kinds in orders(pytestconfig):
        organisation_id, messages = purchase()
        for kind in kinds:
            tell(messages[kind])
        is_served_once(organisation_id)


def test_each_one_twice(purchase, tell, is_served_once, pytestconfig):
    for kinds in orders(pytestconfig)[::3]:
        organisation_id, messages = purchase()
        for kind in (*kinds, *reversed(kinds)):
            tell(messages[kind])
        is_served_once(organisation_id)


def test_some_of_them_lost(scene, purchase, tell, is_served_once):
    subsets = itertools.chain.from_iterable(itertools.combinations(KINDS, number) for number in range(len(KINDS)))
    bought = []
    for kept in subsets:
        organisation_id, messages = purchase()
        for kind in kept:
            tell(messages[kind])
        bought.append(organisation_id)
    with scene.app.app_context():
        assert reconciliation.run(scene.app.extensions["gateway"]).differences == ()
    for organisation_id in bought:
        is_served_once(organisation_id)
