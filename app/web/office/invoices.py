"""All invoices and credit notes in the office, by the month, with every gap in their numbers, and as a table for bookkeepers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Response, render_template, request

from app.kernel import clock, sheets
from app.kernel.errors import Invalid
from app.permissions import RUN_THE_SHOP
from app.web import bookkeeping, days, navigation
from app.web.forms import Form, TextField
from app.web.office.area import area
from app.web.workspace.invoices import pdf_of
from billing import vat_documents

if TYPE_CHECKING:
    from datetime import date, datetime

    from flask.typing import ResponseReturnValue

ZONE = ZoneInfo("Europe/London")


class MonthForm(Form):
    """Which month."""

    month = TextField("Month")

    class Meta:
        """Looking changes nothing, so it needs no token."""

        csrf = False


@area.page("/invoices", allow=RUN_THE_SHOP)
def invoices() -> ResponseReturnValue:
    """Show what was issued in a month, with its sums, and the numbers that are missing between the first and the last ever."""
    form = MonthForm(request.args)
    try:
        month, refused = _month(form), False
    except Invalid as refusal:
        form.refuse(refusal)
        month, refused = _this_month(), True
    form.month.data = form.month.data or f"{month:%Y-%m}"
    documents = vat_documents.issued(*_span(month))
    shown = render_template(
        "office/invoices.html",
        nav=navigation.office(),
        here="invoices",
        form=form,
        month=month,
        documents=documents,
        totals=vat_documents.totals(documents),
        gaps=vat_documents.gaps(),
    )
    return shown, Invalid.status if refused else 200


@area.page("/invoices.csv", allow=RUN_THE_SHOP)
def invoices_csv() -> ResponseReturnValue:
    """Give what was issued in a month as a table for bookkeepers."""
    month = _month(MonthForm(request.args))
    content = sheets.as_csv(bookkeeping.HEAD, bookkeeping.rows(vat_documents.issued(*_span(month)), ZONE))
    disposition = {"Content-Disposition": f'attachment; filename="invoices-{month:%Y-%m}.csv"'}
    return Response(content, content_type=sheets.CSV_TYPE, headers=disposition)


@area.page("/invoices/<document>.pdf", allow=RUN_THE_SHOP)
def vat_document(document: str) -> ResponseReturnValue:
    """Open the PDF of an invoice or a credit note."""
    return pdf_of(vat_documents.known(document))


def _month(form: MonthForm) -> date:
    """Read the month, this one where none is said; raises Invalid for what is none."""
    typed = form.month.data
    if not typed:
        return _this_month()
    try:
        found = days.read(f"{typed}-01", "month")
    except Invalid as refusal:
        raise Invalid("Give a month as 2026-11.", field="month") from refusal
    return found or _this_month()


def _this_month() -> date:
    return clock.now().astimezone(ZONE).date().replace(day=1)


def _span(month: date) -> tuple[datetime, datetime]:
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return days.begin(month, ZONE), days.begin(following, ZONE)
