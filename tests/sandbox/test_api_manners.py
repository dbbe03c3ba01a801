"""What holds for every request: key, version, the check of parameters, idempotency, pages of lists, expansion."""

import http.client
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from billing.gateway import API_VERSION
from billing.sandbox import rendering
from billing.sandbox.engine import events
from billing.sandbox.server import Sandbox
from tests.sandbox.sandbox_shop import KEY, SECRET


def test_the_version_is_the_one_the_sdk_pins():
    assert stripe.api_version == rendering.API_VERSION == API_VERSION


def test_a_wrong_key_is_an_authentication_error(base, client_for):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        client_for(base, key="sk_test_sandbox_other").v1.products.list()


def test_no_key_is_401_in_the_shape_of_stripe(base):
    answer = requests.get(f"{base}/v1/products", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["Request-Id"].startswith("req_")


def test_another_version_is_refused(client):
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        client.v1.products.list({}, {"stripe_version": "2024-06-20"})


@pytest.mark.parametrize("key", ["sk_live_sandbox", "rk_live_1", "sk_test_51", ""])
def test_only_sandbox_keys_open_a_sandbox(tmp_path, clock, key):
    with pytest.raises(ValueError, match="sk_test_sandbox"):
        Sandbox(data=tmp_path, now=clock, public_url="http://x", webhook_url="http://x", webhook_secret=SECRET, key=key)


def test_an_unknown_object_is_missing(v1):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.subscriptions.retrieve("sub_none")
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (404, "resource_missing", "id")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"colour": "blue"}, "parameter_unknown", "colour"),
        ({"recurring": {"interval": "year", "length": 1}}, "parameter_unknown", "recurring[length]"),
        ({"recurring": {"interval": "term"}}, "parameter_invalid", "recurring[interval]"),
        ({"recurring": {"interval_count": 2}}, "parameter_missing", "recurring[interval]"),
        ({"billing_scheme": "bands"}, "parameter_invalid", "billing_scheme"),
        ({"unit_amount": "ten"}, "parameter_invalid", "unit_amount"),
        ({"unit_amount": "10.5"}, "parameter_invalid", "unit_amount"),
        ({"active": "yes"}, "parameter_invalid", "active"),
        ({"tiers": [{"up_to": "all", "unit_amount": 1}]}, "parameter_invalid", "tiers[0][up_to]"),
        ({"tiers": [{"unit_amount": 1}]}, "parameter_missing", "tiers[0][up_to]"),
        ({"tiers": "none"}, "parameter_invalid", "tiers"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"metadata": {"a": {"b": "c"}}}, "parameter_invalid", "metadata[a]"),
        ({"api_key": "sk_1"}, "parameter_unknown", "api_key"),
        ({"transform_quantity": {"divide_by": 2, "round": "up"}}, "sandbox_uncovered", "transform_quantity[divide_by]"),
        ({"recurring": {"interval": "year", "usage_type": "metered"}}, "sandbox_uncovered", "recurring[usage_type]=metered"),
    ],
)
def test_what_stripe_would_not_accept_is_refused(base, params, code, param):
    sound = {"product": "prod_1", "currency": "gbp", "recurring": {"interval": "year"}, "unit_amount": "100"}
    answer = post(base, "/v1/prices", sound | params)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


def flat(params, prefix=""):
    for key, value in params.items() if isinstance(params, dict) else enumerate(params):
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(value, dict | list):
            yield from flat(value, name)
        elif value is not None:
            yield name, str(value)


def post(base, address, params, **headers):
    sent = {"Authorization": f"Bearer {KEY}", "Stripe-Version": rendering.API_VERSION} | headers
    return requests.post(base + address, data=dict(flat(params)), headers=sent, timeout=10)


def test_an_address_stripe_does_not_have_and_one_only_the_sandbox_lacks_are_told_apart(base, v1):
    answer = post(base, "/v1/lanyards", {})
    assert (answer.status_code, "Unrecognized request URL" in answer.text) == (404, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.topups.list()
    assert (caught.value.http_status, caught.value.code) == (404, "sandbox_uncovered")


def test_the_same_key_replays_the_same_answer(client):
    first = client.v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    second = client.v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(client.v1.products.list().data) == 1


def test_the_same_key_with_other_parameters_is_an_idempotency_error(v1):
    v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        v1.products.create({"name": "Two"}, {"idempotency_key": "k1"})
    assert len(v1.products.list().data) == 1


def test_a_key_is_forgotten_after_24_hours(v1, clock):
    first = v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    clock.forward(hours=24, seconds=1)
    assert v1.products.create({"name": "One"}, {"idempotency_key": "k1"}).id != first.id


def test_a_refusal_of_the_operation_is_replayed_too(v1):
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="No such product"):
            v1.prices.create(
                {"product": "prod_later", "currency": "gbp", "recurring": {"interval": "year"}, "unit_amount": 1},
                {"idempotency_key": "k1"},
            )
        if not v1.products.list().data:
            v1.products.create({"id": "prod_later", "name": "Later"})


