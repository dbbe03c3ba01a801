"""Changes of a subscription that somebody asked for: kept before the provider is asked, and settled by what it then says.

At most one of a subscription is open at a time. Its id is the idempotency key with which the provider is asked, so that a kill,
a second tab or a sweep beside a person never charges twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from billing import price_cards, promotions, seats, subscriptions
from billing.price_cards import INVOICED_SEATS, SELF_SERVICE_SEATS, Interval
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from billing.gateway import Preview

LEFT_ALONE_FOR = timedelta(minutes=1)


class Kind(StrEnum):
    """What was asked for."""

    MORE_SEATS = "more_seats"
    FEWER_SEATS = "fewer_seats"
    YEARLY = "yearly"
    MONTHLY = "monthly"
    DROP_PLAN = "drop_plan"
    END = "end"
    GO_ON = "go_on"


class State(StrEnum):
    """Where a change stands: `waiting` for its payment, `planning` what comes with the renewal."""

    ASKED = "asked"
    WAITING = "waiting"
    PLANNING = "planning"
    DONE = "done"
    LAPSED = "lapsed"
    REFUSED = "refused"


MOVES: dict[State, frozenset[State]] = {
    State.ASKED: frozenset({State.WAITING, State.PLANNING, State.DONE, State.REFUSED}),
    State.WAITING: frozenset({State.PLANNING, State.DONE, State.LAPSED}),
    State.PLANNING: frozenset({State.DONE, State.LAPSED, State.REFUSED}),
    State.DONE: frozenset(),
    State.LAPSED: frozenset(),
    State.REFUSED: frozenset(),
}
OPEN = (State.ASKED, State.WAITING, State.PLANNING)
AT_ONCE = frozenset({Kind.MORE_SEATS, Kind.YEARLY})


class Change(Model):
    """What a subscription is to be now (`seats`, `interval`) and, where that differs, from the renewal on (`then_…`)."""

    __tablename__ = "subscription_change"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"))
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    kind: Mapped[str]
    state: Mapped[str]
    from_seats: Mapped[int]
    seats: Mapped[int]
    interval: Mapped[str]
    then_seats: Mapped[int | None]
    then_interval: Mapped[str | None]
    counted_at: Mapped[datetime]
    net_minor: Mapped[int] = mapped_column(default=0)
    vat_minor: Mapped[int] = mapped_column(default=0)
    gross_minor: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None]
    is_applied: Mapped[bool] = mapped_column(default=False)
    refusal: Mapped[str | None]
    began_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'waiting', 'planning', 'done', 'lapsed', 'refused')", name="state"),
        sa.CheckConstraint("(state IN ('asked', 'waiting', 'planning')) = (done_at IS NULL)", name="done_at"),
        sa.CheckConstraint("gross_minor = net_minor + vat_minor AND seats > 0", name="figures"),
        sa.Index(
            "ix_subscription_change_one_open",
            "subscription_id",
            unique=True,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
        sa.Index(None, "organisation_id", "began_at"),
    )

    @property
    def added(self) -> int:
        """How many seats are added now."""
        return max(0, self.seats - self.from_seats)

    @property
    def is_at_once(self) -> bool:
        """Whether it is paid for and made at once, so that it can be given up while it is not paid."""
        return self.kind in AT_ONCE

    @property
    def is_open(self) -> bool:
        """Whether it is not settled yet."""
        return self.done_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a change that is paid for at once would be and cost, as it is shown before somebody confirms it."""

    subscription_id: UUID
    was: tuple[int, str, int | None, str | None]
    seats: int
    interval: Interval
    then_seats: int | None
    then_interval: Interval | None
    counted_at: datetime
    cost: Preview

    @property
    def from_seats(self) -> int:
        """How many seats there are before."""
        return self.was[0]


def changeable(organisation_id: UUID, *, also_unpaid: bool = False) -> Subscription:
    """Give the subscription that can be changed; raises Conflict when there is none, or it has to be paid first."""
    subscription = subscriptions.live(organisation_id)
    if subscription is None or subscription.status in {"canceled", "incomplete"}:
        message = "There is no subscription to change. Buy seats on the price page first."
        raise Conflict(message)
    if subscription.withheld and not also_unpaid:
        message = "Seats that you ordered wait for their invoice to be paid. As soon as it is, you can change the subscription."
        raise Conflict(message)
    if subscription.status != "active" and not also_unpaid:
        message = "The last payment has not gone through. Pay it under Billing first; after that you can change the subscription."
        raise Conflict(message)
    return subscription


