"""Person exports: everything the shop holds about somebody, made for them in the background and theirs alone for some days.

Life: waiting (to be made) → ready → gone. The content goes after a week, because it holds everything about a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, undefer

from app.accounts.people import Person
from app.kernel import clock, journal, limits, nudges, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

SWEEP = "person_exports"
MAIL = "person_export_ready"
KEPT = timedelta(days=7)
A_DAY = 3


class State(StrEnum):
    """Where an export stands."""

    WAITING = "waiting"
    READY = "ready"
    GONE = "gone"


class PersonExport(Model):
    """A ZIP with everything about a person, which only they can download."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    state: Mapped[str]
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'ready', 'gone')", name="state"),
        sa.CheckConstraint("(state = 'ready') = (content IS NOT NULL)", name="ready_has_content"),
        sa.Index(
            "ix_person_export_one_waiting",
            "person_id",
            unique=True,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index(None, "state", "expires_at"),
        sa.Index(None, "person_id"),
    )


def ask(person_id: UUID) -> None:
    """Ask for an export; raises Conflict while one is being made, or after some on one day."""
    if not limits.spend(f"export:{person_id}", A_DAY, timedelta(days=1)):
        message = "You have asked for several exports today. Use one of them, or come back tomorrow."
        raise Conflict(message)
    try:
        with db.session.begin_nested():
            db.session.add(PersonExport(person_id=person_id, state=State.WAITING, asked_at=clock.now()))
    except sa.exc.IntegrityError as error:
        message = "Your export is being made already. It takes a minute or two."
        raise Conflict(message) from error
    journal.write("person.export_asked", by=person_id, about=person_id)
    nudges.ask(SWEEP)


def due() -> list[tuple[UUID, UUID]]:
    """Give the exports that wait to be made, oldest first, each with whose it is."""
    query = sa.select(PersonExport.id, PersonExport.person_id).where(PersonExport.state == State.WAITING)
    return [(export_id, person_id) for export_id, person_id in db.session.execute(query.order_by(PersonExport.id))]


def keep(export_id: UUID, content: bytes) -> bool:
    """Keep what was made and tell its owner by mail; False when somebody else has, or the person is gone."""
    waits = sa.and_(PersonExport.id == export_id, PersonExport.state == State.WAITING)
    expires_at = clock.now() + KEPT
    statement = sa.update(PersonExport).where(waits).values(state=State.READY, content=content, expires_at=expires_at)
    person_id = db.session.scalar(statement.returning(PersonExport.person_id).execution_options(synchronize_session=False))
    if person_id is None:
        return False
    person = db.session.get_one(Person, person_id)
    journal.write("person.export_ready", about=person_id)
    outbox.write(MAIL, person.address, person_id=str(person_id), expires_at=expires_at.isoformat())
    return True


def of(person_id: UUID) -> list[PersonExport]:
    """Give the exports of a person that are being made or can be downloaded, newest first."""
    can_be_had = PersonExport.state.in_((State.WAITING, State.READY))
    query = sa.select(PersonExport).where(PersonExport.person_id == person_id, can_be_had)
    return list(db.session.scalars(query.order_by(PersonExport.id.desc())))


def content_of(person_id: UUID, export_id: UUID) -> bytes:
    """Give an export to the person it is about; raises Missing for anybody else, and once its time is over."""
    is_theirs = sa.and_(PersonExport.id == export_id, PersonExport.person_id == person_id, PersonExport.expires_at > clock.now())
    found = db.session.scalar(sa.select(PersonExport).where(is_theirs).options(undefer(PersonExport.content)))
    if found is None or found.content is None:
        message = "This export is not there any more. Make a new one: it takes a minute or two."
        raise Missing(message)
    return found.content


def forget_old() -> int:
    """Remove the content of exports whose time is over and give how many there were."""
    is_over = sa.and_(PersonExport.state == State.READY, PersonExport.expires_at <= clock.now())
    return _empty(is_over)


def forget_of(person_id: UUID) -> None:
    """Remove whatever was made, or is being made, for a person."""
    _empty(sa.and_(PersonExport.person_id == person_id, PersonExport.state != State.GONE))


def _empty(which: sa.ColumnElement[bool]) -> int:
    statement = sa.update(PersonExport).where(which).values(state=State.GONE, content=None).returning(PersonExport.id)
    return len(db.session.scalars(statement.execution_options(synchronize_session=False)).all())
