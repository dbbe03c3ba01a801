"""The inbox for the provider's events: stored before anything else happens, applied afterwards, kept when that fails."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal, nudges
from app.kernel.db import Model, db
from app.kernel.errors import Missing

if TYPE_CHECKING:
    from billing.gateway import ProviderEvent as Received

SWEEP = "provider_events"
LEASE = timedelta(minutes=2)
BATCH = 20
BACKOFF = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))


class State(StrEnum):
    """Where an event stands."""

    STORED = "stored"
    APPLIED = "applied"
    FAILED = "failed"


class ProviderEvent(Model):
    """An event as it was received; `due_at` is a real time, empty once nothing more is to be tried."""

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    api_version: Mapped[str | None]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    object_id: Mapped[str]
    checkout_id: Mapped[UUID | None]
    subscription_id: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    due_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('stored', 'applied', 'failed')", name="state"),
        sa.Index(None, "due_at"),
        sa.Index(None, "received_at"),
    )


def store(received: Received) -> bool:
    """Store an event; False when it had come before."""
    if db.session.get(ProviderEvent, received.id) is not None:
        return False
    try:
        with db.session.begin_nested():
            db.session.add(
                ProviderEvent(
                    id=received.id,
                    kind=received.kind,
                    api_version=received.api_version,
                    created_at=received.created_at,
                    received_at=clock.now(),
                    object_id=received.object_id,
                    checkout_id=received.checkout_id,
                    subscription_id=received.subscription_id,
                    payload=received.payload,
                    state=State.STORED,
                    due_at=clock.real_now(),
                )
            )
    except sa.exc.IntegrityError:
        return False
    nudges.ask(SWEEP)
    return True


def lease_due() -> list[ProviderEvent]:
    """Take the events that are due, oldest first, so that no other worker takes them for a while."""
    now = clock.real_now()
    due = sa.select(ProviderEvent.id).where(ProviderEvent.due_at <= now).order_by(ProviderEvent.received_at).limit(BATCH)
    leased = sa.update(ProviderEvent).where(
        ProviderEvent.id.in_(due.with_for_update(skip_locked=True)), ProviderEvent.due_at <= now
    )
    ids = db.session.scalars(leased.values(due_at=now + LEASE).returning(ProviderEvent.id)).all()
    query = sa.select(ProviderEvent).where(ProviderEvent.id.in_(ids)).order_by(ProviderEvent.received_at)
    return list(db.session.scalars(query))


def mark_applied(event_id: str) -> None:
    """Mark an event as applied."""
    event = db.session.get_one(ProviderEvent, event_id)
    event.state, event.applied_at, event.due_at, event.last_error = State.APPLIED, clock.now(), None, None


def mark_failed(event_id: str, error: str) -> None:
    """Keep an event that could not be applied, with the error, and try again later."""
    event = db.session.get_one(ProviderEvent, event_id)
    wait = BACKOFF[event.tries] if event.tries < len(BACKOFF) else None
    event.state, event.last_error, event.tries = State.FAILED, error[:500], event.tries + 1
    event.due_at = None if wait is None else clock.real_now() + wait


def replay(event_id: str, *, by: UUID) -> None:
    """Have an event applied once more, as the operator asks; raises Missing."""
    event = db.session.get(ProviderEvent, event_id)
    if event is None:
        raise Missing
    event.due_at = clock.real_now()
    journal.write("provider_event.replayed", by=by, event=event_id)
    nudges.ask(SWEEP)


def of_other_versions(version: str) -> dict[str, int]:
    """Give the API versions, other than the one we speak, in which messages came, and how many in each."""
    query = sa.select(ProviderEvent.api_version, sa.func.count()).where(ProviderEvent.api_version != version)
    rows = db.session.execute(query.group_by(ProviderEvent.api_version).order_by(ProviderEvent.api_version))
    return {name: number for name, number in rows if name is not None}


def newest(limit: int = 50) -> list[ProviderEvent]:
    """Give the newest events, those that failed first."""
    failed_first = sa.case((ProviderEvent.state == State.FAILED, 0), else_=1)
    query = sa.select(ProviderEvent).order_by(failed_first, ProviderEvent.received_at.desc(), ProviderEvent.id)
    return list(db.session.scalars(query.limit(limit)))
