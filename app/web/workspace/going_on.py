"""Going on where somebody stood when seats were too few: the seats are added, and what they were for is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField

from app import arrivals, shortfalls, ways_in
from app.kernel.errors import Missing, NotAllowed, Refusal
from app.kernel.transaction import transaction
from app.permissions import BRING_IN_LISTS, BUY_SEATS, GIVE_SEATS
from app.shortfalls import Kind as Wanted
from app.shortfalls import State
from app.web import context, wiring
from app.web.workspace import changes as people_changes
from app.web.workspace import choosing, invitations, wishes
from app.web.workspace.area import area
from app.web.workspace.making import made
from app.web.workspace.seat_changes import SeatsForm, refuse_other_price
from billing import changes, changing
from billing.changes import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor

Given = MultiDict[str, str]
OWN_FIELDS = {"csrf_token", "wanted", "seats", "had", "shown_minor"}


class MissingSeatsForm(SeatsForm):
    """How many seats to add to how many, at which price, and what for."""

    wanted = HiddenField()
    had = HiddenField()


@area.action("/<uuid:organisation>/people/add-missing-seats", allow=BUY_SEATS)
def add_missing_seats(actor: Actor) -> ResponseReturnValue:
    """Add the seats that are missing at the price that was shown, and go on with what they are for as soon as they are there."""
    if not actor.roles & GIVE_SEATS.roles:
        raise NotAllowed("You see what is paid, and give no seats. Ask an owner or an admin.")
    form, wanted = MissingSeatsForm(), _wanted(actor, request.form)
    offer = changing.offer_seats(wiring.gateway(), actor.organisation.id, wishes.whole_number(form.seats.data or ""))
    refuse_other_price(form, offer)
    if form.had.data != str(offer.from_seats):
        # As when the button is pressed twice: the seats were added the first time.
        raise changes.moved_on()
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in OWN_FIELDS]
    with transaction():
        change_id = changes.accept(actor, offer, Kind.MORE_SEATS).id
        shortfall_id = shortfalls.keep(actor, change_id, wanted, fields).id
    added = offer.seats - offer.from_seats
    answer = made(actor, change_id, f"{context.counted(added, 'seat is', 'seats are')} added.")
    return _go_on(actor, shortfall_id) if changes.known(change_id).state == changes.State.DONE else answer


@area.action("/<uuid:organisation>/people/shortfalls/<uuid:shortfall>/go-on", allow=GIVE_SEATS)
def go_on_with(actor: Actor, shortfall: UUID) -> ResponseReturnValue:
    """Do what was kept until its seats were there."""
    return _go_on(actor, shortfall)


@area.action("/<uuid:organisation>/people/shortfalls/<uuid:shortfall>/drop", allow=GIVE_SEATS)
def drop_shortfall(actor: Actor, shortfall: UUID) -> ResponseReturnValue:
    """Do not do what was kept; the seats stay."""
    with transaction():
        shortfalls.settle(actor, shortfall, State.DROPPED)
    flash("Dropped. The seats that were added stay free.", "success")
    return redirect(url_for("workspace.people", organisation=actor.organisation.id), 303)


def _go_on(actor: Actor, shortfall_id: UUID) -> Response:
    """Do what was kept; where that cannot be done now, say why and keep it."""
    try:
        with transaction():
            kept = shortfalls.settle(actor, shortfall_id, State.DONE)
            given: Given = MultiDict([(name, value) for name, value in kept.fields])
            words, address = DOERS[Wanted(kept.kind)](actor, given)
    except Missing:
        raise
    except Refusal as refusal:
        flash(refusal.message, "attention")
        return redirect(url_for("workspace.people", organisation=actor.organisation.id), 303)
    flash(words, "success")
    return redirect(address, 303)


def _invite(actor: Actor, given: Given) -> tuple[str, str]:
    member, words = invitations.carry_out(actor, invitations.form_class(actor)(given))
    return words, _place(actor, "person", membership=member.id) if member.address is None else _place(actor, "people")


def _change(actor: Actor, given: Given) -> tuple[str, str]:
    return people_changes.carry_out(actor, given)[0], choosing.back(actor, given)


def _bring_in(actor: Actor, given: Given) -> tuple[str, str]:
    list_id = next(iter(wishes.uuids([given.get("people_list", "")])))
    arrivals.want(actor, list_id)
    return "Your people are being brought in.", _place(actor, "people_list", people_list=list_id)


def _approve(actor: Actor, given: Given) -> tuple[str, str]:
    number = len(ways_in.approve(actor, wishes.uuids(given.getlist("who"))))
    return f"{context.counted(number, 'person', 'people')} let in. We have written to them.", _place(actor, "join_requests")


def _place(actor: Actor, name: str, **more: Any) -> str:
    return url_for(f"workspace.{name}", organisation=actor.organisation.id, **more)


def _wanted(actor: Actor, given: Given) -> Wanted:
    try:
        wanted = Wanted(given.get("wanted", ""))
    except ValueError as error:
        raise Missing from error
    if wanted is Wanted.LIST and not actor.roles & BRING_IN_LISTS.roles:
        raise NotAllowed("Lists are brought in by an owner or an admin. Ask one of them.")
    if wanted is Wanted.LIST and not wishes.uuids([given.get("people_list", "")]):
        raise Missing
    return wanted


DOERS: dict[Wanted, Callable[[Actor, Given], tuple[str, str]]] = {
    Wanted.INVITATION: _invite,
    Wanted.PEOPLE: _change,
    Wanted.LIST: _bring_in,
    Wanted.REQUESTS: _approve,
}
