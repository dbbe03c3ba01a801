"""Pauses: a subscription that stands still, and one that goes on while nothing is collected."""

from billing.sandbox.engine import collection, customers, events, invoices, schedules
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.refusals import Refusal, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work


def pause(work: Work, body: JSON, _params: JSON) -> JSON:
    """Let a subscription stand still: no invoices, no new periods. Raises Refusal unless it is active and without a plan."""
    schedules.refuse_managed(body, "its status")
    if body["status"] != "active":
        raise Refusal(says=f"Only active subscriptions can be paused; this one is {body['status']}.")
    body["status"] = "paused"
    work.put("subscription", body)
    events.record(work, "customer.subscription.paused", body)
    return body


def resume(work: Work, body: JSON, params: JSON) -> JSON:
    """Let a paused subscription go on; a period that is over, or begun anew, is charged first.

    Raises Refusal when it is not paused.
    """
    if body["status"] != "paused":
        raise Refusal(says="You can only resume a subscription that is paused.")
    item = body["_items"][0]
    is_anew = params.get("billing_cycle_anchor", {"type": "now"})["type"] == "now"
    if not is_anew and work.now < item["current_period_end"]:
        return _go_on(work, body)
    recurring = stored(work, "price", item["price"])["recurring"]
    every = (recurring["interval"], recurring["interval_count"])
    passed = (item["current_period_start"], item["current_period_end"])
    if is_anew:
        body["billing_cycle_anchor"] = item["current_period_start"] = work.now
        item["current_period_end"] = end_of_period(work.now, work.now, *every)
    while item["current_period_end"] <= work.now:
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = end_of_period(body["billing_cycle_anchor"], item["current_period_start"], *every)
    invoice = invoices.finalise(work, invoices.draft(work, body, "subscription_update", passed))
    body["latest_invoice"] = invoice["id"]
    work.put("subscription", body)
    card = customers.card_to_charge(work, stored(work, "customer", body["customer"]), body["default_payment_method"])
    if invoice["amount_due"] and not collection.is_good(card):
        collection.fail(work, invoice, is_scheduled=False, asked=collection.asks(card))
        return body
    collection.settle(work, invoice)
    return _go_on(work, body)


def _go_on(work: Work, body: JSON) -> JSON:
    before = wire(work, body)
    body["status"] = "active"
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    events.record(work, "customer.subscription.resumed", body)
    return body


def of_collection(sent: JSON | str) -> JSON | None:
    """Read how collection is to be paused; None when it is not. Raises Refusal for what the sandbox does not cover."""
    if not isinstance(sent, dict):
        return None
    if sent["behavior"] not in {"keep_as_draft", "void"}:
        raise uncovered(param=f"pause_collection[behavior]={sent['behavior']}")
    return {"behavior": sent["behavior"], "resumes_at": sent.get("resumes_at")}


def hold_back(work: Work, body: JSON, invoice: JSON) -> None:
    """Keep a renewal's invoice from being collected while collection is paused; after that time it is again."""
    paused = body["pause_collection"]
    if paused is None:
        return
    if paused["resumes_at"] is not None and paused["resumes_at"] <= work.now:
        body["pause_collection"] = None
        work.put("subscription", body)
    elif paused["behavior"] == "void":
        invoices.void(work, invoices.finalise(work, invoice))
    else:
        invoices.stop(work, invoice)
