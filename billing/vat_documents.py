"""VAT documents: our invoices and credit notes, with the provider's number and figures, copied once and never changed.

The facts are copied when the provider has finalised an invoice or taken something back of one; the PDF is printed afterwards and
the first one stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import organisations
from app.kernel import clock, nudges, outbox
from app.kernel.db import Model, db
from app.kernel.errors import Missing
from billing import invoice_recipients
from billing.invoices import Invoice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.gateway import Line, ProviderCreditNote, ProviderCreditNoteState, ProviderInvoice
    from billing.subscriptions import Subscription

SWEEP = "vat_documents"
NOT_PRINTED = "This document is being printed. Look again in a minute."


class Kind(StrEnum):
    """What a document is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Totals:
    """What several documents come to, in pence, with what was taken back taken off."""

    net_minor: int
    vat_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that no invoice of ours bears, between two that do."""

    first: str
    last: str

    @property
    def words(self) -> str:
        """The numbers as somebody says them."""
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


class VatDocument(Model):
    """An invoice or a credit note as it was issued; `facts` hold the buyer, what they wanted to read on it, and the lines.

    A credit note is `taken_back_at` when we see that the provider counts it no longer; that an invoice is, it says itself.
    """

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    invoice_id: Mapped[str] = mapped_column(sa.ForeignKey("invoice.id"))
    kind: Mapped[str]
    number: Mapped[str] = mapped_column(unique=True)
    net_minor: Mapped[int]
    vat_minor: Mapped[int]
    gross_minor: Mapped[int]
    refunded_minor: Mapped[int]
    vat_percent: Mapped[int | None]
    currency: Mapped[str]
    issued_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    taken_back_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind"),
        sa.CheckConstraint("taken_back_at IS NULL OR kind = 'credit_note'", name="taken_back"),
        sa.CheckConstraint("gross_minor = net_minor + vat_minor", name="figures"),
        sa.Index(None, "organisation_id", "issued_at"),
        sa.Index(None, "invoice_id"),
        sa.Index(None, "issued_at"),
    )

    @property
    def title(self) -> str:
        """What it is called."""
        return "Credit note" if self.kind == Kind.CREDIT_NOTE else "Invoice"


class VatDocumentPdf(Model):
    """A document as it was printed."""

    document_id: Mapped[str] = mapped_column(sa.ForeignKey("vat_document.id"), primary_key=True)
    pdf: Mapped[bytes]
    printed_at: Mapped[datetime]


def copy(subscription: Subscription, found: Iterable[ProviderInvoice]) -> None:
    """Copy what the provider has issued and we have not copied yet; whatever was copied before stays as it was issued.

    A credit note of these invoices that the provider counts no longer, because it was voided, is marked as taken back.
    """
    issued = [invoice for invoice in found if invoice.number is not None]
    ids = [invoice.id for invoice in issued] + [note.id for invoice in issued for note in invoice.credit_notes]
    known = set(db.session.scalars(sa.select(VatDocument.id).where(VatDocument.id.in_(ids))))
    if set(ids) - known:
        nudges.ask(SWEEP)
    for invoice in issued:
        if invoice.id not in known:
            db.session.add(_of_invoice(subscription, invoice))
        for note in invoice.credit_notes:
            if note.id not in known:
                db.session.add(_of_credit_note(subscription, invoice, note))
    gone = (
        VatDocument.invoice_id.in_([invoice.id for invoice in issued]),
        VatDocument.kind == Kind.CREDIT_NOTE,
        VatDocument.id.not_in(ids),
        VatDocument.taken_back_at.is_(None),
    )
    for document in db.session.scalars(sa.select(VatDocument).where(*gone)):
        document.taken_back_at = clock.now()
        for address in invoice_recipients.addresses(document.organisation_id):
            outbox.write("credit_note_void", address, organisation_id=document.organisation_id, document=document.id)


def is_behind(note: ProviderCreditNoteState) -> bool:
    """Whether a credit note about an invoice of ours stands otherwise with the provider than here."""
    if db.session.get(Invoice, note.invoice_id) is None:
        return False
    copied = db.session.get(VatDocument, note.id)
    return (copied is None) if not note.is_void else (copied is not None and copied.taken_back_at is None)


def of_organisation(organisation_id: UUID, document_id: str) -> VatDocument:
    """Give a document of an organisation; raises Missing for any other."""
    document = db.session.get(VatDocument, document_id)
    if document is None or document.organisation_id != organisation_id:
        raise Missing
    return document


def known(document_id: str) -> VatDocument:
    """Give a document whosever it is; raises Missing."""
    document = db.session.get(VatDocument, document_id)
    if document is None:
        raise Missing
    return document


def copied(organisation_id: UUID) -> set[str]:
    """Give the ids of what an organisation has a document of."""
    return set(db.session.scalars(sa.select(VatDocument.id).where(VatDocument.organisation_id == organisation_id)))


def credit_notes(organisation_id: UUID) -> list[VatDocument]:
    """Give the credit notes of an organisation, newest first."""
    query = sa.select(VatDocument).where(VatDocument.organisation_id == organisation_id, VatDocument.kind == Kind.CREDIT_NOTE)
    return list(db.session.scalars(query.order_by(VatDocument.issued_at.desc(), VatDocument.number.desc())))


def issued(since: datetime, until: datetime, organisation_id: UUID | None = None) -> list[tuple[VatDocument, Invoice]]:
    """Give the documents issued from one moment to before another with the invoices they are about, oldest first.

    Those of one organisation, or of all.
    """
    query = (
        sa.select(VatDocument, Invoice)
        .join(Invoice, Invoice.id == VatDocument.invoice_id)
        .where(VatDocument.issued_at >= since, VatDocument.issued_at < until)
    )
    if organisation_id is not None:
        query = query.where(VatDocument.organisation_id == organisation_id)
    rows = db.session.execute(query.order_by(VatDocument.issued_at, VatDocument.number))
    return [(document, invoice) for document, invoice in rows]


def totals(found: Iterable[tuple[VatDocument, Invoice]]) -> Totals:
    """Add up documents: a credit note counts below nothing, and what was taken back not at all."""
    signed = [
        (-1 if document.kind == Kind.CREDIT_NOTE else 1, document)
        for document, invoice in found
        if not is_taken_back(document, invoice)
    ]
    return Totals(
        net_minor=sum(sign * document.net_minor for sign, document in signed),
        vat_minor=sum(sign * document.vat_minor for sign, document in signed),
        gross_minor=sum(sign * document.gross_minor for sign, document in signed),
    )


def is_taken_back(document: VatDocument, invoice: Invoice) -> bool:
    """Whether a document counts no longer: an invoice that was taken back unpaid, or a credit note that was voided."""
    return (invoice.voided_at if document.kind == Kind.INVOICE else document.taken_back_at) is not None


def gaps() -> list[Gap]:
    """Give the numbers that are missing between our invoices, by the sequence in which the provider counts, such as ABC-0001."""
    query = sa.select(VatDocument.number).where(VatDocument.kind == Kind.INVOICE)
    sequences: dict[str, list[str]] = {}
    for number in db.session.scalars(query):
        prefix, _, counted = number.rpartition("-")
        if counted.isascii() and counted.isdecimal():
            sequences.setdefault(prefix, []).append(counted)
    return [
        Gap(*(f"{prefix}-{missing:0{len(before)}}" for missing in (int(before) + 1, int(after) - 1)))
        for prefix, counts in sorted(sequences.items())
        for before, after in pairwise(sorted(counts, key=int))
        if int(after) > int(before) + 1
    ]


def pdf_of(document: VatDocument) -> bytes:
    """Give the PDF of a document; raises Missing while it is being printed."""
    pdf = db.session.scalar(sa.select(VatDocumentPdf.pdf).where(VatDocumentPdf.document_id == document.id))
    if pdf is None:
        raise Missing(NOT_PRINTED)
    return pdf


def file_name(document: VatDocument) -> str:
    """Name the file of a document: "Invoice ABC-0001.pdf"."""
    return f"{document.title} {document.number}.pdf"


def _of_invoice(subscription: Subscription, invoice: ProviderInvoice) -> VatDocument:
    return VatDocument(
        id=invoice.id,
        organisation_id=subscription.organisation_id,
        invoice_id=invoice.id,
        kind=Kind.INVOICE,
        number=invoice.number,
        net_minor=invoice.net_minor,
        vat_minor=invoice.vat_minor,
        gross_minor=invoice.gross_minor,
        refunded_minor=0,
        vat_percent=subscription.vat_percent,
        currency=invoice.currency,
        issued_at=invoice.issued_at,
        facts={
            **_buyer(subscription, invoice),
            "lines": [_line(line) for line in invoice.lines],
            "discount_minor": invoice.discount_minor,
            "due_at": invoice.due_at.isoformat() if invoice.due_at and invoice.is_sent else None,
        },
    )


def _of_credit_note(subscription: Subscription, invoice: ProviderInvoice, note: ProviderCreditNote) -> VatDocument:
    return VatDocument(
        id=note.id,
        organisation_id=subscription.organisation_id,
        invoice_id=invoice.id,
        kind=Kind.CREDIT_NOTE,
        number=note.number,
        net_minor=note.net_minor,
        vat_minor=note.vat_minor,
        gross_minor=note.gross_minor,
        refunded_minor=note.refunded_minor,
        vat_percent=subscription.vat_percent,
        currency=invoice.currency,
        issued_at=note.issued_at,
        facts={
            **_buyer(subscription, invoice),
            "lines": [_line(line) for line in note.lines],
            "discount_minor": sum(line.net_minor for line in note.lines) - note.net_minor,
            "of_invoice": invoice.number,
            "of_date": invoice.issued_at.isoformat(),
            "why": note.why,
        },
    )


def _buyer(subscription: Subscription, invoice: ProviderInvoice) -> dict[str, object]:
    """Name the organisation, and below it the name that the provider has, which may be that of whoever holds the card."""
    name = organisations.known(subscription.organisation_id).name
    below = [invoice.buyer] if invoice.buyer not in {"", name} else []
    return {
        "buyer": name,
        "buyer_address": [*below, *invoice.buyer_address],
        "buyer_vat_number": invoice.buyer_vat_number,
        "fields": [list(field) for field in invoice.fields],
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "words": line.words,
        "quantity": line.quantity,
        "unit_minor": line.unit_minor,
        "net_minor": line.net_minor,
        "starts_at": line.starts_at.isoformat() if line.starts_at else None,
        "ends_at": line.ends_at.isoformat() if line.ends_at else None,
    }
