"""Receiving at the edge: the provider is told which invoices were paid by bank, and the subscription is brought up to date."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.kernel.errors import Conflict, Refusal, Unavailable
from app.kernel.transaction import transaction
from billing import changing, credit, invoices, reactions, receipts, subscriptions
from billing.receipts import State

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway

log = structlog.get_logger(__name__)
PAID_OTHERWISE = "Paid by card already: this money is to be sent back."


def tell(gateway: Gateway, receipt_id: UUID) -> State:
    """Tell the provider of a receipt, and give where it stands; raises the provider's refusal, which settles the receipt.

    It is refused as well when the invoice was paid by card meanwhile. When the provider only does not answer, the receipt stays
    noted and is told later.
    """
    receipt = receipts.known(receipt_id)
    if receipt.state != State.NOTED:
        return State(receipt.state)
    invoice_id = receipt.invoice_id
    provider_id = subscriptions.known(invoices.known(invoice_id).subscription_id).provider_id
    try:
        is_received = gateway.receive(invoice_id)
    except Refusal as refusal:
        if isinstance(refusal, Unavailable):
            raise
        with suppress(Refusal):
            _look_again(gateway, invoice_id, provider_id)
        with transaction():
            receipts.settle(receipt_id, State.REFUSED, str(refusal.facts.get("provider_message", refusal.message)))
        raise
    to, why = (State.TOLD, None) if is_received else (State.REFUSED, PAID_OTHERWISE)
    with transaction():
        state = receipts.settle(receipt_id, to, why)
    if not is_received:
        log.error("paid twice", receipt=str(receipt_id), invoice=invoice_id)
    with suppress(Unavailable, Conflict):
        _look_again(gateway, invoice_id, provider_id)
    return state


def _look_again(gateway: Gateway, invoice_id: str, provider_id: str) -> None:
    """Bring a subscription up to date, and an invoice that is not among its own because it is in the place of another one."""
    changing.refresh_surely(gateway, provider_id)
    if invoices.known(invoice_id).status in credit.UNPAID:
        reactions.refresh_invoice(gateway, invoice_id)


def tell_waiting(gateway: Gateway) -> int:
    """Tell the provider of every receipt it does not know yet; gives how many were settled. A sweep."""
    settled = 0
    for receipt_id in [receipt.id for receipt in receipts.waiting()]:
        try:
            settled += tell(gateway, receipt_id) is not State.NOTED
        except Refusal as refusal:
            log.warning("receipt not told", receipt=str(receipt_id), why=refusal.message)
        except Exception:
            # One receipt that cannot be told must not stop the others.
            log.exception("receipt not told", receipt=str(receipt_id))
    return settled