def test_a_second_request_with_a_key_in_use_is_a_conflict(base, client_for, tmp_path):
    clients = [client_for(base), client_for(base)]
    holder = sqlite3.connect(tmp_path / "stripe_sandbox.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(clients[0].v1.products.create, {"name": "One"}, {"idempotency_key": "k1"})
        time.sleep(0.3)
        with pytest.raises(stripe.StripeError) as caught:
            clients[1].v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
        holder.execute("ROLLBACK")
        holder.close()
        made = first.result()
    assert caught.value.http_status == 409
    assert [product.id for product in clients[0].v1.products.list().data] == [made.id]


def test_two_threads_with_one_key_make_one_object(base, client_for):
    barrier = threading.Barrier(2)

    def create(client):
        barrier.wait()
        try:
            return client.v1.products.create({"name": "One"}, {"idempotency_key": "k1"}).id
        except stripe.StripeError as error:
            return error.http_status

    clients = [client_for(base), client_for(base)]
    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(create, clients)) - {409}
    assert made == {product.id for product in clients[0].v1.products.list().data}
    assert len(made) == 1


def test_lists_come_in_pages_newest_first_and_backwards(v1):
    made = [v1.products.create({"name": f"P{number}"}).id for number in range(7)][::-1]
    first = v1.products.list({"limit": 3})
    assert ([product.id for product in first.data], first.has_more) == (made[:3], True)
    second = v1.products.list({"limit": 3, "starting_after": made[2]})
    assert ([product.id for product in second.data], second.has_more) == (made[3:6], True)
    last = v1.products.list({"limit": 3, "starting_after": made[5]})
    assert ([product.id for product in last.data], last.has_more) == (made[6:], False)
    back = v1.products.list({"limit": 3, "ending_before": made[4]})
    assert ([product.id for product in back.data], back.has_more) == (made[1:4], True)
    assert [product.id for product in v1.products.list({"limit": 2}).auto_paging_iter()] == made


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "prod_none"}])
def test_a_page_that_makes_no_sense_is_refused(v1, params):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.products.list(params)
    assert caught.value.param == next(iter(params))


def test_expansion_follows_dotted_paths_into_lists(shop, v1):
    done = shop.bought()
    plain = v1.subscriptions.retrieve(done.subscription.id)
    assert isinstance(plain.latest_invoice, str)
    found = v1.subscriptions.list({"expand": ["data.latest_invoice.payments", "data.customer", "data.items.data.price.product"]})
    subscription = found.data[0]
    assert subscription.customer.email == "ruth@example.org"
    assert subscription.latest_invoice.payments.data[0].amount_paid == 98496
    assert subscription.items.data[0].price.product.name == "Lanyard"
    assert "tiers" not in subscription.items.data[0].price


@pytest.mark.parametrize("path", ["status", "nothing", "customer.nothing", "items.data.price.product.default_price.product"])
def test_an_impossible_expansion_is_refused(shop, v1, path):
    subscription = shop.bought().subscription
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        v1.subscriptions.retrieve(subscription.id, {"expand": [path]})


def test_connections_stay_open(base):
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    sockets = set()
    for method, body in (("GET", None), ("POST", "name=" + "x" * 5000), ("DELETE", None), ("GET", None)):
        connection.request(method, "/v1/products", body)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.version) == (401, 11)
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def test_a_call_takes_milliseconds(client):
    client.v1.products.list()
    started = time.monotonic()
    for _ in range(20):
        client.v1.products.create({"name": "One"})
    # With Nagle's delay every call would take some 40 ms more.
    assert time.monotonic() - started < 20 * 0.035


def test_a_failure_of_the_sandbox_itself_is_an_answer_and_leaves_no_trace(client, monkeypatch, caplog):
    monkeypatch.setattr(events, "record", lambda *_: 1 / 0)
    with pytest.raises(stripe.APIError) as caught:
        client.v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    assert caught.value.http_status == 500
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    assert client.v1.products.list().data == []
    assert client.v1.products.create({"name": "One"}, {"idempotency_key": "k1"}).name == "One"
