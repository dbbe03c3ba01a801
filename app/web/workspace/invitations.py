"""Inviting somebody: as what, into which team, with which words, and how the mail will read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import flash, redirect, request, url_for
from wtforms import BooleanField, SelectField, SubmitField, TextAreaField

from app import joining, letters
from app.accounts import invitations as open_invitations
from app.accounts import oversight, people, profile_fields, waiting_places
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import GIVE_SEATS, SEE_BILLING
from app.shortfalls import Kind
from app.web import wiring
from app.web.forms import Form, TextField, trimmed
from app.web.workspace import field_forms, missing_seats, wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor, Membership
    from app.letters import Rendered
    from app.web.workspace.missing_seats import MissingSeats

ROLES = {
    "learner": ("Learn: holds a seat", {Role.LEARNER}),
    "admin": ("Run things here: uses no seat", {Role.ADMIN}),
    "admin_learner": ("Run things and learn: holds a seat", {Role.ADMIN, Role.LEARNER}),
    "billing": ("See what we pay: uses no seat", {Role.BILLING}),
}


class InvitationForm(Form):
    """Whom to invite, as what, into which team and with which words; without an address they get a user name and a slip."""

    name = TextField("Their name")
    address = TextField("Their e-mail address")
    no_address = BooleanField("They have no e-mail address")
    role = SelectField("What they will do", choices={key: label for key, (label, _) in ROLES.items()}, default="learner")
    team = SelectField("Team")
    note = TextAreaField("A few words of your own", filters=[trimmed])
    preview = SubmitField("See the mail first")

    @property
    def team_id(self) -> UUID | None:
        """The team that was chosen, if any."""
        chosen: str = self.team.data or ""
        return next(iter(wishes.uuids([chosen])), None) if chosen else None


@area.page("/<uuid:organisation>/people/invite", allow=GIVE_SEATS)
def invitation(actor: Actor) -> ResponseReturnValue:
    """Ask whom to invite and as what."""
    return _page(actor, _offer(actor, form_class(actor)(formdata=None)))


@area.action("/<uuid:organisation>/people/invite", allow=GIVE_SEATS)
def invite(actor: Actor) -> ResponseReturnValue:
    """Invite somebody by name and address, or show how the mail will read."""
    form = _offer(actor, form_class(actor)())
    try:
        if form.preview.data and not form.no_address.data:
            return _page(actor, form, _preview(actor, form))
        with transaction():
            found, words = carry_out(actor, form)
    except seats.NoSeat as refusal:
        form.refuse(refusal)
        return _page(actor, form, missing=_missing(actor, form, cast("int", refusal.facts["missing"]))), refusal.status
    except (Conflict, Invalid, NotAllowed) as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    if found.address is None:
        return _back_to(actor, found, words)
    flash(words, "success")
    return redirect(url_for("workspace.people", organisation=actor.organisation.id), 303)


def carry_out(actor: Actor, form: InvitationForm) -> tuple[Membership, str]:
    """Invite whom a form names, inside the open transaction; gives them and what became of it. Raises what inviting does."""
    typed = field_forms.typed(form, profile_fields.of(actor.organisation.id))
    member = joining.invite(
        actor,
        form.name.data or "",
        None if form.no_address.data else form.address.data or "",
        ROLES.get(form.role.data, ("", set()))[1],
        days=wiring.settings().invitation_days,
        team_id=form.team_id,
        note=form.note.data or "",
        values={field: value for field, value in typed.items() if value},
    )
    if waiting_places.among(actor.organisation.id, [member.id]):
        return member, f"No seat is free, so {member.name} is on the waiting list. We invite them as soon as one is."
    if member.address is None:
        return member, f"{member.name} signs in as {member.user_name}. Print their joining slip and hand it over."
    return member, f"We have sent {member.name} an invitation."


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


def form_class(actor: Actor) -> type[InvitationForm]:
    """Give the form with a control for each profile field."""
    return field_forms.with_fields(InvitationForm, profile_fields.of(actor.organisation.id))


def _offer(actor: Actor, form: InvitationForm) -> InvitationForm:
    """Offer what is the actor's to give: a manager invites people to learn in their own teams."""
    choices = wishes.team_choices(oversight.teams_of(actor))
    if oversight.is_over_everybody(actor):
        choices = {"": "No team", **choices}
    else:
        form.role.choices = {"learner": ROLES["learner"][0]}
    form.team.choices = choices
    return form


def _preview(actor: Actor, form: InvitationForm) -> Rendered:
    """Render the mail as it would be sent, with a link that leads nowhere."""
    roles = ROLES.get(form.role.data, ("", set()))[1]
    guest = open_invitations.Guest(
        actor.membership.id,
        people.read_name(form.name.data or "Their name"),
        form.address.data or "",
        has_seat=Role.LEARNER in roles,
    )
    facts = open_invitations.facts_of_preview(
        actor.organisation, guest, clock.now(), wiring.settings().invitation_days, joining.read_note(form.note.data or "")
    )
    return letters.render(open_invitations.MAIL, facts, organisation_id=actor.organisation.id)


def _missing(actor: Actor, form: InvitationForm, number: int) -> MissingSeats:
    typed = [(name, value) for name, value in request.form.items() if name in form and name not in {"csrf_token", "preview"}]
    return missing_seats.of(actor, number, Kind.INVITATION, typed)


def _page(actor: Actor, form: InvitationForm, preview: Rendered | None = None, missing: MissingSeats | None = None) -> str:
    return page(
        "invitation",
        actor,
        "people",
        form=form,
        preview=preview,
        missing=missing,
        controls=field_forms.controls(form, profile_fields.of(actor.organisation.id)),
        has_teams=bool(list(oversight.teams_of(actor).walk())),
        seats=seats.count(actor.organisation.id),
        has_list=waiting_places.is_kept(actor.organisation.id),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def _back_to(actor: Actor, member: Membership, message: str) -> Response:
    flash(message, "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=member.id), 303)
