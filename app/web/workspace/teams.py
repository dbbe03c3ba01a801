"""The teams of an organisation: the tree, one team with its people and managers, and putting people into teams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from wtforms import SelectField

from app import crowd
from app.accounts import memberships, oversight, people
from app.accounts import teams as domain
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import BUILD_TEAMS, SEE_PEOPLE
from app.web import context
from app.web.forms import Form, TextField
from app.web.workspace import choosing, wishes
from app.web.workspace.area import area, page
from billing import seats
from billing.allowances import Allowance

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor
    from app.accounts.teams import Tree

TOP = "top"


class TeamForm(Form):
    """A team's name and its place in the tree."""

    name = TextField("Name of the team")
    parent = SelectField("Where it stands")


class ManagerForm(Form):
    """Whom to have manage a team."""

    address = TextField("E-mail address of the manager")


class AllowanceForm(Form):
    """How many seats are for the people of a team."""

    seats = TextField("Seats set aside")


class PutForm(Form):
    """Into which team people go."""

    team = SelectField("Team")


@area.page("/<uuid:organisation>/teams", allow=SEE_PEOPLE)
def teams(actor: Actor) -> ResponseReturnValue:
    """Show the teams that the actor may see, as a tree."""
    return _teams_page(actor, TeamForm(formdata=None))


