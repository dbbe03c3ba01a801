"""Subscriptions: begun, changed, renewed at the end of each period, and ended."""

from dataclasses import dataclass, field

from billing.sandbox.engine import (
    collection,
    customers,
    debits,
    discounts,
    endings,
    events,
    invoices,
    pauses,
    pending_updates,
    prorations,
    schedules,
    terms,
)
from billing.sandbox.engine.catalogue import known_tax_rates
from billing.sandbox.engine.metadata import merged
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.refusals import Refusal, declined, missing, required, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

WITH_PENDING = {"expand", "items", "off_session", "payment_behavior", "proration_behavior", "proration_date"}


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
    discount: JSON | None = None
    session: str | None = None
    days_until_due: int | None = None

    @property
    def is_sent(self) -> bool:
        """Say whether its invoices are sent to be paid, instead of charged."""
        return self.days_until_due is not None


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
        price=prorations.sellable_price(work, item["price"], "items[0][price]"),
        quantity=prorations.whole(item.get("quantity", 1), "items[0][quantity]"),
        card=card,
        item_tax_rates=item.get("tax_rates") or [],
        default_tax_rates=params.get("default_tax_rates") or [],
        metadata=merged({}, params),
        item_metadata=merged({}, item),
        description=params.get("description"),
        custom_fields=params.get("invoice_settings", {}).get("custom_fields") or None,
        discount=discounts.chosen(work, params.get("discounts") or [], "discounts"),
        days_until_due=terms.days_until_due(params),
    )
    if wish.is_sent:
        return begin(work, customer, wish, is_paid=False)
    behaviour = params.get("payment_behavior", "allow_incomplete")
    found = customers.card_to_charge(work, customer, card)
    if found is None and behaviour != "default_incomplete":
        raise collection.no_card()
    is_paid = collection.is_good(found) and behaviour != "default_incomplete"
    if behaviour == "error_if_incomplete" and not is_paid:
        raise declined(says=customers.SAYS_NO)
    is_tried = behaviour != "default_incomplete"
    return begin(work, customer, wish, is_paid=is_paid, is_tried=is_tried, asked=collection.asks(found))


