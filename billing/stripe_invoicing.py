"""Paying by invoice in Stripe's words: a subscription whose invoices are sent, and money that came by bank.

The gateway hands in its client and turns the errors into ours; nothing here opens a connection of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.errors import Conflict
from billing.stripe_objects import HOME

if TYPE_CHECKING:
    from billing.agreements import Agreement

ORDER_FIELD = "PO number"
# How a payment is called that was made outside of Stripe; one by card has the type of its payment intent.
OUT_OF_BAND = "payment_record"
RENEWAL, CHANGE = "subscription_cycle", "subscription_update"


def agree(client: Any, agreement: Agreement, terms: dict[str, Any]) -> str:
    """Begin a subscription by invoice, unless this agreement has begun one already, and open its first invoice.

    `terms` are what the gateway says of price, tax and discount. Stripe forgets an idempotency key after a day, so what stands
    there is looked at first.
    """
    for found in client.v1.subscriptions.list({"customer": agreement.customer_id, "limit": 100}).auto_paging_iter():
        if "quote" in found.metadata and found.metadata["quote"] == str(agreement.quote_id):
            break
    else:
        _bill_to(client, agreement)
        fields = [{"name": ORDER_FIELD, "value": agreement.purchase_order}] if agreement.purchase_order else []
        params: dict[str, Any] = {
            "customer": agreement.customer_id,
            "collection_method": "send_invoice",
            "days_until_due": agreement.days_to_pay,
            "metadata": {"organisation": str(agreement.organisation_id), "quote": str(agreement.quote_id)},
            **({"invoice_settings": {"custom_fields": fields}} if fields else {}),
            **terms,
        }
        found = client.v1.subscriptions.create(params, {"idempotency_key": agreement.key})
    open_drafts(client, found.id, agreement.key)
    return str(found.id)


def _bill_to(client: Any, agreement: Agreement) -> None:
    """Have the customer at the address that was agreed, before any invoice copies it from there."""
    to = agreement.address
    if to is None:
        return
    # A second line that is left out would stay as it was.
    address = {"line1": to.line1, "line2": to.line2 or "", "city": to.city, "postal_code": to.postcode, "country": HOME}
    client.v1.customers.update(agreement.customer_id, {"address": address}, {"idempotency_key": f"{agreement.key}-address"})


def open_drafts(client: Any, subscription_id: str, key: str) -> None:
    """Give the drafts of a subscription their numbers now, so that they can be paid at once; renewals come by themselves."""
    drafts = client.v1.invoices.list({"subscription": subscription_id, "status": "draft"}).data
    for draft in drafts:
        if draft.billing_reason != RENEWAL:
            client.v1.invoices.finalize_invoice(draft.id, {}, {"idempotency_key": f"{key}-{draft.id}"})


def take_seats_back(client: Any, found: Any, seats: int, key: str) -> None:
    """Take the invoice of added seats back, and the seats with it; one that has been paid meanwhile is left as it is.

    Raises Conflict when a renewal has billed them since.
    """
    asked, is_renewed = _of_change(client, found.id)
    if asked is None or asked.status == "paid":
        return
    if is_renewed:
        message = (
            "These seats are part of the renewal by now, so they cannot be given up any more. They can be given to people as "
            "soon as its invoice is paid; you can plan fewer seats for the next renewal then."
        )
        raise Conflict(message)
    if asked.status in {"open", "uncollectible"}:
        client.v1.invoices.void_invoice(asked.id, {}, {"idempotency_key": f"{key}-give-up"})
    params = {"items": [{"id": found.items.data[0].id, "quantity": seats}], "proration_behavior": "none"}
    client.v1.subscriptions.update(found.id, params, {"idempotency_key": f"{key}-back"})


def has_failed(client: Any, found: Any) -> bool:
    """Whether the invoice of added seats was taken back or written off, and no renewal has billed them since.

    What has ended has nothing left to be given up.
    """
    asked, is_renewed = _of_change(client, found.id)
    is_over = is_renewed or found.status == "canceled"
    return not is_over and asked is not None and asked.status in {"void", "uncollectible"}


def receive(client: Any, invoice_id: str) -> bool:
    """Have an invoice marked as paid in another way; False when it is paid by card or debit already, and left as it is."""
    known = is_received(client, invoice_id)
    if known is not None:
        return known
    client.v1.invoices.pay(invoice_id, {"paid_out_of_band": True})
    return True


def is_received(client: Any, invoice_id: str) -> bool | None:
    """Say whether an invoice was paid in another way and not through Stripe; None when it is not paid."""
    found = client.v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
    if found.status != "paid":
        return None
    return all(payment.payment.type == OUT_OF_BAND for payment in found.payments.data if payment.status == "paid")


def take_open_back(client: Any, subscription_id: str, key: str) -> None:
    """Void what is still to be paid for a subscription."""
    for invoice in client.v1.invoices.list({"subscription": subscription_id, "status": "open"}).data:
        client.v1.invoices.void_invoice(invoice.id, {}, {"idempotency_key": f"{key}-{invoice.id}"})


def _of_change(client: Any, subscription_id: str) -> tuple[Any, bool]:
    """Give the newest invoice of added seats, if there is one, and whether a renewal that stands has billed them since."""
    is_renewed = False
    for invoice in client.v1.invoices.list({"subscription": subscription_id, "limit": 100}).auto_paging_iter():
        if invoice.billing_reason == CHANGE:
            return invoice, is_renewed
        is_renewed = is_renewed or (invoice.billing_reason == RENEWAL and invoice.status != "void")
    return None, is_renewed