@area.action("/<uuid:organisation>/teams", allow=BUILD_TEAMS)
def make_team(actor: Actor) -> ResponseReturnValue:
    """Make a team."""
    form = TeamForm()
    try:
        with transaction():
            made = domain.make(actor.organisation.id, form.name.data or "", _parent(form), by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _teams_page(actor, form), refusal.status
    flash(f"{made.name} is there. Put people into it from the list of people.", "success")
    return redirect(url_for("workspace.teams", organisation=actor.organisation.id), 303)


@area.page("/<uuid:organisation>/teams/<uuid:team>", allow=SEE_PEOPLE)
def team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Show one team: its managers, how many are in it, and what can be changed about it."""
    return team_page(actor, team)


@area.action("/<uuid:organisation>/teams/<uuid:team>/rename", allow=BUILD_TEAMS)
def rename_team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Give a team another name."""
    form = TeamForm()
    try:
        with transaction():
            found = domain.rename(actor.organisation.id, team, form.name.data or "", by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        return team_page(actor, team, refusal=refusal.message), refusal.status
    return to_team(actor, team, f"The team is called {found.name} now.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/move", allow=BUILD_TEAMS)
def move_team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Hang a team, with all under it, somewhere else in the tree."""
    try:
        with transaction():
            found = domain.move(actor.organisation.id, team, _parent(TeamForm()), by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        return team_page(actor, team, refusal=refusal.message), refusal.status
    return to_team(actor, team, f"{found.name} has moved, with everybody in it.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/archive", allow=BUILD_TEAMS)
def archive_team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Put a team and all under it away; its people stay."""
    with transaction():
        number = domain.archive(actor.organisation.id, team, by=actor.person.id)
    flash(f"{context.counted(number, 'team')} archived. The people stay, with their seats and records.", "success")
    return redirect(url_for("workspace.teams", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/teams/<uuid:team>/bring-back", allow=BUILD_TEAMS)
def bring_back_team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Take an archived team up again, with the people it had."""
    with transaction():
        found = domain.bring_back(actor.organisation.id, team, by=actor.person.id)
    return to_team(actor, team, f"{found.name} is back, with the people it had.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/managers", allow=BUILD_TEAMS)
def appoint_manager(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Have somebody manage a team and all under it."""
    form = ManagerForm()
    try:
        with transaction():
            key = people.address_key(people.read_address(form.address.data or ""))
            found = memberships.with_address(actor.organisation.id, key)
            domain.appoint(actor.organisation.id, team, found, by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return team_page(actor, team, form), refusal.status
    return to_team(actor, team, f"{found.name} manages this team now, and sees only the people of it and of what is under it.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/managers/<uuid:membership>/dismiss", allow=BUILD_TEAMS)
def dismiss_manager(actor: Actor, team: UUID, membership: UUID) -> ResponseReturnValue:
    """Have somebody manage a team no longer."""
    with transaction():
        found = oversight.member(actor, membership, lock=True)
        domain.dismiss(actor.organisation.id, team, found, by=actor.person.id)
    return to_team(actor, team, f"{found.name} manages this team no longer.")


@area.action("/<uuid:organisation>/teams/<uuid:team>/leave", allow=BUILD_TEAMS)
def leave_team(actor: Actor, team: UUID) -> ResponseReturnValue:
    """Take people out of a team."""
    chosen = choosing.selection(actor, request.form)
    with transaction():
        ids = crowd.chosen(actor, chosen)
        number = domain.take_out(actor.organisation.id, team, ids, by=actor.person.id)
    flash(f"{context.counted(number, 'person', 'people')} taken out of the team.", "success")
    return redirect(choosing.back(actor, request.form), 303)


@area.page("/<uuid:organisation>/people/team", allow=BUILD_TEAMS)
def people_team(actor: Actor) -> ResponseReturnValue:
    """Ask into which team the people chosen go."""
    if choosing.is_empty(request.args):
        flash("Nobody was chosen. Tick the people you mean, or everyone who matches.", "attention")
        return redirect(choosing.back(actor, request.args), 303)
    number = len(crowd.chosen(actor, choosing.selection(actor, request.args, is_asked=True)))
    form = PutForm(formdata=None)
    form.team.choices = wishes.team_choices(oversight.teams_of(actor))
    fields = choosing.fields(actor, request.args, number)
    # The filter by team goes by another name here, because the form asks for a team itself.
    kept = [(name if name != "team" else "of_team", value) for name, value in fields]
    return page("people_team", actor, "people", form=form, number=number, fields=kept, back=choosing.back(actor, request.args))


@area.action("/<uuid:organisation>/people/team", allow=BUILD_TEAMS)
def put_into_team(actor: Actor) -> ResponseReturnValue:
    """Put the people chosen into a team."""
    given = request.form.copy()
    into = next(iter(wishes.uuids([given.get("team", "")])))
    given.setlist("team", given.poplist("of_team"))
    chosen = choosing.selection(actor, given)
    with transaction():
        number = domain.put(actor.organisation.id, into, crowd.chosen(actor, chosen), by=actor.person.id)
    return to_team(actor, into, f"{context.counted(number, 'person', 'people')} put into this team.")


def _teams_page(actor: Actor, form: TeamForm) -> str:
    tree = oversight.teams_of(actor)
    may_build = bool(actor.roles & BUILD_TEAMS.roles)
    form.parent.choices = _places(tree)
    return page(
        "teams",
        actor,
        "teams",
        tree=tree,
        form=form,
        managers=domain.managers(actor.organisation.id),
        sizes=domain.sizes(actor.organisation.id),
        allowances=seats.allowances_of(actor.organisation.id),
        archived=domain.archived_of(actor.organisation.id) if may_build else [],
        may_build=may_build,
    )


def team_page(
    actor: Actor,
    team_id: UUID,
    manager_form: ManagerForm | None = None,
    refusal: str = "",
    *,
    allowance_form: AllowanceForm | None = None,
) -> str:
    """Give the page of one team, with whichever form could not be taken."""
    tree = oversight.teams_of(actor)
    node = tree.find(team_id)
    form = TeamForm(formdata=None, name=node.team.name)
    form.parent.choices = _places(tree, without={below.team.id for below in node.walk()})
    form.parent.data = str(node.team.parent_id or TOP)
    allowance = seats.allowances_of(actor.organisation.id).get(team_id, Allowance(0, 0))
    return page(
        "team",
        actor,
        "teams",
        node=node,
        form=form,
        manager_form=manager_form or ManagerForm(formdata=None),
        allowance_form=allowance_form or AllowanceForm(formdata=None, seats=str(allowance.allotted or "")),
        allowance=allowance,
        seats=seats.count(actor.organisation.id),
        refusal=refusal,
        managers=domain.managers(actor.organisation.id).get(team_id, []),
        sizes=domain.sizes(actor.organisation.id),
        may_build=bool(actor.roles & BUILD_TEAMS.roles),
    )


def _places(tree: Tree, without: set[UUID] | frozenset[UUID] = frozenset()) -> dict[str, str]:
    """Give the places where a team can stand."""
    under = {
        str(node.team.id): f"Under {node.title}"
        for node in tree.walk()
        if node.level < domain.DEEPEST and node.team.id not in without
    }
    return {TOP: "At the top", **under}


def _parent(form: TeamForm) -> UUID | None:
    chosen = form.parent.data or TOP
    return None if chosen == TOP else next(iter(wishes.uuids([chosen])))


def to_team(actor: Actor, team_id: UUID, message: str) -> Response:
    """Go to the page of a team, and say what was done."""
    flash(message, "success")
    return redirect(url_for("workspace.team", organisation=actor.organisation.id, team=team_id), 303)
