"""Merging in the workspace: finding the other record of somebody, looking at both side by side, and putting them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from wtforms import RadioField

from app import merging as domain
from app.accounts import mergers, oversight, teams
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import ARCHIVE_PEOPLE
from app.web import context
from app.web.forms import Form, TextField
from app.web.workspace.area import area, page
from billing import seats
from catalog.learning import certificates, enrolments

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor, Membership

LONGEST_SEARCH = 200
STATES = {"invited": "invited", "active": "active", "archived": "left", "withdrawn": "invitation over"}


class SearchForm(Form):
    """Who the other record is looked for by; what it holds stands in the address."""

    q = TextField("Name, e-mail address or user name")

    class Meta:
        """A search changes nothing, so it needs no token."""

        csrf = False


class MergerForm(Form):
    """Which name the record has afterwards."""

    name = RadioField("Which name stays?", choices=[])


@area.page("/<uuid:organisation>/people/<uuid:membership>/merge", allow=ARCHIVE_PEOPLE)
def merging(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask who the other record of somebody is; namesakes are shown at once."""
    member = oversight.member(actor, membership)
    search = request.args.get("q", member.name).strip()[:LONGEST_SEARCH]
    form = SearchForm(formdata=None, q=search)
    found = domain.candidates(actor, membership, search)
    return page("merging", actor, "people", member=member, form=form, search=search, found=found, most=domain.CANDIDATES)


@area.page("/<uuid:organisation>/people/<uuid:membership>/merge/<uuid:other>", allow=ARCHIVE_PEOPLE)
def merger(actor: Actor, membership: UUID, other: UUID) -> ResponseReturnValue:
    """Show two records side by side, and what is left when they are one."""
    return _page(actor, membership, other, MergerForm(formdata=None))


@area.action("/<uuid:organisation>/people/<uuid:membership>/merge/<uuid:other>", allow=ARCHIVE_PEOPLE)
def merge(actor: Actor, membership: UUID, other: UUID) -> ResponseReturnValue:
    """Merge the other record into this one, or ask the holder of its account first."""
    form = MergerForm()
    try:
        with transaction():
            asked = domain.merge(actor, membership, other, takes_name=form.name.data == "goes")
    except (Conflict, Invalid, NotAllowed) as refusal:
        form.refuse(refusal)
        return _page(actor, membership, other, form), refusal.status
    if asked is not None:
        words = "We have asked them whether both records are theirs. Nothing changes until they confirm."
    else:
        words = "The two records are one now, with everything that was learned under either."
    flash(words, "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=membership), 303)


def _page(actor: Actor, one: UUID, other: UUID, form: MergerForm) -> str:
    found = domain.preview(actor, one, other)
    form.name.choices = [("stays", found.stays.name), ("goes", found.goes.name)]
    form.name.data = form.name.data or "stays"
    sides = [_side(actor, member) for member in (found.stays, found.goes)]
    return page(
        "merger",
        actor,
        "people",
        found=found,
        form=form,
        rows=[(label, *(side[label] for side in sides)) for label in sides[0]],
        waiting=mergers.open_about(found.goes.id),
    )


def _side(actor: Actor, member: Membership) -> dict[str, str]:
    """Give what is shown of one record."""
    placed = teams.of_people([member.id]).get(member.id, [])
    return {
        "Name": member.name,
        "Signs in with": member.login,
        "State": STATES[member.state],
        "Here as": ", ".join(sorted(member.roles)),
        "Teams": "; ".join(team.name for team in placed) or "none",
        "Seat": "has one" if seats.has_one(member.id) else "none",
        "Courses begun": str(len(enrolments.of_member(member.id))),
        "Certificates": str(len(certificates.of_membership(actor.organisation.id, member.id))),
        "Added": context.day(member.added_at),
    }
