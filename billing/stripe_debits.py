"""Bank debits at Stripe: whether the bank has refused one, and taking back the seats that one did not pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.errors import Conflict
from billing import stripe_objects

if TYPE_CHECKING:
    import stripe


def with_payments(client: stripe.StripeClient, invoice: Any) -> stripe.Invoice:
    """Fetch an invoice with how its payments stand."""
    key = invoice if isinstance(invoice, str) else invoice.id
    return client.v1.invoices.retrieve(key, {"expand": ["payments.data.payment.payment_intent"]})


def has_failed(client: stripe.StripeClient, invoice: Any) -> bool:
    """Whether the bank has refused the debit by which an invoice was to be paid."""
    return invoice is not None and invoice.status == "open" and stripe_objects.debit_failed(with_payments(client, invoice))


def take_seats_back(client: stripe.StripeClient, found: stripe.Subscription, seats: int, key: str) -> None:
    """Have a subscription as many seats as before a debit that failed; raises Conflict while the bank has not answered."""
    latest: Any = found.latest_invoice
    if not has_failed(client, latest):
        message = "The debit is on its way already, so this cannot be given up any more."
        raise Conflict(message)
    params: Any = {"items": [{"id": found.items.data[0].id, "quantity": seats}], "proration_behavior": "none"}
    client.v1.subscriptions.update(found.id, params, {"idempotency_key": f"{key}-back"})
    client.v1.invoices.void_invoice(latest.id, {}, {"idempotency_key": f"{key}-give-up"})
