"""Objects as they go over the wire in API version 2026-10-28.endive, and what `expand` adds to them."""

from collections.abc import Callable, Iterable
from typing import Any

from billing.sandbox.refusals import Refusal
from billing.sandbox.store import JSON, Work

API_VERSION = "2026-10-28.endive"
DEEPEST_EXPANSION = 4

EXPANDABLE = {
    "charge": "charge",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "configuration": "billing_portal.configuration",
    "coupon": "coupon",
    "discount": "discount",
    "discounts": "discount",
    "default_price": "price",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "price": "price",
    "product": "product",
    "promotion_code": "promotion_code",
    "schedule": "subscription_schedule",
    "subscription": "subscription",
}


def listed(url: str, data: list[JSON], *, has_more: bool = False) -> JSON:
    """Return a list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def public(body: JSON) -> JSON:
    """Return the object without what only the sandbox knows."""
    return {name: value for name, value in body.items() if not name.startswith("_")}


def stored(work: Work, kind: str, key: str) -> JSON:
    """Return an object that another one names. Raises LookupError when the store has lost it."""
    body = work.remembered(kind, key)
    if body is None:
        raise LookupError(key)
    return body


def tax_rate(body: JSON) -> JSON:
    """Return a tax rate; the wire has its percentages as numbers, the store as exact text."""
    percentage = float(body["percentage"])
    return public(body) | {"percentage": percentage, "effective_percentage": percentage}


def tax_rates(work: Work, keys: Iterable[str]) -> list[JSON]:
    """Return the tax rates an object carries whole."""
    return [tax_rate(stored(work, "tax_rate", key)) for key in keys]


def tiers(price: JSON) -> list[JSON] | None:
    """Return a price's bands as the wire has them; they come only when they are asked for."""
    if price["_tiers"] is None:
        return None
    return [
        {
            "flat_amount": None,
            "flat_amount_decimal": None,
            "unit_amount": tier["unit_amount"],
            "unit_amount_decimal": str(tier["unit_amount"]),
            "up_to": tier["up_to"],
        }
        for tier in price["_tiers"]
    ]


def plan(price: JSON) -> JSON:
    """Return the older description of a price, which subscription items still must carry."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def subscription(work: Work, body: JSON) -> JSON:
    """Return a subscription with its items, their prices and its tax rates."""
    return public(body) | {
        "default_tax_rates": tax_rates(work, body["default_tax_rates"]),
        "items": listed(f"/v1/subscription_items?subscription={body['id']}", subscription_items(work, body["_items"])),
        "pending_update": pending_update(work, body.get("_pending")),
    }


def subscription_items(work: Work, items: list[JSON]) -> list[JSON]:
    """Return the items of a subscription with their prices and tax rates."""
    found: list[JSON] = []
    for item in items:
        price = stored(work, "price", item["price"])
        found.append(item | {"plan": plan(price), "price": public(price), "tax_rates": tax_rates(work, item["tax_rates"])})
    return found


def pending_update(work: Work, pending: JSON | None) -> JSON | None:
    """Return what a subscription is to become once its invoice is paid."""
    if pending is None:
        return None
    return {
        "billing_cycle_anchor": None,
        "expires_at": pending["expires_at"],
        "subscription_items": subscription_items(work, pending["items"]),
        "trial_end": None,
        "trial_from_plan": None,
    }


def schedule(work: Work, body: JSON) -> JSON:
    """Return a subscription schedule with its phases and their tax rates."""
    phases = [
        phase
        | {
            "default_tax_rates": tax_rates(work, phase["default_tax_rates"]),
            "items": [item | {"tax_rates": tax_rates(work, item["tax_rates"])} for item in phase["items"]],
        }
        for phase in body["_phases"]
    ]
    return public(body) | {"phases": phases}


def invoice(work: Work, body: JSON) -> JSON:
    """Return an invoice with its lines and tax rates."""
    url = f"{work.public_url}/invoices/{body['id']}" if body["number"] else None
    return public(body) | {
        "default_tax_rates": tax_rates(work, body["default_tax_rates"]),
        "hosted_invoice_url": url,
        "lines": listed(f"/v1/invoices/{body['id']}/lines", body["_lines"]),
    }


def payments(body: JSON) -> JSON:
    """Return an invoice's payments; they come only when they are asked for."""
    return listed("/v1/invoice_payments", body["_payments"])


