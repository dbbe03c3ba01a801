"""Quotes as they come about: sent by an owner, accepted by whoever has the link, and invoiced by the sandbox."""

from __future__ import annotations

from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import credit, invoices, invoicing, price_cards, quotes, receipts, receiving, replies
from billing.replies import Acceptance

TYPED = Acceptance(
    name="Frances Doyle",
    purchase_order="PO-4711",
    finance_name="Accounts",
    finance_address="accounts@example.org",
    line1="1 High Street",
    line2="",
    city="Exampleton",
    postcode="sw1a 1aa",
    terms_version=1,
)


def publish():
    """Publish the price card."""
    with transaction():
        price_cards.publish_seed()


def send(owner, number=25, *, vat_percent=20):
    """Send a quote to the owner and give its id."""
    with transaction():
        return quotes.send_own(owner, number, "Ruth Amadi", "ruth@example.org", vat_percent=vat_percent, days=30).id


def accept(quote_id, typed=TYPED):
    """Accept a quote by its link."""
    with transaction():
        return replies.accept(quote_id, typed, invitation_days=14).organisation_id


def by_invoice(owner, gateway, number=25, *, limit_minor=0):
    """Have an organisation accept a quote and be invoiced; gives its first invoice."""
    if limit_minor:
        give_credit(owner, limit_minor)
    quote_id = send(owner, number)
    accept(quote_id)
    assert invoicing.begin(gateway, quote_id) is quotes.State.INVOICED
    return newest(owner)


def give_credit(owner, limit_minor):
    """Let an organisation owe so much."""
    with transaction():
        credit.set_limit(owner.organisation.id, limit_minor, by=owner.person.id)


def newest(owner):
    """Give the newest invoice of an organisation as it stands now."""
    db.session.rollback()
    db.session.expire_all()
    return invoices.of_organisation(owner.organisation.id)[0]


def receive(owner, gateway, invoice_id):
    """Mark an invoice as received by bank today, and tell the provider."""
    with transaction():
        invoice = invoices.known(invoice_id)
        receipt = receipts.note(invoice.id, clock.now().date(), "BACS 4711", invoice.remaining_minor, by=owner.person.id)
        receipt_id = receipt.id
    return receiving.tell(gateway, receipt_id)
