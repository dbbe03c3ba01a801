"""Roles and ownership: what owners hand on, what somebody agrees to, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from app import joining
from app.accounts import oversight, roles
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from app.permissions import BE_HERE, HAND_ON_ROLES
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor, Membership


@area.action("/<uuid:organisation>/people/<uuid:membership>/roles", allow=HAND_ON_ROLES)
def change_roles(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Let somebody run things here, see what is paid, both or neither."""
    chosen = {role for role in roles.HANDED_ON if role in request.form.getlist("role")}
    with transaction():
        found = roles.change(actor, membership, chosen)
    return _back_to(actor, found, f"{found.name} is here as {', '.join(sorted(found.roles))} now.")


@area.page("/<uuid:organisation>/people/<uuid:membership>/ownership", allow=HAND_ON_ROLES)
def ownership(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask whether somebody is to become an owner beside the actor or in their place."""
    return page("ownership", actor, "people", member=oversight.member(actor, membership))


@area.action("/<uuid:organisation>/people/<uuid:membership>/ownership", allow=HAND_ON_ROLES)
def offer_ownership(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Offer ownership to somebody, who has to agree."""
    with transaction():
        found = roles.offer_ownership(actor, membership, steps_down=request.form.get("steps_down") == "y")
    return _back_to(actor, found, f"We have asked {found.name}. Nothing changes until they agree.")


@area.page("/<uuid:organisation>/ownership-offer", allow=BE_HERE)
def ownership_offer(actor: Actor) -> ResponseReturnValue:
    """Show the offer of ownership that was made to the actor."""
    found = roles.open_offer_to(actor)
    return page("ownership_offer", actor, "people", offer=found[0] if found else None, giver=found[1] if found else "")


@area.action("/<uuid:organisation>/ownership-offer/<uuid:offer>/accept", allow=BE_HERE)
def accept_ownership(actor: Actor, offer: UUID) -> ResponseReturnValue:
    """Become an owner, as was offered."""
    with transaction():
        roles.answer_offer(actor, offer, accepts=True)
    flash(f"You are an owner of {actor.organisation.name} now.", "success")
    return redirect(url_for("workspace.today", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/ownership-offer/<uuid:offer>/decline", allow=BE_HERE)
def decline_ownership(actor: Actor, offer: UUID) -> ResponseReturnValue:
    """Decline to become an owner."""
    with transaction():
        roles.answer_offer(actor, offer, accepts=False)
    flash("You have declined. Everything stays as it was.", "success")
    return redirect(url_for("workspace.organisations_page"), 303)


@area.page("/<uuid:organisation>/leave", allow=BE_HERE)
def leaving(actor: Actor) -> ResponseReturnValue:
    """Say what leaving means, before somebody does."""
    return page("leaving", actor, "people", is_owner=Role.OWNER in actor.roles)


@area.action("/<uuid:organisation>/leave", allow=BE_HERE)
def leave(actor: Actor) -> ResponseReturnValue:
    """Leave the organisation; the seat is free, and the certificates stay one's own."""
    with transaction():
        joining.leave(actor)
    flash(f"You have left {actor.organisation.name}. Your certificates are still yours: you find them below.", "success")
    return redirect(url_for("workspace.organisations_page"), 303)


def _back_to(actor: Actor, member: Membership, message: str) -> Response:
    flash(message, "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=member.id), 303)