def more_seats(subscription: Subscription, added: int) -> tuple[int, int | None, Interval | None]:
    """Give how many seats there would be now, and from the renewal on where that was planned; raises Invalid.

    What was planned for the renewal grows by as much, so that the seats that are added can be given to somebody.
    """
    if added < 1:
        message = "Give the number of seats to add as a whole number from 1 upwards."
        raise Invalid(message, field="seats")
    seats_now = sold(subscription, subscription.bought + added, subscription.paid_interval)
    most = INVOICED_SEATS if subscription.is_by_invoice else SELF_SERVICE_SEATS
    if seats_now > most:
        message = f"You can have up to {most:,} seats here. For more, write to us."
        raise Invalid(message, field="seats")
    if subscription.coming_seats is None or subscription.coming_interval is None:
        return seats_now, None, None
    then = Interval(subscription.coming_interval)
    return seats_now, sold(subscription, subscription.coming_seats + seats_now - subscription.bought, then), then


def sold(subscription: Subscription, seats: int, interval: Interval) -> int:
    """Give the number of seats that is sold by the card of a subscription to whoever asks for so many."""
    return price_cards.of_version(subscription.card_version).sold(seats, interval)


def as_it_is(subscription: Subscription) -> tuple[int, str, int | None, str | None]:
    """Give what an offer rests on: seats and interval, now and as they are planned."""
    return subscription.bought, subscription.interval, subscription.coming_seats, subscription.coming_interval


def accept(actor: Actor, offer: Offer, kind: Kind) -> Change:
    """Keep a change as it was offered; raises Conflict when the subscription has changed since, or another change is open."""
    subscription = _own(actor, offer.subscription_id)
    if offer.was != as_it_is(subscription):
        raise moved_on()
    return _open(
        actor,
        subscription,
        kind,
        seats=offer.seats,
        interval=offer.interval,
        then_seats=offer.then_seats,
        then_interval=offer.then_interval,
        counted_at=offer.counted_at,
        net_minor=offer.cost.net_minor,
        vat_minor=offer.cost.vat_minor,
        gross_minor=offer.cost.gross_minor,
    )


def fewer_seats(actor: Actor, number: int) -> Change:
    """Plan fewer seats for the renewal; from now on no more than those can be given.

    Raises Invalid for a number that is not fewer or would cost nothing, Conflict when more are taken, as the statement decides.
    """
    subscription = _own(actor, changeable(actor.organisation.id).id)
    _refuse_ending(subscription)
    if not 1 <= number < subscription.bought:
        message = f"You have {subscription.bought:,} seats. Give a smaller number, from 1 upwards."
        raise Invalid(message, field="seats")
    interval = subscription.coming_interval or subscription.interval
    if sold(subscription, number, Interval(interval)) != number:
        message = f"{number:,} seats would not cost less than you pay now. Give a smaller number, or keep what you have."
        raise Invalid(message, field="seats")
    promotions.refuse_free(subscription, number, Interval(interval))
    change = _open(actor, subscription, Kind.FEWER_SEATS, then_seats=number, then_interval=interval)
    reserved = db.session.execute(
        sa.update(Subscription)
        .where(Subscription.id == subscription.id, Subscription.is_live, Subscription.taken <= number)
        .values(coming_seats=number, coming_interval=interval)
        .returning(Subscription.id)
        .execution_options(synchronize_session=False)
    ).first()
    if reserved is None:
        counted = seats.count(actor.organisation.id)
        message = (
            f"{counted.taken:,} seats are taken: {counted.in_use:,} in use and {counted.held:,} held by invitations. "
            "Take some back first, or keep at least that many."
        )
        raise Conflict(message)
    return change


def monthly(actor: Actor) -> Change:
    """Plan to pay by the month from the renewal on; raises Conflict when that is so already, or an amount would go off each."""
    subscription = _own(actor, changeable(actor.organisation.id).id)
    _refuse_ending(subscription)
    if subscription.is_by_invoice:
        message = "What is paid by invoice is paid by the year."
        raise Conflict(message)
    if Interval.MONTH in {subscription.interval, subscription.coming_interval}:
        raise moved_on()
    promotions.refuse_monthly(subscription)
    coming = sold(subscription, subscription.coming_seats or subscription.bought, Interval.MONTH)
    return _open(actor, subscription, Kind.MONTHLY, then_seats=coming, then_interval=Interval.MONTH)


def drop_plan(actor: Actor) -> Change:
    """Let go of what is planned for the renewal; raises Conflict when nothing is."""
    subscription = _own(actor, changeable(actor.organisation.id, also_unpaid=True).id)
    if subscription.coming_seats is None:
        raise moved_on()
    return _open(actor, subscription, Kind.DROP_PLAN)


def end(actor: Actor, reason: str | None) -> Change:
    """End the subscription with what is paid for; a plan for the renewal goes with it. Raises Conflict when it ends already."""
    subscription = _own(actor, changeable(actor.organisation.id, also_unpaid=True).id)
    if subscription.cancel_at is not None:
        raise moved_on()
    return _open(actor, subscription, Kind.END, reason=reason)


