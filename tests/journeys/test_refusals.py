"""What is refused says why and what to do, and leaves everything as it was."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import stripe

from app.accounts.memberships import Membership
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import subscriptions
from billing.checkouts import Checkout
from billing.events import ProviderEvent
from tests.journeys import steps
from tests.provider import snapshot

# Counters of tries, sightings and turns are no changes of anything that somebody owns.
PASSING = {"limit_counter", "sign_in", "sweep_turn", "clock_offset"}


def everything(app) -> dict[str, list[Any]]:
    """Give every row there is."""
    with app.app_context():
        tables = [table for table in db.metadata.sorted_tables if table.name not in PASSING]
        return {table.name: sorted(map(repr, db.session.execute(sa.select(table)).all())) for table in tables}


def rows(app, model) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(sa.select(model)))


def pass_days(app, days: int) -> None:
    for _ in range(days):
        with app.app_context(), transaction():
            clock.advance(timedelta(days=1))


def test_a_declined_card_leaves_the_order_open(signed_in):
    steps.order(signed_in)
    before = everything(signed_in.app)
    hosted = signed_in.owner.at
    page = signed_in.owner.press(signed_in.owner.get(hosted), "Pay ", **{**steps.CARD, "number": "4000 0000 0000 0002"})
    assert page.status == 402
    assert "Your card was declined. Nothing was charged. Try another card." in page.text
    back = signed_in.owner.get(str(page.one("a.back")["href"]))
    assert back.heading == "You have not paid yet"
    page = signed_in.owner.press(back, "I have paid: check now")
    assert page.heading == "You have not paid yet"
    assert everything(signed_in.app) == before
    assert steps.provider_has(signed_in.data, "subscription") == []


@pytest.fixture
def paid(signed_in):
    """Give the shop with an order that is paid, of which it does not know yet."""
    steps.order(signed_in)
    steps.pay(signed_in)
    return signed_in


def message(scene, kind: str = "checkout.session.completed") -> str:
    """Give a message of the provider as it would be sent."""
    (found,) = (event for event in steps.provider_has(scene.data, "event") if event["type"] == kind)
    return json.dumps(found)


def signature(scene, payload: str, *, age: int = 0, secret: str | None = None) -> str:
    """Sign a message as the provider does, some seconds ago."""
    secret = secret or scene.app.config["SETTINGS"].stripe_webhook_secret
    return stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time()) - age)


def send(scene, payload: str, signed: str):
    return scene.app.test_client().post("/hooks/stripe", data=payload, headers={"Stripe-Signature": signed})


FORGERIES = {
    "another secret": lambda scene, payload: (payload, signature(scene, payload, secret="whsec_of_somebody_else")),
    "an old one": lambda scene, payload: (payload, signature(scene, payload, age=301)),
    "one from the future": lambda scene, payload: (payload, signature(scene, payload, age=-330)),
    "a changed body": lambda scene, payload: (payload.replace("evt_", "evt_x", 1), signature(scene, payload)),
    "no signature": lambda _, payload: (payload, ""),
    "nonsense": lambda _, payload: (payload, "t=now,v1=forged"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_message_of_the_provider_is_not_even_stored(paid, forgery):
    before = everything(paid.app)
    payload, signed = FORGERIES[forgery](paid, message(paid))
    answer = send(paid, payload, signed)
    assert answer.status_code == 400
    assert "signed" in answer.text
    assert everything(paid.app) == before


def test_a_message_that_comes_again_is_stored_and_applied_once(paid):
    payload = message(paid)
    assert send(paid, payload, signature(paid, payload)).json == {"received": True, "new": True}
    assert send(paid, payload, signature(paid, payload)).json == {"received": True, "new": False}
    assert len(rows(paid.app, ProviderEvent)) == 1
    paid.sweep("provider_events", "mail")
    before = everything(paid.app)
    assert send(paid, payload, signature(paid, payload)).json == {"received": True, "new": False}
    paid.sweep("provider_events", "mail")
    assert everything(paid.app) == before
    (event,) = rows(paid.app, ProviderEvent)
    assert event.state == "applied"


def made_up(link: str) -> str:
    """Change the signature of a link at its first character: the last one holds bits that mean nothing."""
    before, signed = link.rsplit(".", 1)
    return f"{before}.{'A' if signed[0] != 'A' else 'B'}{signed[1:]}"


def registration_link(scene) -> str:
    steps.register(scene)
    steps.send_mails(scene)
    return scene.mailed_link(steps.OWNER, r"/register/[\w.-]+")


def invitation_link(scene) -> str:
    steps.invite(scene, "amy")
    steps.send_mails(scene)
    return scene.mailed_link("amy@example.org", r"/join/[\w.-]+")


def refused(scene, path: str, action: str, status: int, words: str) -> None:
    """See that a link is refused when it is opened and when its form is sent, and that nothing changes."""
    before = everything(scene.app)
    page = scene.learner.get(path)
    assert (page.status, words in page.text) == (status, True), page
    token = str(scene.learner.get("/sign-in").one("input[name=csrf_token]")["value"])
    sent = {"csrf_token": token, "name": "Mal", "password": "three other words"}
    page = scene.learner.post(action, sent)
    assert (page.status, words in page.text) == (status, True), page
    assert everything(scene.app) == before


def test_a_registration_link_is_good_for_three_days(scene):
    link = registration_link(scene)
    pass_days(scene.app, 3)
    refused(scene, link, link, 409, "This link has expired. Register again and we send you a new one.")


def test_a_registration_link_is_good_once(scene):
    link = registration_link(scene)
    steps.confirm(scene)
    refused(scene, link, link, 409, "This address is confirmed already. Sign in with it.")


def test_a_registration_link_cannot_be_made_up(scene):
    link = registration_link(scene)
    forged = made_up(link)
    refused(scene, forged, forged, 404, "We do not know this link.")


def test_an_invitation_is_good_for_fourteen_days(signed_in, subscribe_here):
    subscribe_here(2)
    link = invitation_link(signed_in)
    pass_days(signed_in.app, 14)
    refused(signed_in, link, f"{link}/open-account", 404, "This invitation has expired.")


def test_an_invitation_is_good_once(signed_in, subscribe_here):
    subscribe_here(2)
    link = invitation_link(signed_in)
    steps.accept(signed_in)
    signed_in.learner.forget()
    refused(signed_in, link, f"{link}/open-account", 404, "This invitation has been used")


def test_an_invitation_cannot_be_made_up_nor_made_of_another_link(signed_in, subscribe_here):
    subscribe_here(2)
    link = invitation_link(signed_in)
    forged = made_up(link)
    refused(signed_in, forged, f"{forged}/open-account", 404, "We do not know this link.")
    other = link.replace("/join/", "/register/")
    refused(signed_in, other, other, 404, "We do not know this link.")


@pytest.fixture
def subscribe_here(signed_in):
    """Give a way to have the owner's organisation pay for seats."""

    def pay(number: int) -> None:
        (membership,) = rows(signed_in.app, Membership)
        with signed_in.app.app_context(), transaction():
            subscriptions.begin(membership.organisation_id, snapshot(quantity=number))

    return pay


