"""What the reconciliation makes good: invoices of subscriptions that are over or were replaced, and credit notes taken back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from app import letters
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import bookkeeping
from billing import events, invoices, reactions, reconciliation, statements, stripe_objects, subscriptions, vat_documents
from tests import changing as acts
from tests import quoting
from tests.journeys import steps

PART = {"type": "custom_line_item", "description": "Some of it", "quantity": 1, "unit_amount": 100}


@pytest.fixture
def left_behind(shop, owner, gateway):
    """Give an unpaid invoice of a subscription that died when its card failed, and in whose place there is another one now."""
    shop.extensions["sandbox"].controls.end_after_retries(is_wanted=True)
    acts.buy(shop, owner, gateway)
    acts.use_card(shop, gateway, owner, acts.DECLINED_LATER)
    acts.travel(shop, days=60)
    died = acts.sees(gateway, owner).provider_id
    unpaid = quoting.newest(owner).id
    quoting.by_invoice(owner, gateway, limit_minor=1_000_000)
    assert subscriptions.with_provider_id(died) is None
    return gateway.invoice(unpaid)


def reconcile(gateway):
    """Reconcile, and look at what stands in the database afterwards."""
    report = reconciliation.run(gateway)
    db.session.rollback()
    db.session.expire_all()
    return report


def taken(shop, kind):
    """Take in the provider's messages of a kind, and apply them."""
    with transaction():
        for event in steps.provider_has(shop.config["SETTINGS"].data, "event"):
            if event["type"] == kind:
                events.store(stripe_objects.event(event))


def test_a_lost_payment_of_a_subscription_that_was_replaced_is_made_good(shop, gateway, left_behind):
    assert invoices.known(left_behind.id).status == "open"
    assert acts.pay_invoice(shop, left_behind.url) == 303
    assert reconcile(gateway).differences == ()
    found = invoices.known(left_behind.id)
    assert (found.status, found.remaining_minor) == ("paid", 0)


def test_a_debt_of_a_subscription_that_was_replaced_lowers_the_limit_only_until_it_is_paid(shop, owner, gateway, left_behind):
    assert invoices.owed_besides(owner.organisation.id, []) == left_behind.gross_minor + quoting.newest(owner).gross_minor
    assert acts.pay_invoice(shop, left_behind.url) == 303
    reconcile(gateway)
    assert invoices.owed_besides(owner.organisation.id, []) == quoting.newest(owner).gross_minor


@pytest.fixture
def credited(owner, gateway):
    """Give an invoice and a credit note about it that we have copied, and what the provider does with credit notes."""
    invoice = quoting.by_invoice(owner, gateway)
    notes = gateway.client.v1.credit_notes
    note = notes.create({"invoice": invoice.id, "lines": [PART]})
    reconcile(gateway)
    assert vat_documents.known(note.id).taken_back_at is None
    return SimpleNamespace(invoice=invoice, note=note, void=lambda: notes.void_credit_note(note.id))


def test_a_credit_note_that_is_voided_after_it_was_copied_is_taken_back_in_document_statement_and_table(owner, gateway, credited):
    before = len(acts.mails())
    credited.void()
    assert reconcile(gateway).differences == ()
    document = vat_documents.known(credited.note.id)
    assert invoices.known(credited.invoice.id).remaining_minor == credited.invoice.gross_minor
    assert acts.mails()[before:] == ["credit_note_void"] * 2
    span = (document.issued_at - timedelta(days=1), clock.now() + timedelta(days=1))
    entries = statements.of_organisation(owner.organisation.id, *span).entries
    assert entries[-1].words == f"Credit note {document.number} taken back"
    assert entries[-1].balance_minor == credited.invoice.gross_minor
    found = vat_documents.issued(*span, owner.organisation.id)
    assert vat_documents.totals(found).gross_minor == credited.invoice.gross_minor
    assert [row[-1] for row in bookkeeping.rows(found, ZoneInfo("Europe/London"))] == ["open", "void"]
    reconcile(gateway)
    assert len(acts.mails()) == before + 2


def test_the_mail_about_a_voided_credit_note_says_what_is_asked_for_again(gateway, credited):
    credited.void()
    reconcile(gateway)
    facts = {"document": credited.note.id}
    rendered = letters.render("credit_note_void", facts)
    assert rendered.subject == f"Credit note {credited.note.number} for St Mary was taken back"
    assert f"about invoice {credited.invoice.number}, for £1.00, no longer counts" in rendered.text


@pytest.mark.parametrize("is_void", [False, True])
def test_a_message_about_a_credit_note_has_its_invoice_looked_at(shop, gateway, owner, is_void):
    invoice = quoting.by_invoice(owner, gateway)
    notes = gateway.client.v1.credit_notes
    note = notes.create({"invoice": invoice.id, "lines": [PART]})
    if is_void:
        reconcile(gateway)
        notes.void_credit_note(note.id)
    taken(shop, "credit_note.voided" if is_void else "credit_note.created")
    assert reactions.apply_due(gateway) == 1
    db.session.rollback()
    db.session.expire_all()
    assert (vat_documents.known(note.id).taken_back_at is not None) is is_void
    assert events.newest()[0].state == events.State.APPLIED


def test_a_lost_credit_note_about_an_invoice_of_a_subscription_that_was_replaced_is_copied(gateway, left_behind):
    note = gateway.client.v1.credit_notes.create({"invoice": left_behind.id, "lines": [PART]})
    reconcile(gateway)
    assert vat_documents.known(note.id).number == note.number
