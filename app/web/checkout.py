"""Buying seats: the order, the way to the provider's page, and the page that says the truth afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from wtforms import BooleanField, HiddenField, IntegerField, SelectField
from wtforms.validators import Optional

from app.accounts import memberships, people
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import ANYONE, BUY_SEATS, GIVE_SEATS, GIVE_SEATS_AGAIN
from app.web import navigation, wiring
from app.web.area import Area, signed_in_person
from app.web.forms import Form, TextField
from billing import checkouts, consumers, figures, former_seats, price_cards, promotions, reactions, subscriptions
from billing.checkouts import State
from billing.price_cards import SELF_SERVICE_SEATS, Interval

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from app.kernel.errors import Refusal

area = Area("checkout")


class CodeForm(Form):
    """The promotion code of somebody who has one."""

    code = TextField("Promotion code")


class OrderForm(Form):
    """How many seats and how often to pay."""

    seats = IntegerField("People who will learn")
    interval = SelectField("Pay", choices={"year": "Yearly", "month": "Monthly"})
    seat_for_me = BooleanField("One of these seats is for me")
    starts_at_once = BooleanField(consumers.WORDINGS[consumers.NEWEST])
    shown_minor = IntegerField("The total on the page, in pence", [Optional()])
    code = HiddenField()


@area.page("/buy", allow=ANYONE)
def order() -> ResponseReturnValue:
    """Show the order before it is paid, and who it is for."""
    seats, interval = _wanted(request.args.get("seats", ""), request.args.get("interval", ""))
    return _order(seats, interval, request.args.get("code", ""), OrderForm(formdata=None, seat_for_me=seats == 1))


def _order(seats: int, interval: Interval, code: str, form: OrderForm, refusal: Refusal | None = None) -> ResponseReturnValue:
    """Show an order, less what a code takes off; a code that cannot be used is said at its field."""
    vat, codes = wiring.settings().vat_percent, CodeForm(formdata=None, code=code)
    figure, promotion = figures.figure(price_cards.current(), seats, interval, vat), None
    try:
        if isinstance(refusal, Invalid) and refusal.field == "code":
            raise refusal
        if refusal is not None:
            form.refuse(refusal)
        figure, promotion = promotions.priced(price_cards.current(), seats, interval, vat, code)
    except Invalid as refused:
        refusal = refused
        codes.refuse(refused)
    places = memberships.places_of(signed_in_person().id) if current_user.is_authenticated else []
    buyers = [place for place in places if place.membership.roles & BUY_SEATS.roles]
    subscribed = subscriptions.running_among(place.organisation.id for place in buyers)
    page = render_template(
        "checkout/order.html",
        figure=figure,
        promotion=promotion,
        buyers=buyers,
        subscribed=subscribed,
        debited=checkouts.processing_among(place.organisation.id for place in buyers),
        form=form,
        codes=codes,
        keeps_used_days=wiring.settings().keeps_used_days,
    )
    return page, 200 if refusal is None else refusal.status


@area.action("/workspace/<uuid:organisation>/checkouts", allow=BUY_SEATS)
def begin_checkout(actor: Actor) -> ResponseReturnValue:
    """Start the order and send the buyer to the provider's page."""
    form = OrderForm()
    seats, interval = _wanted(str(form.seats.data or ""), form.interval.data or "")
    try:
        with transaction():
            checkout = checkouts.start(
                actor,
                seats,
                interval,
                vat_percent=wiring.settings().vat_percent,
                seat_for_buyer=form.seat_for_me.data and bool(actor.roles & GIVE_SEATS.roles),
                shown_minor=form.shown_minor.data,
                code=form.code.data or "",
                starts_at_once=form.starts_at_once.data,
            )
    except Invalid as refusal:
        return _order(seats, interval, form.code.data or "", form, refusal)
    page = url_for("checkout.confirmation", organisation=actor.organisation.id, checkout=checkout.id)
    url = reactions.open_checkout(
        wiring.gateway(), checkout.id, address=people.address_of(actor.person), page_url=wiring.settings().url + page
    )
    return redirect(url, 303)


@area.page("/workspace/<uuid:organisation>/checkouts/<uuid:checkout>", allow=BUY_SEATS)
def confirmation(actor: Actor, checkout: UUID) -> ResponseReturnValue:
    """Say where an order stands; the way back from the provider's page proves nothing, so this only reads."""
    found = checkouts.of_organisation(actor.organisation.id, checkout)
    came_back = request.args.get("returned")
    is_confirming = found.state == State.OPEN and came_back == "paid"
    return render_template(
        "checkout/confirmation.html",
        actor=actor,
        nav=navigation.workspace(actor),
        checkout=found,
        is_confirming=is_confirming or found.state == State.PAID,
        may_give_again=bool(actor.roles & GIVE_SEATS_AGAIN.roles) and former_seats.are_there(actor.organisation.id),
    )


@area.action("/workspace/<uuid:organisation>/checkouts/<uuid:checkout>/confirm", allow=BUY_SEATS)
def confirm_checkout(actor: Actor, checkout: UUID) -> ResponseReturnValue:
    """Ask the provider whether the order is paid and, if it is, turn it into seats."""
    found = checkouts.of_organisation(actor.organisation.id, checkout)
    state = reactions.serve(wiring.gateway(), found.id)
    returned = "paid" if state in {State.OPEN, State.PAID} else None
    if state == State.OPEN and "doubted" in request.form:
        # Whoever asks from the page that says "not paid yet" is told so again, instead of being left to wait.
        flash("We have just asked the payment provider: nothing is paid yet.", "attention")
        returned = None
    return redirect(
        url_for("checkout.confirmation", organisation=actor.organisation.id, checkout=checkout, returned=returned), 303
    )


def _wanted(seats: str, interval: str) -> tuple[int, Interval]:
    """Read how many seats and how often to pay; raises Invalid with what to do."""
    is_number = seats.isascii() and seats.isdecimal() and len(seats) <= len(str(SELF_SERVICE_SEATS))
    if not (is_number and 0 < int(seats) <= SELF_SERVICE_SEATS):
        message = f"Choose between 1 and {SELF_SERVICE_SEATS:,} people on the price page. For more, ask us for a quote."
        raise Invalid(message, field="seats")
    if interval not in set(Interval):
        message = "Choose on the price page whether to pay monthly or yearly."
        raise Invalid(message, field="interval")
    return int(seats), Interval(interval)
