"""Fates: what will happen with each line of a list: somebody is new, comes back or is here already, or something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import people, same_names, teams
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.people_imports import Fate, Judged
from app.kernel import batches
from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from app.accounts.people_lists import Line

HERE = {MembershipState.INVITED, MembershipState.ACTIVE}


def of_lines(organisation_id: UUID, lines: list[Line]) -> Iterator[Judged]:
    """Say for each line what will happen with it."""
    good = [line for line in lines if not line.problem]
    found = known(organisation_id, [line.key for line in good if line.key])
    named = same_names.of_lines(organisation_id, [line for line in good if not line.key])
    places = _team_titles(organisation_id)
    for line in lines:
        yield _judge(line, found.get(line.key) if line.key else named.get(line.number), places)


def _judge(line: Line, meant: tuple[UUID, str] | None, places: dict[str, UUID | None]) -> Judged:
    team_id, problem = None, line.problem
    if line.team and not problem:
        key = people.name_key(line.team)
        team_id = places.get(key)
        if team_id is None:
            problem = (
                f"There are several teams called {line.team}: write it as Site / Team."
                if key in places
                else f"There is no team called {line.team}. Make it first, or leave the team out."
            )
    if problem:
        fate = Fate.PROBLEM
    elif meant is None:
        fate = Fate.NEW
    else:
        fate = Fate.HERE if meant[1] in HERE else Fate.BACK
    return Judged(line.number, line.name, line.address, line.key, line.team[:200], team_id, fate, problem, line.values)


def _team_titles(organisation_id: UUID) -> dict[str, UUID | None]:
    """Give the teams by their titles and, where only one has it, by their name."""
    found: dict[str, UUID | None] = {}
    for node in teams.tree_of(organisation_id).walk():
        key = people.name_key(node.team.name)
        found[key] = None if key in found else node.team.id
    for node in teams.tree_of(organisation_id).walk():
        if node.level > 1:
            found[people.name_key(node.title)] = node.team.id
    return found


def known(organisation_id: UUID, keys: list[str], *, lock: bool = False) -> dict[str, tuple[UUID, str]]:
    """Give who is known by each of some addresses: who is here, else the record with most history, in one query.

    The address of a record that was merged stands for the one that stayed.
    """
    wanted = sa.select(batches.of(((key,) for key in keys), key=sa.String()).c.key)
    one = sa.orm.aliased(Membership)
    stayed = sa.func.coalesce(one.merged_into_id, one.id) == Membership.id
    query = sa.select(one.address_key, Membership.id, Membership.state, Membership.person_id, Membership.added_at).where(
        one.organisation_id == organisation_id, one.address_key.in_(wanted), stayed
    )
    query = query.order_by(Membership.id)
    rows = db.session.execute(query.with_for_update(of=Membership) if lock else query).all()
    ranked = sorted(rows, key=lambda row: (row[2] in HERE, row[3] is not None, row[4]))
    return {key: (member_id, state) for key, member_id, state, _, _ in ranked if key}
