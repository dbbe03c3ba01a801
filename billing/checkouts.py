"""Checkouts: one order on its way from the price page through the provider's page to seats; each is served exactly once."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.kernel import clock, journal, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from billing import consumers, price_cards, promotions, seats, subscriptions
from billing.price_cards import SELF_SERVICE_SEATS, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.accounts.memberships import Actor
    from billing.gateway import ProviderCheckout, Snapshot
    from billing.subscriptions import Subscription

STUCK_AFTER = timedelta(minutes=3)
# The provider keeps a page open for 24 hours.
GOES_ON_FOR = timedelta(hours=23)
FORGOTTEN_AFTER = timedelta(hours=25)


class State(StrEnum):
    """Where a checkout stands."""

    OPEN = "open"
    PROCESSING = "processing"
    PAID = "paid"
    STUCK = "stuck"
    SERVED = "served"
    REFUNDED = "refunded"
    EXPIRED = "expired"


MOVES: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.PROCESSING, State.PAID, State.EXPIRED}),
    State.PROCESSING: frozenset({State.PAID, State.EXPIRED}),
    State.PAID: frozenset({State.STUCK, State.SERVED, State.REFUNDED}),
    State.STUCK: frozenset({State.SERVED, State.REFUNDED}),
    State.SERVED: frozenset(),
    State.REFUNDED: frozenset(),
    State.EXPIRED: frozenset(),
}
UNPAID = frozenset({State.EXPIRED, State.REFUNDED})
UNFINISHED = (State.OPEN, State.PROCESSING, State.PAID, State.STUCK)


class Checkout(Model):
    """An order with its figures as the buyer saw them."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    buyer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    seat_for_buyer: Mapped[bool]
    seats: Mapped[int]
    interval: Mapped[str]
    card_version: Mapped[int] = mapped_column(sa.ForeignKey("price_card.version"))
    vat_percent: Mapped[int | None]
    net_minor: Mapped[int]
    vat_minor: Mapped[int]
    gross_minor: Mapped[int]
    currency: Mapped[str]
    promotion_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("promotion.id"))
    discount_minor: Mapped[int] = mapped_column(default=0)
    starts_at_once: Mapped[str | None]
    state: Mapped[str]
    attempt: Mapped[int] = mapped_column(default=1)
    provider_id: Mapped[str | None] = mapped_column(unique=True)
    provider_url: Mapped[str | None]
    began_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    served_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'processing', 'paid', 'stuck', 'served', 'refunded', 'expired')", name="state"),
        sa.CheckConstraint("seats > 0 AND gross_minor = net_minor + vat_minor", name="figures"),
        sa.Index(None, "organisation_id", "began_at"),
        sa.Index(None, "state"),
    )

    @property
    def paid_interval(self) -> Interval:
        """How often will be paid."""
        return Interval(self.interval)


def start(
    actor: Actor,
    number: int,
    interval: Interval,
    *,
    vat_percent: int | None,
    seat_for_buyer: bool,
    shown_minor: int | None = None,
    code: str = "",
    starts_at_once: bool = False,
) -> Checkout:
    """Start an order, or give the newest open one when it is just the same; `shown_minor` is the total the buyer has seen.

    Raises Invalid beyond what is sold without a quote, for a code that cannot be used, or where somebody who buys for themselves
    does not ask to start at once; Conflict for an organisation that has a subscription already, or when the price has changed.
    """
    if number > SELF_SERVICE_SEATS:
        message = f"You can buy up to {SELF_SERVICE_SEATS:,} seats here. For more, ask us for a quote."
        raise Invalid(message, field="seats")
    card = price_cards.current()
    figure, promotion = promotions.priced(card, number, interval, vat_percent, code)
    if shown_minor is not None and shown_minor != figure.gross_minor:
        message = "The price has changed since you opened this page. Please look at it again before you pay."
        raise Conflict(message, shown=shown_minor, now=figure.gross_minor)
    if subscriptions.is_running(actor.organisation.id):
        message = f"{actor.organisation.name} already has a subscription, so we have not started another. Open Billing to see it."
        raise Conflict(message)
    if processing(actor.organisation.id) is not None:
        message = (
            "An order of yours is being paid by Direct Debit already, so we have not started another. Open Billing to see it."
        )
        raise Conflict(message)
    wording = consumers.asked_for(actor.organisation, starts_at_once=starts_at_once)
    wanted = {
        "organisation_id": actor.organisation.id,
        "buyer_id": actor.membership.id,
        "seat_for_buyer": seat_for_buyer,
        "seats": figure.seats,
        "interval": interval,
        "card_version": card.version,
        "vat_percent": vat_percent,
        "net_minor": figure.net_minor,
        "vat_minor": figure.vat_minor,
        "gross_minor": figure.gross_minor,
        "currency": card.currency,
        "promotion_id": None if promotion is None else promotion.id,
        "discount_minor": figure.discount_minor,
        "starts_at_once": wording,
        "state": State.OPEN,
    }
    newest = db.session.scalar(_open_of(actor.organisation.id).order_by(Checkout.began_at.desc(), Checkout.id.desc()).limit(1))
    if newest is not None and clock.now() < newest.began_at + GOES_ON_FOR and _is_just(newest, wanted):
        return newest
    if promotion is not None:
        promotions.take(promotion.id)
    checkout = Checkout(id=uuid7(), began_at=clock.now(), **wanted)
    db.session.add(checkout)
    db.session.flush()
    journal.write(
        "checkout.started",
        organisation_id=actor.organisation.id,
        by=actor.person.id,
        about=checkout.id,
        seats=figure.seats,
        interval=interval,
        gross_minor=figure.gross_minor,
        **({"starts_at_once": wording} if wording else {}),
    )
    return checkout


