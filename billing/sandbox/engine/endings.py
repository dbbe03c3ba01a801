"""Endings: what is left of a subscription that is over, and of a customer who is gone."""

from billing.sandbox.engine import events, invoices, schedules
from billing.sandbox.store import JSON, Work


def end(work: Work, body: JSON) -> JSON:
    """End a subscription now, with everything that was planned for it; what is not paid stays as it is."""
    body["status"] = "canceled"
    body["ended_at"] = work.now
    body["canceled_at"] = body["canceled_at"] or work.now
    body["_pending"] = None
    schedules.cancel(work, body)
    work.put("subscription", body)
    for status in ("draft", "open"):
        for invoice in work.all("invoice", subscription=body["id"], status=status):
            invoices.stop(work, invoice)
    events.record(work, "customer.subscription.deleted", body)
    return body


def depart(work: Work, customer: JSON) -> JSON:
    """Delete a customer: what they pay for ends now, and only their id is left."""
    for subscription in work.all("subscription", customer=customer["id"]):
        if subscription["status"] not in {"canceled", "incomplete_expired"}:
            end(work, subscription)
    events.record(work, "customer.deleted", customer)
    return work.put("customer", customer | {"deleted": True})
