"""Test clocks: a time of their own for the customers bound to them, which only moves when it is told to."""

from billing.sandbox.engine import events, passing_time
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work, new_id

KIND = "test_helpers.test_clock"
LIFE = 30 * 24 * 3600
MOST_INTERVALS = 2
# What a request may name an object by that stands on a clock, beside the id in its address.
NAMES = ("test_clock", "customer", "subscription", "from_subscription", "invoice", "charge", "payment_intent")


def create(work: Work, params: JSON) -> JSON:
    """Make a clock that stands still at a moment."""
    body = {
        "id": new_id("clock"),
        "object": KIND,
        "created": work.now,
        "deletes_after": work.now + LIFE,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    work.put(KIND, body)
    events.record(work, "test_helpers.test_clock.created", body)
    return body


def follow(work: Work, key: str, params: JSON) -> None:
    """Go on at the time of the clock on which what a request is about stands, if it stands on one."""
    for name in (key, *(params.get(name) for name in NAMES)):
        clock = work.clock_of(name) if isinstance(name, str) and name else None
        if clock is not None:
            work.move_to(stored(work, KIND, clock)["frozen_time"])
            return


def advance(work: Work, body: JSON, params: JSON) -> JSON:
    """Move a clock forward and do all that becomes due. Raises Refusal for the past, or for more than two intervals at once."""
    target: int = params["frozen_time"]
    if target <= body["frozen_time"]:
        raise Refusal(says="The new frozen time must be after the test clock's current frozen time.", param="frozen_time")
    if target > _farthest(work, body):
        message = f"You can advance a test clock by at most {MOST_INTERVALS} intervals of its shortest subscription at a time."
        raise Refusal(says=message, param="frozen_time")
    advancing = body | {"frozen_time": target, "status": "advancing"}
    events.record(work, "test_helpers.test_clock.advancing", advancing)
    while passing_time.step(work, body["id"], target):
        pass
    work.move_to(target)
    body["frozen_time"] = target
    work.put(KIND, body)
    events.record(work, "test_helpers.test_clock.ready", body)
    return advancing


def delete(work: Work, body: JSON) -> JSON:
    """Delete a clock with everything that stands on it."""
    for kind in ("customer", "subscription", "subscription_schedule", "invoice"):
        for found in work.all(kind, test_clock=body["id"]):
            for card in work.all("payment_method", customer=found["id"]):
                work.remove(card["id"])
            work.remove(found["id"])
    work.remove(body["id"])
    deleted = {"id": body["id"], "object": KIND, "deleted": True}
    events.record(work, "test_helpers.test_clock.deleted", body)
    return deleted


def _farthest(work: Work, body: JSON) -> int:
    """Return until when a clock may be moved in one step: two intervals of its shortest subscription, or two years."""
    start = body["frozen_time"]
    every = [("year", 1)]
    for subscription in work.all("subscription", test_clock=body["id"]):
        for item in subscription["_items"]:
            recurring = stored(work, "price", item["price"])["recurring"]
            every.append((recurring["interval"], recurring["interval_count"]))
    return min(end_of_period(start, start, interval, MOST_INTERVALS * count) for interval, count in every)
