"""Giving a seat on: the seat of one person goes to another one in the same moment. And the seats that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from app import crowd, roster, unused_seats
from app.accounts import oversight
from app.kernel.transaction import transaction
from app.permissions import ARCHIVE_PEOPLE, GIVE_SEATS, SEE_BILLING
from app.roster import Seat, Turn, Wanted
from app.web import wiring
from app.web.workspace.area import area, page
from app.web.workspace.merging import LONGEST_SEARCH, SearchForm
from billing import subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


@area.page("/<uuid:organisation>/people/<uuid:membership>/give-seat-on", allow=GIVE_SEATS)
def seat_to_give_on(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask who is to have somebody's seat instead; those without one are shown."""
    search = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = roster.page(actor, Wanted(search=search, seat=Seat.NONE), Turn())
    return page(
        "seat_to_give_on",
        actor,
        "people",
        member=oversight.member(actor, membership),
        form=SearchForm(formdata=None, q=search),
        found=[entry.member for entry in found.entries],
        has_more=found.has_after,
    )


@area.action("/<uuid:organisation>/people/<uuid:membership>/give-seat-on/<uuid:other>", allow=GIVE_SEATS)
def give_seat_on(actor: Actor, membership: UUID, other: UUID) -> ResponseReturnValue:
    """Take somebody's seat back and give it to another one, or do neither."""
    with transaction():
        goes, comes = crowd.swap(actor, membership, other, days=wiring.settings().invitation_days)
    flash(f"{comes.name} has the seat of {goes.name} now.", "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=other), 303)


@area.page("/<uuid:organisation>/people/unused-seats", allow=ARCHIVE_PEOPLE)
def seats_unused(actor: Actor) -> ResponseReturnValue:
    """Say how many seats nobody has learnt on for a while, and what paying for fewer would save."""
    return page(
        "seats_unused",
        actor,
        "people",
        advice=unused_seats.advice(actor.organisation.id),
        days=unused_seats.AFTER.days,
        subscription=subscriptions.live(actor.organisation.id),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )
