"""The waiting list: switched on or off, shown in its order, and changed by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from app import waiting_list as domain
from app.accounts import waiting_places
from app.kernel.transaction import transaction
from app.permissions import LET_PEOPLE_IN, SEE_BILLING, SET_WAYS_IN
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor


@area.page("/<uuid:organisation>/people/waiting", allow=LET_PEOPLE_IN)
def waiting_list(actor: Actor) -> ResponseReturnValue:
    """Show who waits for a seat, as far as the actor sees them, and who is next."""
    return page(
        "waiting_list",
        actor,
        "people",
        waiting=waiting_places.waiting(actor),
        number=waiting_places.number_waiting(actor),
        is_kept=waiting_places.is_kept(actor.organisation.id),
        may_set=bool(actor.roles & SET_WAYS_IN.roles),
        seats=seats.count(actor.organisation.id),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


@area.action("/<uuid:organisation>/people/waiting", allow=SET_WAYS_IN)
def set_waiting_list(actor: Actor) -> ResponseReturnValue:
    """Keep a waiting list from now on, or let it rest."""
    is_wanted = request.form.get("keep") == "yes"
    with transaction():
        waiting_places.switch(actor, to=is_wanted)
    return _back(actor, "Whoever finds no free seat waits here from now on." if is_wanted else "The waiting list is off.")


@area.action("/<uuid:organisation>/people/waiting/<uuid:membership>/take-off", allow=LET_PEOPLE_IN)
def take_off_waiting_list(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Take somebody off the list."""
    with transaction():
        found = domain.take_off(actor, membership)
    return _back(actor, f"{found.name} is off the list.")


@area.action("/<uuid:organisation>/people/waiting/<uuid:membership>/first", allow=SET_WAYS_IN)
def move_to_front(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Have somebody be the next to get a seat."""
    with transaction():
        found = waiting_places.to_the_front(actor, membership)
    return _back(actor, f"{found.name} is next.")


def _back(actor: Actor, words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("workspace.waiting_list", organisation=actor.organisation.id), 303)
