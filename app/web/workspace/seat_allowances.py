"""Seats of a team's own: an owner or admin sets some aside for a site, and takes back what it does not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import BUILD_TEAMS
from app.web import context
from app.web.workspace import teams, wishes
from app.web.workspace.area import area
from app.web.workspace.teams import AllowanceForm
from billing import allotting

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


@area.action("/<uuid:organisation>/teams/<uuid:team>/seats", allow=BUILD_TEAMS)
def allot_seats(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Set so many seats aside for the people of a team, or none."""
    form = AllowanceForm()
    try:
        number = wishes.whole_number(form.seats.data or "")
        with transaction():
            allotting.allot(actor.organisation.id, team, number, by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return teams.team_page(actor, team, allowance_form=form), refusal.status
    aside = context.counted(number, "seat is", "seats are") if number else "No seats are"
    return teams.to_team(actor, team, f"{aside} set aside for this team now.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/unused-seats", allow=BUILD_TEAMS)
def take_back_unused_seats(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Set no more seats aside for a team than its people have."""
    with transaction():
        number = allotting.reclaim(actor.organisation.id, team, by=actor.person.id)
    return teams.to_team(actor, team, f"{context.counted(number, 'seat is', 'seats are')} free for everybody again.")
