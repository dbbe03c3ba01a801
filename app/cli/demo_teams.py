"""The teams of the demo: sites with teams under them, managers in charge of some, and everybody in one or two of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from app import roster
from app.accounts import memberships, teams
from app.accounts.memberships import Role
from app.roster import Show, Wanted

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor

# Every so many people are in a second team as well.
IN_TWO = 9


@dataclass(frozen=True, slots=True)
class Site:
    """A place with teams under it, each with its own parts if it has any."""

    name: str
    teams: dict[str, tuple[str, ...]]


TRUST = (
    Site("Harbour Primary", {"Teaching": ("Early Years", "Years 1 and 2", "Years 3 to 6"), "Office": (), "Kitchen": ()}),
    Site("Quayside Secondary", {"Teaching": ("Sciences", "Languages", "Sport"), "Pastoral": (), "Site team": ()}),
    Site("Lighthouse Sixth Form", {"Teaching": (), "Trips and clubs": ()}),
    Site("Central office", {"Governors": (), "Finance": ()}),
)
PARISH = (
    Site("Youth", {"Sunday club": (), "Holiday club": ()}),
    Site("Pastoral care", {"Home visitors": (), "Lunch club": ()}),
)


def build(actor: Actor, sites: tuple[Site, ...]) -> None:
    """Build the tree, put everybody into it, also those who have left, and give each manager a site."""
    if not sites or list(teams.tree_of(actor.organisation.id).walk()):
        return
    tops = [_make(actor, site.name, None) for site in sites]
    leaves = []
    for top, site in zip(tops, sites, strict=True):
        for name, parts in site.teams.items():
            team = _make(actor, name, top)
            leaves += [_make(actor, part, team) for part in parts] or [team]
    everybody = roster.ids(actor, Wanted()) + roster.ids(actor, Wanted(show=Show.ARCHIVED))
    pairs = list(zip(cycle(leaves), everybody, strict=False))
    pairs += [(leaf, member) for leaf, (_, member) in zip(leaves, pairs[::IN_TWO], strict=False) if (leaf, member) not in pairs]
    teams.put_each(actor.organisation.id, pairs, by=actor.person.id)
    managers = (found for found in memberships.people_of(actor.organisation.id) if Role.MANAGER in found.roles)
    for top, manager in zip(tops, managers, strict=False):
        teams.appoint(actor.organisation.id, top, manager, by=actor.person.id)


def _make(actor: Actor, name: str, under: UUID | None) -> UUID:
    return teams.make(actor.organisation.id, name, under, by=actor.person.id).id
