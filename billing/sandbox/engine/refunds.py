"""Refunds: money of a charge that goes back to its card, whole or in part, and what comes back because the bank refuses it."""

from billing.sandbox.engine import charges, customers, events
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

DAY = 24 * 3600


def create(work: Work, params: JSON) -> JSON:
    """Give a charge back. Raises Refusal for one that does not exist, is disputed, or has less left."""
    if "charge" not in params and "payment_intent" not in params:
        raise required(param="charge")
    charge = charges.named(work, params)
    if charge is None:
        name = "charge" if "charge" in params else "payment_intent"
        raise missing(noun=name, key=params[name], param=name, status=400)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    _refuse_disputed(charge)
    if left == 0:
        raise Refusal(says=f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise Refusal(says=f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount")
    return give_back(work, charge, amount, reason=params.get("reason"), metadata=merged({}, params))


def give_back(
    work: Work, charge: JSON, amount: int, *, reason: str | None = None, metadata: dict[str, str] | None = None
) -> JSON:
    """Give an amount of a charge back. Raises Refusal for one that is disputed."""
    _refuse_disputed(charge)
    card = work.find("payment_method", charge["payment_method"])
    does_fail = card is not None and customers.is_refusing_refunds(card)
    body = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.now,
        "currency": charge["currency"],
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
        "_fails_at": work.now + DAY if does_fail else None,
    }
    before = wire(work, charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.put("charge", charge)
    work.put("refund", body)
    events.record(work, "refund.created", body)
    events.record_change(work, "charge.refunded", before, charge)
    return body


def _refuse_disputed(charge: JSON) -> None:
    if charge["disputed"]:
        raise Refusal(says=f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Change what is noted of a refund."""
    before = wire(work, body)
    body["metadata"] = merged(body["metadata"], params)
    work.put("refund", body)
    events.record_change(work, "refund.updated", before, body)
    return body


def come_back(work: Work, body: JSON) -> JSON:
    """Note that the bank has sent a refund back."""
    before = wire(work, body)
    body |= {"status": "failed", "failure_reason": "lost_or_stolen_card", "_fails_at": None}
    work.put("refund", body)
    charge = stored(work, "charge", body["charge"])
    charge["amount_refunded"] -= body["amount"]
    charge["refunded"] = False
    work.put("charge", charge)
    events.record_change(work, "refund.updated", before, body)
    events.record(work, "refund.failed", body)
    return body
