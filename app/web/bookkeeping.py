"""Bookkeeping: invoices and credit notes as the rows of a table, a taken back amount below nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.vat_documents import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from billing.invoices import Invoice
    from billing.vat_documents import VatDocument

HEAD = (
    "Date",
    "Document",
    "Number",
    "About invoice",
    "Customer",
    "Customer VAT number",
    "Reference",
    "Net",
    "VAT %",
    "VAT",
    "Total",
    "Currency",
    "Due",
    "Paid on",
    "State",
)


def rows(found: Iterable[tuple[VatDocument, Invoice]], zone: ZoneInfo) -> Iterator[list[str]]:
    """Give a row for each document; amounts as 1087.20, days as 2026-11-23."""
    for document, invoice in found:
        sign = -1 if document.kind == Kind.CREDIT_NOTE else 1
        is_invoice = document.kind == Kind.INVOICE
        yield [
            document.issued_at.astimezone(zone).date().isoformat(),
            document.title,
            document.number,
            "" if is_invoice else invoice.number,
            document.facts["buyer"],
            document.facts["buyer_vat_number"] or "",
            "; ".join(f"{name}: {value}" for name, value in document.facts["fields"]),
            _amount(sign * document.net_minor),
            "" if document.vat_percent is None else str(document.vat_percent),
            _amount(sign * document.vat_minor),
            _amount(sign * document.gross_minor),
            document.currency,
            invoice.due_at.astimezone(zone).date().isoformat() if is_invoice and invoice.due_at else "",
            invoice.paid_at.astimezone(zone).date().isoformat() if is_invoice and invoice.paid_at else "",
            invoice.status if is_invoice else ("issued" if document.taken_back_at is None else "void"),
        ]


def _amount(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"
