"""Safeguarding contacts: whom an organisation's people turn to when they worry about someone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import people
from app.kernel import clock, journal, signs
from app.kernel.db import Model, db
from app.kernel.errors import Invalid

LONGEST_CONTACT = 120
LONGEST_NUMBERS = 1000


class SafeguardingContacts(Model):
    """The lead, the deputy and the local numbers of one organisation; a row exists once somebody has filled them in."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    lead_name: Mapped[str]
    lead_contact: Mapped[str]
    deputy_name: Mapped[str]
    deputy_contact: Mapped[str]
    local_numbers: Mapped[str]
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody filled in; a deputy and local numbers may be left out."""

    lead_name: str
    lead_contact: str
    deputy_name: str = ""
    deputy_contact: str = ""
    local_numbers: str = ""


def of(organisation_id: UUID) -> SafeguardingContacts | None:
    """Give the contacts of an organisation, or None while nobody has filled them in."""
    return db.session.get(SafeguardingContacts, organisation_id)


def save(organisation_id: UUID, wish: Wish, *, by: UUID) -> None:
    """Put these in place of the contacts of an organisation; of two who save at once, the later one stays.

    Raises Invalid, for the field to mend, without a lead who can be reached, and for a deputy who cannot be.
    """
    read = asdict(_read(wish))
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(SafeguardingContacts).values(organisation_id=organisation_id, changed_at=clock.now(), **read)
    changes = {name: row.excluded[name] for name in (*read, "changed_at")}
    db.session.execute(row.on_conflict_do_update(index_elements=[SafeguardingContacts.organisation_id], set_=changes))
    journal.write("safeguarding_contacts.changed", organisation_id=organisation_id, by=by, about=organisation_id)


def _read(wish: Wish) -> Wish:
    """Give what was filled in as it is kept."""
    lead_name = people.read_name(wish.lead_name, "lead_name")
    lead_contact = _read_contact(wish.lead_contact, "lead_contact")
    has_deputy = bool(wish.deputy_name.strip() or wish.deputy_contact.strip())
    return Wish(
        lead_name,
        lead_contact,
        people.read_name(wish.deputy_name, "deputy_name") if has_deputy else "",
        _read_contact(wish.deputy_contact, "deputy_contact") if has_deputy else "",
        _read_numbers(wish.local_numbers),
    )


def _read_contact(typed: str, field: str) -> str:
    """Give a way to reach somebody on one line: a number or an address, as it was typed."""
    contact = " ".join(signs.composed(typed).split())
    if not contact or len(contact) > LONGEST_CONTACT or not contact.isprintable():
        raise Invalid(f"Give a phone number or an e-mail address, in at most {LONGEST_CONTACT} characters.", field=field)
    return contact


def _read_numbers(typed: str) -> str:
    """Give the local numbers, one on each line, without empty lines."""
    lines = [" ".join(line.split()) for line in signs.composed(typed).splitlines()]
    numbers = "\n".join(line for line in lines if line)
    if len(numbers) > LONGEST_NUMBERS or not all(line.isprintable() for line in lines):
        message = f"Give the local numbers in at most {LONGEST_NUMBERS} characters, one on each line."
        raise Invalid(message, field="local_numbers")
    return numbers
