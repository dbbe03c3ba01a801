"""Shortfalls: what somebody wanted to do when seats were too few, kept while the seats for it are bought, and then done.

Life: open → done | dropped. It is kept in the transaction that asks for the seats, so that neither is there without the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import batches, clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing
from app.kernel.transaction import transaction
from billing.changes import Change
from billing.changes import State as ChangeState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from app.accounts.memberships import Actor

# It may hold a name and an address, which are not kept for nothing.
KEPT = timedelta(days=30)


class Kind(StrEnum):
    """What was to be done."""

    INVITATION = "invitation"
    LIST = "list"
    PEOPLE = "people"
    REQUESTS = "requests"


class State(StrEnum):
    """Where it stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class Shortfall(Model):
    """What was to be done, as the form that asked for it was filled in, and the change that buys the seats for it."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    change_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription_change.id"), unique=True)
    kind: Mapped[str]
    fields: Mapped[list[Any]]
    state: Mapped[str]
    kept_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('invitation', 'list', 'people', 'requests')", name="kind"),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name="state"),
        sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_at"),
        sa.Index(None, "by_id", "state"),
        sa.Index(None, "kept_at"),
    )


def keep(actor: Actor, change_id: UUID, kind: Kind, fields: Iterable[tuple[str, str]]) -> Shortfall:
    """Keep what the actor wanted to do until the seats of a change are there."""
    kept = Shortfall(
        id=uuid7(),
        organisation_id=actor.organisation.id,
        by_id=actor.membership.id,
        change_id=change_id,
        kind=kind,
        fields=[[name, value] for name, value in fields],
        state=State.OPEN,
        kept_at=clock.now(),
    )
    db.session.add(kept)
    db.session.flush()
    journal.write("shortfall.open", organisation_id=kept.organisation_id, by=actor.person.id, about=kept.id, kind=str(kind))
    return kept


def settle(actor: Actor, shortfall_id: UUID, to: State) -> Shortfall:
    """End what the actor wanted to do, once whoever asks at the same time.

    Raises Missing for what somebody else wanted, Conflict when it has ended or its seats are not there yet.
    """
    mine = sa.and_(Shortfall.id == shortfall_id, Shortfall.by_id == actor.membership.id)
    found = db.session.scalar(sa.select(Shortfall).where(mine).with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise Missing
    if found.state != State.OPEN:
        raise Conflict("This is done already, or was dropped. Look at the list of people.")
    if to is State.DONE and db.session.get_one(Change, found.change_id).state != ChangeState.DONE:
        raise Conflict("The seats for this are not there yet. Open Billing to see where they stand.")
    found.state, found.settled_at = to, clock.now()
    db.session.flush()
    journal.write(f"shortfall.{to}", organisation_id=found.organisation_id, by=actor.person.id, about=found.id, kind=found.kind)
    return found


def ready(actor: Actor) -> list[Shortfall]:
    """Give what the actor wanted to do and can do now, because its seats are there; the oldest first."""
    is_mine = sa.and_(Shortfall.by_id == actor.membership.id, Shortfall.state == State.OPEN)
    query = sa.select(Shortfall).join(Change, Change.id == Shortfall.change_id).where(is_mine, Change.state == ChangeState.DONE)
    return list(db.session.scalars(query.order_by(Shortfall.kept_at, Shortfall.id)))


def of_change(actor: Actor, change_id: UUID) -> Shortfall | None:
    """Give what the actor still wants to do with the seats of a change, if anything."""
    is_mine = sa.and_(Shortfall.by_id == actor.membership.id, Shortfall.state == State.OPEN)
    return db.session.scalar(sa.select(Shortfall).where(is_mine, Shortfall.change_id == change_id))


def forget_about(addresses: Collection[str], inside: Mapping[UUID, Collection[str]], names: Collection[str]) -> None:
    """Remove what was kept about somebody who is forgotten: invitations to one of their addresses.

    Inside some organisations, those to further addresses and those by their name go as well.
    """
    keys = {address.strip().casefold() for address in addresses}
    here = {one: keys | {address.strip().casefold() for address in further} for one, further in inside.items()}
    kept = db.session.scalars(sa.select(Shortfall).where(Shortfall.kind == Kind.INVITATION))
    about = [
        found.id
        for found in kept
        if any(
            (field == "address" and value.strip().casefold() in here.get(found.organisation_id, keys))
            or (field == "name" and found.organisation_id in here and value.strip() in names)
            for field, value in found.fields
        )
    ]
    statement = sa.delete(Shortfall).where(Shortfall.id.in_(batches.ids(about)))
    db.session.execute(statement.execution_options(synchronize_session=False))


def forget_old() -> int:
    """Remove what was kept long ago, done or not, because it may hold a name and an address; gives how many. A sweep."""
    with transaction():
        old = sa.delete(Shortfall).where(Shortfall.kept_at <= clock.now() - KEPT).returning(Shortfall.id)
        return len(db.session.scalars(old.execution_options(synchronize_session=False)).all())
