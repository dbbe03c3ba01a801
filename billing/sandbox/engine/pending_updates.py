"""Pending updates: changes that wait for their invoice to be paid, then apply by themselves or expire."""

from billing.sandbox.engine import events, invoices
from billing.sandbox.engine.deadlines import PENDING_LIFE
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work


def wait(work: Work, body: JSON, after: list[JSON], invoice: str) -> JSON:
    """Keep what a subscription's items are to be until an invoice is paid."""
    body["_pending"] = {"items": after, "invoice": invoice, "expires_at": work.now + PENDING_LIFE}
    return body


def put_in_place(body: JSON, after: list[JSON]) -> JSON:
    """Give a subscription its new items; a new period of theirs is the one it renews by."""
    if after[0]["current_period_start"] != body["_items"][0]["current_period_start"]:
        body["billing_cycle_anchor"] = after[0]["current_period_start"]
    body["_items"] = after
    body["_pending"] = None
    return body


def apply(work: Work, invoice: JSON) -> None:
    """Apply the update that waited for an invoice, if there is one."""
    body = _waiting_for(work, invoice)
    if body is None:
        return
    before = wire(work, body)
    put_in_place(body, body["_pending"]["items"])
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    events.record(work, "customer.subscription.pending_update_applied", body)


def void(work: Work, invoice: JSON) -> JSON:
    """Take an invoice back for good, and with it the update that waited for it."""
    invoices.void(work, invoice)
    body = _waiting_for(work, invoice)
    if body is not None:
        _drop(work, body)
    return invoice


def expire(work: Work, body: JSON) -> JSON:
    """Give up on an update that was not paid in time."""
    invoices.void(work, stored(work, "invoice", body["_pending"]["invoice"]))
    return _drop(work, body)


def _drop(work: Work, body: JSON) -> JSON:
    before = wire(work, body)
    body["_pending"] = None
    work.put("subscription", body)
    events.record_change(work, "customer.subscription.updated", before, body)
    events.record(work, "customer.subscription.pending_update_expired", body)
    return body


def _waiting_for(work: Work, invoice: JSON) -> JSON | None:
    body = stored(work, "subscription", invoice["parent"]["subscription_details"]["subscription"])
    pending = body.get("_pending")
    return body if pending is not None and pending["invoice"] == invoice["id"] else None
