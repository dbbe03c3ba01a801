"""Subscription schedules: what a subscription is to become at the end of its period, and letting go of it afterwards."""

from billing.sandbox.engine import events
from billing.sandbox.engine.catalogue import known_tax_rates
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.engine.prorations import sellable_price, whole
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

PHASES = 2
OVER = frozenset({"released", "canceled", "completed"})


def create(work: Work, params: JSON) -> JSON:
    """Begin a schedule from a subscription as it is. Raises Refusal when it has one already or has ended."""
    key = params.get("from_subscription")
    if key is None:
        raise uncovered(param="from_subscription (left out)")
    subscription = work.find("subscription", key)
    if subscription is None:
        raise missing(noun="subscription", key=key, param="from_subscription", status=400)
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        raise Refusal(says=f"You cannot migrate a subscription that is {subscription['status']}.", param="from_subscription")
    if subscription["schedule"] is not None:
        message = "You cannot migrate a subscription that is already attached to a schedule."
        raise Refusal(says=f"{message} ({subscription['schedule']})", param="from_subscription")
    if subscription["cancel_at"] is not None:
        raise uncovered(param="from_subscription (one that is set to cancel)")
    item = subscription["_items"][0]
    body = {
        "id": new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "canceled_at": None,
        "completed_at": None,
        "created": work.now,
        "current_phase": {"start_date": item["current_period_start"], "end_date": item["current_period_end"]},
        "customer": subscription["customer"],
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": subscription["default_payment_method"],
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "days_until_due": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
        "_phases": [
            _phase(
                subscription,
                item,
                (item["current_period_start"], item["current_period_end"]),
                {"default_tax_rates": subscription["default_tax_rates"], "discounts": _discounts(subscription)},
            )
        ],
    }
    work.put("subscription_schedule", body)
    events.record(work, "subscription_schedule.created", body)
    _attach(work, subscription, body["id"])
    return body


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Say what follows the current phase. Raises Refusal unless that is one more phase right at the end of the period."""
    refuse_over(body)
    before = wire(work, body)
    subscription = stored(work, "subscription", body["subscription"])
    if "phases" in params:
        if len(params["phases"]) != PHASES:
            raise uncovered(param="phases (other than the current one and one more)")
        current, following = params["phases"]
        body["_phases"] = [
            _current_phase(body, subscription, current),
            _following_phase(work, subscription, following),
        ]
    work.put("subscription_schedule", body)
    events.record_change(work, "subscription_schedule.updated", before, body)
    return body


def release(work: Work, body: JSON) -> JSON:
    """Let a subscription go on by itself, as it is now. Raises Refusal when the schedule is over."""
    refuse_over(body)
    _detach(work, body)
    body["status"] = "released"
    body["released_at"] = work.now
    body["released_subscription"] = body["subscription"]
    body["subscription"] = None
    body["current_phase"] = None
    work.put("subscription_schedule", body)
    events.record(work, "subscription_schedule.released", body)
    return body


def cancel(work: Work, subscription: JSON) -> None:
    """End the schedule of a subscription that ends."""
    if subscription["schedule"] is None:
        return
    body = stored(work, "subscription_schedule", subscription["schedule"])
    subscription["schedule"] = None
    body["status"] = "canceled"
    body["canceled_at"] = work.now
    body["current_phase"] = None
    work.put("subscription_schedule", body)
    is_unpaid = subscription["cancellation_details"]["reason"] == "payment_failed"
    events.record(work, f"subscription_schedule.{'aborted' if is_unpaid else 'canceled'}", body)


def coming(work: Work, subscription: JSON) -> JSON:
    """Return a subscription as it is to be from the end of its period on, where that is planned; nothing of it is kept."""
    if subscription["schedule"] is None:
        return subscription
    phases = stored(work, "subscription_schedule", subscription["schedule"])["_phases"]
    ends_at = subscription["_items"][0]["current_period_end"]
    phase = next((phase for phase in phases if phase["start_date"] == ends_at), None)
    if phase is None:
        return subscription
    items = [item | {name: phase["items"][0][name] for name in ("price", "quantity")} for item in subscription["_items"]]
    discounts = [row["discount"] for row in phase["discounts"]]
    return subscription | {"_items": items, "default_tax_rates": phase["default_tax_rates"], "discounts": discounts}


def refuse_managed(subscription: JSON, what: str) -> None:
    """Raise Refusal when a schedule decides about a subscription."""
    if subscription["schedule"] is not None:
        message = (
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, "
            f"and updating {what} directly is not allowed. Please update the schedule instead."
        )
        raise Refusal(says=message)


def enter_next_phase(work: Work, subscription: JSON) -> JSON:
    """Give a subscription, at the end of its period, the items of the phase that begins; after the last one let it go."""
    if subscription["schedule"] is None:
        return subscription
    body = stored(work, "subscription_schedule", subscription["schedule"])
    now = subscription["_items"][0]["current_period_end"]
    phase = next((phase for phase in body["_phases"] if phase["start_date"] == now), None)
    if phase is None:
        release(work, body)
        return stored(work, "subscription", subscription["id"])
    before = wire(work, body)
    item, planned = subscription["_items"][0], phase["items"][0]
    if stored(work, "price", item["price"])["recurring"] != stored(work, "price", planned["price"])["recurring"]:
        subscription["billing_cycle_anchor"] = now
    item["price"], item["quantity"] = planned["price"], planned["quantity"]
    # What a phase does not say of taxes and discounts is taken as none, so that a plan that forgets them is seen.
    subscription["default_tax_rates"] = phase["default_tax_rates"]
    subscription["discounts"] = [row["discount"] for row in phase["discounts"]]
    body["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    work.put("subscription_schedule", body)
    events.record_change(work, "subscription_schedule.updated", before, body)
    return subscription


def _current_phase(body: JSON, subscription: JSON, sent: JSON) -> JSON:
    item = subscription["_items"][0]
    if sent.get("start_date") != body["current_phase"]["start_date"]:
        message = "You can not modify the start date of the current phase. To create a new phase, add it after the current phase."
        raise Refusal(says=message, param="phases[0][start_date]")
    if sent.get("end_date") != item["current_period_end"]:
        raise uncovered(param="phases[0][end_date] (other than the end of the current period)")
    planned = sent["items"]
    if [(line.get("price"), line.get("quantity", 1)) for line in planned] != [(item["price"], item["quantity"])]:
        raise uncovered(param="phases[0][items] (other than what the subscription has)")
    return _phase(subscription, item, (sent["start_date"], sent["end_date"]), _terms(subscription, sent, "phases[0]"))


def _following_phase(work: Work, subscription: JSON, sent: JSON) -> JSON:
    if len(sent["items"]) != 1:
        raise uncovered(param="phases[1][items] (other than exactly one)")
    line = sent["items"][0]
    if "price" not in line:
        raise required(param="phases[1][items][0][price]")
    price = sellable_price(work, line["price"], "phases[1][items][0][price]")
    quantity = whole(line.get("quantity", 1), "phases[1][items][0][quantity]")
    duration, recurring = sent.get("duration"), price["recurring"]
    if duration is None:
        raise required(param="phases[1][duration]")
    interval, count = duration["interval"], duration.get("interval_count", 1)
    if (interval, count) != (recurring["interval"], recurring["interval_count"]):
        raise uncovered(param="phases[1][duration] (other than one period of its price)")
    item = subscription["_items"][0]
    start = item["current_period_end"]
    is_same = stored(work, "price", item["price"])["recurring"] == recurring
    anchor = subscription["billing_cycle_anchor"] if is_same else start
    planned = item | {"price": price["id"], "quantity": quantity}
    rates = sent.get("default_tax_rates") or []
    known_tax_rates(work, rates, "phases[1][default_tax_rates]")
    terms = _terms(subscription, sent, "phases[1]")
    return _phase(subscription, planned, (start, end_of_period(anchor, start, interval, count)), terms)


def _terms(subscription: JSON, sent: JSON, param: str) -> JSON:
    """Return the tax rates and the discounts of a phase; only a discount that the subscription has can be named."""
    wanted = [row.get("discount") for row in sent.get("discounts") or []]
    for number, key in enumerate(wanted):
        if key not in subscription["discounts"]:
            raise uncovered(param=f"{param}[discounts][{number}] (other than a discount of the subscription)")
    discounts = [row for row in _discounts(subscription) if row["discount"] in wanted]
    return {"default_tax_rates": sent.get("default_tax_rates") or [], "discounts": discounts}


def _discounts(subscription: JSON) -> list[JSON]:
    return [{"coupon": None, "discount": key, "promotion_code": None} for key in subscription["discounts"]]


def _phase(subscription: JSON, item: JSON, span: tuple[int, int], terms: JSON) -> JSON:
    """Return a phase; `span` is its start and its end, `terms` its tax rates and discounts."""
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": terms["default_tax_rates"],
        "description": None,
        "discounts": terms["discounts"],
        "end_date": span[1],
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": {},
                "plan": item["price"],
                "price": item["price"],
                "quantity": item["quantity"],
                "tax_rates": item["tax_rates"],
            }
        ],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "none",
        "start_date": span[0],
        "transfer_data": None,
        "trial_end": None,
    }


def _attach(work: Work, subscription: JSON, key: str | None) -> None:
    before = wire(work, subscription)
    subscription["schedule"] = key
    work.put("subscription", subscription)
    events.record_change(work, "customer.subscription.updated", before, subscription)


def _detach(work: Work, body: JSON) -> None:
    _attach(work, stored(work, "subscription", body["subscription"]), None)


def refuse_over(body: JSON) -> None:
    """Raise Refusal when a schedule is over."""
    if body["status"] in OVER:
        message = f"You cannot change a subscription schedule that is currently in the `{body['status']}` status."
        raise Refusal(says=message)
