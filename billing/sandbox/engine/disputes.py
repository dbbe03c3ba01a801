"""Disputes: a charge that its cardholder has told the bank to take back, answered or not, and won or lost."""

from copy import deepcopy
from typing import Any

from billing.sandbox.engine import events
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

DAY = 24 * 3600
ANSWER_WITHIN = 9 * DAY
# As in Stripe's own test mode, these words for evidence decide.
DECISIVE = {"winning_evidence": "won", "losing_evidence": "lost"}
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip"),
    *("customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id"),
    *("product_description", "receipt", "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation"),
    *("service_date", "service_documentation", "shipping_address", "shipping_carrier", "shipping_date"),
    *("shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)


def open_on(work: Work, charge: JSON, reason: str) -> JSON:
    """Open a dispute about a charge. Raises Refusal when there is one already."""
    if charge["disputed"]:
        raise Refusal(says=f"Charge {charge['id']} is disputed already.")
    evidence: dict[str, Any] = dict.fromkeys(EVIDENCE)
    body = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": work.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": work.now + ANSWER_WITHIN,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    charge["disputed"] = True
    work.put("charge", charge)
    work.put("dispute", body)
    events.record(work, "charge.dispute.created", body)
    return body


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Note evidence, and hand it in unless told not to. Raises Refusal when the dispute is closed."""
    _refuse_closed(body)
    before = deepcopy(wire(work, body))
    body["metadata"] = merged(body["metadata"], params)
    sent = params.get("evidence", {})
    body["evidence"] |= {name: value or None for name, value in sent.items()}
    details = body["evidence_details"]
    if sent:
        details["has_evidence"] = True
        if params.get("submit", True):
            details["submission_count"] += 1
            details["submission_method"] = "manual"
            body["status"] = "under_review"
    work.put("dispute", body)
    events.record_change(work, "charge.dispute.updated", before, body)
    decision = DECISIVE.get(body["evidence"]["uncategorized_text"] or "")
    return body if decision is None or body["status"] != "under_review" else decide(work, body, decision)


def close(work: Work, body: JSON) -> JSON:
    """Give a dispute up, which loses it. Raises Refusal when it is closed already."""
    _refuse_closed(body)
    return decide(work, body, "lost")


def decide(work: Work, body: JSON, status: str) -> JSON:
    """Close a dispute as the bank decides."""
    body["status"] = status
    body["evidence_details"]["past_due"] = status == "lost" and not body["evidence_details"]["submission_count"]
    work.put("dispute", body)
    if status == "won":
        charge = stored(work, "charge", body["charge"])
        charge["disputed"] = False
        work.put("charge", charge)
    events.record(work, "charge.dispute.closed", body)
    return body


def _refuse_closed(body: JSON) -> None:
    if body["status"] in {"won", "lost"}:
        raise Refusal(says="This dispute is already closed.")
