"""The check of requests is derived from the whole SDK: every operation of it has its parameters."""

import ast

import pytest

from billing.sandbox import request_check
from billing.sandbox.parameters import unflattened
from billing.sandbox.refusals import Refusal


def service_files():
    return sorted({path for paths in request_check.templates().values() for path in paths})


def calls(path):
    """Count the synchronous methods of a service that send a request of the first generation of the API."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(
        '"/v1/' in ast.unparse(function).replace("'", '"') and "self._request" in ast.unparse(function)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
    )


def test_every_operation_of_the_sdk_is_known():
    files = service_files()
    assert len(files) > 100
    assert [path.name for path in files if len(request_check.operations(path)) != calls(path)] == []
    assert sum(calls(path) for path in files) > 500


def test_every_operation_has_its_parameters_type():
    for path in service_files():
        for declared in request_check.operations(path).values():
            module, name = declared.rsplit(".", 1)
            assert name in request_check.declarations(module)


@pytest.mark.parametrize(
    ("method", "address", "encoded"),
    [
        ("GET", "/v1/prices", "lookup_keys[0]=a&lookup_keys[1]=b&limit=3&expand[0]=data.tiers"),
        ("GET", "/v1/events", "created[gte]=5&types[0]=invoice.paid"),
        ("GET", "/v1/events", "created=5"),
        ("POST", "/v1/subscriptions/sub_1", "metadata[a]=&cancel_at_period_end=true&cancel_at=min_period_end"),
        ("POST", "/v1/subscriptions/sub_1", "cancel_at=&default_tax_rates="),
        ("POST", "/v1/subscriptions/sub_1", "billing_cycle_anchor[type]=now&proration_behavior=always_invoice"),
        ("POST", "/v1/invoices/create_preview", "subscription=sub_1&subscription_details[items][0][quantity]=3"),
        ("POST", "/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=x"),
        ("POST", "/v1/subscription_schedules", "phases[0][duration][interval]=month&phases[0][items][0][price]=p"),
        ("POST", "/v1/customers/cus_1", "address=&name="),
        ("DELETE", "/v1/subscriptions/sub_1", "prorate=false"),
    ],
)
def test_what_the_sdk_can_say_is_accepted(method, address, encoded):
    request_check.checked(method, address, unflattened(encoded))


@pytest.mark.parametrize(
    ("method", "address", "encoded", "param"),
    [
        ("GET", "/v1/prices", "lookup_keys=a", "lookup_keys"),
        ("GET", "/v1/prices", "lookup_key[0]=a", "lookup_key"),
        ("GET", "/v1/events", "created[since]=5", "created[since]"),
        ("POST", "/v1/subscriptions/sub_1", "billing_cycle_anchor=now", "billing_cycle_anchor"),
        ("POST", "/v1/subscriptions/sub_1", "cancel_at=soon", "cancel_at"),
        ("POST", "/v1/subscriptions/sub_1", "coupon=x", "coupon"),
        ("POST", "/v1/subscriptions/sub_1", "items[a][price]=x", "items"),
        ("POST", "/v1/checkout/sessions", "payment_method_types[0]=card", "payment_method_types"),
        ("POST", "/v1/checkout/sessions", "ui_mode=hosted", "ui_mode"),
        ("POST", "/v1/promotion_codes", "coupon=x", "coupon"),
        ("POST", "/v1/subscription_schedules", "phases[0][iterations]=2&phases[0][items][0][price]=p", "phases[0][iterations]"),
        ("POST", "/v1/tax_rates", "display_name=VAT&inclusive=false&percentage=much", "percentage"),
        ("POST", "/v1/products", "name=a&name[b]=c", "name[b]"),
        ("POST", "/v1/products", "name[b]=c&name=a", "name"),
        ("POST", "/v1/products", "[name]=c", "[name]"),
    ],
)
def test_what_it_cannot_say_is_refused_by_name(method, address, encoded, param):
    with pytest.raises(Refusal) as caught:
        request_check.checked(method, address, unflattened(encoded))
    assert caught.value.error["param"] == param
