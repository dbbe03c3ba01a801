"""Join links: made for a team or the whole organisation, shown with their QR code, and withdrawn."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import segno
from flask import Response, flash, redirect, url_for
from wtforms import BooleanField, SelectField

from app.accounts import join_links as domain
from app.accounts import oversight
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import LET_PEOPLE_IN, SET_WAYS_IN
from app.web import wiring
from app.web.forms import Form, TextField
from app.web.workspace import wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.join_links import JoinLink
    from app.accounts.memberships import Actor

MOST_DIGITS = 6


class JoinLinkForm(Form):
    """Whom a link lets in, until when and how many."""

    team = SelectField("Into which team")
    most = TextField("At most how many people")
    days = TextField("For how many days", default=str(domain.DAYS))
    needs_approval = BooleanField("I approve each one first")


@area.page("/<uuid:organisation>/people/links", allow=LET_PEOPLE_IN)
def join_links(actor: Actor) -> ResponseReturnValue:
    """Show the links of the teams that the actor may see, and ask for a new one."""
    return _page(actor, JoinLinkForm(formdata=None))


@area.action("/<uuid:organisation>/people/links", allow=LET_PEOPLE_IN)
def make_join_link(actor: Actor) -> ResponseReturnValue:
    """Make a link."""
    form = JoinLinkForm()
    try:
        most = _number(form.most.data or "", "most") if form.most.data else None
        days = _number(form.days.data or "", "days")
        with transaction():
            team_id = next(iter(wishes.uuids([form.team.data])), None) if form.team.data else None
            made = domain.make(actor, team_id=team_id, most=most, days=days, needs_approval=form.needs_approval.data)
    except (Invalid, NotAllowed, Conflict) as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    flash("The link is ready. Copy it, or show the code.", "success")
    return redirect(url_for("workspace.join_link", organisation=actor.organisation.id, link=made.id), 303)


@area.page("/<uuid:organisation>/people/links/<uuid:link>", allow=LET_PEOPLE_IN)
def join_link(actor: Actor, link: UUID) -> ResponseReturnValue:
    """Show one link: its address, its QR code, and how many came by it."""
    found = domain.seen(actor, link)
    titles = wishes.team_choices(oversight.teams_of(actor))
    return page(
        "join_link",
        actor,
        "people",
        link=found,
        team=titles.get(str(found.team_id), ""),
        is_good=found.is_good_at(clock.now()),
        address=_address(found),
        seats=seats.count(actor.organisation.id),
    )


@area.page("/<uuid:organisation>/people/links/<uuid:link>/code.svg", allow=LET_PEOPLE_IN)
def join_link_code(actor: Actor, link: UUID) -> ResponseReturnValue:
    """Give the QR code of a link, dark on light so that every phone reads it."""
    drawn = io.BytesIO()
    segno.make_qr(_address(domain.seen(actor, link)), error="m").save(
        drawn, kind="svg", border=4, dark="#16202e", light="#ffffff"
    )
    return Response(drawn.getvalue(), content_type="image/svg+xml")


@area.action("/<uuid:organisation>/people/links/<uuid:link>/withdraw", allow=LET_PEOPLE_IN)
def withdraw_join_link(actor: Actor, link: UUID) -> ResponseReturnValue:
    """Take a link back, so that it lets nobody in from now on."""
    with transaction():
        domain.withdraw(actor, link)
    flash("The link is withdrawn. Whoever opens it is told to ask for a new one.", "success")
    return redirect(url_for("workspace.join_links", organisation=actor.organisation.id), 303)


def _page(actor: Actor, form: JoinLinkForm) -> str:
    found, tree = domain.of_actor(actor)
    titles = wishes.team_choices(tree)
    form.team.choices = {"": "No team", **titles} if oversight.is_over_everybody(actor) else titles
    now = clock.now()
    return page(
        "join_links",
        actor,
        "people",
        form=form,
        links=[(link, titles.get(str(link.team_id), ""), link.is_good_at(now)) for link in found],
        may_make=bool(form.team.choices),
        may_set=bool(actor.roles & SET_WAYS_IN.roles),
    )


def _address(link: JoinLink) -> str:
    return wiring.settings().url + url_for("ways_in.way_in", token=domain.token(link.id))


def _number(typed: str, field: str) -> int:
    """Read a number as people type it; raises Invalid when it is none."""
    digits = typed.replace(",", "").strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
        raise Invalid("Give a whole number, such as 30.", field=field)
    return int(digits)
