"""Renewals: announced a week before, and made at the end of each period."""

from billing.sandbox.engine import discounts, endings, events, invoices, pauses, schedules
from billing.sandbox.engine.deadlines import ends_at
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work


def is_near(body: JSON, now: int) -> bool:
    """Say whether the next renewal of a subscription is to be announced, rather than made."""
    period_end: int = body["_items"][0]["current_period_end"]
    return now < period_end and not is_last(body, now)


def is_last(body: JSON, now: int) -> bool:
    """Say whether a subscription is to end now, rather than to be renewed."""
    ending = ends_at(body)
    return ending is not None and ending <= now


def announce(work: Work, body: JSON) -> None:
    """Tell what the next renewal will ask for, as things stand now, once for each period."""
    item = body["_items"][0]
    body["_announced"] = item["current_period_end"]
    work.put("subscription", body)
    coming = schedules.coming(work, body)
    planned = coming["_items"][0] | {"current_period_start": item["current_period_end"]}
    recurring = stored(work, "price", planned["price"])["recurring"]
    is_same = stored(work, "price", item["price"])["recurring"] == recurring
    anchor = body["billing_cycle_anchor"] if is_same else item["current_period_end"]
    every = (recurring["interval"], recurring["interval_count"])
    planned["current_period_end"] = end_of_period(anchor, planned["current_period_start"], *every)
    period = (item["current_period_start"], item["current_period_end"])
    invoice = invoices.drawn(work, coming | {"_items": [planned]}, "upcoming", period, prefix="upcoming_in")
    events.record(work, "invoice.upcoming", invoice)


def renew(work: Work, body: JSON) -> JSON:
    """Begin the next period with a draft invoice, or end the subscription where that was asked for."""
    if is_last(body, work.now):
        return endings.end(work, body)
    body = schedules.enter_next_phase(work, body)
    before = wire(work, stored(work, "subscription", body["id"]))
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
    discounts.drop_ended(work, body)
    invoice = invoices.draft(work, body, "subscription_cycle", passed)
    body["latest_invoice"] = invoice["id"]
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    pauses.hold_back(work, body, invoice)
    return body
