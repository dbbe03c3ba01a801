"""Stripe's OpenAPI document, of an earlier version, agrees with what is sent and answered, but for what is listed."""

from __future__ import annotations

import re

import pytest

from billing.sandbox.endpoints import OPERATIONS
from billing.sandbox.parameters import unflattened
from tests.contract import second_opinion
from tests.contract.test_responses import walk

# Where the two differ, by how what is found ends, and why. Each must be found, so that the list never says more than there is.
LATER = "came after the version of the document, with that of the SDK, whose classes demand or know it"
DIFFERENCES = {
    "POST /v1/subscriptions invoice_settings.custom_fields: unknown parameter": LATER,
    "/v1/checkout/sessions allowed_payment_method_types: unknown parameter": LATER,
    "/v1/subscriptions/{id}/pause: unknown operation": LATER,
    "/resume billing_cycle_anchor: an object, where a string is wanted": "is an object since then",
    "evidence_details.submission_method: unknown field": LATER,
    "features.subscription_pause: unknown field": LATER,
    "invoice_settings.custom_fields: unknown field": LATER,
    "invoice_settings.description: unknown field": LATER,
    "invoice_settings.footer: unknown field": LATER,
    "pause_schedules: unknown field": LATER,
    "phases[].items[].plan: unknown field": "the SDK's class demands it",
    "price.recurring.trial_period_days: unknown field": "the SDK's class knows it",
    "product.type: unknown field": "the SDK's class demands it",
}


@pytest.fixture(scope="module")
def found(client, http, base, clock):
    """Give what the document finds wrong with a walk through all endpoints."""
    walk(client, base, clock)
    problems = set()
    for method, address, encoded in http.asked:
        problems.update(second_opinion.of_request(method, address, unflattened(encoded)))
    for body in http.seen:
        problems.update(second_opinion.of_object(body))
    return {re.sub(r"'[a-z_]+_[A-Za-z0-9]{8,}'", "an id", problem) for problem in problems}


def test_the_second_opinion_differs_in_nothing_that_is_not_listed(found):
    listed = {problem: [end for end in DIFFERENCES if problem.endswith(end)] for problem in found}
    assert [problem for problem, ends in listed.items() if not ends] == []
    assert {end for ends in listed.values() for end in ends} == set(DIFFERENCES)


def test_the_extract_is_small_and_knows_every_operation_of_the_sandbox():
    assert second_opinion.EXTRACT.stat().st_size <= 165_000
    unknown = {f"{operation.method} {operation.address}" for operation in OPERATIONS} - set(
        second_opinion.extract()["operations"]
    )
    assert unknown == {"POST /v1/subscriptions/{id}/pause"}


@pytest.mark.parametrize(
    ("method", "address", "encoded", "problem"),
    [
        ("POST", "/v1/customers", "colour=blue", "POST /v1/customers colour: unknown parameter"),
        ("POST", "/v1/subscriptions/sub_12345678", "items[0][weight]=3", "items.weight: unknown parameter"),
        ("POST", "/v1/prices", "billing_scheme=bands", "is none of its words"),
        ("POST", "/v1/refunds", "amount=much", "is no whole number"),
        ("POST", "/v1/refunds", "amount[a]=1", "where a integer is wanted"),
        ("GET", "/v1/nothing", "", "unknown operation"),
    ],
)
def test_a_wrong_request_is_reported(method, address, encoded, problem):
    assert problem in "\n".join(second_opinion.of_request(method, address, unflattened(encoded)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"colour": "blue"}, "refund.colour: unknown field"),
        ({"amount": "1"}, "refund.amount: '1' is no integer"),
        ({"amount": None}, "refund.amount: null"),
        ({"metadata": []}, "refund.metadata: [] is no object"),
        ({"object": "refunds"}, "refunds: unknown object"),
    ],
)
def test_a_wrong_object_is_reported(change, problem):
    good = {
        "id": "re_1",
        "object": "refund",
        "amount": 1,
        "created": 1,
        "currency": "gbp",
        "metadata": {},
        "charge": None,
        "balance_transaction": None,
        "payment_intent": None,
        "reason": None,
        "receipt_number": None,
        "status": "succeeded",
        "source_transfer_reversal": None,
        "transfer_reversal": None,
    }
    assert list(second_opinion.of_object(good)) == []
    assert problem in "\n".join(second_opinion.of_object(good | change))
