"""The invoices of an organisation: our documents as PDF, the statement of account, a table for bookkeepers, and who gets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Response, flash, redirect, request, send_file, url_for
from wtforms import StringField

from app.kernel import clock, sheets
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import BUY_SEATS, SEE_BILLING
from app.web import billing_press, bookkeeping, days
from app.web.forms import Form, TextField
from app.web.workspace.area import area, page
from billing import invoice_recipients, notices, statements, vat_documents
from billing import invoices as provider_invoices

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from billing.statements import Statement
    from billing.vat_documents import VatDocument


class SpanForm(Form):
    """From which day to which day."""

    since = StringField("From the day")
    until = StringField("To the day")

    class Meta:
        """Looking changes nothing, so it needs no token."""

        csrf = False


class RecipientForm(Form):
    """One more address."""

    address = TextField("E-mail address")


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both included."""

    since: date
    until: date
    zone: ZoneInfo

    def statement(self, organisation_id: UUID) -> Statement:
        """Give the account of these days."""
        return statements.of_organisation(organisation_id, days.begin(self.since, self.zone), days.end(self.until, self.zone))


@area.page("/<uuid:organisation>/billing/invoices", allow=SEE_BILLING)
def invoices(actor: Actor) -> ResponseReturnValue:
    """Show every invoice and credit note, and who gets them."""
    return _invoices(actor, RecipientForm(formdata=None))


@area.page("/<uuid:organisation>/billing/documents/<document>.pdf", allow=SEE_BILLING)
def vat_document(actor: Actor, document: str) -> ResponseReturnValue:
    """Open the PDF of an invoice or a credit note."""
    return pdf_of(vat_documents.of_organisation(actor.organisation.id, document))


@area.page("/<uuid:organisation>/billing/statement", allow=SEE_BILLING)
def statement(actor: Actor) -> ResponseReturnValue:
    """Show the account: what was asked for, paid and taken back, with the balance after each."""
    form = SpanForm(request.args)
    try:
        span, refused = _span(actor, form), False
    except Invalid as refusal:
        form.refuse(refusal)
        span, refused = _last_year(actor), True
    shown = page(
        "statement", actor, "billing", form=form, span=span, statement=None if refused else span.statement(actor.organisation.id)
    )
    return shown, Invalid.status if refused else 200


@area.page("/<uuid:organisation>/billing/statement.pdf", allow=SEE_BILLING)
def statement_pdf(actor: Actor) -> ResponseReturnValue:
    """Give the account as PDF."""
    span = _span(actor, SpanForm(request.args))
    content = billing_press.of_process().print_statement(span.statement(actor.organisation.id), actor.organisation)
    return _pdf(content, f"Statement {span.since} to {span.until}.pdf")


@area.page("/<uuid:organisation>/billing/documents.csv", allow=SEE_BILLING)
def vat_documents_csv(actor: Actor) -> ResponseReturnValue:
    """Give the invoices and credit notes of these days as a table for bookkeepers."""
    span = _span(actor, SpanForm(request.args))
    found = vat_documents.issued(days.begin(span.since, span.zone), days.end(span.until, span.zone), actor.organisation.id)
    disposition = {"Content-Disposition": f'attachment; filename="invoices-{span.since}-{span.until}.csv"'}
    content = sheets.as_csv(bookkeeping.HEAD, bookkeeping.rows(found, span.zone))
    return Response(content, content_type=sheets.CSV_TYPE, headers=disposition)


@area.action("/<uuid:organisation>/billing/recipients", allow=BUY_SEATS)
def add_recipient(actor: Actor) -> ResponseReturnValue:
    """Have invoices sent to one more address."""
    form = RecipientForm()
    try:
        with transaction():
            added = invoice_recipients.add(actor, form.address.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return _invoices(actor, form), refusal.status
    flash(f"Invoices go to {added.address} as well from now on.", "success")
    return redirect(url_for("workspace.invoices", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/billing/recipients/<uuid:recipient>/remove", allow=BUY_SEATS)
def remove_recipient(actor: Actor, recipient: UUID) -> ResponseReturnValue:
    """Send no more invoices to an address."""
    with transaction():
        invoice_recipients.remove(actor, recipient)
    flash("Removed. That address gets no more invoices.", "success")
    return redirect(url_for("workspace.invoices", organisation=actor.organisation.id), 303)


def pdf_of(document: VatDocument) -> Response:
    """Answer with the PDF of a document; raises Missing while it is being printed."""
    return _pdf(vat_documents.pdf_of(document), vat_documents.file_name(document))


def _pdf(content: bytes, name: str) -> Response:
    response = send_file(BytesIO(content), mimetype="application/pdf", download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _invoices(actor: Actor, form: RecipientForm) -> str:
    return page(
        "invoices",
        actor,
        "billing",
        form=form,
        invoices=provider_invoices.of_organisation(actor.organisation.id, limit=1_000),
        copied=vat_documents.copied(actor.organisation.id),
        credit_notes=vat_documents.credit_notes(actor.organisation.id),
        recipients=invoice_recipients.of_organisation(actor.organisation.id),
        payers=notices.payers(actor.organisation.id),
        span=_last_year(actor),
    )


def _span(actor: Actor, form: SpanForm) -> Span:
    """Read from when to when, the last year where that is not said; raises Invalid for what is no day, or the wrong way round."""
    usual = _last_year(actor)
    since = days.read(form.since.data, "since") or usual.since
    until = days.read(form.until.data, "until") or usual.until
    if until < since:
        raise Invalid("The last day comes before the first one.", field="until")
    return Span(since, until, usual.zone)


def _last_year(actor: Actor) -> Span:
    zone = ZoneInfo(actor.organisation.zone)
    today = clock.now().astimezone(zone).date()
    return Span(today - timedelta(days=365), today, zone)