def test_one_seat_too_many_is_refused_on_the_form(signed_in, subscribe_here):
    subscribe_here(1)
    steps.invite(signed_in, "amy")
    before = everything(signed_in.app)
    workspace = str(signed_in.owner.get("/workspace/").one("main .card a")["href"])
    page = signed_in.owner.get(f"{workspace}people/invite")
    page = signed_in.owner.press(page, "Send the invitation", name="Ben Wade", address="ben@example.org", role="learner")
    assert page.status == 409
    assert "All your seats are taken. Take one back from somebody who has left, or add seats under Billing." in page.text
    assert page.one("#name")["value"] == "Ben Wade"
    assert everything(signed_in.app) == before


@pytest.fixture
def provider_down(scene, connect):
    """Give two ways: to have nobody answer at the provider's address, and to have it answer again."""
    gateway = scene.app.extensions["gateway"]

    def stop() -> None:
        scene.app.extensions["gateway"] = connect("http://127.0.0.1:9")

    def start() -> None:
        scene.app.extensions["gateway"] = gateway

    return stop, start


def test_while_the_provider_is_down_nothing_is_charged_and_the_same_order_goes_on_afterwards(signed_in, provider_down):
    stop, start = provider_down
    stop()
    page = signed_in.owner.press(signed_in.owner.get(steps.ORDER), "Pay £984.96")
    assert page.status == 503
    assert "The payment provider does not answer just now. Nothing was charged. Please try again in a minute." in page.text
    (started,) = rows(signed_in.app, Checkout)
    assert started.state == "open"
    assert started.provider_id is None

    start()
    steps.order(signed_in)
    (checkout,) = rows(signed_in.app, Checkout)
    assert checkout.id == started.id
    assert [session["id"] for session in steps.provider_has(signed_in.data, "checkout.session")] == [checkout.provider_id]
    assert len(steps.provider_has(signed_in.data, "customer")) == 1


def test_while_the_provider_is_down_a_paid_order_waits_and_is_served_afterwards(paid, provider_down):
    stop, start = provider_down
    stop()
    returned = paid.owner.at
    page = paid.owner.press(paid.owner.get(returned), "Check now")
    assert page.status == 503
    start()
    paid.owner.at = returned
    steps.be_served(paid)
    assert len(steps.provider_has(paid.data, "subscription")) == 1
