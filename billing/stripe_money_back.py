"""Disputes and refunds as Stripe has them, read into our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing import stripe_objects
from billing.gateway import ProviderCreditNoteState, ProviderDispute, ProviderRefund
from billing.stripe_errors import translated
from billing.stripe_objects import moment

if TYPE_CHECKING:
    from collections.abc import Collection

    import stripe

# Stripe's list is newest first; what is older than these was told and fetched long ago.
NEWEST = 100
DASHBOARD = "https://dashboard.stripe.com"


class StripeMoneyBack:
    """What goes back, for the gateway that has the client."""

    _client: stripe.StripeClient

    def dispute(self, provider_id: str) -> ProviderDispute:
        """Fetch a dispute with the invoice and the subscription that its payment was for."""
        with translated():
            return _dispute(self._client, self._client.v1.disputes.retrieve(provider_id))

    def disputes(self, known: Collection[str]) -> list[ProviderDispute]:
        """Fetch the newest disputes."""
        with translated():
            found = self._client.v1.disputes.list({"limit": NEWEST}).data
            return [_dispute(None if one.id in known else self._client, one) for one in found]

    def refund(self, provider_id: str) -> ProviderRefund:
        """Fetch a refund with the invoice and the subscription that its payment was for."""
        with translated():
            return _refund(self._client, self._client.v1.refunds.retrieve(provider_id))

    def refunds(self, known: Collection[str]) -> list[ProviderRefund]:
        """Fetch the newest refunds."""
        with translated():
            found = self._client.v1.refunds.list({"limit": NEWEST}).data
            return [_refund(None if one.id in known else self._client, one) for one in found]

    def credit_notes(self) -> list[ProviderCreditNoteState]:
        """Say where the newest credit notes stand."""
        with translated():
            found = self._client.v1.credit_notes.list({"limit": NEWEST}).data
            return [
                ProviderCreditNoteState(id=note.id, invoice_id=stripe_objects.id_of(note.invoice), is_void=note.status == "void")
                for note in found
            ]

    def end_at_once(self, subscription_id: str, key: str) -> None:
        """Cancel a subscription now, without another invoice and without giving anything back."""
        with translated():
            subscriptions = self._client.v1.subscriptions
            if subscriptions.retrieve(subscription_id).status != "canceled":
                params: Any = {"invoice_now": False, "prorate": False}
                subscriptions.cancel(subscription_id, params, {"idempotency_key": key})


def _dispute(client: Any, found: Any) -> ProviderDispute:
    invoice_id, subscription_id = _paid_for(client, found.payment_intent)
    due_by = found.evidence_details.due_by
    return ProviderDispute(
        id=found.id,
        invoice_id=invoice_id,
        subscription_id=subscription_id,
        status=found.status,
        reason=found.reason,
        amount_minor=found.amount,
        currency=found.currency.upper(),
        opened_at=moment(found.created),
        answer_by=None if due_by is None else moment(due_by),
        url=f"{DASHBOARD}{'' if found.livemode else '/test'}/disputes/{found.id}",
    )


def _refund(client: Any, found: Any) -> ProviderRefund:
    invoice_id, subscription_id = _paid_for(client, found.payment_intent)
    return ProviderRefund(
        id=found.id,
        invoice_id=invoice_id,
        subscription_id=subscription_id,
        status=found.status or "pending",
        amount_minor=found.amount,
        currency=found.currency.upper(),
        made_at=moment(found.created),
    )


def _paid_for(client: Any, payment_intent: Any) -> tuple[str | None, str | None]:
    """Find the invoice that a payment was for, and its subscription: only the payments of invoices know of both."""
    if client is None or not payment_intent:
        return None, None
    payment = {"type": "payment_intent", "payment_intent": payment_intent}
    payments = client.v1.invoice_payments.list({"payment": payment, "expand": ["data.invoice"], "limit": 1}).data
    if not payments:
        return None, None
    invoice = payments[0].invoice
    details = invoice.parent.subscription_details if invoice.parent else None
    return invoice.id, None if details is None else details.subscription
