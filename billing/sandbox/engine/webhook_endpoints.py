"""Webhook endpoints: addresses beside the shop's own to which events are delivered, each signed with its own secret."""

from billing.sandbox.engine.metadata import merged
from billing.sandbox.rendering import API_VERSION
from billing.sandbox.store import JSON, Work, new_id

KIND = "webhook_endpoint"


def create(work: Work, params: JSON) -> JSON:
    """Make an endpoint; its secret is told in this answer and never again."""
    body = {
        "id": new_id("we"),
        "object": KIND,
        "api_version": params.get("api_version", API_VERSION),
        "application": None,
        "created": work.now,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": merged({}, params),
        "status": "enabled",
        "url": params["url"],
        "_secret": new_id("whsec", 32),
    }
    work.put(KIND, body)
    return body | {"secret": body["_secret"]}


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Change where an endpoint is and what it hears."""
    body["metadata"] = merged(body["metadata"], params)
    for name in ("enabled_events", "url"):
        body[name] = params.get(name, body[name])
    if "description" in params:
        body["description"] = params["description"] or None
    if "disabled" in params:
        body["status"] = "disabled" if params["disabled"] else "enabled"
    return work.put(KIND, body)


def delete(work: Work, body: JSON) -> JSON:
    """Delete an endpoint; what waits for it is not delivered any more."""
    work.remove(body["id"])
    return {"id": body["id"], "object": KIND, "deleted": True}


def listening(work: Work, what: str) -> list[JSON]:
    """Return the endpoints that hear of an event of this type."""
    return [body for body in work.all(KIND, status="enabled") if {"*", what} & set(body["enabled_events"])]
