"""Coupons and the promotion codes that stand for them: how much is taken off a subscription's invoices, and until when."""

from datetime import UTC, datetime
from decimal import Decimal

from billing.sandbox.engine import events
from billing.sandbox.engine.metadata import merged
from billing.sandbox.engine.periods import plus_months
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id


def create_coupon(work: Work, params: JSON) -> JSON:
    """Create a coupon of a percentage or an amount. Raises Refusal when it is neither, both, or its id is taken."""
    key = params.get("id") or new_id("", 8)[1:]
    if work.find("coupon", key) is not None:
        raise Refusal(says=f"Coupon already exists: {key}.", code="resource_already_exists", param="id")
    if ("percent_off" in params) == ("amount_off" in params):
        raise Refusal(says="You must pass exactly one of percent_off and amount_off.", param="percent_off")
    if "amount_off" in params and "currency" not in params:
        raise required(param="currency")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise Refusal(says="`duration_in_months` is given for repeating coupons only.", param="duration_in_months")
    percent = Decimal(str(params["percent_off"])) if "percent_off" in params else None
    if percent is not None and not 0 < percent <= 100:  # noqa: PLR2004 - a percentage
        raise Refusal(says="percent_off must be greater than 0 and at most 100.", param="percent_off")
    body = {
        "id": key,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": work.now,
        "currency": params.get("currency"),
        "duration": params.get("duration", "forever"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": None,
        "metadata": merged({}, params),
        "name": params.get("name"),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
        "_percent": None if percent is None else str(percent),
    }
    work.put("coupon", body)
    events.record(work, "coupon.created", body)
    return body


def create_promotion_code(work: Work, params: JSON) -> JSON:
    """Create a code for a coupon. Raises Refusal when another active one has the same code."""
    coupon = params["promotion"].get("coupon")
    if coupon is None:
        raise required(param="promotion[coupon]")
    if work.find("coupon", coupon) is None:
        raise missing(noun="coupon", key=coupon, param="promotion[coupon]", status=400)
    code = params.get("code") or new_id("", 8)[1:].upper()
    if any(other["code"].upper() == code.upper() and other["active"] for other in work.all("promotion_code")):
        raise Refusal(says="An active promotion code with this code already exists.", param="code")
    body = {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": code,
        "created": work.now,
        "customer": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": merged({}, params),
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None},
        "times_redeemed": 0,
    }
    work.put("promotion_code", body)
    events.record(work, "promotion_code.created", body)
    return body


def update_promotion_code(work: Work, body: JSON, params: JSON) -> JSON:
    """Change whether a code can be used."""
    before = wire(work, body)
    body["active"] = params.get("active", body["active"])
    body["metadata"] = merged(body["metadata"], params)
    work.put("promotion_code", body)
    events.record_change(work, "promotion_code.updated", before, body)
    return body


def chosen(work: Work, sent: list[JSON], param: str) -> JSON | None:
    """Return what a request wants taken off: a coupon, perhaps by its code. Raises Refusal for what cannot be used."""
    if not sent:
        return None
    if len(sent) > 1:
        raise uncovered(param=f"{param} (more than one)")
    if "promotion_code" not in sent[0]:
        key = sent[0].get("coupon", "")
        if work.find("coupon", key) is None:
            raise missing(noun="coupon", key=key, param=f"{param}[0][coupon]", status=400)
        return {"coupon": key, "promotion_code": None}
    key = sent[0]["promotion_code"]
    code = work.find("promotion_code", key)
    if code is None:
        raise missing(noun="promotion code", key=key, param=f"{param}[0][promotion_code]", status=400)
    if not code["active"]:
        raise Refusal(says="This promotion code is not active.", param=f"{param}[0][promotion_code]")
    return {"coupon": code["promotion"]["coupon"], "promotion_code": key}


def redeem(work: Work, subscription: JSON, choice: JSON, session: str | None) -> JSON:
    """Give a new subscription its discount, and count that the coupon and its code were used."""
    coupon = stored(work, "coupon", choice["coupon"])
    months = coupon["duration_in_months"]
    end = None if months is None else int(plus_months(datetime.fromtimestamp(work.now, UTC), months).timestamp())
    for kind in ("coupon", "promotion_code"):
        if choice[kind] is not None:
            used = stored(work, kind, choice[kind])
            used["times_redeemed"] += 1
            work.put(kind, used)
    body = {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": session,
        "customer": subscription["customer"],
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": choice["promotion_code"],
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": work.now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
    return work.put("discount", body)


def running(work: Work, subscription: JSON) -> tuple[str | None, JSON | None]:
    """Return the discount that a subscription has now, by its id, and its coupon."""
    for key in subscription["discounts"]:
        discount = stored(work, "discount", key)
        if discount["end"] is None or discount["end"] > work.now:
            return key, stored(work, "coupon", discount["source"]["coupon"])
    return None, None


def drop_ended(work: Work, subscription: JSON) -> None:
    """Take the discounts off a subscription that have run out."""
    key, _ = running(work, subscription)
    subscription["discounts"] = [] if key is None else [key]
