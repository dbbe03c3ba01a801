"""Outlooks: whether there are seats for the people of a list, said before it is brought in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import known_addresses, people_imports, same_names, teams
from app.accounts.people_imports import Fate
from billing import allotting, seats

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.people_imports import PeopleImport
    from billing.allowances import Outlook


def of_list(found: PeopleImport) -> Outlook:
    """Say whether there are seats for the people of a list, given the teams they come into or come back to."""
    allotted = seats.allowances_of(found.organisation_id)
    if not allotted:
        return allotting.outlook(found.organisation_id, [()] * people_imports.number_to_bring_in(found.id))
    sent_in = people_imports.everybody(found.id)
    coming = [line for line in sent_in if line.fate in {Fate.NEW, Fate.BACK}]
    named = same_names.of_lines(found.organisation_id, [line for line in sent_in if not line.address_key])
    by_address = known_addresses.known(found.organisation_id, [line.address_key for line in coming if line.fate == Fate.BACK])
    known = [by_address.get(line.address_key) if line.address_key else named.get(line.number) for line in coming]
    earlier = teams.of_people(one[0] for one in known if one is not None)
    placed = []
    for line, one in zip(coming, known, strict=True):
        new = line.team_id or found.team_id
        before = earlier.get(one[0], []) if one is not None else []
        placed.append([*(team.id for team in before), *([new] if new is not None else [])])
    return allotting.outlook(found.organisation_id, placed)


def shortage(organisation_id: UUID, seen: Outlook) -> str:
    """Say in words what is missing for the people of a list, if anything."""
    counted = seats.count(organisation_id)
    if seen.tight is not None:
        name = teams.of_organisation(organisation_id, seen.tight).name
        return (
            f"This list needs {seen.wanted:,} of the seats that are set aside for {name}, and {_are_free(seen.left)}. "
            f"Set more aside for {name} under Teams, or send fewer people."
        )
    if seen.needed <= counted.free:
        return ""
    if counted.set_aside and seen.wanted:
        return (
            f"This list needs {seen.wanted:,} seats that are set aside for no team, and {_are_free(seen.left)}. "
            "Add seats under Billing, set fewer aside under Teams, or send fewer people."
        )
    return f"This list needs {seen.needed:,} seats, and {_are_free(counted.free)}. Add seats under Billing, or send fewer people."


def _are_free(number: int) -> str:
    return "1 is free" if number == 1 else f"{number:,} are free"
