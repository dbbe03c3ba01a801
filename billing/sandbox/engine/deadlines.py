"""When time next has something to do with an object: the one place that knows, read whenever an object is stored."""

from typing import Any

HOUR = 3600
DAY = 24 * HOUR
SESSION_LIFE = DAY
DRAFT_LIFE = HOUR
UPCOMING = 7 * DAY
INCOMPLETE_LIFE = 23 * HOUR
PENDING_LIFE = 23 * HOUR
RETRY_AFTER = (3 * DAY, 5 * DAY, 7 * DAY)
RENEWING = frozenset({"active", "past_due", "unpaid"})


def deadline(body: dict[str, Any]) -> int | None:
    """Return the moment at which time changes this object, or None when only a request can."""
    moment: int | None = None
    match body["object"], body.get("status"):
        case "checkout.session", "open":
            moment = body["expires_at"]
        case "subscription", "incomplete":
            moment = body["created"] + INCOMPLETE_LIFE
        case "subscription", status if status in RENEWING:
            moment = _of_subscription(body)
        case "invoice", "draft":
            moment = body["automatically_finalizes_at"]
        case "invoice", "open" if body.get("_debit") is not None:
            moment = body["_debit"]["at"]
        case "invoice", "open":
            is_awaited = body["due_date"] is not None and not body.get("_is_overdue")
            moment = body["due_date"] if is_awaited else body["next_payment_attempt"]
        case "refund", "succeeded":
            moment = body.get("_fails_at")
        case "dispute", "needs_response":
            moment = body["evidence_details"]["due_by"]
    return moment


def ends_at(body: dict[str, Any]) -> int | None:
    """Return when a subscription ends by itself: with its period, or on a date; None where it goes on."""
    period_end: int = body["_items"][0]["current_period_end"]
    date: int | None = body["cancel_at"]
    return period_end if body["cancel_at_period_end"] else date


def _of_subscription(body: dict[str, Any]) -> int:
    """Return when a renewal is made or announced, or an update that waits lapses."""
    moment: int = body["_items"][0]["current_period_end"]
    ending = ends_at(body)
    if ending is not None:
        moment = min(moment, ending)
    elif body["status"] == "active" and body.get("_announced") != moment:
        moment -= UPCOMING
    if body.get("_pending") is not None:
        moment = min(moment, body["_pending"]["expires_at"])
    return moment
