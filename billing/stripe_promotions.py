"""Promotion codes at Stripe: each is a coupon and a code for it, made when an order first needs them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import stripe

if TYPE_CHECKING:
    from billing.gateway import Reduction


YEAR = 12


def promotion_code(client: stripe.StripeClient, reduction: Reduction) -> str:
    """Give the promotion code, made with its coupon when Stripe does not have it yet; who may use it how often is ours to say."""
    coupon = f"lanyard_{reduction.key}"
    found = _find(client, reduction.code, coupon)
    if found is not None:
        return found
    params: dict[str, Any] = {"id": coupon, "name": reduction.code}
    if reduction.percent is not None:
        params["percent_off"] = reduction.percent
    else:
        params |= {"amount_off": reduction.amount_minor, "currency": reduction.currency.lower()}
    if reduction.months is None:
        params["duration"] = "forever"
    else:
        params |= {"duration": "repeating", "duration_in_months": reduction.months}
    # An order beside this one may make them at the same moment, or a kill may have come between the two.
    made: Any = params
    with suppress(stripe.InvalidRequestError):
        client.v1.coupons.create(made, {"idempotency_key": f"coupon-{coupon}"})
    try:
        code = client.v1.promotion_codes.create(
            {"code": reduction.code, "promotion": {"type": "coupon", "coupon": coupon}}, {"idempotency_key": f"code-{coupon}"}
        )
    except stripe.InvalidRequestError:
        found = _find(client, reduction.code, coupon)
        if found is None:
            raise
        return found
    return code.id


def coupon_of_quotes(client: stripe.StripeClient, percent: int) -> str:
    """Give the coupon that takes a percentage off the year of a quote, and not off its renewal."""
    coupon = f"lanyard_quote_{percent}"
    params: Any = {
        "id": coupon,
        "name": f"{percent}%",
        "percent_off": percent,
        "duration": "repeating",
        "duration_in_months": YEAR,
    }
    try:
        client.v1.coupons.retrieve(coupon)
    except stripe.InvalidRequestError:
        with suppress(stripe.InvalidRequestError):
            client.v1.coupons.create(params, {"idempotency_key": f"coupon-{coupon}"})
    return coupon


def _find(client: stripe.StripeClient, code: str, coupon: str) -> str | None:
    """Give the active promotion code that is spelt so and stands for our coupon."""
    listed: Any = client.v1.promotion_codes.list({"code": code, "active": True})
    return next((found.id for found in listed.data if found.promotion.coupon == coupon), None)
