"""Quotes as PDF: printed from their frozen figures whenever somebody asks, and the same to the byte each time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import current_app

from app.kernel.money import pounds
from app.kernel.typesetting import Press
from app.web import context, price_words, typefaces, wiring
from billing import quotes

if TYPE_CHECKING:
    from app.settings import Settings
    from billing.quotes import Quote

TEMPLATE = Path("documents/quote.typ")
KEPT = "quote_press"


def pdf(quote: Quote) -> bytes:
    """Give the PDF of a quote."""
    return _of_process().typeset(_facts(quote, wiring.settings()), quote.prepared_at, quote=str(quote.id))


def _of_process() -> Press:
    """Give the press of this process: loading the typefaces takes a moment."""
    if KEPT not in current_app.extensions:
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        current_app.extensions[KEPT] = Press(template, typefaces.for_documents(wiring.settings().data))
    return cast("Press", current_app.extensions[KEPT])


def _facts(quote: Quote, settings: Settings) -> dict[str, object]:
    """Give what the template is told, as plain data: nothing of it is ever read as part of the template."""
    figure = quotes.figure_of(quote)
    words = price_words.describe(figure)
    sums = [("Price for a year", pounds(quote.list_minor))]
    if quote.discount_percent:
        sums.append((f"Discount of {quote.discount_percent}%, for the first year", pounds(-quote.discount_minor)))
        sums.append(("Before VAT", pounds(quote.net_minor)))
    if quote.vat_percent is not None:
        sums.append((f"VAT at {quote.vat_percent}%", pounds(quote.vat_minor)))
    return {
        "number": quote.number,
        "prepared_on": context.day(quote.prepared_at),
        "valid_until": context.day(quote.valid_until),
        "seller": settings.company_name,
        "seller_address": settings.company_address,
        "contact": settings.contact_address,
        "organisation": quote.for_organisation,
        "name": quote.for_name,
        "seats": context.counted(quote.seats, "seat"),
        "rows": [[row.label, row.each, row.together] for row in words.rows if not row.is_sum and row.each],
        "sums": sums,
        "total": pounds(quote.gross_minor),
        "total_label": "To pay" if quote.vat_percent is None else "To pay, including VAT",
        "note": quote.note,
        "days_to_pay": quotes.DAYS_TO_PAY,
        "address": f"{settings.url}/quotes/{quote.token}",
    }
