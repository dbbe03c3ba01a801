"""Where the provider's messages arrive: only signed ones, each once, and nothing is done before the answer."""

from __future__ import annotations

import json
import time

import pytest
import sqlalchemy as sa
import stripe

from app.factory import LARGEST_REQUEST
from app.kernel.db import db
from billing.events import ProviderEvent

HOOK = "/hooks/stripe"


def event(**changes):
    """Give a message as the provider writes it."""
    facts = {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "created": 1_795_000_000,
        "api_version": stripe.api_version,
        "data": {"object": {"id": "in_1", "object": "invoice", "subscription": "sub_1"}},
    }
    return json.dumps(facts | changes)


@pytest.fixture
def send(app, connect):
    """Give a sender of messages, signed now with the right secret unless told otherwise."""
    connect()
    client = app.test_client()
    right = app.config["SETTINGS"].stripe_webhook_secret

    def post(payload, secret=right, age=0, **headers):
        signature = stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time()) - age)
        return client.post(
            HOOK, data=payload, headers={"Stripe-Signature": signature, **headers}, content_type="application/json"
        )

    post.client = client
    return post


def stored(app):
    with app.app_context():
        return db.session.scalars(sa.select(ProviderEvent)).all()


def test_a_signed_message_is_stored_and_not_yet_applied(app, send):
    answer = send(event())
    assert (answer.status_code, answer.json) == (200, {"received": True, "new": True})
    [kept] = stored(app)
    assert (kept.id, kept.kind, kept.object_id, kept.state) == ("evt_1", "invoice.paid", "in_1", "stored")
    assert kept.payload["data"]["object"]["id"] == "in_1"
    assert "Set-Cookie" not in answer.headers


def test_a_second_copy_is_answered_just_the_same(app, send):
    send(event())
    answer = send(event())
    assert (answer.status_code, answer.json) == (200, {"received": True, "new": False})
    assert len(stored(app)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "whsec_other"}, {"age": 301}, {"age": -301}, {"Stripe-Signature": ""}, {"Stripe-Signature": "t=1,v1=aa"}],
)
def test_a_message_that_the_provider_did_not_just_sign_is_refused(app, send, wrong):
    answer = send(event(), **wrong)
    assert answer.status_code == 400
    assert stored(app) == []


def test_a_message_that_was_changed_on_the_way_is_refused(app, send):
    payload = event()
    signature = stripe.WebhookSignature.generate_signature_header(
        payload, app.config["SETTINGS"].stripe_webhook_secret, int(time.time())
    )
    changed = payload.replace("sub_1", "sub_2")
    assert send.client.post(HOOK, data=changed, headers={"Stripe-Signature": signature}).status_code == 400
    assert stored(app) == []


def test_a_message_of_another_version_is_kept_and_reported(app, send, capsys):
    assert send(event(api_version="2019-01-01")).status_code == 200
    assert len(stored(app)) == 1
    assert "wrong API version" in capsys.readouterr().out


@pytest.mark.parametrize("payload", ["", "{", "not JSON"])
def test_a_message_that_cannot_be_read_is_refused(app, send, payload):
    assert send(payload).status_code == 400
    assert stored(app) == []


def test_a_message_that_is_too_large_is_refused(app, send):
    assert send(event(padding="x" * LARGEST_REQUEST)).status_code == 413


def test_the_address_only_takes_messages(send):
    assert send.client.get(HOOK).status_code == 405


def test_the_provider_knocking_while_nobody_is_connected_is_asked_to_come_again(app):
    answer = app.test_client().post(HOOK, data=event())
    assert answer.status_code >= 500
