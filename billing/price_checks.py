"""Price checks: whether the provider's prices are still those of our cards, as they must be for every figure to be true."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import Model, db
from app.kernel.errors import Refusal
from app.kernel.transaction import transaction
from billing import price_cards
from billing.price_cards import Interval, PriceCard
from billing.subscriptions import Subscription

if TYPE_CHECKING:
    from billing.gateway import Gateway

log = structlog.get_logger(__name__)


class PriceCheck(Model):
    """What the last look at a price of the provider found; `problem` is empty when it is as the card says."""

    version: Mapped[int] = mapped_column(sa.ForeignKey("price_card.version"), primary_key=True, autoincrement=False)
    interval: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    problem: Mapped[str | None]


def run(gateway: Gateway) -> list[str]:
    """Compare the price of every card in use with the card, keep what was found, and give what differs."""
    problems = []
    for version in _in_use():
        card = price_cards.of_version(version)
        for interval in Interval:
            try:
                problem = gateway.price_drift(card, interval)
            except Refusal as refusal:
                problem = refusal.message
            with transaction():
                _keep(version, interval, problem)
            if problem is not None:
                log.error("price differs", version=version, interval=interval, problem=problem)
                problems.append(problem)
    return problems


def newest() -> list[PriceCheck]:
    """Give what the last look found, the newest card first."""
    return list(db.session.scalars(sa.select(PriceCheck).order_by(PriceCheck.version.desc(), PriceCheck.interval)))


def _in_use() -> list[int]:
    """Give the version that is sold and those that somebody still pays by."""
    paid = sa.select(Subscription.card_version).where(Subscription.is_live)
    sold = sa.select(sa.func.max(PriceCard.version))
    query = sa.select(PriceCard.version).where(sa.or_(PriceCard.version.in_(paid), PriceCard.version == sold.scalar_subquery()))
    return list(db.session.scalars(query.order_by(PriceCard.version.desc())))


def _keep(version: int, interval: Interval, problem: str | None) -> None:
    row, now = db.session.get(PriceCheck, (version, interval.value)), clock.now()
    if row is None:
        row = PriceCheck(version=version, interval=interval.value)
        db.session.add(row)
    row.checked_at, row.problem = now, problem