def is_overtaken(checkout: Checkout) -> bool:
    """Whether a newer order of the organisation is open, as when somebody ordered again in another tab."""
    newer = _open_of(checkout.organisation_id).where(sa.tuple_(Checkout.began_at, Checkout.id) > (checkout.began_at, checkout.id))
    return db.session.scalar(newer.limit(1)) is not None


def overtaken_by(checkout: Checkout) -> list[tuple[UUID, str]]:
    """Give the older orders that could still be paid beside this one, by our id and the provider's."""
    older = _open_of(checkout.organisation_id).where(sa.tuple_(Checkout.began_at, Checkout.id) < (checkout.began_at, checkout.id))
    return [(found.id, found.provider_id) for found in db.session.scalars(older) if found.provider_id]


def of_organisation(organisation_id: UUID, checkout_id: UUID) -> Checkout:
    """Give an order of an organisation; raises Missing for any other."""
    checkout = db.session.get(Checkout, checkout_id)
    if checkout is None or checkout.organisation_id != organisation_id:
        raise Missing
    return checkout


def processing(organisation_id: UUID) -> Checkout | None:
    """Give the order of an organisation whose bank debit is on its way, if there is one."""
    query = sa.select(Checkout).where(Checkout.organisation_id == organisation_id, Checkout.state == State.PROCESSING)
    return db.session.scalar(query.order_by(Checkout.began_at.desc(), Checkout.id.desc()).limit(1))


def processing_among(organisation_ids: Iterable[UUID]) -> set[UUID]:
    """Give those of some organisations that have such an order, in one query."""
    query = sa.select(Checkout.organisation_id).where(
        Checkout.organisation_id.in_(set(organisation_ids)), Checkout.state == State.PROCESSING
    )
    return set(db.session.scalars(query))


def known(checkout_id: UUID | None, provider_id: str | None = None) -> Checkout | None:
    """Give the order with our id or else with the provider's."""
    if checkout_id is not None and (checkout := db.session.get(Checkout, checkout_id)) is not None:
        return checkout
    return db.session.scalar(sa.select(Checkout).where(Checkout.provider_id == provider_id)) if provider_id else None


def unfinished() -> list[Checkout]:
    """Give the orders that may still have to be served, oldest first."""
    return list(db.session.scalars(sa.select(Checkout).where(Checkout.state.in_(UNFINISHED)).order_by(Checkout.began_at)))


def paid_not_served() -> list[Checkout]:
    """Give the orders whose money has come and whose seats have not."""
    query = sa.select(Checkout).where(Checkout.state.in_((State.PAID, State.STUCK)))
    return list(db.session.scalars(query.order_by(Checkout.paid_at)))


def record(checkout_id: UUID, provider: ProviderCheckout) -> State:
    """Keep what the provider says about an order, and give where the order stands now."""
    checkout = _locked(checkout_id)
    if checkout.provider_id is None:
        checkout.provider_id = provider.id
    checkout.provider_url = provider.url
    if State(checkout.state) in {State.OPEN, State.PROCESSING}:
        if provider.is_paid:
            checkout.paid_at = clock.now()
            _move(checkout, State.PAID)
        elif provider.is_expired or provider.has_failed:
            _move(checkout, State.EXPIRED)
            if provider.has_failed:
                _tell(checkout, "debit_failed")
        elif not provider.is_open and checkout.state == State.OPEN:
            _move(checkout, State.PROCESSING)
            _tell(checkout, "debit_on_its_way")
    return State(checkout.state)


def serve(checkout_id: UUID, snapshot: Snapshot) -> bool:
    """Turn a paid order into a subscription with its seats, once whoever asks; False when that was done or must wait.

    A second paid order for an organisation with another living subscription is not served: it is to be refunded.
    """
    checkout = _locked(checkout_id)
    if State(checkout.state) not in {State.PAID, State.STUCK}:
        return False
    # The buyer's row is locked before the subscription's: whoever archives the buyer takes the two in the same order.
    buyer = db.session.get_one(Membership, checkout.buyer_id, with_for_update=True)
    if _has_other(checkout, snapshot):
        return False
    subscription = subscriptions.begin(checkout.organisation_id, snapshot)
    checkout.served_at = clock.now()
    _move(checkout, State.SERVED)
    _welcome(checkout, subscription, buyer)
    return True