def begin(
    work: Work,
    customer: JSON,
    wish: Wish,
    *,
    is_paid: bool,
    is_tried: bool = True,
    asked: bool = False,
    debit: JSON | None = None,
) -> JSON:
    """Begin a subscription and its first invoice: paid at once, being debited, or left incomplete; a sent one is a draft."""
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
        "collection_method": "send_invoice" if wish.is_sent else "charge_automatically",
        "created": work.now,
        "currency": wish.price["currency"],
        "customer": customer["id"],
        "days_until_due": wish.days_until_due,
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
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
        "_pending": None,
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
    if wish.discount is not None:
        body["discounts"] = [discounts.redeem(work, body, wish.discount, wish.session)["id"]]
    invoice = invoices.draft(work, body, "subscription_create", (work.now, work.now))
    body["latest_invoice"] = invoice["id"]
    if customer["currency"] is None:
        customer["currency"] = body["currency"]
        work.put("customer", customer)
    if wish.is_sent:
        body["status"] = "active"
        work.put("subscription", body)
        events.record(work, "customer.subscription.created", body)
        return body
    invoices.finalise(work, invoice)
    has_nothing_to_pay = invoice["amount_due"] == 0
    body["status"] = "active" if is_paid or has_nothing_to_pay or debit is not None else "incomplete"
    work.put("subscription", body)
    events.record(work, "customer.subscription.created", body)
    if debit is not None and not has_nothing_to_pay:
        collection.debit(work, invoice, debit, debits.NEW_MANDATE_DAYS)
    elif body["status"] == "active":
        collection.settle(work, invoice)
    elif is_tried:
        collection.fail(work, invoice, is_scheduled=False, asked=asked)
    return body


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Change a living subscription. Raises Refusal for what an ended one cannot, or what the sandbox cannot."""
    if body["status"] in {"canceled", "incomplete_expired"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        if params.keys() - {"metadata"}:
            raise Refusal(says=message)
    before = wire(work, body)
    _change_facts(work, body, params)
    if params.keys() & {"cancel_at", "cancel_at_period_end"}:
        _plan_end(work, body, params)
    if "items" in params:
        after = prorations.changed_items(work, body, params["items"], "items")
        if params.get("proration_behavior") != "none":
            return _change_now(work, body, after, params, before)
        _change_quietly(body, after)
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    return body


def preview(work: Work, params: JSON) -> JSON:
    """Return the invoice that a change would make, without changing anything. Raises Refusal for what cannot be changed so."""
    if "subscription" not in params:
        raise uncovered(param="subscription (left out)")
    body = work.find("subscription", params["subscription"])
    if body is None:
        raise missing(noun="subscription", key=params["subscription"], param="subscription", status=400)
    details = params.get("subscription_details", {})
    if "items" not in details or details.get("proration_behavior") != "always_invoice":
        raise uncovered(param="subscription_details (other than items that are invoiced at once)")
    after = prorations.changed_items(work, body, details["items"], "subscription_details[items]")
    charged = prorations.lines(work, body, after, prorations.moment_of(work, body, details))
    return invoices.drawn(work, body, "upcoming", (work.now, work.now), charged, "upcoming_in")


def _change_facts(work: Work, body: JSON, params: JSON) -> None:
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
    if "pause_collection" in params:
        body["pause_collection"] = pauses.of_collection(params["pause_collection"])
    if "custom_fields" in params.get("invoice_settings", {}):
        body["invoice_settings"]["custom_fields"] = params["invoice_settings"]["custom_fields"] or None


def _change_quietly(body: JSON, after: list[JSON]) -> None:
    schedules.refuse_managed(body, "its items")
    if [item["price"] for item in after] != [item["price"] for item in body["_items"]]:
        raise uncovered(param="items[0][price] without proration_behavior=always_invoice")
    body["_items"] = after


def _change_now(work: Work, body: JSON, after: list[JSON], params: JSON, before: JSON) -> JSON:
    """Invoice a change at once.

    It waits as a pending update until it is paid where that is asked for; else it applies, and leaves the subscription past due.
    """
    if body["collection_method"] == "send_invoice":
        return _change_and_send(work, body, after, params, before)
    if params.get("proration_behavior") != "always_invoice":
        raise uncovered(param="items without proration_behavior=always_invoice or none")
    waits = params.get("payment_behavior") == "pending_if_incomplete"
    customer = stored(work, "customer", body["customer"])
    card = customers.card_to_charge(work, customer, body["default_payment_method"])
    if not waits and debits.is_debit(card):
        return _change_by_debit(work, body, after, params, before)
    if debits.is_debit(card):
        message = "`payment_behavior=pending_if_incomplete` is not supported with the payment method type bacs_debit."
        raise Refusal(says=message, param="payment_behavior")
    if waits and (extra := params.keys() - WITH_PENDING):
        message = "When `payment_behavior` is `pending_if_incomplete`, these parameters cannot be changed: "
        raise Refusal(says=message + ", ".join(sorted(extra)) + ".", param=min(extra))
    schedules.refuse_managed(body, "its items")
    if waits and body["status"] != "active":
        raise Refusal(says=f"Pending updates need an active subscription; this one is {body['status']}.")
    if body.get("_pending") is not None:
        raise uncovered(param="items while an update is pending")
    charged = prorations.lines(work, body, after, prorations.moment_of(work, body, params))
    invoice = invoices.draft(work, body, "subscription_update", (work.now, work.now), charged)
    is_paid = invoice["total"] <= 0 or collection.is_good(card)
    if is_paid or not waits:
        pending_updates.put_in_place(body, after)
    else:
        pending_updates.wait(work, body, after, invoice["id"])
    body["latest_invoice"] = invoice["id"]
    work.put("subscription", body)
    invoices.finalise(work, invoice)
    events.record_change(work, "customer.subscription.updated", before, body)
    if is_paid:
        collection.settle(work, invoice)
    else:
        collection.fail(work, invoice, is_scheduled=not waits, asked=collection.asks(card))
    return stored(work, "subscription", body["id"])


def _change_by_debit(work: Work, body: JSON, after: list[JSON], params: JSON, before: JSON) -> JSON:
    """Change a subscription at once and invoice it, to be paid by a bank debit in the days that follow."""
    invoice = _changed(work, body, after, params)
    invoices.finalise(work, invoice)
    events.record_change(work, "customer.subscription.updated", before, body)
    collection.charge(work, invoice)
    return body


def _change_and_send(work: Work, body: JSON, after: list[JSON], params: JSON, before: JSON) -> JSON:
    """Make a change at once and draw up the invoice for it, which is sent like any other."""
    if "payment_behavior" in params:
        raise uncovered(param="payment_behavior of a subscription whose invoices are sent")
    _changed(work, body, after, params)
    events.record_change(work, "customer.subscription.updated", before, body)
    return body


def _changed(work: Work, body: JSON, after: list[JSON], params: JSON) -> JSON:
    """Make a change at once, and return the draft of its invoice."""
    schedules.refuse_managed(body, "its items")
    charged = prorations.lines(work, body, after, prorations.moment_of(work, body, params))
    invoice = invoices.draft(work, body, "subscription_update", (work.now, work.now), charged)
    pending_updates.put_in_place(body, after)
    body["latest_invoice"] = invoice["id"]
    work.put("subscription", body)
    return invoice


def _plan_end(work: Work, body: JSON, params: JSON) -> None:
    """Set or unset that a subscription ends with its period, by its own word or by a date; each undoes what it has set itself."""
    if {"cancel_at", "cancel_at_period_end"} <= params.keys():
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise Refusal(says=message, param="cancel_at")
    schedules.refuse_managed(body, "any cancelation behavior")
    period_end, details = body["_items"][0]["current_period_end"], params.get("cancellation_details", {})
    is_dated = "cancel_at" in params
    is_wanted = bool(params["cancel_at"] if is_dated else params["cancel_at_period_end"])
    if is_dated and is_wanted and params["cancel_at"] != period_end:
        raise uncovered(param="cancel_at (other than the end of the period)")
    if not is_wanted and body["cancel_at_period_end"] is is_dated:
        return
    body["cancel_at_period_end"] = is_wanted and not is_dated
    body["cancel_at"] = period_end if is_wanted else None
    body["canceled_at"] = work.now if is_wanted else None
    body["cancellation_details"] = {
        "comment": (details.get("comment") or None) if is_wanted else None,
        "feedback": (details.get("feedback") or None) if is_wanted else None,
        "reason": "cancellation_requested" if is_wanted else None,
    }


def cancel(work: Work, body: JSON) -> JSON:
    """End a subscription now because someone asked. Raises Refusal when it has ended already."""
    if body["status"] in {"canceled", "incomplete_expired"}:
        raise missing(noun="subscription", key=body["id"])
    body["cancellation_details"]["reason"] = "cancellation_requested"
    return endings.end(work, body)


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
