"""The customer portal: how it is set up, a session on it, and the card that a customer gives there."""

from billing.sandbox.engine import customers, events
from billing.sandbox.engine.deadlines import HOUR
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required
from billing.sandbox.rendering import wire
from billing.sandbox.store import JSON, Work, new_id

SESSION_LIFE = HOUR


def create_configuration(work: Work, params: JSON) -> JSON:
    """Set the portal up: which of its parts there are."""
    features = params["features"]
    cancelling = features.get("subscription_cancel", {"enabled": False})
    profile = params.get("business_profile", {})
    body = {
        "id": new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {
            "headline": profile.get("headline"),
            "privacy_policy_url": profile.get("privacy_policy_url"),
            "terms_of_service_url": profile.get("terms_of_service_url"),
        },
        "created": work.now,
        "default_return_url": params.get("default_return_url"),
        "features": {
            "customer_update": {"allowed_updates": [], "enabled": False} | features.get("customer_update", {}),
            "invoice_history": {"enabled": False} | features.get("invoice_history", {}),
            "payment_method_update": {"enabled": False, "payment_method_configuration": None}
            | features.get("payment_method_update", {}),
            "subscription_cancel": {
                "cancellation_reason": {"enabled": False, "options": []},
                "enabled": cancelling["enabled"],
                "mode": cancelling.get("mode", "at_period_end"),
                "proration_behavior": cancelling.get("proration_behavior", "none"),
            },
            "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
            "subscription_update": {
                "billing_cycle_anchor": None,
                "default_allowed_updates": [],
                "enabled": False,
                "proration_behavior": "none",
                "schedule_at_period_end": {"conditions": []},
                "trial_update_behavior": "end_trial",
            },
        },
        "is_default": not work.all("billing_portal.configuration"),
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": merged({}, params),
        "name": params.get("name"),
        "updated": work.now,
    }
    work.put("billing_portal.configuration", body)
    events.record(work, "billing_portal.configuration.created", body)
    return body


def create_session(work: Work, params: JSON) -> JSON:
    """Open the portal for a customer. Raises Refusal for an unknown customer or while it is not set up."""
    if "customer" not in params:
        raise required(param="customer")
    if work.find("customer", params["customer"]) is None:
        raise missing(noun="customer", key=params["customer"], param="customer", status=400)
    key = params.get("configuration")
    configurations = work.all("billing_portal.configuration")
    configuration = next((found for found in configurations if key in {None, found["id"]}), None)
    if configuration is None and key is not None:
        raise missing(noun="configuration", key=key, param="configuration", status=400)
    if configuration is None:
        message = "No configuration provided and your test mode default configuration has not been created."
        raise Refusal(says=message)
    session = new_id("bps")
    body = {
        "id": session,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": work.now,
        "customer": params["customer"],
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{work.public_url}/portal/{session}",
    }
    work.put("billing_portal.session", body)
    events.record(work, "billing_portal.session.created", body)
    return body


def is_open(work: Work, session: JSON) -> bool:
    """Say whether a session on the portal can still be used."""
    return bool(work.now < session["created"] + SESSION_LIFE)


def use_card(work: Work, customer: JSON, card: customers.Card, holder: customers.Holder) -> JSON:
    """Make a card the one that everything of a customer is charged to."""
    payment_method = customers.make_card(work, card, holder)
    payment_method["customer"] = customer["id"]
    work.put("payment_method", payment_method)
    events.record(work, "payment_method.attached", payment_method)
    customers.update(work, customer, {"invoice_settings": {"default_payment_method": payment_method["id"]}})
    for body in work.all("subscription", customer=customer["id"]):
        if body["status"] not in {"canceled", "incomplete_expired"}:
            before = wire(work, body)
            body["default_payment_method"] = payment_method["id"]
            work.put("subscription", body)
            events.record_change(work, "customer.subscription.updated", before, body)
    return payment_method
