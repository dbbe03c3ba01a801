"""A quote for one's own organisation: how many seats, to whom it goes, and what it comes to before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from wtforms import EmailField

from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import BUY_SEATS
from app.web import wiring
from app.web.forms import Form, TextField, trimmed
from app.web.workspace.area import area, page
from billing import quotes, subscriptions

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

LONGEST_NUMBER = 6


class QuoteForm(Form):
    """How many seats a quote is for, and to whom it goes."""

    seats = TextField("People who will learn")
    name = TextField("Name")
    address = EmailField("E-mail address", filters=[trimmed])


@area.page("/<uuid:organisation>/billing/quote", allow=BUY_SEATS)
def new_quote(actor: Actor) -> ResponseReturnValue:
    """Ask how many seats a quote is for and, when that is known, show what they cost."""
    typed = request.args.get("seats", "")
    form = QuoteForm(formdata=None, seats=typed, name=actor.person.name, address=actor.person.address)
    if not typed:
        return _page(actor, form, None)
    try:
        return _page(actor, form, read_seats(typed))
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(actor, form, None), refusal.status


@area.action("/<uuid:organisation>/billing/quote", allow=BUY_SEATS)
def send_quote(actor: Actor) -> ResponseReturnValue:
    """Prepare a quote and send it."""
    form, number = QuoteForm(), None
    try:
        number = read_seats(form.seats.data or "")
        with transaction():
            token = quotes.send_own(
                actor,
                number,
                form.name.data or "",
                form.address.data or "",
                vat_percent=wiring.settings().vat_percent,
                days=wiring.settings().quote_days,
            ).token
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _page(actor, form, number), refusal.status
    flash(f"The quote is on its way to {form.address.data}. You can send the address of this page on yourself, too.", "success")
    return redirect(url_for("quotes.quote", token=token), 303)


def read_seats(typed: str) -> int:
    """Read a number of people as people type it; raises Invalid for one that no quote is for."""
    digits = typed.replace(",", "").strip()
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_NUMBER else 0
    return quotes.price(number, None).seats


def _page(actor: Actor, form: QuoteForm, number: int | None) -> str:
    return page(
        "new_quote",
        actor,
        "billing",
        form=form,
        figure=None if number is None else quotes.price(number, wiring.settings().vat_percent),
        is_subscribed=subscriptions.is_running(actor.organisation.id),
        days=wiring.settings().quote_days,
    )
