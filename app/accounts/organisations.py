"""Organisations: the customers; one person who buys for themselves is an organisation of one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import people
from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7

LONGEST_NAME = 120


class Kind(StrEnum):
    """For whom seats are bought."""

    ORGANISATION = "organisation"
    INDIVIDUAL = "individual"


class Organisation(Model):
    """A customer; every row that belongs to one names it."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str]
    kind: Mapped[str]
    zone: Mapped[str] = mapped_column(default="Europe/London")
    founded_at: Mapped[datetime]
    keeps_waiting_list: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (sa.CheckConstraint("kind IN ('organisation', 'individual')", name="kind"),)


def found(name: str, kind: Kind, *, by: UUID) -> Organisation:
    """Start an organisation for the person who asks for it; raises Invalid without a name that fits."""
    organisation = Organisation(id=uuid7(), name=people.read_name(name, "name", LONGEST_NAME), kind=kind, founded_at=clock.now())
    db.session.add(organisation)
    db.session.flush()
    journal.write("organisation.founded", organisation_id=organisation.id, by=by, about=organisation.id, kind=kind)
    return organisation


def find(organisation_id: UUID) -> Organisation | None:
    """Give an organisation, if there is one with this id."""
    return db.session.get(Organisation, organisation_id)


def known(organisation_id: UUID) -> Organisation:
    """Give an organisation that is known to exist."""
    return db.session.get_one(Organisation, organisation_id)
