"""More seats and fewer, by the month or by the year: what it costs before it is asked for, and where it stands afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, request, url_for
from wtforms import IntegerField
from wtforms.validators import Optional

from app import shortfalls
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import BUY_SEATS
from app.web import wiring
from app.web.forms import Form, TextField
from app.web.workspace import wishes
from app.web.workspace.area import area, page
from app.web.workspace.billing import renewal
from app.web.workspace.making import made
from billing import additions, changes, changing, figures, invoices, price_cards, seats, subscriptions
from billing.changes import Kind, State
from billing.price_cards import Interval

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from billing.changes import Offer
    from billing.figures import Figure
    from billing.subscriptions import Subscription


class SeatsForm(Form):
    """How many seats, and the total that was on the page."""

    seats = TextField("Seats")
    shown_minor = IntegerField("The total on the page, in pence", [Optional()])


class MoreSeatsForm(SeatsForm):
    """How many seats to add."""

    seats = TextField("Seats to add")


class FewerSeatsForm(SeatsForm):
    """How many seats there are to be."""

    seats = TextField("Seats from the renewal on")


@area.page("/<uuid:organisation>/billing/more-seats", allow=BUY_SEATS)
def more_seats(actor: Actor) -> ResponseReturnValue:
    """Ask how many seats to add and, when that is known, show what they cost for the rest of the term."""
    changes.changeable(actor.organisation.id)
    typed = request.args.get("seats")
    form = MoreSeatsForm(formdata=None, seats=typed or "")
    if typed is None:
        return _more_seats(actor, form, None)
    try:
        offer = changing.offer_seats(wiring.gateway(), actor.organisation.id, wishes.whole_number(typed))
    except Invalid as refusal:
        form.refuse(refusal)
        return _more_seats(actor, form, None), 422
    return _more_seats(actor, form, offer)


@area.action("/<uuid:organisation>/billing/more-seats", allow=BUY_SEATS)
def add_seats(actor: Actor) -> ResponseReturnValue:
    """Add seats at the price that was shown; they are there when they are paid."""
    form = MoreSeatsForm()
    offer = changing.offer_seats(wiring.gateway(), actor.organisation.id, wishes.whole_number(form.seats.data or ""))
    refuse_other_price(form, offer)
    with transaction():
        change_id = changes.accept(actor, offer, Kind.MORE_SEATS).id
    added = offer.seats - offer.from_seats
    words = "The seat is added, and can be given now." if added == 1 else f"{added:,} seats are added, and can be given now."
    return made(actor, change_id, words)


@area.page("/<uuid:organisation>/billing/fewer-seats", allow=BUY_SEATS)
def fewer_seats(actor: Actor) -> ResponseReturnValue:
    """Ask how many seats there are to be from the renewal on."""
    changes.changeable(actor.organisation.id)
    return _fewer_seats(actor, FewerSeatsForm(formdata=None, seats=request.args.get("seats", "")))


@area.action("/<uuid:organisation>/billing/fewer-seats", allow=BUY_SEATS)
def reduce_seats(actor: Actor) -> ResponseReturnValue:
    """Plan fewer seats for the renewal."""
    form = FewerSeatsForm()
    try:
        number = wishes.whole_number(form.seats.data or "")
        with transaction():
            change_id = changes.fewer_seats(actor, number).id
    except (Invalid, Conflict) as refusal:
        form.refuse(Invalid(refusal.message, field="seats"))
        return _fewer_seats(actor, form), refusal.status
    return made(actor, change_id, f"Planned: {number:,} seats from the renewal on. You can undo that here until then.")


@area.page("/<uuid:organisation>/billing/interval", allow=BUY_SEATS)
def pay_interval(actor: Actor) -> ResponseReturnValue:
    """Show what paying by the year would cost now, or what paying by the month would from the renewal on."""
    subscription = changes.changeable(actor.organisation.id)
    offer = None
    if subscription.paid_interval is Interval.MONTH:
        offer = changing.offer_year(wiring.gateway(), actor.organisation.id)
        subscription = changes.changeable(actor.organisation.id)
    other = Interval.YEAR if subscription.paid_interval is Interval.MONTH else Interval.MONTH
    number = subscription.bought if offer else subscription.coming_seats or subscription.bought
    figure = _figure(subscription, number, other)
    return page(
        "pay_interval", actor, "billing", subscription=subscription, offer=offer, figure=figure, renewal=renewal(subscription)
    )


@area.action("/<uuid:organisation>/billing/yearly", allow=BUY_SEATS)
def pay_yearly(actor: Actor) -> ResponseReturnValue:
    """Pay by the year from now on, at the price that was shown."""
    form = SeatsForm()
    offer = changing.offer_year(wiring.gateway(), actor.organisation.id)
    refuse_other_price(form, offer)
    with transaction():
        change_id = changes.accept(actor, offer, Kind.YEARLY).id
    return made(actor, change_id, "You pay by the year now.")


@area.action("/<uuid:organisation>/billing/monthly", allow=BUY_SEATS)
def pay_monthly(actor: Actor) -> ResponseReturnValue:
    """Pay by the month from the renewal on."""
    with transaction():
        change_id = changes.monthly(actor).id
    return made(actor, change_id, "Planned: from the renewal on you pay by the month. You can undo that here until then.")


@area.page("/<uuid:organisation>/billing/changes/<uuid:change>", allow=BUY_SEATS)
def change(actor: Actor, change: UUID) -> ResponseReturnValue:
    """Say where a change stands; this only reads."""
    found = changes.of_organisation(actor.organisation.id, change)
    subscription = subscriptions.known(found.subscription_id)
    owed = invoices.owed(subscription, why="subscription_update") if found.state == State.WAITING else None
    shortfall = shortfalls.of_change(actor, found.id)
    return page("change", actor, "billing", change=found, subscription=subscription, owed=owed, shortfall=shortfall)


@area.action("/<uuid:organisation>/billing/changes/<uuid:change>/check", allow=BUY_SEATS)
def check_change(actor: Actor, change: UUID) -> ResponseReturnValue:
    """Ask the provider where a change stands, and finish what is left to do."""
    found = changes.of_organisation(actor.organisation.id, change)
    changing.look(wiring.gateway(), found.id)
    return redirect(url_for("workspace.change", organisation=actor.organisation.id, change=change), 303)


@area.action("/<uuid:organisation>/billing/changes/<uuid:change>/give-up", allow=BUY_SEATS)
def give_change_up(actor: Actor, change: UUID) -> ResponseReturnValue:
    """Give up a change that waits for its payment."""
    found = changes.of_organisation(actor.organisation.id, change)
    changing.give_up(wiring.gateway(), found.id)
    return redirect(url_for("workspace.change", organisation=actor.organisation.id, change=change), 303)


def _more_seats(actor: Actor, form: MoreSeatsForm, offer: Offer | None) -> str:
    subscription = changes.changeable(actor.organisation.id)
    return page(
        "more_seats",
        actor,
        "billing",
        form=form,
        offer=offer,
        subscription=subscription,
        days=None if offer is None else additions.days_left(subscription, offer.counted_at),
        renewal=renewal(subscription)
        if offer is None
        else _figure(subscription, offer.then_seats or offer.seats, Interval(offer.then_interval or offer.interval)),
    )


def _fewer_seats(actor: Actor, form: FewerSeatsForm) -> str:
    subscription = changes.changeable(actor.organisation.id)
    count = seats.count(actor.organisation.id)
    return page("fewer_seats", actor, "billing", form=form, subscription=subscription, seats=count, renewal=renewal(subscription))


def _figure(subscription: Subscription, number: int, interval: Interval) -> Figure:
    card = price_cards.of_version(subscription.card_version)
    return figures.figure(card, number, interval, subscription.vat_percent, subscription.discount_at(subscription.period_end))


def refuse_other_price(form: SeatsForm, offer: Offer) -> None:
    """Refuse to charge another total than was shown, as when the page was opened yesterday."""
    if form.shown_minor.data is not None and form.shown_minor.data != offer.cost.gross_minor:
        message = "The price has changed since you opened this page. Please look at it again before you pay."
        raise Conflict(message, shown=form.shown_minor.data, now=offer.cost.gross_minor)
