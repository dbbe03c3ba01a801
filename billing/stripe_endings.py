"""Endings at Stripe: a subscription that ends at once, and credit notes for what goes back of its invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing import stripe_invoicing

if TYPE_CHECKING:
    import stripe

    from billing.gateway import GivenBack

WORDS = "Cancelled within 14 days: the days that are left"


def take_back(client: stripe.StripeClient, found: stripe.Subscription, key: str) -> None:
    """Cancel a subscription unless it is over, void what is open and refund what was paid by a credit note for all lines."""
    _end(client, found)
    stripe_invoicing.take_open_back(client, found.id, key)
    paid: Any = client.v1.invoices.list({"subscription": found.id, "status": "paid"}).data
    for invoice in paid:
        if invoice.total and not invoice.post_payment_credit_notes_amount:
            kind = "invoice_line_item"
            lines = [{"type": kind, "invoice_line_item": line.id, "amount": line.amount} for line in invoice.lines.data]
            params: Any = {"invoice": invoice.id, "lines": lines, "refund_amount": invoice.total, "reason": "duplicate"}
            client.v1.credit_notes.create(params, {"idempotency_key": f"{key}-{invoice.id}"})


def give_back(client: stripe.StripeClient, found: stripe.Subscription, parts: tuple[GivenBack, ...], key: str) -> None:
    """Refund each part that is not refunded yet, with its tax, and cancel the subscription afterwards unless it is over.

    A refund that is refused leaves the subscription as it was.
    """
    rates = [rate.id for rate in found.default_tax_rates or []]
    for part in parts:
        invoice = client.v1.invoices.retrieve(part.invoice_id)
        gross = part.net_minor + part.vat_minor
        if not gross or invoice.post_payment_credit_notes_amount:
            continue
        line: dict[str, Any] = {
            "type": "custom_line_item",
            "description": WORDS,
            "quantity": 1,
            "unit_amount": part.net_minor,
        }
        if rates:
            line["tax_rates"] = rates
        params: Any = {
            "invoice": part.invoice_id,
            "lines": [line],
            "refund_amount": gross,
            "reason": "order_change",
            "memo": WORDS,
        }
        client.v1.credit_notes.create(params, {"idempotency_key": f"{key}-{part.invoice_id}"})
    _end(client, found)


def _end(client: stripe.StripeClient, found: stripe.Subscription) -> None:
    if found.status != "canceled":
        client.v1.subscriptions.cancel(found.id, {"invoice_now": False, "prorate": False})
