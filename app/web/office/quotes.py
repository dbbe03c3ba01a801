"""Quotes for the operator: all of them, and preparing one for any organisation, with a discount and a note."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from wtforms import EmailField, HiddenField, TextAreaField

from app.accounts import organisations
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation, wiring
from app.web.area import signed_in_person
from app.web.forms import Form, TextField, trimmed
from app.web.office.area import area
from app.web.workspace.quotes import read_seats
from billing import invoices, quotes
from billing.quotes import Wanted

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_PERCENT = 3


class DraftForm(Form):
    """What a quote is to say; `customer` is the organisation it is for, if that is here already."""

    customer = HiddenField()
    organisation = TextField("Organisation")
    name = TextField("Name of whom it goes to")
    address = EmailField("Their e-mail address", filters=[trimmed])
    seats = TextField("Seats")
    discount_percent = TextField("Discount in per cent")
    note = TextAreaField("Note", filters=[trimmed])

    def wanted(self) -> Wanted:
        """Read what was given; raises Invalid for a number that is none."""
        percent = self.discount_percent.data or ""
        if percent and not (percent.isascii() and percent.isdecimal() and len(percent) <= LONGEST_PERCENT):
            message = f"Give a discount as a whole number of per cent from 1 to {quotes.MOST_PERCENT}, or leave it empty."
            raise Invalid(message, field="discount_percent")
        return Wanted(
            seats=read_seats(self.seats.data or ""),
            organisation=self.organisation.data or "",
            name=self.name.data or "",
            address=self.address.data or "",
            discount_percent=int(percent) if percent else None,
            note=self.note.data or "",
        )


@area.page("/quotes", allow=RUN_THE_SHOP)
def quotes_page() -> ResponseReturnValue:
    """Show the newest quotes and where each stands."""
    return render_template("office/quotes.html", nav=navigation.office(), here="quotes", quotes=quotes.newest())


@area.page("/quotes/new", allow=RUN_THE_SHOP)
def new_quote() -> ResponseReturnValue:
    """Ask what a quote is to say, for an organisation that was chosen or for a new one."""
    customer = _customer(request.args.get("customer", ""))
    form = DraftForm(formdata=None)
    if customer is not None:
        form.customer.data, form.organisation.data = str(customer.id), customer.name
    return _form(form)


@area.action("/quotes", allow=RUN_THE_SHOP)
def prepare_quote() -> ResponseReturnValue:
    """Draft a quote."""
    form = DraftForm()
    try:
        wanted, customer = form.wanted(), _customer(form.customer.data or "")
        customer_id = None if customer is None else customer.id
        with transaction():
            by, vat_percent = signed_in_person().id, wiring.settings().vat_percent
            quote_id = quotes.prepare(wanted, by=by, organisation_id=customer_id, vat_percent=vat_percent).id
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _form(form), refusal.status
    return redirect(url_for("office.quote", quote=quote_id), 303)


@area.page("/quotes/<uuid:quote>", allow=RUN_THE_SHOP)
def quote(quote: UUID) -> ResponseReturnValue:
    """Show a quote with everything that is known about it."""
    found = quotes.known(quote)
    invoice = None if found.invoice_id is None else invoices.known(found.invoice_id)
    return render_template(
        "office/quote.html",
        nav=navigation.office(),
        here="quotes",
        quote=found,
        figure=quotes.figure_of(found),
        invoice=invoice,
        days=wiring.settings().quote_days,
    )


@area.action("/quotes/<uuid:quote>/send", allow=RUN_THE_SHOP)
def send_quote(quote: UUID) -> ResponseReturnValue:
    """Send a draft to whom it is for."""
    quotes.known(quote)
    with transaction():
        quotes.send(quote, by=signed_in_person().id, days=wiring.settings().quote_days)
    flash("The quote is on its way.", "success")
    return redirect(url_for("office.quote", quote=quote), 303)


def _form(form: DraftForm) -> str:
    return render_template("office/new_quote.html", nav=navigation.office(), here="quotes", form=form)


def _customer(typed: str) -> organisations.Organisation | None:
    """Give the organisation that a form names, if it names one that there is."""
    try:
        return organisations.find(UUID(typed)) if typed else None
    except ValueError:
        return None
