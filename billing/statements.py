"""Statements of account: what was asked for, what was paid and what was taken back, with the balance after each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from billing import vat_documents
from billing.vat_documents import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from billing.invoices import Invoice
    from billing.vat_documents import VatDocument

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
FAR_END = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement; `charged_minor` raises the balance, `paid_minor` lowers it."""

    at: datetime
    words: str
    charged_minor: int
    paid_minor: int
    balance_minor: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """The account from one moment to before another; a balance above nothing is owed."""

    since: datetime
    until: datetime
    opening_minor: int
    entries: tuple[Entry, ...]

    @property
    def closing_minor(self) -> int:
        """The balance at the end."""
        return self.entries[-1].balance_minor if self.entries else self.opening_minor

    @property
    def last_moment(self) -> datetime:
        """The last moment it tells of."""
        return self.until - timedelta(microseconds=1)


def of_organisation(organisation_id: UUID, since: datetime, until: datetime) -> Statement:
    """Give the account of an organisation from one moment to before another."""
    # A payment or a taking back may come long after its document, so all of them are read.
    documents = vat_documents.issued(BEGINNING, FAR_END, organisation_id)
    movements = sorted(
        (entry for document, invoice in documents for entry in _movements(document, invoice) if entry.at < until),
        key=lambda entry: entry.at,
    )
    opening = balance = sum(entry.charged_minor - entry.paid_minor for entry in movements if entry.at < since)
    entries = []
    for entry in movements:
        if entry.at >= since:
            balance += entry.charged_minor - entry.paid_minor
            entries.append(Entry(entry.at, entry.words, entry.charged_minor, entry.paid_minor, balance))
    return Statement(since, until, opening, tuple(entries))


def _movements(document: VatDocument, invoice: Invoice) -> Iterator[Entry]:
    """Give what a document moved: itself, its payment or its refund, and its being taken back."""
    if document.kind == Kind.CREDIT_NOTE:
        yield Entry(document.issued_at, f"Credit note {document.number}", 0, document.gross_minor)
        if document.refunded_minor:
            yield Entry(document.issued_at, f"Paid back for credit note {document.number}", document.refunded_minor, 0)
        if document.taken_back_at is not None:
            yield Entry(document.taken_back_at, f"Credit note {document.number} taken back", document.gross_minor, 0)
        return
    yield Entry(document.issued_at, f"Invoice {document.number}", document.gross_minor, 0)
    if invoice.paid_at is not None and invoice.paid_minor:
        yield Entry(invoice.paid_at, f"Payment of invoice {document.number}", 0, invoice.paid_minor)
    if invoice.voided_at is not None:
        yield Entry(invoice.voided_at, f"Invoice {document.number} taken back unpaid", 0, document.gross_minor)
