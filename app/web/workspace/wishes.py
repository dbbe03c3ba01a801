"""What an address of the people table asks for, read into the domain's words and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import request
from wtforms import SelectField

from app import roster
from app.accounts import oversight, profile_fields
from app.accounts.memberships import Role
from app.kernel.errors import Conflict, Invalid, Missing
from app.roster import Seat, Show, Sort, Turn, Wanted
from app.web.forms import Form, TextField
from app.web.workspace import field_forms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug.datastructures import MultiDict

    from app.accounts.memberships import Actor
    from app.accounts.profile_fields import ProfileField
    from app.accounts.teams import Tree

LONGEST_SEARCH = 200
MOST_DIGITS = 4
SHOWS = {
    Show.HERE: "Everyone here",
    Show.ACTIVE: "Those who have joined",
    Show.INVITED: "Those invited",
    Show.ARCHIVED: "Those who have left",
    Show.WITHDRAWN: "Invitations that are over",
}
ROLES = {Role.OWNER: "Owners", Role.ADMIN: "Admins", Role.MANAGER: "Managers", Role.BILLING: "Billing", Role.LEARNER: "Learners"}
SEATS = {
    Seat.ANY: "With or without",
    Seat.IN_USE: "In use",
    Seat.HELD: "Held",
    Seat.UNUSED: "Not used for 60 days",
    Seat.NONE: "Without a seat",
}
SORTS = {
    Sort.NAME: "Name, A to Z",
    Sort.NAME_BACKWARDS: "Name, Z to A",
    Sort.ADDRESS: "E-mail address",
    Sort.NEWEST: "Added last",
    Sort.OLDEST: "Added first",
}


class FilterForm(Form):
    """The search and the filters above the table; what they hold stands in the address."""

    q = TextField("Name or e-mail address")
    show = SelectField("Show", choices={key.value: label for key, label in SHOWS.items()})
    role = SelectField("Role", choices={"": "Any role"} | {key.value: label for key, label in ROLES.items()})
    seat = SelectField("Seat", choices={key.value: label for key, label in SEATS.items()})
    team = SelectField("Team")
    sort = SelectField("Order", choices={key.value: label for key, label in SORTS.items()})

    class Meta:
        """A search changes nothing, so it needs no token."""

        csrf = False


def form_of(wanted: Wanted, tree: Tree, fields: Sequence[ProfileField]) -> FilterForm:
    """Give the filters filled in with what is asked for."""
    filled = as_query(wanted) | {"show": wanted.show.value, "sort": wanted.sort.value}
    form = field_forms.with_filters(FilterForm, fields)(formdata=None, data=filled)
    form.team.choices = {"": "Any team", **team_choices(tree), roster.NO_TEAM: "In no team"}
    form.team.data = str(wanted.team or (roster.NO_TEAM if wanted.in_no_team else ""))
    return form


def team_choices(tree: Tree) -> dict[str, str]:
    """Give the teams of a tree as choices, each under its full title."""
    return {str(node.team.id): node.title for node in tree.walk()}


def read(actor: Actor, given: Mapping[str, str]) -> Wanted:
    """Read what an address or a form asks for; what makes no sense is left out.

    Raises Missing for a team of somebody else, Conflict for a field that is gone: without that filter it would be everybody.
    """
    team = _uuid(given.get("team", ""))
    if team is not None:
        oversight.teams_of(actor).find(team)
    fields = profile_fields.of(actor.organisation.id) if field_forms.is_asked(given) else []
    if field_forms.others(given, fields):
        raise Conflict("A filter by which these people were chosen no longer exists. Open People and choose them again.")
    return Wanted(
        search=given.get("q", "").strip()[:LONGEST_SEARCH],
        show=_one_of(Show, given.get("show"), Show.HERE),
        role=_one_of(Role, given.get("role"), None),
        seat=_one_of(Seat, given.get("seat"), Seat.ANY),
        team=team,
        in_no_team=given.get("team") == roster.NO_TEAM and oversight.is_over_everybody(actor),
        fields=field_forms.asked(fields, given),
        sort=_one_of(Sort, given.get("sort"), Sort.NAME),
    )


def turn() -> Turn:
    """Read where the page begins; raises Missing for what is no place in the list."""
    marks = [request.args.get("after"), request.args.get("before")]
    after, before = (_uuid(mark) if mark else None for mark in marks)
    if (marks[0] and after is None) or (marks[1] and before is None):
        raise Missing
    return Turn(after, None if after else before, is_last="last" in request.args and not (after or before))


def as_query(wanted: Wanted) -> dict[str, str]:
    """Give what stands in an address that asks for this, without what goes without saying."""
    team = str(wanted.team) if wanted.team else roster.NO_TEAM if wanted.in_no_team else ""
    role = wanted.role.value if wanted.role else ""
    asked = {"q": wanted.search, "show": wanted.show.value, "role": role, "seat": wanted.seat.value, "team": team}
    asked["sort"] = wanted.sort.value
    unsaid = {"show": Show.HERE.value, "sort": Sort.NAME.value}
    said = {name: value for name, value in asked.items() if value and value != unsaid.get(name)}
    return said | field_forms.as_query(wanted.fields)


def address(actor: Actor, given: MultiDict[str, str]) -> dict[str, str]:
    """Give what stands in the address of the table as it is now: the filters, and the columns and the view if any are named."""
    asked = as_query(read(actor, given))
    if "columns" in given:
        asked["columns"] = ".".join([given["columns"] or "name", *given.getlist("column")])
    return asked | ({"view": given["view"]} if given.get("view") else {})


def uuids(given: list[str]) -> frozenset[UUID]:
    """Read ids; raises Missing for what is none."""
    found = [_uuid(text) for text in given]
    if None in found:
        raise Missing
    return frozenset(one for one in found if one is not None)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _one_of(kind: Any, text: str | None, otherwise: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        return otherwise


def whole_number(typed: str) -> int:
    """Read a number of seats as people type it; raises Invalid when it is none."""
    digits = typed.replace(",", "").strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
        message = "Give the number of seats as a whole number, such as 5."
        raise Invalid(message, field="seats")
    return int(digits)
