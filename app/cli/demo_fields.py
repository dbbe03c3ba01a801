"""The profile fields of the demo, filled in for most people, and a view of the people table for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import roster
from app.accounts import people_views, profile_fields, profile_values
from app.accounts.profile_fields import Kind, Wish
from app.roster import Wanted

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor

CONTRACTS = ("Employed", "Volunteer", "Agency")
DAYS = ("2024-09-02", "2025-01-06", "2025-09-01", "2026-04-20")


def build(actor: Actor) -> None:
    """Define three fields, fill two of them in and keep a view; an organisation that has fields already keeps them."""
    if profile_fields.of(actor.organisation.id):
        return
    contract = _add(actor, "Contract", Kind.CHOICE, "\n".join(CONTRACTS))
    began = _add(actor, "Start date", Kind.DATE)
    _add(actor, "DBS certificate number", Kind.TEXT)
    everybody = roster.ids(actor, Wanted())
    for field, values in ((contract, CONTRACTS), (began, DAYS)):
        for place, value in enumerate(values):
            profile_values.set_each(actor, everybody[place :: len(values) + 1], field, value)
    asked = {"columns": f"name.address.state.{profile_values.form_name(began)}", f"by_{contract.hex}": "is:Volunteer"}
    people_views.save(actor, "Volunteers", asked, for_everybody=True, is_default=False)


def _add(actor: Actor, name: str, kind: Kind, choices: str = "") -> UUID:
    return profile_fields.add(actor.organisation.id, Wish(name, kind, choices), by=actor.person.id).id
