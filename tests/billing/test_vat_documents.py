"""VAT documents: copied once with the provider's number and figures, printed once, and sent to those who pay."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import letters, mail
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Invalid, Missing
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from app.web import billing_press
from billing import (
    figures,
    invoice_recipients,
    invoices,
    price_cards,
    printing,
    reconciliation,
    statements,
    subscriptions,
    vat_documents,
)
from billing.price_cards import Interval
from billing.vat_documents import Gap, Kind, VatDocument, VatDocumentPdf
from tests import changing as acts
from tests import provider


def documents(owner):
    db.session.rollback()
    now = clock.now()
    return [
        document for document, _ in vat_documents.issued(now - timedelta(days=999), now + timedelta(1), owner.organisation.id)
    ]


def print_all():
    return printing.print_missing(billing_press.of_process)


def account(owner, days=400):
    db.session.rollback()
    now = clock.now()
    return statements.of_organisation(owner.organisation.id, now - timedelta(days=days), now + timedelta(days=1))


@pytest.mark.parametrize(("number", "interval"), [(1, Interval.MONTH), (25, Interval.YEAR), (1000, Interval.YEAR)])
def test_an_invoice_has_one_line_for_each_band_and_the_figures_that_were_shown(shop, owner, gateway, number, interval):
    acts.buy(shop, owner, gateway, number, interval)
    document = documents(owner)[0]
    figure = figures.figure(price_cards.current(), number, interval, 20)
    assert [(line["quantity"], line["unit_minor"], line["net_minor"]) for line in document.facts["lines"]] == [
        (share.seats, share.unit_minor, share.amount_minor) for share in figure.bands
    ]
    assert (document.net_minor, document.vat_minor, document.gross_minor) == (
        figure.net_minor,
        figure.vat_minor,
        figure.gross_minor,
    )
    assert (document.number, document.vat_percent, document.facts["buyer"]) == ("SANDBOX-0001", 20, owner.organisation.name)


def test_it_is_made_out_to_the_organisation_with_the_name_that_the_provider_has_below(shop, owner, subscribe):
    subscription_id = subscribe(owner.organisation.id)
    with transaction():
        row = subscriptions.known(subscription_id)
        for given in (
            provider.invoice(id="in_1", number="A-1", buyer="St Mary", buyer_address=("1 High Street",)),
            provider.invoice(id="in_2", number="A-2", buyer="Ruth Amadi", buyer_address=("1 High Street",)),
        ):
            invoices.keep(row, [given])
            vat_documents.copy(row, [given])
    made = [(found.facts["buyer"], found.facts["buyer_address"]) for found in documents(owner)]
    assert made == [("St Mary", ["1 High Street"]), ("St Mary", ["Ruth Amadi", "1 High Street"])]


def test_a_share_of_a_term_is_said_in_the_words_of_the_provider(shop, owner, gateway):
    acts.buy(shop, owner, gateway, 10, Interval.YEAR)
    acts.travel(shop, days=100)
    acts.add(owner, gateway, 5)
    lines = documents(owner)[-1].facts["lines"]
    assert [line["unit_minor"] for line in lines] == [None, None]
    assert lines[0]["net_minor"] < 0 < lines[1]["net_minor"]


def test_what_was_copied_stays_whatever_the_provider_says_later(shop, owner, gateway):
    acts.buy(shop, owner, gateway)
    with transaction():
        document = documents(owner)[0]
        document.facts = {**document.facts, "buyer": "As it was then"}
    acts.sees(gateway, owner)
    assert [document.facts["buyer"] for document in documents(owner)] == ["As it was then"]


def test_a_document_is_printed_once_and_the_pdf_stays(shop, owner, gateway):
    acts.buy(shop, owner, gateway)
    with pytest.raises(Missing):
        vat_documents.pdf_of(documents(owner)[0])
    assert print_all() == 1
    pdf = vat_documents.pdf_of(documents(owner)[0])
    assert pdf.startswith(b"%PDF")
    assert print_all() == 0
    with transaction():
        db.session.execute(sa.delete(VatDocumentPdf))
    assert print_all() == 1
    assert vat_documents.pdf_of(documents(owner)[0]) == pdf


def test_of_two_workers_that_print_one_document_only_the_first_keeps_and_sends_it(shop, owner, gateway):
    acts.buy(shop, owner, gateway)

    class Slow:
        def print(self, *_):
            assert print_all() == 1
            return b"too late"

    assert printing.print_missing(Slow) == 0
    assert vat_documents.pdf_of(documents(owner)[0]).startswith(b"%PDF")
    assert acts.mails() == ["vat_document"]


def test_what_is_copied_long_after_it_was_issued_is_printed_and_is_no_news(shop, owner, subscribe):
    subscription_id = subscribe(owner.organisation.id)
    with transaction():
        row = subscriptions.known(subscription_id)
        for number, days in (("A-1", 30), ("A-2", 40)):
            given = provider.invoice(id=number, number=number, issued_at=clock.now() - timedelta(days=days))
            invoices.keep(row, [given])
            vat_documents.copy(row, [given])
    assert print_all() == 2
    query = sa.select(OutboxMail.facts).where(OutboxMail.kind == "vat_document")
    assert [facts["document"] for facts in db.session.scalars(query)] == ["A-1"]


def test_a_reconciliation_copies_what_a_subscription_that_is_over_has_left(shop, owner, gateway):
    acts.buy(shop, owner, gateway)
    provider_id = acts.row(owner).provider_id
    gateway.take_back(provider_id, "back")
    reconciliation.run(gateway)
    with transaction():
        db.session.execute(sa.delete(VatDocument))
    reconciliation.run(gateway)
    assert [document.kind for document in documents(owner)] == [Kind.INVOICE, Kind.CREDIT_NOTE]
    assert reconciliation.run(gateway).subscriptions == 0


def test_a_document_that_cannot_be_printed_stops_no_other(shop, owner, gateway):
    acts.buy(shop, owner, gateway)
    acts.add(owner, gateway, 5)
    with transaction():
        documents(owner)[0].facts = {}
    assert print_all() == 1
    assert db.session.scalars(sa.select(VatDocumentPdf.document_id)).all() == [documents(owner)[1].id]


def test_those_who_pay_and_the_further_addresses_get_it_once_with_the_pdf(shop, owner, gateway):
    with transaction():
        invoice_recipients.add(owner, "finance@example.org")
        with pytest.raises(Invalid):
            invoice_recipients.add(owner, " Finance@Example.org ")
    acts.buy(shop, owner, gateway)
    print_all()
    query = sa.select(OutboxMail).where(OutboxMail.kind == "vat_document").order_by(OutboxMail.address)
    written = db.session.scalars(query).all()
    assert [mail.address for mail in written] == ["finance@example.org", "ruth@example.org"]
    rendered = letters.render("vat_document", written[0].facts)
    assert rendered.subject == "Invoice SANDBOX-0001 for St Mary"
    assert "£74.40 including £12.40 VAT" in rendered.text
    letter = mail.Letter(written[0].id, "vat_document", written[0].address, written[0].facts)
    attached = list(mail.compose(letter, rendered, shop.config["SETTINGS"]).iter_attachments())
    assert [part.get_filename() for part in attached] == ["Invoice SANDBOX-0001.pdf"]
    assert attached[0].get_content() == vat_documents.pdf_of(documents(owner)[0])
    mail.send_due()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DeliveredMail)) == len(db.session.scalars(query).all()) + 1


def test_no_more_than_ten_further_addresses_get_the_invoices(shop, owner):
    with transaction():
        for number in range(10):
            invoice_recipients.add(owner, f"books{number}@example.org")
        with pytest.raises(Invalid):
            invoice_recipients.add(owner, "books10@example.org")


def test_what_is_taken_back_has_a_credit_note_with_its_number_and_its_refund(shop, owner, gateway):
    acts.buy(shop, owner, gateway, 10, Interval.YEAR)
    gateway.take_back(acts.row(owner).provider_id, "back")
    reconciliation.run(gateway)
    invoice, note = documents(owner)
    assert (note.kind, note.number, note.gross_minor, note.refunded_minor) == (
        Kind.CREDIT_NOTE,
        "SANDBOX-0001-CN-01",
        invoice.gross_minor,
        invoice.gross_minor,
    )
    assert (note.invoice_id, note.facts["of_invoice"]) == (invoice.id, "SANDBOX-0001")
    assert print_all() == 2
    assert account(owner).closing_minor == 0
    assert [entry.words for entry in account(owner).entries] == [
        "Invoice SANDBOX-0001",
        "Payment of invoice SANDBOX-0001",
        "Credit note SANDBOX-0001-CN-01",
        "Paid back for credit note SANDBOX-0001-CN-01",
    ]


def test_the_account_tells_what_is_owed_and_what_was_taken_back_unpaid(shop, owner, gateway):
    acts.buy(shop, owner, gateway, 10, Interval.MONTH)
    acts.use_card(shop, gateway, owner, acts.DECLINED_LATER)
    change_id, _ = acts.add(owner, gateway, 5)
    acts.sees(gateway, owner)
    owed = invoices.owed(acts.row(owner))
    assert owed is not None
    assert account(owner).closing_minor == owed.gross_minor
    gateway.give_up(acts.row(owner).provider_id, f"change-{change_id}", 10)
    acts.sees(gateway, owner)
    assert account(owner).closing_minor == 0
    assert account(owner).entries[-1].words == f"Invoice {owed.number} taken back unpaid"


def test_an_account_goes_on_from_the_balance_before(shop, owner, gateway):
    acts.buy(shop, owner, gateway, 10, Interval.MONTH)
    acts.use_card(shop, gateway, owner, acts.DECLINED_LATER)
    acts.travel(shop, days=32)
    acts.sees(gateway, owner)
    acts.travel(shop, days=3)
    late = account(owner, days=1)
    assert (late.opening_minor, late.entries, late.closing_minor) == (7440, (), 7440)


def test_a_number_that_none_of_our_invoices_has_is_a_gap(shop, owner, subscribe):
    subscription = subscribe(owner.organisation.id)
    with transaction():
        for number in ("A-0001", "A-0002", "A-0005", "A-0007", "B-0003", "odd"):
            row = {"id": number, "organisation_id": owner.organisation.id, "number": number, "net_minor": 1, "vat_minor": 0}
            row |= {"gross_minor": 1, "currency": "GBP", "issued_at": clock.now()}
            given = {"status": "paid", "why": "", "remaining_minor": 0, "paid_minor": 1, "subscription_id": subscription}
            db.session.add(invoices.Invoice(**row, **given))
            db.session.flush()
            db.session.add(VatDocument(**row, invoice_id=number, kind=Kind.INVOICE, refunded_minor=0, facts={}))
    assert vat_documents.gaps() == [Gap("A-0003", "A-0004"), Gap("A-0006", "A-0006")]
    assert [gap.words for gap in vat_documents.gaps()] == ["A-0003 to A-0004", "A-0006"]
