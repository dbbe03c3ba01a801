"""Seats: places bought, given to memberships and taken back; never more than were bought, whoever asks at the same time.

The count of taken seats lives on the subscription's row, and one conditional UPDATE of it decides. Every function here updates
that row first and the assignments after it, so that two operations always meet at the same row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import mergers, waiting_places
from app.kernel import batches, clock, journal, nudges
from app.kernel.db import Model, UtcDateTime, db, uuid7
from app.kernel.errors import Conflict
from billing import allowances
from billing.allowances import Allowance
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUBSCRIPTION_ENDED = "subscription ended"


class NoSeat(Conflict):
    """More seats were asked for than are free: its facts say how many are `missing`."""


class State(StrEnum):
    """Where a seat assignment stands."""

    HELD = "held"
    IN_USE = "in_use"
    RELEASED = "released"


class SeatAssignment(Model):
    """A seat given to a membership, from `assigned_at` to `released_at`; kept for ever and never used again.

    `allowance_id` is the team whose allowance it came from.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    state: Mapped[str]
    assigned_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    why_released: Mapped[str | None]
    allowance_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))

    __table_args__ = (
        sa.CheckConstraint("state IN ('held', 'in_use', 'released')", name="state"),
        sa.CheckConstraint("(state = 'released') = (released_at IS NOT NULL)", name="released_at"),
        sa.Index(
            "ix_seat_assignment_one_open",
            "membership_id",
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        ),
        sa.Index(None, "subscription_id", "state"),
        sa.Index(None, "organisation_id"),
        sa.Index(None, "membership_id"),
        sa.Index(
            "ix_seat_assignment_of_allowance",
            "allowance_id",
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Count:
    """How many seats an organisation has bought and what became of them; `withheld` ones wait for their invoice besides.

    `set_aside` are those among the free ones that only the people of certain teams can be given.
    """

    bought: int
    in_use: int
    held: int
    coming: int | None = None
    withheld: int = 0
    set_aside: int = 0

    @property
    def taken(self) -> int:
        """Seats that somebody has, or that are kept for somebody."""
        return self.in_use + self.held

    @property
    def common(self) -> int:
        """Free seats that are set aside for nobody."""
        return max(0, self.free - self.set_aside)

    @property
    def reserved(self) -> int:
        """Free seats that only the people of certain teams can be given: fewer may be free than are set aside."""
        return self.free - self.common

    @property
    def free(self) -> int:
        """Seats that can be given now: of what was bought, or of the fewer that are planned for the renewal."""
        return max(0, self._capacity - self.taken)

    def missing_for(self, number: int) -> int:
        """How many seats would have to be added to give so many; more than one thinks where more are taken than fit."""
        return max(0, self.taken + number - self._capacity)

    @property
    def _capacity(self) -> int:
        return self.bought if self.coming is None else min(self.bought, self.coming)


def count(organisation_id: UUID) -> Count:
    """Count the seats of an organisation's live subscription."""
    rows = db.session.execute(
        sa.select(SeatAssignment.state, sa.func.count())
        .join(Subscription, Subscription.id == SeatAssignment.subscription_id)
        .where(Subscription.organisation_id == organisation_id, Subscription.is_live, SeatAssignment.released_at.is_(None))
        .group_by(SeatAssignment.state)
    )
    states = dict(rows.all())
    live = sa.select(Subscription.bought, Subscription.coming_seats, Subscription.withheld)
    bought, coming, withheld = db.session.execute(
        live.where(Subscription.organisation_id == organisation_id, Subscription.is_live)
    ).one_or_none() or (0, None, 0)
    fewer = coming if coming is not None and coming < bought else None
    set_aside = sum(allowance.unused for allowance in allowances_of(organisation_id).values())
    return Count(bought, states.get(State.IN_USE, 0), states.get(State.HELD, 0), fewer, withheld, set_aside)


def allowances_of(organisation_id: UUID) -> dict[UUID, Allowance]:
    """Give the allowance of each team of an organisation that has one, with how many of its seats are taken."""
    allotted = allowances.allotted(organisation_id)
    if not allotted:
        return {}
    is_open = sa.and_(SeatAssignment.allowance_id.in_(allotted), SeatAssignment.released_at.is_(None))
    query = sa.select(SeatAssignment.allowance_id, sa.func.count()).where(is_open).group_by(SeatAssignment.allowance_id)
    taken = dict(db.session.execute(query).all())
    return {team_id: Allowance(number, taken.get(team_id, 0)) for team_id, number in allotted.items()}


def history(membership_id: UUID) -> list[SeatAssignment]:
    """Give every seat a membership has had, and those merged into it, newest first."""
    query = sa.select(SeatAssignment).where(SeatAssignment.membership_id.in_(mergers.records_of(membership_id)))
    return list(db.session.scalars(query.order_by(SeatAssignment.assigned_at.desc(), SeatAssignment.id.desc())))


def has_one(membership_id: UUID) -> bool:
    """Whether a membership has a seat, held or in use."""
    query = sa.select(SeatAssignment.id).where(
        SeatAssignment.membership_id == membership_id, SeatAssignment.released_at.is_(None)
    )
    return db.session.scalar(query) is not None


def seated_among(organisation_id: UUID, membership_ids: Iterable[UUID]) -> set[UUID]:
    """Give those of some memberships who have a seat."""
    query = sa.select(SeatAssignment.membership_id).where(
        SeatAssignment.organisation_id == organisation_id,
        SeatAssignment.membership_id.in_(batches.ids(membership_ids)),
        SeatAssignment.released_at.is_(None),
    )
    return set(db.session.scalars(query))


def assign(organisation_id: UUID, membership_id: UUID, state: State, *, by: UUID | None) -> SeatAssignment:
    """Give a seat to a membership, held for an invitation or in use at once; raises Conflict when none is free."""
    lock_live(organisation_id)
    subscription_id, drawn = _take(organisation_id, [membership_id])
    return begin(organisation_id, subscription_id, membership_id, state, drawn[membership_id], by=by)


def begin(
    organisation_id: UUID, subscription_id: UUID, membership_id: UUID, state: State, allowance_id: UUID | None, *, by: UUID | None
) -> SeatAssignment:
    """Begin the assignment of a seat that is counted as taken already; raises Conflict where the membership has one."""
    assignment = SeatAssignment(
        id=uuid7(),
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        membership_id=membership_id,
        state=state,
        assigned_at=clock.now(),
        allowance_id=allowance_id,
    )
    db.session.add(assignment)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict("This person already has a seat.") from error
    journal.write(f"seat.{state}", organisation_id=organisation_id, by=by, about=membership_id, assignment=str(assignment.id))
    return assignment


def assign_each(organisation_id: UUID, membership_ids: Sequence[UUID], state: State, *, by: UUID | None) -> list[UUID]:
    """Give a seat to each of these who has none, to all of them or to nobody, in five statements however many they are.

    Gives those who were given one; raises Conflict when there are fewer free seats.
    """
    lock_live(organisation_id)
    seated = seated_among(organisation_id, membership_ids)
    chosen = [membership_id for membership_id in membership_ids if membership_id not in seated]
    if not chosen:
        return []
    subscription_id, drawn = _take(organisation_id, chosen)
    given = [(uuid7(), membership_id, drawn[membership_id]) for membership_id in chosen]
    rows = batches.of(given, id=sa.Uuid(), membership_id=sa.Uuid(), allowance_id=sa.Uuid())
    organisation, subscription = sa.literal(organisation_id, sa.Uuid()), sa.literal(subscription_id, sa.Uuid())
    now = sa.literal(clock.now(), UtcDateTime())
    batches.insert(
        SeatAssignment,
        ("id", "organisation_id", "subscription_id", "membership_id", "allowance_id", "state", "assigned_at"),
        sa.select(
            rows.c.id,
            organisation,
            subscription,
            rows.c.membership_id,
            rows.c.allowance_id,
            sa.literal(str(state), sa.String()),
            now,
        ),
    )
    entries = ((membership_id, {"assignment": str(assignment_id)}) for assignment_id, membership_id, _ in given)
    journal.write_all(f"seat.{state}", entries, organisation_id=organisation_id, by=by)
    return chosen


def put_in_use(organisation_id: UUID, membership_id: UUID, *, by: UUID | None) -> None:
    """Turn the held seat of a membership into one in use; raises Conflict when it is not held any more."""
    if not put_each_in_use(organisation_id, [membership_id], by=by):
        raise Conflict("The seat that was kept for you has been taken back. Ask the person who invited you.")


def put_each_in_use(organisation_id: UUID, membership_ids: Iterable[UUID], *, by: UUID | None) -> list[UUID]:
    """Turn the held seats of some memberships into seats in use, in two statements; gives whose were held."""
    is_theirs = sa.and_(
        SeatAssignment.organisation_id == organisation_id,
        SeatAssignment.membership_id.in_(batches.ids(membership_ids)),
        SeatAssignment.state == State.HELD,
    )
    statement = sa.update(SeatAssignment).where(is_theirs).values(state=State.IN_USE)
    returned = statement.returning(SeatAssignment.id, SeatAssignment.membership_id)
    moved = db.session.execute(returned.execution_options(synchronize_session=False)).all()
    if moved:
        entries = ((membership_id, {"assignment": str(assignment_id)}) for assignment_id, membership_id in moved)
        journal.write_all("seat.in_use", entries, organisation_id=organisation_id, by=by)
    return [membership_id for _, membership_id in moved]


def release(organisation_id: UUID, membership_id: UUID, why: str, *, by: UUID | None) -> bool:
    """Take a membership's seat back, so that it is free at this moment; False when it had none."""
    subscription_id = db.session.scalar(
        sa.select(SeatAssignment.subscription_id).where(
            SeatAssignment.organisation_id == organisation_id,
            SeatAssignment.membership_id == membership_id,
            SeatAssignment.released_at.is_(None),
        )
    )
    if subscription_id is None:
        return False
    db.session.execute(sa.select(Subscription.id).where(Subscription.id == subscription_id).with_for_update())
    released = db.session.execute(
        sa.update(SeatAssignment)
        .where(SeatAssignment.membership_id == membership_id, SeatAssignment.released_at.is_(None))
        .values(state=State.RELEASED, released_at=clock.now(), why_released=why)
        .returning(SeatAssignment.id)
    ).scalar()
    if released is None:
        return False
    _give_back(subscription_id, 1)
    journal.write("seat.released", organisation_id=organisation_id, by=by, about=membership_id, assignment=str(released), why=why)
    return True


def release_each(organisation_id: UUID, membership_ids: Sequence[UUID], why: str, *, by: UUID | None) -> list[UUID]:
    """Take the seats of all of these back, in four statements however many they are; gives those who had one."""
    subscription_id = lock_live(organisation_id)
    if subscription_id is None:
        return []
    is_theirs = sa.and_(
        SeatAssignment.organisation_id == organisation_id,
        SeatAssignment.membership_id.in_(batches.ids(membership_ids)),
        SeatAssignment.released_at.is_(None),
    )
    statement = sa.update(SeatAssignment).where(is_theirs)
    released = db.session.execute(
        statement.values(state=State.RELEASED, released_at=clock.now(), why_released=why)
        .returning(SeatAssignment.id, SeatAssignment.membership_id)
        .execution_options(synchronize_session=False)
    ).all()
    if released:
        _give_back(subscription_id, len(released))
        entries = ((membership_id, {"assignment": str(assignment_id), "why": why}) for assignment_id, membership_id in released)
        journal.write_all("seat.released", entries, organisation_id=organisation_id, by=by)
    return [membership_id for _, membership_id in released]


def release_all(subscription: Subscription, why: str) -> int:
    """Take back every seat of a subscription that has ended; gives how many."""
    db.session.execute(sa.select(Subscription.id).where(Subscription.id == subscription.id).with_for_update())
    released = db.session.execute(
        sa.update(SeatAssignment)
        .where(SeatAssignment.subscription_id == subscription.id, SeatAssignment.released_at.is_(None))
        .values(state=State.RELEASED, released_at=clock.now(), why_released=why)
        .returning(SeatAssignment.id)
    ).all()
    if released:
        _give_back(subscription.id, len(released))
        journal.write(
            "seat.all_released", organisation_id=subscription.organisation_id, about=subscription.id, seats=len(released), why=why
        )
    return len(released)


def miscounted() -> list[UUID]:
    """Give the subscriptions whose count of taken seats differs from their open assignments: there should be none."""
    open_rows = (
        sa.select(sa.func.count())
        .where(SeatAssignment.subscription_id == Subscription.id, SeatAssignment.released_at.is_(None))
        .scalar_subquery()
    )
    return list(db.session.scalars(sa.select(Subscription.id).where(Subscription.taken != open_rows)))


def lock_live(organisation_id: UUID) -> UUID | None:
    """Lock the live subscription of an organisation, so that nobody gives or takes seats until this is done."""
    query = sa.select(Subscription.id).where(Subscription.organisation_id == organisation_id, Subscription.is_live)
    return db.session.scalar(query.with_for_update())


def _has_room(number: int) -> sa.ColumnElement[bool]:
    """Whether a subscription has so many seats left, of those bought and of the fewer that are planned for the renewal.

    It is the one condition by which every way of giving seats is decided.
    """
    after = Subscription.taken + number
    return sa.and_(after <= Subscription.bought, sa.or_(Subscription.coming_seats.is_(None), after <= Subscription.coming_seats))


def _take(organisation_id: UUID, membership_ids: Sequence[UUID]) -> tuple[UUID, dict[UUID, UUID | None]]:
    """Take a seat for each of these people, in one statement that decides; raises Conflict at the limit.

    Gives the subscription, which was locked before, and from which team's allowance each seat comes. What is set aside for
    others must stay free as well, where anybody takes what is set aside for nobody.
    """
    number = len(membership_ids)
    drawn = allowances.draw(organisation_id, membership_ids, allowances_of(organisation_id))
    needed = number + drawn.set_aside if drawn.is_common else number
    subscription_id = db.session.execute(
        sa.update(Subscription)
        .where(Subscription.organisation_id == organisation_id, Subscription.is_live, _has_room(needed))
        .values(taken=Subscription.taken + number)
        .returning(Subscription.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if subscription_id is None:
        raise _too_few(organisation_id, number, needed)
    return subscription_id, drawn.teams


def _too_few(organisation_id: UUID, number: int, needed: int) -> NoSeat:
    """Say how many are free, how many were asked for, and how many would have to be added; others keep what is set aside."""
    counted = count(organisation_id)
    words = "All your seats are taken. Take one back from somebody who has left, or add seats under Billing."
    if counted.set_aside:
        are = "is" if counted.reserved == 1 else "are"
        free = f"Of {counted.free:,} free, {counted.reserved:,} {are} set aside for teams"
        aside = f"{free}, so {counted.common:,} can go to anybody."
        words = f"{aside} Choose fewer people, give a team fewer seats under Teams, or add seats under Billing."
    elif number > 1 and counted.free:
        seats_are = "seat is" if counted.free == 1 else "seats are"
        asked = f"{number:,} seats are needed and {counted.free:,} {seats_are} free."
        words = f"{asked} Choose fewer people, or add seats under Billing."
    elif counted.coming is not None:
        planned = f"You have planned {counted.coming:,} seats for the renewal, and that many are taken."
        words = f"{planned} Undo the plan under Billing, or take a seat back first."
    return NoSeat(words, missing=counted.missing_for(needed))


def _give_back(subscription_id: UUID, number: int) -> None:
    """Count seats as free again, so that whoever waits for one is looked at."""
    nudges.ask(waiting_places.SWEEP)
    db.session.execute(
        sa.update(Subscription)
        .where(Subscription.id == subscription_id)
        .values(taken=Subscription.taken - number, is_over=Subscription.taken - number > Subscription.bought)
        .execution_options(synchronize_session=False)
    )
