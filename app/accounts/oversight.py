"""Oversight: whom of an organisation's people an actor may see. Owners and admins see everybody, a manager only their people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import teams
from app.accounts.memberships import Membership, Role
from app.accounts.teams import Team, TeamManager, TeamMember
from app.kernel.db import db
from app.kernel.errors import Missing, NotAllowed

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.accounts.teams import Tree

SEE_EVERYBODY = frozenset({Role.OWNER, Role.ADMIN})


def is_over_everybody(actor: Actor) -> bool:
    """Whether the actor sees everybody of the organisation."""
    return bool(actor.roles & SEE_EVERYBODY)


def sees(actor: Actor) -> sa.ColumnElement[bool]:
    """Give the condition under which the actor may see a membership; every query about people for an actor holds it."""
    is_here = Membership.organisation_id == actor.organisation.id
    if is_over_everybody(actor):
        return is_here
    managed = (
        sa.select(Team.id)
        .join(TeamManager, TeamManager.team_id == Team.id)
        .where(TeamManager.membership_id == actor.membership.id, Team.archived_at.is_(None))
        .cte("managed", recursive=True)
    )
    managed = managed.union(sa.select(Team.id).join(managed, Team.parent_id == managed.c.id).where(Team.archived_at.is_(None)))
    theirs = sa.select(TeamMember.membership_id).where(TeamMember.team_id.in_(sa.select(managed.c.id)))
    return sa.and_(is_here, Membership.id.in_(theirs))


def may_act_for(actor: Actor, *, runs_things: bool) -> bool:
    """Whether the actor may change something for somebody they see: a manager changes nothing for those who run things."""
    return is_over_everybody(actor) or not runs_things


def member(actor: Actor, membership_id: UUID, *, lock: bool = False) -> Membership:
    """Give somebody whom the actor may see, locked if asked; raises Missing for anybody else, as if they did not exist."""
    query = sa.select(Membership).where(Membership.id == membership_id, sees(actor))
    if lock:
        query = query.with_for_update(of=Membership).execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise Missing
    return found


def knows_unseen(actor: Actor, key: str) -> bool:
    """Whether the organisation knows somebody by this address whom the actor may not see."""
    if is_over_everybody(actor):
        return False
    is_known = sa.and_(Membership.organisation_id == actor.organisation.id, Membership.address_key == key)
    return db.session.scalar(sa.select(Membership.id).where(is_known, ~sees(actor)).limit(1)) is not None


def teams_of(actor: Actor) -> Tree:
    """Give the teams that the actor may see: all of them, or those they manage with what is under them."""
    tree = teams.tree_of(actor.organisation.id)
    return tree if is_over_everybody(actor) else tree.only(teams.managed_by(actor.membership.id))


def demand_everybody(actor: Actor, to_do: str) -> None:
    """Demand that the actor sees everybody; raises NotAllowed with what a manager may not do."""
    if not is_over_everybody(actor):
        raise NotAllowed(f"A team manager cannot {to_do}. Ask an owner or an admin of {actor.organisation.name}.")
