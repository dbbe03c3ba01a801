"""People who ask to join: approved or declined, one or all that are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import flash, redirect, request, url_for

from app import ways_in
from app.accounts import join_requests as domain
from app.accounts import oversight
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from app.permissions import LET_PEOPLE_IN, SEE_BILLING
from app.shortfalls import Kind
from app.web import context
from app.web.workspace import missing_seats, wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor
    from app.web.workspace.missing_seats import MissingSeats


@area.page("/<uuid:organisation>/people/requests", allow=LET_PEOPLE_IN)
def join_requests(actor: Actor) -> ResponseReturnValue:
    """Show who asks to join, as far as the actor may answer."""
    return _page(actor)


@area.action("/<uuid:organisation>/people/requests/approve", allow=LET_PEOPLE_IN)
def approve_join_requests(actor: Actor) -> ResponseReturnValue:
    """Let the people chosen in, each with a seat, or nobody."""
    chosen = wishes.uuids(request.form.getlist("who"))
    try:
        with transaction():
            number = len(ways_in.approve(actor, chosen))
    except seats.NoSeat as refusal:
        number = cast("int", refusal.facts["missing"])
        missing = missing_seats.of(actor, number, Kind.REQUESTS, [("who", str(one)) for one in sorted(chosen)])
        return _page(actor, refusal.message, missing), refusal.status
    except Conflict as refusal:
        return _page(actor, refusal.message), refusal.status
    return _done(actor, number, "let in. We have written to them.")


@area.action("/<uuid:organisation>/people/requests/decline", allow=LET_PEOPLE_IN)
def decline_join_requests(actor: Actor) -> ResponseReturnValue:
    """Do not let the people chosen in."""
    chosen = wishes.uuids(request.form.getlist("who"))
    try:
        with transaction():
            number = len(ways_in.decline(actor, chosen))
    except Conflict as refusal:
        return _page(actor, refusal.message), refusal.status
    return _done(actor, number, "not let in. We have written to them.")


def _page(actor: Actor, refusal: str = "", missing: MissingSeats | None = None) -> str:
    return page(
        "join_requests",
        actor,
        "people",
        askings=domain.asking(actor),
        number=domain.number_asking(actor),
        titles=wishes.team_choices(oversight.teams_of(actor)),
        refusal=refusal,
        missing=missing,
        seats=seats.count(actor.organisation.id),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def _done(actor: Actor, number: int, words: str) -> Response:
    if number:
        flash(f"{context.counted(number, 'person', 'people')} {words}", "success")
    else:
        flash("Nobody was chosen. Tick the people you mean.", "attention")
    return redirect(url_for("workspace.join_requests", organisation=actor.organisation.id), 303)