def line_items(work: Work, session: JSON) -> list[JSON]:
    """Return what is bought in a checkout session; it comes only when it is asked for, or from its own address."""
    found: list[JSON] = []
    for line in session["_lines"]:
        rates = tax_rates(work, line["tax_rates"])
        found.append(
            {
                "id": line["id"],
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": line["taken_off"],
                "amount_subtotal": line["subtotal"],
                "amount_tax": line["tax"],
                "amount_total": line["subtotal"] - line["taken_off"] + line["tax"],
                "currency": session["currency"],
                "description": line["description"],
                "discounts": [],
                "metadata": line["metadata"],
                "price": public(stored(work, "price", line["price"])),
                "quantity": line["quantity"],
                "taxes": [
                    {
                        "amount": amount,
                        "rate": rate,
                        "taxability_reason": None,
                        "taxable_amount": line["subtotal"] - line["taken_off"],
                    }
                    for rate, amount in zip(rates, line["taxes"], strict=True)
                ],
            }
        )
    return found


def credit_note(_work: Work, body: JSON) -> JSON:
    """Return a credit note with its lines."""
    return public(body) | {"lines": listed(f"/v1/credit_notes/{body['id']}/lines", body["_lines"])}


def coupon(_work: Work, body: JSON) -> JSON:
    """Return a coupon; the wire has its percentage as a number, the store as exact text."""
    return public(body) | {"percent_off": None if body["_percent"] is None else float(body["_percent"])}


SHOWN: dict[str, Callable[[Work, JSON], JSON]] = {
    "coupon": coupon,
    "credit_note": credit_note,
    "invoice": invoice,
    "subscription": subscription,
    "subscription_schedule": schedule,
    "tax_rate": lambda _work, body: tax_rate(body),
}


def wire(work: Work, body: JSON) -> JSON:
    """Return an object as the API answers it when nothing is expanded."""
    if body.get("deleted"):
        return {"id": body["id"], "object": body["object"], "deleted": True}
    shown = SHOWN.get(body["object"])
    return public(body) if shown is None else shown(work, body)


def hidden_payments(work: Work, key: str) -> JSON:
    """Read the payments of an invoice."""
    return payments(stored(work, "invoice", key))


def hidden_line_items(work: Work, key: str) -> JSON:
    """Read the lines of a checkout session."""
    return listed(f"/v1/checkout/sessions/{key}/line_items", line_items(work, stored(work, "checkout.session", key)))


def hidden_tax_ids(work: Work, key: str) -> JSON:
    """Read the tax numbers of a customer."""
    return listed(f"/v1/customers/{key}/tax_ids", work.all("tax_id", customer=key))


def hidden_tiers(work: Work, key: str) -> list[JSON] | None:
    """Read the bands of a price."""
    return tiers(stored(work, "price", key))


HIDDEN: dict[tuple[str, str], Callable[[Work, str], Any]] = {
    ("checkout.session", "line_items"): hidden_line_items,
    ("customer", "tax_ids"): hidden_tax_ids,
    ("invoice", "payments"): hidden_payments,
    ("price", "tiers"): hidden_tiers,
}


def expand(work: Work, answer: JSON, paths: Iterable[str]) -> JSON:
    """Put whole objects where the answer has ids, along each dotted path. Raises Refusal where that is impossible."""
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEEPEST_EXPANSION:
            message = f"You cannot expand more than {DEEPEST_EXPANSION} levels of a property. Property: {path}"
            raise Refusal(says=message, code="property_expansion_max_depth", param="expand")
        _expand_at(work, answer, steps, path)
    return answer


def _expand_at(work: Work, target: JSON, steps: list[str], path: str) -> None:
    if target.get("deleted"):
        return
    step, *rest = steps
    hidden = HIDDEN.get((target.get("object", ""), step))
    if step not in target and hidden is None:
        raise _impossible(path)
    if step not in target and hidden is not None:
        found = hidden(work, target["id"])
        if found is None:
            return
        target[step] = found
    if isinstance(target[step], str):
        if step not in EXPANDABLE:
            raise _impossible(path)
        target[step] = wire(work, stored(work, EXPANDABLE[step], target[step]))
    elif isinstance(target[step], list) and step in EXPANDABLE:
        kind = EXPANDABLE[step]
        target[step] = [wire(work, stored(work, kind, key)) if isinstance(key, str) else key for key in target[step]]
    if rest:
        value = target[step]
        for member in value if isinstance(value, list) else [value]:
            _expand_within(work, member, rest, path)


def _expand_within(work: Work, member: Any, rest: list[str], path: str) -> None:
    if isinstance(member, dict):
        _expand_at(work, member, rest, path)
    elif member is not None:
        raise _impossible(path)


def _impossible(path: str) -> Refusal:
    return Refusal(says=f"This property cannot be expanded ({path}).", param="expand")
