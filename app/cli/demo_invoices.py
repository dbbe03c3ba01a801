"""The demo's organisation that pays by invoice: a quote that was accepted with a purchase order, invoiced, and paid by bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel import clock
from app.kernel.transaction import transaction
from billing import credit, invoices, invoicing, quotes, receipts, receiving, replies
from billing.replies import Acceptance
from catalog.shelf import standing_pages

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor
    from billing.gateway import Gateway


def buy(
    gateway: Gateway, actor: Actor, number: int, purchase_order: str, *, address: str, vat_percent: int | None, operator_id: UUID
) -> None:
    """Have an organisation ask for a quote and accept it, and the operator note that its invoice was paid.

    What was done before a start that failed is not done again.
    """
    organisation_id = actor.organisation.id
    found = quotes.of_organisation(organisation_id)
    quote_id = found[0].id if found else _accept(actor, number, purchase_order, address, vat_percent)
    invoicing.begin(gateway, quote_id)
    with transaction():
        [invoice] = invoices.of_organisation(organisation_id)
        receipt = receipts.of_invoices([invoice.id]).get(invoice.id)
        if receipt is None and invoice.status in credit.UNPAID:
            today, reference = clock.now().date(), f"BACS {invoice.number}"
            receipt = receipts.note(invoice.id, today, reference, invoice.remaining_minor, by=operator_id)
        receipt_id = receipt.id if receipt else None
    if receipt_id is not None:
        receiving.tell(gateway, receipt_id)


def _accept(actor: Actor, number: int, purchase_order: str, address: str, vat_percent: int | None) -> UUID:
    with transaction():
        quote = quotes.send_own(actor, number, actor.person.name, address, vat_percent=vat_percent, days=30)
        replies.accept(
            quote.id,
            Acceptance(
                name=actor.person.name,
                purchase_order=purchase_order,
                finance_name="Finance office",
                finance_address=address,
                line1="School Lane",
                line2="",
                city="Exampleton",
                postcode="EX1 2PL",
                terms_version=standing_pages.policy("terms").number,
            ),
            invitation_days=14,
        )
        return quote.id
