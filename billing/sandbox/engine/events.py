"""What happened, kept with a snapshot of the object and queued for the shop's webhook in the same transaction."""

import time
from typing import Any

from billing.sandbox.engine import webhook_endpoints
from billing.sandbox.rendering import API_VERSION, wire
from billing.sandbox.store import JSON, Work, new_id


def record(work: Work, what: str, body: JSON, previous: JSON | None = None) -> None:
    """Store an event about an object as it now is, and queue it for delivery."""
    data: JSON = {"object": wire(work, body)}
    if previous is not None:
        data["previous_attributes"] = previous
    others = webhook_endpoints.listening(work, what)
    event: JSON = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": work.now if work.told_at is None else work.told_at,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1 + len(others),
        "request": work.request,
        "type": what,
    }
    work.put("event", event)
    # The queue runs on real time: the shop's clock may leap a month while a webhook waits for its next try.
    work.queue(event["id"], time.time())
    for endpoint in others:
        work.queue(f"{event['id']} {endpoint['id']}", time.time())


def record_change(work: Work, what: str, before: JSON, body: JSON) -> None:
    """Store an update event with what the changed attributes were before, when anything did change."""
    previous = changed(before, wire(work, body))
    if previous:
        record(work, what, body, previous)


def changed(before: JSON, after: JSON) -> JSON:
    """Return the former values of what differs; nested hashes give only their differing keys, lists come whole."""
    previous: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        previous[name] = changed(was, now) if isinstance(was, dict) and isinstance(now, dict) else was
    return previous
