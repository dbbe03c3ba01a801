"""The page behind an invitation link: what is offered, by whom, and a button; opening it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app import joining
from app.accounts import credentials, invitations, memberships, organisations, people, registrations, sign_ins
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import ANYONE, SEE_WORKSPACE, SIGNED_IN
from app.web.area import Area, signed_in_person
from app.web.forms import Form, TextField
from app.web.membership import sessions

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.invitations import Invitation
    from app.accounts.memberships import Membership

area = Area("joining", "/join")


class AccountForm(Form):
    """What someone without an account gives to accept an invitation."""

    name = TextField("Your name", [InputRequired("Give your name.")])
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])


@area.page("/<token>", allow=ANYONE)
def invitation(token: str) -> ResponseReturnValue:
    """Show what an invitation offers and the way to accept it."""
    found = invitations.opened(token)
    member = memberships.of_organisation(found.organisation_id, found.membership_id)
    return _page(token, found, member, AccountForm(formdata=None, name=member.name))


@area.action("/<token>/continue", allow=ANYONE)
def go_on(token: str) -> ResponseReturnValue:
    """Go on to accepting; this is how the organisation sees that an invitation was opened."""
    with transaction():
        invitations.note_continued(invitations.opened(token))
    return redirect(url_for("joining.invitation", token=token), 303)


@area.action("/<token>/accept", allow=SIGNED_IN)
def accept(token: str) -> ResponseReturnValue:
    """Accept an invitation as the person who is signed in."""
    person = signed_in_person()
    with transaction():
        member = joining.accept(invitations.opened(token), person)
    return _welcome(member)


@area.action("/<token>/open-account", allow=ANYONE)
def open_account(token: str) -> ResponseReturnValue:
    """Open an account for the address that was invited, which the link proves, and accept with it."""
    found, form = invitations.opened(token), AccountForm()
    member = memberships.of_organisation(found.organisation_id, found.membership_id)
    if not form.validate():
        return _page(token, found, member, form), 422
    try:
        name = people.read_name(form.name.data or "")
        password_hash = credentials.choose(form.password.data or "", name=name, address=memberships.address_of(member))
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(token, found, member, form), 422
    with transaction():
        person = registrations.open_account(name, memberships.address_of(member), password_hash)
        member = joining.accept(invitations.opened(token), person)
        live = sign_ins.begin(person, agent=sessions.agent())
    sessions.start(live)
    return _welcome(member)


def _page(token: str, found: Invitation, member: Membership, form: AccountForm) -> str:
    return render_template(
        "joining/invitation.html",
        token=token,
        invitation=found,
        member=member,
        organisation=organisations.known(found.organisation_id),
        has_account=people.with_login(member.login) is not None,
        is_signed_in=current_user.is_authenticated,
        is_limited=clock.now() < found.expires_at,
        form=form,
    )


def _welcome(member: Membership) -> Response:
    flash("Welcome. You have joined.", "success")
    works_here = member.roles & SEE_WORKSPACE.roles and Role.LEARNER not in member.roles
    endpoint = "workspace.today" if works_here else "classroom.my_learning"
    return redirect(url_for(endpoint, organisation=member.organisation_id), 303)
