"""What time does by itself: one step at a time, in the order of the moments they were due."""

from billing.sandbox.engine import checkout, collection, disputes, pending_updates, refunds, renewals, subscriptions, terms
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work


def step(work: Work, clock: str | None = None, until: int | None = None) -> bool:
    """Do the first thing that is due, as of the moment it was due; return False when nothing is.

    What stands on a test clock is due by that clock, up to the moment it moves to.
    """
    due = work.next_due(clock, until)
    if due is None:
        return False
    kind, key = due[0].split(" ")
    if clock is None:
        work.now = due[1]
    else:
        work.move_to(due[1])
    _deal_with(work, kind, stored(work, kind, key))
    return True


def _deal_with(work: Work, kind: str, body: JSON) -> None:
    """Do what is due with one object."""
    match kind, body["status"]:
        case "checkout.session", _:
            checkout.expire(work, body)
        case "subscription", "incomplete":
            subscriptions.expire(work, body)
        case "subscription", _ if is_overdue(body, work.now):
            pending_updates.expire(work, body)
        case "subscription", _ if renewals.is_near(body, work.now):
            renewals.announce(work, body)
        case "subscription", _:
            renewals.renew(work, body)
        case "refund" | "dispute", _:
            _come_to_an_end(work, body)
        case "invoice", "draft":
            terms.issue(work, body)
        case "invoice", _ if body.get("_debit") is not None:
            checkout.tell_debit(work, collection.finish_debit(work, body))
        case "invoice", _ if body["due_date"] is not None:
            terms.fall_due(work, body)
        case _:
            collection.charge(work, body)


def _come_to_an_end(work: Work, body: JSON) -> None:
    """Send a refund back that the bank refuses, or lose a dispute that nobody has answered."""
    if body["object"] == "refund":
        refunds.come_back(work, body)
    else:
        disputes.decide(work, body, "lost")


def is_overdue(body: JSON, now: int) -> bool:
    """Say whether an update of a subscription has waited too long for its payment, or until the period's end."""
    return (
        body.get("_pending") is not None and min(body["_pending"]["expires_at"], body["_items"][0]["current_period_end"]) <= now
    )