def go_on(actor: Actor) -> Change:
    """Let a subscription that would end go on after all; raises Conflict when it goes on anyway."""
    subscription = _own(actor, changeable(actor.organisation.id, also_unpaid=True).id)
    if subscription.cancel_at is None:
        raise moved_on()
    return _open(actor, subscription, Kind.GO_ON)


def of_organisation(organisation_id: UUID, change_id: UUID) -> Change:
    """Give a change of an organisation; raises Missing for any other."""
    change = db.session.get(Change, change_id)
    if change is None or change.organisation_id != organisation_id:
        raise Missing
    return change


def known(change_id: UUID) -> Change:
    """Give a change that is known to exist."""
    return db.session.get_one(Change, change_id)


def open_of(subscription_id: UUID) -> Change | None:
    """Give the change of a subscription that is not settled, if there is one."""
    return db.session.scalar(sa.select(Change).where(Change.subscription_id == subscription_id, Change.done_at.is_(None)))


def waiting_of(subscription_id: UUID) -> UUID | None:
    """Give the id of the change that waits for its payment: the provider was asked, so that its next word decides."""
    query = sa.select(Change.id).where(Change.subscription_id == subscription_id, Change.state == State.WAITING)
    return db.session.scalar(query)


def left_alone() -> list[Change]:
    """Give the open changes that nobody is busy with any more, oldest first."""
    query = sa.select(Change).where(Change.done_at.is_(None), Change.began_at <= clock.now() - LEFT_ALONE_FOR)
    return list(db.session.scalars(query.order_by(Change.began_at)))


def mark_answered(change_id: UUID) -> None:
    """Note that the provider has taken a change on."""
    change = locked(change_id)
    if change.state == State.ASKED:
        move(change, State.WAITING)


def refuse(change_id: UUID, step: State, why: str) -> None:
    """Note that the provider has refused a change for good, unless it has moved on since."""
    change = locked(change_id)
    if change.state == step:
        change.refusal = why[:500]
        move(change, State.REFUSED)


def _own(actor: Actor, subscription_id: UUID) -> Subscription:
    """Load the subscription as it is now and keep others from it until the transaction ends."""
    query = sa.select(Subscription).where(
        Subscription.id == subscription_id, Subscription.organisation_id == actor.organisation.id, Subscription.is_live
    )
    found = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise moved_on()
    return found


def _open(actor: Actor, subscription: Subscription, kind: Kind, **values: object) -> Change:
    """Keep a change to be made; raises Conflict while another one is open."""
    is_plan = kind in {Kind.FEWER_SEATS, Kind.MONTHLY}
    wanted: dict[str, object] = {
        "from_seats": subscription.ordered,
        "seats": subscription.ordered,
        "interval": subscription.interval,
        "counted_at": clock.now(),
        **values,
    }
    change = Change(
        id=uuid7(),
        organisation_id=subscription.organisation_id,
        subscription_id=subscription.id,
        by_id=actor.membership.id,
        kind=kind,
        state=State.PLANNING if is_plan else State.ASKED,
        is_applied=is_plan,
        began_at=clock.now(),
        **wanted,
    )
    try:
        with db.session.begin_nested():
            db.session.add(change)
    except sa.exc.IntegrityError as error:
        message = "Another change of this subscription is not finished yet. Open Billing to see it, and finish it first."
        raise Conflict(message) from error
    facts = {"seats": change.then_seats, "interval": change.then_interval} if is_plan else wanted
    journal.write(
        f"change.{kind}",
        organisation_id=subscription.organisation_id,
        by=actor.person.id,
        about=change.id,
        seats=facts["seats"],
        interval=facts["interval"],
        **({"reason": change.reason} if change.reason else {}),
    )
    return change


def _refuse_ending(subscription: Subscription) -> None:
    if subscription.cancel_at is not None:
        message = "The subscription ends with this term, so nothing comes after it. Let it go on under Billing first."
        raise Conflict(message)


def locked(change_id: UUID) -> Change:
    """Load a change as it is now and keep others from it until the transaction ends."""
    query = sa.select(Change).where(Change.id == change_id).with_for_update()
    return db.session.execute(query.execution_options(populate_existing=True)).scalar_one()


def move(change: Change, to: State) -> None:
    """Move a change along its life; raises Conflict where there is no such way."""
    if to not in MOVES[State(change.state)]:
        raise moved_on()
    now = clock.now()
    change.state = to
    if to not in OPEN:
        change.done_at = now
        journal.write(f"change.{to}", organisation_id=change.organisation_id, about=change.id, kind=change.kind)
    db.session.flush()


def moved_on() -> Conflict:
    """Say that something else happened first."""
    return Conflict("The subscription has changed since you opened this page. Look at Billing again before you go on.")
