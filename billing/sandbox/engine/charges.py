"""Charges: what a card, or a debit, has paid for an invoice."""

from billing.sandbox.engine import customers, disputes
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work, new_id


def record(work: Work, invoice: JSON, card: JSON | None) -> JSON | None:
    """Keep the charge that paid an invoice; what was paid without a card has none."""
    if card is None or not invoice["_payments"]:
        return None
    intent = invoice["_payments"][0]["payment"]["payment_intent"]
    key = new_id("ch")
    charge = {
        "id": key,
        "object": "charge",
        "amount": invoice["amount_due"],
        "amount_captured": invoice["amount_due"],
        "amount_refunded": 0,
        "application": None,
        "balance_transaction": None,
        "billing_details": card["billing_details"],
        "calculated_statement_descriptor": "LANYARD",
        "captured": True,
        "created": work.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": None,
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": {
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent,
        "payment_method": card["id"],
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
    work.put("charge", charge)
    work.put("payment_intent", stored(work, "payment_intent", intent) | {"latest_charge": key, "payment_method": card["id"]})
    if customers.is_disputing(card):
        disputes.open_on(work, charge, "fraudulent")
    return charge


def named(work: Work, params: JSON) -> JSON | None:
    """Return the charge that a request names, by its id or by that of its payment intent."""
    if "charge" in params:
        return work.find("charge", params["charge"])
    found = work.all("charge", payment_intent=params.get("payment_intent", ""))
    return found[0] if found else None
