"""The journal: what happened, by whom, about what and when. It only grows, and holds ids and facts, never names or addresses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column

from app.kernel import clock
from app.kernel.db import Model, db, uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def of(organisation_id: UUID, limit: int = 50, *, among: Iterable[str] | None = None) -> list[JournalEntry]:
    """Give the newest entries of an organisation, newest first; only some of what can happen when that is named."""
    query = sa.select(JournalEntry).where(JournalEntry.organisation_id == organisation_id)
    if among is not None:
        query = query.where(JournalEntry.what.in_(list(among)))
    return list(db.session.scalars(query.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(limit)))


def about(organisation_id: UUID, thing: UUID, limit: int = 100) -> list[JournalEntry]:
    """Give the newest entries of an organisation about one thing, newest first."""
    query = sa.select(JournalEntry).where(JournalEntry.organisation_id == organisation_id, JournalEntry.about == thing)
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
