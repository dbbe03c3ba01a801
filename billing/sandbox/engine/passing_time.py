"""What time does by itself: one step at a time, in the order of the moments they were due."""

from billing.sandbox.engine import checkout, collection, pending_updates, subscriptions, terms
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work


def step(work: Work) -> bool:
    """Do the first thing that is due, as of the moment it was due; return False when nothing is."""
    due = work.next_due()
    if due is None:
        return False
    (kind, key), work.now = due[0].split(" "), due[1]
    body = stored(work, kind, key)
    match kind, body["status"]:
        case "checkout.session", _:
            checkout.expire(work, body)
        case "subscription", "incomplete":
            subscriptions.expire(work, body)
        case "subscription", _ if is_overdue(body, work.now):
            pending_updates.expire(work, body)
        case "subscription", _:
            subscriptions.renew(work, body)
        case "invoice", "draft":
            terms.finalise(work, body, {})
        case "invoice", _ if body.get("_debit") is not None:
            checkout.tell_debit(work, collection.finish_debit(work, body))
        case "invoice", _ if body["due_date"] is not None:
            terms.fall_due(work, body)
        case _:
            collection.charge(work, body)
    return True


def is_overdue(body: JSON, now: int) -> bool:
    """Say whether an update of a subscription has waited too long for its payment, or until the period's end."""
    return (
        body.get("_pending") is not None and min(body["_pending"]["expires_at"], body["_items"][0]["current_period_end"]) <= now
    )
