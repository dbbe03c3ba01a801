"""Joining slips in the workspace: printing them for one, some or thousands in parts, and what people without an address go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from app import slips
from app.accounts import oversight, user_names, waiting_places
from app.crowd import Selection
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import GIVE_SEATS
from app.web import slip_press, wiring
from app.web.forms import Form, TextField
from app.web.workspace import choosing, wishes
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import MultiDict

    from app.accounts.memberships import Actor, Membership

NAMED = 10


class UserNameForm(Form):
    """The user name that somebody is to have."""

    user_name = TextField("User name")


@area.page("/<uuid:organisation>/people/slips", allow=GIVE_SEATS)
def joining_slips(actor: Actor) -> ResponseReturnValue:
    """Say for whom of those chosen slips would be printed, before any PIN changes."""
    given = request.args
    if choosing.is_empty(given) and "people_list" not in given:
        flash("Nobody was chosen. Tick the people you mean, or everyone who matches.", "attention")
        return redirect(choosing.back(actor, given), 303)
    return _question(actor, given)


@area.action("/<uuid:organisation>/people/slips", allow=GIVE_SEATS)
def print_joining_slips(actor: Actor) -> ResponseReturnValue:
    """Print a slip with a new PIN for everybody chosen who has no address; the slips before are worthless from then on."""
    given = request.form
    try:
        sheet = slips.prepare(actor, _selection(actor, given), days=wiring.settings().invitation_days)
        printed = slip_press.pdf(actor, sheet)
        with transaction():
            slips.keep(actor, sheet)
    except Conflict as refusal:
        return _question(actor, given, refusal.message), refusal.status
    return slip_press.answer(printed)


@area.action("/<uuid:organisation>/people/<uuid:membership>/invite-by-slip", allow=GIVE_SEATS)
def invite_by_slip(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Hold a seat again for somebody without an address whose invitation is over."""
    with transaction():
        found = slips.invite_again(actor, membership, days=wiring.settings().invitation_days)
    waits = waiting_places.among(actor.organisation.id, [found.id])
    words = (
        "waits for a seat. Print the joining slip once there is one." if waits else "is invited again. Print the joining slip."
    )
    flash(f"{found.name} {words}", "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=found.id), 303)


@area.page("/<uuid:organisation>/people/<uuid:membership>/user-name", allow=GIVE_SEATS)
def user_name(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask for another user name."""
    found = oversight.member(actor, membership)
    return _name_page(actor, found, UserNameForm(formdata=None, user_name=found.user_name))


@area.action("/<uuid:organisation>/people/<uuid:membership>/user-name", allow=GIVE_SEATS)
def change_user_name(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Change a user name that nobody has used yet."""
    form = UserNameForm()
    try:
        with transaction():
            found = slips.change_user_name(actor, membership, form.user_name.data or "")
    except (Conflict, Invalid) as refusal:
        form.refuse(refusal)
        return _name_page(actor, oversight.member(actor, membership), form), refusal.status
    flash(f"{found.name} signs in as {found.user_name} from now on. Print a new slip for them.", "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=found.id), 303)


def _selection(actor: Actor, given: MultiDict[str, str], *, is_asked: bool = False) -> Selection:
    """Read who was chosen: in the table, or by the list that brought them in."""
    if "people_list" in given:
        return Selection(slips.of_list(actor, next(iter(wishes.uuids([given["people_list"]])))))
    return choosing.selection(actor, given, is_asked=is_asked)


def _question(actor: Actor, given: MultiDict[str, str], refusal: str = "") -> str:
    plan = slips.plan(actor, _selection(actor, given, is_asked=True))
    by_list = [("people_list", given["people_list"])] if "people_list" in given else None
    return page(
        "joining_slips",
        actor,
        "people",
        plan=plan,
        refusal=refusal,
        shown=plan.able[:NAMED],
        most=slips.MOST,
        fields=by_list or choosing.fields(actor, given, len(plan.able) + len(plan.unable)),
        back=choosing.back(actor, given),
        days=wiring.settings().invitation_days,
    )


def _name_page(actor: Actor, member: Membership, form: UserNameForm) -> str:
    return page("user_name", actor, "people", member=member, form=form, longest=user_names.LONGEST)
