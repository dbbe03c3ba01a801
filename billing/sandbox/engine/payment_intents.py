"""Payment intents: where the payment of an invoice stands."""

from billing.sandbox.store import JSON, Work


def make(work: Work, invoice: JSON, key: str) -> JSON:
    """Create the intent by which an invoice is to be paid."""
    body = {
        "id": key,
        "object": "payment_intent",
        "amount": invoice["amount_due"],
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": None,
        "confirmation_method": "automatic",
        "created": work.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": "off_session",
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    return work.put("payment_intent", body)


def move(work: Work, invoice: JSON, status: str) -> None:
    """Say where the payment of an invoice stands now."""
    for payment in invoice["_payments"]:
        body = work.find("payment_intent", payment["payment"]["payment_intent"])
        if body is not None:
            body["status"] = status
            body["amount_received"] = body["amount"] if status == "succeeded" else 0
            body["canceled_at"] = work.now if status == "canceled" else None
            work.put("payment_intent", body)
