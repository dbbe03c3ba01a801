"""The journal: what happened, by whom, about what and when. It only grows, and holds ids and facts, never names or addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column

from app.kernel import batches, clock
from app.kernel.db import Model, UtcDateTime, db, uuid7
from app.kernel.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class JournalEntry(Model):
    """One thing that happened."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    at: Mapped[datetime]
    what: Mapped[str]
    organisation_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    about: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]]

    __table_args__ = (sa.Index(None, "organisation_id", "at"), sa.Index(None, "about", "at"))


def write(
    what: str, *, organisation_id: UUID | None = None, by: UUID | None = None, about: UUID | None = None, **facts: object
) -> None:
    """Write that `what` happened; `by` is the person who did it, None when the shop did it by itself."""
    entry = JournalEntry(at=clock.now(), what=what, organisation_id=organisation_id, person_id=by, about=about, facts=facts)
    db.session.add(entry)


def write_all(
    what: str, things: Iterable[tuple[UUID, Mapping[str, object]]], *, organisation_id: UUID, by: UUID | None = None
) -> None:
    """Write that the same happened to many things, each with facts of its own, in one statement."""
    rows = batches.of(((uuid7(), about, facts) for about, facts in things), id=sa.Uuid(), about=sa.Uuid(), facts=sa.JSON())
    at, organisation, person = (
        sa.literal(clock.now(), UtcDateTime()),
        sa.literal(organisation_id, sa.Uuid()),
        sa.literal(by, sa.Uuid()),
    )
    entries = sa.select(rows.c.id, at, sa.literal(what, sa.String()), organisation, person, rows.c.about, rows.c.facts)
    batches.insert(JournalEntry, ("id", "at", "what", "organisation_id", "person_id", "about", "facts"), entries)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for: kinds by how their name begins, who did it or whom it is about, and between which moments."""

    kinds: tuple[str, ...] = ()
    involving: frozenset[UUID] = frozenset()
    since: datetime | None = None
    until: datetime | None = None


def of(organisation_id: UUID, wanted: Wanted, *, before: UUID | None = None, limit: int = 50) -> list[JournalEntry]:
    """Give entries of an organisation, newest first, before one of them if that is named; raises Missing for a foreign one."""
    query = sa.select(JournalEntry).where(JournalEntry.organisation_id == organisation_id)
    if wanted.kinds:
        query = query.where(sa.or_(*(JournalEntry.what.startswith(kind, autoescape=True) for kind in wanted.kinds)))
    if wanted.involving:
        did_it = JournalEntry.person_id.in_(wanted.involving)
        query = query.where(did_it | JournalEntry.about.in_(wanted.involving))
    if wanted.since is not None:
        query = query.where(JournalEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(JournalEntry.at < wanted.until)
    if before is not None:
        is_mark = sa.and_(JournalEntry.id == before, JournalEntry.organisation_id == organisation_id)
        at = db.session.scalar(sa.select(JournalEntry.at).where(is_mark))
        if at is None:
            raise Missing
        mark = sa.tuple_(sa.literal(at, UtcDateTime()), sa.literal(before, sa.Uuid()))
        query = query.where(sa.tuple_(JournalEntry.at, JournalEntry.id) < mark)
    return list(db.session.scalars(query.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(limit)))


def about(organisation_id: UUID, *things: UUID, limit: int = 100) -> list[JournalEntry]:
    """Give the newest entries of an organisation about one thing, or several that are read as one, newest first."""
    query = sa.select(JournalEntry).where(JournalEntry.organisation_id == organisation_id, JournalEntry.about.in_(things))
    return list(db.session.scalars(query.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(limit)))


def _refuse_change(_mapper: object, _connection: object, _entry: JournalEntry) -> None:
    message = "the journal only grows"
    raise RuntimeError(message)


def _refuse_statement(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete) and state.bind_mapper is sa.inspect(JournalEntry):
        message = "the journal only grows"
        raise RuntimeError(message)


sa.event.listen(Session, "do_orm_execute", _refuse_statement)
sa.event.listen(JournalEntry, "before_update", _refuse_change)
sa.event.listen(JournalEntry, "before_delete", _refuse_change)
