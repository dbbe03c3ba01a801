"""Quotes for whoever has the link: the offer and its PDF, accepting or declining it without an account; and asking for one."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import structlog
from flask import redirect, render_template, request, send_file, url_for
from flask_login import current_user
from wtforms import BooleanField, EmailField, TextAreaField

from app.accounts import memberships
from app.kernel.errors import Invalid, Refusal
from app.kernel.transaction import transaction
from app.permissions import ANYONE, BUY_SEATS
from app.web import quote_press, wiring
from app.web.area import Area, signed_in_person
from app.web.forms import Form, TextField, trimmed
from billing import invoices, invoicing, quotes, replies
from billing.replies import Acceptance
from catalog.shelf import standing_pages

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from billing.quotes import Quote

area = Area("quotes")
log = structlog.get_logger(__name__)
UNSURE = "Tick this to accept: an invoice is issued at once."


class AcceptanceForm(Form):
    """What somebody gives who accepts a quote."""

    purchase_order = TextField("Purchase order number, if you have one")
    name = TextField("Your name")
    finance_name = TextField("Who the invoice goes to")
    finance_address = EmailField("Their e-mail address", filters=[trimmed])
    line1 = TextField("Address of the organisation")
    line2 = TextField("Second line of the address, if there is one")
    city = TextField("Town or city")
    postcode = TextField("Postcode")
    is_agreed = BooleanField("I may order this for the organisation, and agree to the terms")

    def acceptance(self) -> Acceptance:
        """Read what was given; raises Invalid where the terms are not agreed to."""
        if not self.is_agreed.data:
            raise Invalid(UNSURE, field="is_agreed")
        return Acceptance(
            name=self.name.data or "",
            purchase_order=self.purchase_order.data or "",
            finance_name=self.finance_name.data or "",
            finance_address=self.finance_address.data or "",
            line1=self.line1.data or "",
            line2=self.line2.data or "",
            city=self.city.data or "",
            postcode=self.postcode.data or "",
            terms_version=standing_pages.policy("terms").number,
        )


class RefusalForm(Form):
    """Why a quote is declined, if somebody likes to say."""

    because = TextAreaField("Why, if you like to say", filters=[trimmed])


@area.page("/quote", allow=ANYONE)
def quote_request() -> ResponseReturnValue:
    """Lead to the form for a quote: of the one organisation somebody buys for, or after they have said which."""
    typed = request.args.get("seats", "")
    places = memberships.places_of(signed_in_person().id) if current_user.is_authenticated else []
    buyers = [place for place in places if place.membership.roles & BUY_SEATS.roles]
    if len(buyers) == 1:
        return redirect(url_for("workspace.new_quote", organisation=buyers[0].organisation.id, seats=typed or None), 303)
    back = url_for("quotes.quote_request", seats=typed or None)
    return render_template("quotes/quote_request.html", buyers=buyers, typed=typed, back=back)


@area.page("/quotes/<token>", allow=ANYONE)
def quote(token: str) -> ResponseReturnValue:
    """Show a quote as it stands, and ask whether it is accepted while it can be."""
    return _page(quotes.of_link(token), AcceptanceForm(formdata=None), RefusalForm(formdata=None))


@area.page("/quotes/<token>/quote.pdf", allow=ANYONE)
def quote_pdf(token: str) -> ResponseReturnValue:
    """Open the PDF of a quote."""
    found = quotes.of_link(token)
    response = send_file(
        BytesIO(quote_press.pdf(found)), mimetype="application/pdf", download_name=f"Lanyard quote {found.number}.pdf"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@area.action("/quotes/<token>/accept", allow=ANYONE)
def accept_quote(token: str) -> ResponseReturnValue:
    """Accept a quote and have its invoice issued; when the provider does not answer, that happens as soon as it does."""
    form, found = AcceptanceForm(), quotes.of_link(token)
    try:
        acceptance = form.acceptance()
        with transaction():
            replies.accept(found.id, acceptance, invitation_days=wiring.settings().invitation_days)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(quotes.of_link(token), form, RefusalForm(formdata=None)), refusal.status
    try:
        invoicing.begin(wiring.gateway(), quotes.of_link(token).id)
    except Refusal as refusal:
        log.warning("quote not invoiced yet", why=refusal.message)
    return redirect(url_for("quotes.quote", token=token), 303)


@area.action("/quotes/<token>/decline", allow=ANYONE)
def decline_quote(token: str) -> ResponseReturnValue:
    """Decline a quote."""
    form, found = RefusalForm(), quotes.of_link(token)
    try:
        with transaction():
            replies.decline(found.id, form.because.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(quotes.of_link(token), AcceptanceForm(formdata=None), form), refusal.status
    return redirect(url_for("quotes.quote", token=token), 303)


def _page(found: Quote, form: AcceptanceForm, refusal_form: RefusalForm) -> str:
    return render_template(
        "quotes/quote.html",
        quote=found,
        figure=quotes.figure_of(found),
        invoice=None if found.invoice_id is None else invoices.known(found.invoice_id),
        form=form,
        refusal_form=refusal_form,
        days_to_pay=quotes.DAYS_TO_PAY,
    )
