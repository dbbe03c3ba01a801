"""Unused seats: those in use by people who have not learnt for a while, and how many could be paid for fewer at the renewal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel import clock
from app.kernel.db import db
from billing import figures, price_cards, seats, subscriptions
from billing.seats import SeatAssignment
from catalog.learning import progress

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import InstrumentedAttribute

    from billing.figures import Figure

AFTER = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Advice:
    """How many seats nobody has learnt on for a while or has at all, and what fewer would cost at the renewal.

    `fewer` and both figures are empty where nothing is to be recommended.
    """

    unused: int
    free: int
    fewer: int | None = None
    now: Figure | None = None
    then: Figure | None = None

    @property
    def saved_minor(self) -> int:
        """What each payment would be less, including VAT, in pence."""
        return 0 if self.now is None or self.then is None else self.now.gross_minor - self.then.gross_minor


def is_unused(membership_id: InstrumentedAttribute[UUID]) -> sa.ColumnElement[bool]:
    """Give the condition under which somebody has had a seat in use for a while and has not learnt since."""
    since = clock.now() - AFTER
    has_had_one = sa.exists().where(
        SeatAssignment.membership_id == membership_id,
        SeatAssignment.state == seats.State.IN_USE,
        SeatAssignment.released_at.is_(None),
        SeatAssignment.assigned_at <= since,
    )
    return sa.and_(has_had_one, ~progress.has_learnt_since(membership_id, since))


def number(organisation_id: UUID) -> int:
    """Count the seats of an organisation that are in use and were not learnt on for a while."""
    are_open = sa.and_(SeatAssignment.organisation_id == organisation_id, SeatAssignment.released_at.is_(None))
    query = sa.select(sa.func.count()).select_from(SeatAssignment).where(are_open, is_unused(SeatAssignment.membership_id))
    return db.session.scalar(query) or 0


def advice(organisation_id: UUID) -> Advice:
    """Say how many seats go unused; fewer are recommended where the subscription goes on, is not new and nothing is planned."""
    counted, subscription = seats.count(organisation_id), subscriptions.live(organisation_id)
    unused = number(organisation_id)
    fewer = counted.bought - counted.free - unused
    if (
        subscription is None
        or subscription.cancel_at is not None
        or subscription.coming_seats is not None
        or subscription.began_at > clock.now() - AFTER
        or not 0 < fewer < counted.bought
    ):
        return Advice(unused, counted.free)
    card, discount = price_cards.of_version(subscription.card_version), subscription.discount_at(subscription.period_end)
    now, then = (
        figures.figure(card, number_of_seats, subscription.paid_interval, subscription.vat_percent, discount)
        for number_of_seats in (subscription.ordered, fewer)
    )
    return Advice(unused, counted.free, fewer, now, then)
