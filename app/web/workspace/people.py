"""The people of an organisation: invited, active and archived, and the seats they sit on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from wtforms import SelectField

from app import joining
from app.accounts import invitations, memberships
from app.accounts.memberships import Role
from app.kernel import journal
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import GIVE_SEATS, SEE_PEOPLE
from app.web import wiring
from app.web.forms import Form, TextField
from app.web.workspace import history_words
from app.web.workspace.area import area, page
from billing import seats
from catalog.learning import certificates, records

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor, Membership

ROLES = {
    "learner": ("Learn: holds a seat", {Role.LEARNER}),
    "admin": ("Run things here: uses no seat", {Role.ADMIN}),
    "admin_learner": ("Run things and learn: holds a seat", {Role.ADMIN, Role.LEARNER}),
    "billing": ("See what we pay: uses no seat", {Role.BILLING}),
}


class InvitationForm(Form):
    """Whom to invite and as what."""

    name = TextField("Their name")
    address = TextField("Their e-mail address")
    role = SelectField("What they will do", choices={key: label for key, (label, _) in ROLES.items()}, default="learner")


@area.page("/<uuid:organisation>/people", allow=SEE_PEOPLE)
def people(actor: Actor) -> ResponseReturnValue:
    """Show the people by name with the state of their seat."""
    archived = request.args.get("show") == "archived"
    return page(
        "people",
        actor,
        "people",
        people=memberships.people_of(actor.organisation.id, archived=archived),
        archived=archived,
        seats=seats.count(actor.organisation.id),
        held=seats.states(actor.organisation.id),
        expiries=invitations.expiries(actor.organisation.id),
    )


@area.page("/<uuid:organisation>/people/invite", allow=GIVE_SEATS)
def invitation(actor: Actor) -> ResponseReturnValue:
    """Show the form for inviting somebody."""
    return _invitation_page(actor, InvitationForm(formdata=None))


@area.action("/<uuid:organisation>/people/invite", allow=GIVE_SEATS)
def invite(actor: Actor) -> ResponseReturnValue:
    """Invite somebody; their seat is held from now on."""
    form = InvitationForm()
    _, roles = ROLES.get(form.role.data or "", ("", set()))
    try:
        with transaction():
            joining.invite(actor, form.name.data or "", form.address.data or "", roles, days=wiring.settings().invitation_days)
    except (Invalid, Conflict, NotAllowed) as refusal:
        form.refuse(refusal)
        return _invitation_page(actor, form), refusal.status
    flash(f"We have sent {form.name.data} an invitation.", "success")
    return redirect(url_for("workspace.people", organisation=actor.organisation.id), 303)


@area.page("/<uuid:organisation>/people/<uuid:membership>", allow=SEE_PEOPLE)
def person(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Show one person: their part here, their seat, and what happened."""
    found = memberships.of_organisation(actor.organisation.id, membership)
    return page(
        "person",
        actor,
        "people",
        member=found,
        invitation=invitations.open_of(found.id),
        assignments=seats.history(found.id),
        certificates=certificates.of_membership(actor.organisation.id, found.id),
        records=records.of_member(actor.organisation.id, found.id),
        may_archive=found.id != actor.membership.id and (not found.is_owner or Role.OWNER in actor.roles),
        items=history_words.describe(actor.organisation.id, journal.about(actor.organisation.id, found.id)),
    )


@area.action("/<uuid:organisation>/people/<uuid:membership>/invite-again", allow=GIVE_SEATS)
def invite_again(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Send the invitation again with a new link."""
    with transaction():
        found = joining.invite_again(actor, membership, days=wiring.settings().invitation_days)
    return _back_to(actor, found, f"We have sent {found.name} a new invitation. The earlier link no longer works.")


@area.action("/<uuid:organisation>/people/<uuid:membership>/withdraw", allow=GIVE_SEATS)
def withdraw_invitation(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Take an invitation back; its seat is free at once."""
    with transaction():
        found = joining.withdraw(actor, membership)
    return _back_to(actor, found, f"The invitation of {found.name} is withdrawn.")


@area.action("/<uuid:organisation>/people/<uuid:membership>/archive", allow=GIVE_SEATS)
def archive(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Archive somebody who leaves; their seat is free at once and their records stay."""
    with transaction():
        found = joining.archive(actor, membership)
    return _back_to(actor, found, f"{found.name} is archived. The seat they had is free, and their records stay.")


def _invitation_page(actor: Actor, form: InvitationForm) -> str:
    return page("invitation", actor, "people", form=form, seats=seats.count(actor.organisation.id))


def _back_to(actor: Actor, member: Membership, message: str) -> Response:
    flash(message, "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=member.id), 303)
