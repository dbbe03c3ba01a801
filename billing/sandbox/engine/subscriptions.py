"""Subscriptions: begun, changed, renewed at the end of each period, and ended."""

from dataclasses import dataclass, field

from billing.sandbox.engine import collection, customers, events, invoices
from billing.sandbox.engine.catalogue import known_tax_rates
from billing.sandbox.engine.metadata import merged
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.refusals import Refusal, declined, missing, required, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id


@dataclass
class Wish:
    """What a new subscription is to be, whether it comes from the API or from a finished checkout."""

    price: JSON
    quantity: int
    card: str | None
    item_tax_rates: list[str] = field(default_factory=list)
    default_tax_rates: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    item_metadata: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    custom_fields: list[JSON] | None = None


def sellable_price(work: Work, key: str, param: str) -> JSON:
    """Return the price a parameter names. Raises Refusal when there is none or it is not sold any more."""
    price = work.find("price", key)
    if price is None:
        raise missing(noun="price", key=key, param=param, status=400)
    if not price["active"]:
        raise Refusal(says=f"The price specified is inactive ({key}).", param=param)
    return price


def whole(quantity: int, param: str) -> int:
    """Return a quantity of at least one. Raises Refusal for less."""
    if quantity < 1:
        raise Refusal(says="This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param)
    return quantity


def create(work: Work, params: JSON) -> JSON:
    """Begin a subscription from the API. Raises Refusal when it cannot be paid and `payment_behavior` insists."""
    if "customer" not in params:
        raise required(param="customer")
    customer = work.find("customer", params["customer"])
    if customer is None:
        raise missing(noun="customer", key=params["customer"], param="customer", status=400)
    if len(params.get("items", [])) != 1:
        raise uncovered(param="items (other than exactly one)") if params.get("items") else required(param="items")
    item = params["items"][0]
    if "price" not in item:
        raise required(param="items[0][price]")
    card = params.get("default_payment_method")
    if card is not None:
        customers.owned_card(work, customer["id"], card, "default_payment_method")
    known_tax_rates(work, params.get("default_tax_rates") or [], "default_tax_rates")
    known_tax_rates(work, item.get("tax_rates") or [], "items[0][tax_rates]")
    wish = Wish(
        price=sellable_price(work, item["price"], "items[0][price]"),
        quantity=whole(item.get("quantity", 1), "items[0][quantity]"),
        card=card,
        item_tax_rates=item.get("tax_rates") or [],
        default_tax_rates=params.get("default_tax_rates") or [],
        metadata=merged({}, params),
        item_metadata=merged({}, item),
        description=params.get("description"),
        custom_fields=params.get("invoice_settings", {}).get("custom_fields") or None,
    )
    behaviour = params.get("payment_behavior", "allow_incomplete")
    found = customers.card_to_charge(work, customer, card)
    if found is None and behaviour != "default_incomplete":
        raise collection.no_card()
    is_paid = collection.is_good(found) and behaviour != "default_incomplete"
    if behaviour == "error_if_incomplete" and not is_paid:
        raise declined(says=collection.SAYS_NO)
    is_tried = behaviour != "default_incomplete"
    return begin(work, customer, wish, is_paid=is_paid, is_tried=is_tried)


def begin(work: Work, customer: JSON, wish: Wish, *, is_paid: bool, is_tried: bool = True) -> JSON:
    """Begin a subscription and its first invoice, paid at once or left incomplete."""
    key = new_id("sub")
    recurring = wish.price["recurring"]
    end = end_of_period(work.now, work.now, recurring["interval"], recurring["interval_count"])
    body = {
        "id": key,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": work.now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": work.now,
        "currency": wish.price["currency"],
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": wish.card,
        "default_source": None,
        "default_tax_rates": wish.default_tax_rates,
        "description": wish.description,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": wish.custom_fields,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": wish.metadata,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": work.now,
        "status": "incomplete",
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
        "_items": [
            {
                "id": new_id("si", 14),
                "object": "subscription_item",
                "billing_thresholds": None,
                "created": work.now,
                "current_period_end": end,
                "current_period_start": work.now,
                "discounts": [],
                "metadata": wish.item_metadata,
                "price": wish.price["id"],
                "quantity": wish.quantity,
                "subscription": key,
                "tax_rates": wish.item_tax_rates,
            }
        ],
    }
    invoice = invoices.draft(work, body, "subscription_create", (work.now, work.now))
    body["latest_invoice"] = invoice["id"]
    has_nothing_to_pay = invoice["total"] == 0
    body["status"] = "active" if is_paid or has_nothing_to_pay else "incomplete"
    work.put("subscription", body)
    if customer["currency"] is None:
        customer["currency"] = body["currency"]
        work.put("customer", customer)
    invoices.finalise(work, invoice)
    events.record(work, "customer.subscription.created", body)
    if body["status"] == "active":
        collection.settle(work, invoice)
    elif is_tried:
        collection.fail(work, invoice, is_scheduled=False)
    return body


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Change a living subscription. Raises Refusal for what an ended one cannot, or what the sandbox cannot."""
    if body["status"] in {"canceled", "incomplete_expired"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        if params.keys() - {"metadata"}:
            raise Refusal(says=message)
    before = wire(work, body)
    body["metadata"] = merged(body["metadata"], params)
    if "description" in params:
        body["description"] = params["description"] or None
    if "default_payment_method" in params:
        key = params["default_payment_method"]
        if key:
            customers.owned_card(work, body["customer"], key, "default_payment_method")
        body["default_payment_method"] = key or None
    if "default_tax_rates" in params:
        keys = params["default_tax_rates"] or []
        known_tax_rates(work, keys, "default_tax_rates")
        body["default_tax_rates"] = keys
    if "custom_fields" in params.get("invoice_settings", {}):
        body["invoice_settings"]["custom_fields"] = params["invoice_settings"]["custom_fields"] or None
    if "items" in params:
        _change_quantity(body, params)
    if "cancel_at_period_end" in params:
        _plan_end(work, body, is_wanted=params["cancel_at_period_end"])
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    return body


def _change_quantity(body: JSON, params: JSON) -> None:
    if params.get("proration_behavior") != "none":
        raise uncovered(param="items without proration_behavior=none")
    items = {item["id"]: item for item in body["_items"]}
    for number, sent in enumerate(params["items"]):
        item = items.get(sent.get("id", ""))
        if item is None:
            raise missing(noun="subscription item", key=sent.get("id", ""), param=f"items[{number}][id]", status=400)
        if "quantity" in sent:
            item["quantity"] = whole(sent["quantity"], f"items[{number}][quantity]")


def _plan_end(work: Work, body: JSON, *, is_wanted: bool) -> None:
    body["cancel_at_period_end"] = is_wanted
    body["cancel_at"] = body["_items"][0]["current_period_end"] if is_wanted else None
    body["canceled_at"] = work.now if is_wanted else None
    body["cancellation_details"]["reason"] = "cancellation_requested" if is_wanted else None


def cancel(work: Work, body: JSON) -> JSON:
    """End a subscription now because someone asked. Raises Refusal when it has ended already."""
    if body["status"] in {"canceled", "incomplete_expired"}:
        raise missing(noun="subscription", key=body["id"])
    body["cancellation_details"]["reason"] = "cancellation_requested"
    return _end(work, body)


def _end(work: Work, body: JSON) -> JSON:
    body["status"] = "canceled"
    body["ended_at"] = work.now
    body["canceled_at"] = body["canceled_at"] or work.now
    work.put("subscription", body)
    for status in ("draft", "open"):
        for invoice in work.all("invoice", subscription=body["id"], status=status):
            invoices.stop(work, invoice)
    events.record(work, "customer.subscription.deleted", body)
    return body


def renew(work: Work, body: JSON) -> JSON:
    """Begin the next period with a draft invoice, or end the subscription where that was asked for."""
    if body["cancel_at_period_end"]:
        return _end(work, body)
    before = wire(work, body)
    passed = (body["_items"][0]["current_period_start"], body["_items"][0]["current_period_end"])
    for item in body["_items"]:
        recurring = stored(work, "price", item["price"])["recurring"]
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = end_of_period(
            body["billing_cycle_anchor"],
            item["current_period_start"],
            recurring["interval"],
            recurring["interval_count"],
        )
    body["latest_invoice"] = invoices.draft(work, body, "subscription_cycle", passed)["id"]
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    return body


def expire(work: Work, body: JSON) -> JSON:
    """Give up on a subscription whose first invoice was never paid."""
    before = wire(work, body)
    body["status"] = "incomplete_expired"
    body["ended_at"] = work.now
    work.put("subscription", body)
    for invoice in work.all("invoice", subscription=body["id"], status="open"):
        invoices.void(work, invoice)
    events.record_change(work, "customer.subscription.updated", before, body)
    return body
