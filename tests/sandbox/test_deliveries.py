"""Webhooks: signed so that the SDK accepts them, repeated until answered, by one process at a time."""

import json
import sqlite3
import time

import pytest
import stripe

from billing.sandbox.deliveries import Deliveries
from billing.sandbox.engine.deadlines import deadline
from billing.sandbox.store import Store
from tests.sandbox.sandbox_shop import SECRET


def waiting(tmp_path):
    connection = sqlite3.connect(tmp_path / "stripe_sandbox.sqlite3")
    found = connection.execute("SELECT attempts, due FROM deliveries WHERE delivered_at IS NULL").fetchall()
    connection.close()
    return found


def hurry(tmp_path):
    """Make what waits for its next try due now."""
    connection = sqlite3.connect(tmp_path / "stripe_sandbox.sqlite3")
    with connection:
        connection.execute("UPDATE deliveries SET due = 0, lease_until = 0")
    connection.close()


def test_a_webhook_bears_a_signature_the_sdk_accepts_and_a_forged_one_does_not(client, sandbox, hook):
    client.v1.products.create({"name": "One"})
    assert sandbox.deliver_due() == 1
    payload, header = hook.heard[0]
    event = client.construct_event(payload, header, SECRET, tolerance=300)
    assert (event.type, event.data.object["name"], event.pending_webhooks) == ("product.created", "One", 1)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(payload.replace("One", "Two"), header, SECRET)


def test_everything_is_delivered_once_in_order_and_marked(shop, v1, sandbox, hook):
    shop.bought()
    events = v1.events.list({"limit": 100}).data[::-1]
    assert sandbox.deliver_due() == len(events)
    assert [json.loads(payload)["id"] for payload, _ in hook.heard] == [event.id for event in events]
    assert sandbox.deliver_due() == 0
    assert {event.pending_webhooks for event in v1.events.list({"limit": 100}).data} == {0}


def test_nothing_is_delivered_for_a_request_that_was_refused(v1, sandbox, hook):
    with pytest.raises(stripe.InvalidRequestError):
        v1.prices.create({"product_data": {"name": "One"}, "currency": "gbp", "recurring": {"interval": "year"}})
    assert (sandbox.deliver_due(), hook.heard) == (0, [])
    assert v1.products.list().data == []


def test_a_webhook_that_is_not_answered_with_success_is_repeated_later_each_time(v1, sandbox, hook, tmp_path):
    hook.answers = [500, 302, 404, 200]
    v1.products.create({"name": "One"})
    for attempt, wait in ((1, 1), (2, 5), (3, 30)):
        moment = time.time()
        assert sandbox.deliver_due() == 0
        attempts, due = waiting(tmp_path)[0]
        assert attempts == attempt
        assert wait - 1 < due - moment < wait + 3
        assert sandbox.deliver_due() == 0
        assert len(hook.heard) == attempt
        hurry(tmp_path)
    assert sandbox.deliver_due() == 1
    assert len({payload for payload, _ in hook.heard}) == 1


@pytest.fixture
def deliveries_to(tmp_path, clock):
    """Another process's deliveries from the same store."""
    store = Store(tmp_path / "stripe_sandbox.sqlite3", deadline=deadline, on_queued=lambda: None)
    return lambda url: Deliveries(store, lambda: int(clock().timestamp()), url, SECRET)


def test_a_shop_that_is_down_gets_its_webhooks_when_it_is_back(v1, deliveries_to, hook, tmp_path):
    v1.products.create({"name": "One"})
    assert deliveries_to("http://127.0.0.1:9/down").deliver_due() == 0
    hurry(tmp_path)
    assert deliveries_to(hook.url).deliver_due() == 1


def test_a_lease_keeps_a_second_process_from_delivering_the_same(v1, sandbox, deliveries_to, hook):
    v1.products.create({"name": "One"})
    other = deliveries_to(hook.url)
    parcel = other.take()
    assert sandbox.deliver_due() == 0
    other.put_back(parcel, was_accepted=True)
    assert (sandbox.deliver_due(), hook.heard) == (0, [])


def test_a_lease_that_ran_out_lets_another_process_deliver(v1, sandbox, deliveries_to, hook, tmp_path):
    v1.products.create({"name": "One"})
    late = deliveries_to(hook.url)
    parcel = late.take()
    hurry(tmp_path)
    assert sandbox.deliver_due() == 1
    late.put_back(parcel, was_accepted=False)
    assert waiting(tmp_path) == []


def test_the_thread_delivers_at_once_and_lets_time_pass(shop, sandbox, hook, clock):
    sandbox.start_deliveries()
    session = shop.session()
    started = time.monotonic()
    shop.pay(session)
    wait_for(lambda: heard(hook, "checkout.session.completed"))
    assert time.monotonic() - started < 2
    shop.session()
    clock.forward(days=1)
    wait_for(lambda: heard(hook, "checkout.session.expired"))


def heard(hook, what):
    return [payload for payload, _ in hook.heard if json.loads(payload)["type"] == what]


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_other_endpoints_hear_what_they_want_signed_with_their_own_secret(client, sandbox, hook):
    v1, url = client.v1, hook.url.replace("sandbox", "elsewhere")
    made = v1.webhook_endpoints.create({"url": url, "enabled_events": ["product.created"]})
    assert made.secret.startswith("whsec_")
    assert "secret" not in v1.webhook_endpoints.retrieve(made.id)
    product = v1.products.create({"name": "One"})
    assert v1.events.list().data[0].pending_webhooks == 2
    v1.products.update(product.id, {"name": "Two"})
    assert sandbox.deliver_due() == 3
    kinds = [json.loads(payload)["type"] for payload, _ in hook.heard]
    assert sorted(kinds) == ["product.created", "product.created", "product.updated"]
    ours = [is_signed(client, *message, SECRET) for message in hook.heard]
    theirs = [is_signed(client, *message, made.secret) for message in hook.heard]
    assert (sum(ours), sum(theirs)) == (2, 1)
    assert {event.pending_webhooks for event in v1.events.list().data} == {0}


def test_an_endpoint_that_is_disabled_or_gone_hears_nothing(v1, sandbox, hook):
    made = v1.webhook_endpoints.create({"url": hook.url, "enabled_events": ["*"]})
    v1.webhook_endpoints.update(made.id, {"disabled": True})
    v1.products.create({"name": "One"})
    v1.webhook_endpoints.update(made.id, {"disabled": False})
    v1.products.create({"name": "Two"})
    v1.webhook_endpoints.delete(made.id)
    sandbox.deliver_due()
    names = [json.loads(payload)["data"]["object"]["name"] for payload, _ in hook.heard]
    assert names == ["One", "Two"]
    assert sandbox.deliver_due() == 0


def is_signed(client, payload, header, secret):
    try:
        client.construct_event(payload, header, secret, tolerance=300)
    except stripe.SignatureVerificationError:
        return False
    return True
