"""Fates: what will happen with each line of a list: somebody is new, comes back or is here already, or something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import known_addresses, people, same_names, teams
from app.accounts.people_imports import Fate, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from app.accounts.people_lists import Line


def of_lines(organisation_id: UUID, lines: list[Line]) -> Iterator[Judged]:
    """Say for each line what will happen with it."""
    good = [line for line in lines if not line.problem]
    found = known_addresses.known(organisation_id, [line.key for line in good if line.key])
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
        fate = Fate.HERE if meant[1] in known_addresses.HERE else Fate.BACK
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
