"""Waiting places: who waits for a seat of an organisation that keeps a waiting list, in the order in which they are to have one.

Life: waiting → seated | taken_off. Whoever is invited while no seat is free is written to only once there is one; until then the
place keeps who asked for it and the words for the invitation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import oversight
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.kernel import batches, clock, journal, nudges
from app.kernel.db import Model, UtcDateTime, db, uuid7
from app.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from app.accounts.memberships import Actor

SWEEP = "waiting_list"
PAGE = 100


class State(StrEnum):
    """Where a place stands."""

    WAITING = "waiting"
    SEATED = "seated"
    TAKEN_OFF = "taken_off"


class WaitingPlace(Model):
    """A membership's place; whoever has the smallest `rank` of an organisation is next."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    asked_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    import_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("people_import.id"))
    note: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime]
    rank: Mapped[int]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'seated', 'taken_off')", name="state"),
        sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_at"),
        sa.Index(
            "ix_waiting_place_one_each",
            "membership_id",
            unique=True,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index(None, "organisation_id", "state", "rank", "id"),
    )


# Written out and not as a parameter, so that both databases see that the index of those who wait will do.
WAITS = sa.text("waiting_place.state = 'waiting'")
IS_HERE = Membership.state.in_((MembershipState.INVITED, MembershipState.ACTIVE))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits, and how many are before them."""

    place: WaitingPlace
    member: Membership
    before: int


def switch(actor: Actor, *, to: bool) -> None:
    """Keep a waiting list from now on, or let it rest: nobody comes on it, and nobody on it gets a seat until it is on again."""
    organisation = db.session.get_one(Organisation, actor.organisation.id, with_for_update=True)
    if organisation.keeps_waiting_list is not to:
        organisation.keeps_waiting_list = to
        what = "waiting_list.kept" if to else "waiting_list.dropped"
        journal.write(what, organisation_id=organisation.id, by=actor.person.id, about=organisation.id)
        nudges.ask(SWEEP)


def is_kept(organisation_id: UUID) -> bool:
    """Whether an organisation keeps a waiting list."""
    return bool(db.session.scalar(sa.select(Organisation.keeps_waiting_list).where(Organisation.id == organisation_id)))


def add(
    organisation_id: UUID, membership_ids: Sequence[UUID], *, by: UUID, note: str = "", import_id: UUID | None = None
) -> None:
    """Put those of some memberships who do not wait yet at the end of the list, in their order, in three statements."""
    waiting = sa.select(WaitingPlace.membership_id).where(WaitingPlace.organisation_id == organisation_id, WAITS)
    already = set(db.session.scalars(waiting.where(WaitingPlace.membership_id.in_(batches.ids(membership_ids)))))
    last = db.session.scalar(
        sa.select(sa.func.max(WaitingPlace.rank)).where(WaitingPlace.organisation_id == organisation_id, WAITS)
    )
    new = [(uuid7(), one) for one in membership_ids if one not in already]
    if not new:
        return
    ranked = ((place, one, rank) for rank, (place, one) in enumerate(new, start=(last or 0) + 1))
    rows = batches.of(ranked, id=sa.Uuid(), membership_id=sa.Uuid(), rank=sa.Integer())
    values = {
        "organisation_id": sa.literal(organisation_id, sa.Uuid()),
        "asked_by": sa.literal(by, sa.Uuid()),
        "import_id": sa.literal(import_id, sa.Uuid()),
        "note": sa.literal(note, sa.String()),
        "state": sa.literal(str(State.WAITING), sa.String()),
        "since": sa.literal(clock.now(), UtcDateTime()),
    }
    batches.insert(WaitingPlace, (*rows.c.keys(), *values), sa.select(*rows.c, *values.values()))
    journal.write_all("waiting_list.waiting", ((one, {}) for _, one in new), organisation_id=organisation_id, by=by)
    nudges.ask(SWEEP)


def settle(organisation_id: UUID, membership_ids: Iterable[UUID], to: State, *, by: UUID | None) -> list[UUID]:
    """End the places of those of some memberships who wait, in two statements; gives whose they were."""
    statement = sa.update(WaitingPlace).where(
        WaitingPlace.organisation_id == organisation_id, WaitingPlace.membership_id.in_(batches.ids(membership_ids)), WAITS
    )
    settled = statement.values(state=to, settled_at=clock.now()).returning(WaitingPlace.membership_id)
    found = list(db.session.scalars(settled.execution_options(synchronize_session=False)))
    if found:
        journal.write_all(f"waiting_list.{to}", ((one, {}) for one in found), organisation_id=organisation_id, by=by)
    return found


def hand_over(organisation_id: UUID, from_id: UUID, to_id: UUID, *, is_seated: bool, by: UUID) -> None:
    """Let one record wait in the place of another one that is merged into it, unless it has a seat or waits already."""
    if is_seated:
        settle(organisation_id, [from_id], State.TAKEN_OFF, by=by)
        settle(organisation_id, [to_id], State.SEATED, by=by)
    elif among(organisation_id, [from_id, to_id]) == {from_id}:
        is_theirs = sa.and_(WaitingPlace.membership_id == from_id, WAITS)
        statement = sa.update(WaitingPlace).where(is_theirs).values(membership_id=to_id)
        db.session.execute(statement.execution_options(synchronize_session=False))
    else:
        settle(organisation_id, [from_id], State.TAKEN_OFF, by=by)


def to_the_front(actor: Actor, membership_id: UUID) -> Membership:
    """Have somebody be the next to get a seat; raises Missing for whom the actor does not see, Conflict for who does not wait."""
    membership = oversight.member(actor, membership_id, lock=True)
    first = sa.select(sa.func.min(WaitingPlace.rank)).where(WaitingPlace.organisation_id == actor.organisation.id, WAITS)
    statement = sa.update(WaitingPlace).where(WaitingPlace.membership_id == membership.id, WAITS)
    rank = (db.session.scalar(first) or 0) - 1
    moved = statement.values(rank=rank).returning(WaitingPlace.id).execution_options(synchronize_session=False)
    if db.session.scalar(moved) is None:
        raise not_waiting(membership)
    journal.write("waiting_list.first", organisation_id=actor.organisation.id, by=actor.person.id, about=membership.id)
    return membership


def waiting(actor: Actor) -> list[Waiting]:
    """Give those whom the actor sees and who wait, the next at the top; their places count everybody."""
    before = sa.func.row_number().over(order_by=(WaitingPlace.rank, WaitingPlace.id)) - 1
    everybody = sa.select(WaitingPlace.id, before.label("before")).join(Membership, Membership.id == WaitingPlace.membership_id)
    ranked = everybody.where(WaitingPlace.organisation_id == actor.organisation.id, WAITS, IS_HERE).subquery()
    query = (
        sa.select(WaitingPlace, Membership, ranked.c.before)
        .join(ranked, ranked.c.id == WaitingPlace.id)
        .join(Membership, Membership.id == WaitingPlace.membership_id)
        .where(oversight.sees(actor))
        .order_by(ranked.c.before)
        .limit(PAGE)
    )
    return [Waiting(*row) for row in db.session.execute(query)]


def number_waiting(actor: Actor) -> int:
    """Count those whom the actor sees and who wait."""
    query = sa.select(sa.func.count()).select_from(WaitingPlace).join(Membership, Membership.id == WaitingPlace.membership_id)
    return db.session.scalar(query.where(oversight.sees(actor), WAITS, IS_HERE)) or 0


def has_any(organisation_id: UUID) -> bool:
    """Whether anybody waits."""
    query = sa.select(WaitingPlace.id).join(Membership, Membership.id == WaitingPlace.membership_id)
    return db.session.scalar(query.where(WaitingPlace.organisation_id == organisation_id, WAITS, IS_HERE).limit(1)) is not None


def among(organisation_id: UUID, membership_ids: Collection[UUID]) -> set[UUID]:
    """Give those of some memberships who wait."""
    query = sa.select(WaitingPlace.membership_id).where(WaitingPlace.organisation_id == organisation_id, WAITS)
    return set(db.session.scalars(query.where(WaitingPlace.membership_id.in_(batches.ids(membership_ids)))))


def in_order(organisation_id: UUID) -> list[UUID]:
    """Give the memberships of all who wait, the next one first."""
    query = sa.select(WaitingPlace.membership_id).where(WaitingPlace.organisation_id == organisation_id, WAITS)
    return list(db.session.scalars(query.order_by(WaitingPlace.rank, WaitingPlace.id)))


def of(organisation_id: UUID, membership_ids: Collection[UUID]) -> list[WaitingPlace]:
    """Give the places of those of some memberships who wait, in their order."""
    query = sa.select(WaitingPlace).where(WaitingPlace.organisation_id == organisation_id, WAITS)
    query = query.where(WaitingPlace.membership_id.in_(batches.ids(membership_ids)))
    query = query.order_by(WaitingPlace.rank, WaitingPlace.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def organisations() -> list[UUID]:
    """Give the organisations where somebody waits."""
    return list(
        db.session.scalars(sa.select(WaitingPlace.organisation_id).where(WAITS).distinct().order_by(WaitingPlace.organisation_id))
    )


def of_import(import_id: UUID) -> list[UUID]:
    """Give the memberships that a list brought in and that still wait."""
    return list(db.session.scalars(sa.select(WaitingPlace.membership_id).where(WaitingPlace.import_id == import_id, WAITS)))


def not_waiting(membership: Membership) -> Conflict:
    """Say that somebody does not wait any more."""
    return Conflict(f"{membership.name} does not wait for a seat any more. Reload the page to see where things stand.")