def is_second(checkout_id: UUID, snapshot: Snapshot) -> bool:
    """Whether an order was paid beside another living subscription, so that it has to be refunded."""
    checkout = db.session.get_one(Checkout, checkout_id)
    return State(checkout.state) in {State.PAID, State.STUCK} and _has_other(checkout, snapshot)


def mark_refunded(checkout_id: UUID) -> None:
    """Note that a second payment was given back, and tell the buyer; nothing when that was done."""
    checkout = _locked(checkout_id)
    if State(checkout.state) in {State.PAID, State.STUCK}:
        _move(checkout, State.REFUNDED)
        _tell(checkout, "second_payment_refunded")


def refunded(limit: int = 50) -> list[Checkout]:
    """Give the orders whose money was given back because another one had been paid, newest first."""
    query = sa.select(Checkout).where(Checkout.state == State.REFUNDED)
    return list(db.session.scalars(query.order_by(Checkout.paid_at.desc(), Checkout.id).limit(limit)))


def _has_other(checkout: Checkout, snapshot: Snapshot) -> bool:
    live = subscriptions.live(checkout.organisation_id)
    return live is not None and live.provider_id != snapshot.id and live.status != "canceled"


def try_again(checkout_id: UUID) -> None:
    """Count one more attempt to open the provider's page, after it refused the last one for good."""
    _locked(checkout_id).attempt += 1


def mark_stuck() -> list[UUID]:
    """Mark the orders that were paid a while ago and are still not served, in one statement; gives them."""
    late = sa.update(Checkout).where(Checkout.state == State.PAID, Checkout.paid_at <= clock.now() - STUCK_AFTER)
    return _settle_all(late, State.STUCK)


def close_forgotten() -> list[UUID]:
    """Close the orders for which no page was ever opened, so that nobody asks about them for ever; gives them."""
    forgotten = sa.update(Checkout).where(
        Checkout.state == State.OPEN, Checkout.provider_id.is_(None), Checkout.began_at <= clock.now() - FORGOTTEN_AFTER
    )
    return _settle_all(forgotten, State.EXPIRED)


def _settle_all(which: sa.Update, to: State) -> list[UUID]:
    returned = which.values(state=to).returning(Checkout.id, Checkout.organisation_id, Checkout.promotion_id)
    moved = db.session.execute(returned).all()
    for row in moved:
        journal.write(f"checkout.{to}", organisation_id=row.organisation_id, about=row.id)
    if to in UNPAID:
        promotions.give_back([row.promotion_id for row in moved if row.promotion_id is not None])
    return [row.id for row in moved]


def _open_of(organisation_id: UUID) -> sa.Select[Checkout]:
    return sa.select(Checkout).where(Checkout.organisation_id == organisation_id, Checkout.state == State.OPEN)


def _is_just(checkout: Checkout, wanted: dict[str, Any]) -> bool:
    return all(getattr(checkout, name) == value for name, value in wanted.items())


def _locked(checkout_id: UUID) -> Checkout:
    """Load an order as it is now and keep others from it until the transaction ends."""
    query = sa.select(Checkout).where(Checkout.id == checkout_id).with_for_update()
    return db.session.execute(query.execution_options(populate_existing=True)).scalar_one()


def _move(checkout: Checkout, to: State) -> None:
    """Move an order along its life; raises Conflict where there is no such way."""
    if to not in MOVES[State(checkout.state)]:
        message = "This order has moved on. Reload the page to see where it stands."
        raise Conflict(message, was=checkout.state, to=to)
    checkout.state = to
    db.session.flush()
    journal.write(f"checkout.{to}", organisation_id=checkout.organisation_id, about=checkout.id)
    if to in UNPAID and checkout.promotion_id is not None:
        promotions.give_back([checkout.promotion_id])


def _tell(checkout: Checkout, kind: str) -> None:
    """Mail the buyer about an order."""
    buyer = db.session.get_one(Membership, checkout.buyer_id)
    outbox.write(
        kind,
        buyer.address,
        organisation_id=checkout.organisation_id,
        organisation=str(checkout.organisation_id),
        seats=checkout.seats,
        gross_minor=checkout.gross_minor,
    )


def _welcome(checkout: Checkout, subscription: Subscription, buyer: Membership) -> None:
    """Give the buyer the seat they asked for, and tell them that their seats are there."""
    has_room = subscription.is_live and subscription.taken < subscription.bought
    if checkout.seat_for_buyer and has_room and buyer.state == MembershipState.ACTIVE and not seats.has_one(buyer.id):
        seats.assign(checkout.organisation_id, buyer.id, seats.State.IN_USE, by=None)
        buyer.is_learner = True
    outbox.write(
        "seats_bought",
        buyer.address,
        organisation_id=checkout.organisation_id,
        organisation=str(checkout.organisation_id),
        seats=checkout.seats,
        gross_minor=checkout.gross_minor,
        vat_minor=checkout.vat_minor,
        interval=checkout.interval,
        renews_at=subscription.period_end.isoformat(),
    )
