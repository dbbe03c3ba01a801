"""Price cards: versioned bands for month and year; a subscriber keeps the version they bought."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal
from app.kernel.db import Model, db
from app.kernel.errors import Invalid, Missing, Unavailable

if TYPE_CHECKING:
    from uuid import UUID

SEED = Path(__file__).with_name("price_card.toml")
SELF_SERVICE_SEATS = 2000
# By a quote, and afterwards by invoice.
INVOICED_SEATS = 10_000


class Interval(StrEnum):
    """How often is paid."""

    MONTH = "month"
    YEAR = "year"


class Mode(StrEnum):
    """Whether each seat costs what its own band says, or all of them what the band of their number says; Stripe's words."""

    GRADUATED = "graduated"
    VOLUME = "volume"


class PriceCard(Model):
    """A published version of the prices; it never changes."""

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    currency: Mapped[str]
    bands: Mapped[list[Any]]
    mode: Mapped[str] = mapped_column(default=Mode.GRADUATED)
    bump: Mapped[bool] = mapped_column(default=False)
    published_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("mode IN ('graduated', 'volume')", name="mode"),)


@dataclass(frozen=True, slots=True)
class Band:
    """From its first seat to its last (None: no end), each seat costs this much a month or a year, in pence before VAT."""

    first: int
    last: int | None
    month_minor: int
    year_minor: int

    def unit_minor(self, interval: Interval) -> int:
        """Give the price of one seat of this band."""
        return self.month_minor if interval is Interval.MONTH else self.year_minor


@dataclass(frozen=True, slots=True)
class Card:
    """A price card as the rules use it: bands without gaps, from the first seat on.

    With `bump`, whoever asks for a number that would cost more than a larger one gets the larger one.
    """

    version: int
    currency: str
    bands: tuple[Band, ...]
    mode: Mode = Mode.GRADUATED
    bump: bool = False

    def shares(self, seats: int, interval: Interval) -> list[tuple[int, int]]:
        """Give how many of the seats cost how much each, in pence before VAT."""
        reached = [band for band in self.bands if band.first <= seats]
        if self.mode is Mode.VOLUME:
            return [(seats, reached[-1].unit_minor(interval))]
        lasts = [seats if band.last is None else min(seats, band.last) for band in reached]
        return [(last - band.first + 1, band.unit_minor(interval)) for band, last in zip(reached, lasts, strict=True)]

    def total_minor(self, seats: int, interval: Interval) -> int:
        """Give what a number of seats costs, in pence before VAT."""
        return sum(count * unit for count, unit in self.shares(seats, interval))

    def sold(self, seats: int, interval: Interval) -> int:
        """Give the number of seats that is sold to whoever asks for so many: a larger one where that costs less."""
        if not self.bump:
            return seats
        larger = [band.first for band in self.bands if band.first > seats]
        return min([seats, *larger], key=lambda number: (self.total_minor(number, interval), number))


def read(version: int, currency: str, bands: list[dict[str, int]], mode: Mode = Mode.GRADUATED, *, bump: bool = False) -> Card:
    """Make a card of its bands in order of `first`.

    Raises Invalid when a band is out of order or dearer than the one before, or when more seats would cost less in total than
    fewer without a bump.
    """
    firsts = [band["first"] for band in bands]
    if not bands or firsts[0] != 1 or firsts != sorted(set(firsts)):
        message = "The bands of a price card begin at seat 1 and each begins after the one before."
        raise Invalid(message)
    lasts: list[int | None] = [first - 1 for first in firsts[1:]]
    made = tuple(Band(band["first"], last, band["month"], band["year"]) for band, last in zip(bands, [*lasts, None], strict=True))
    for interval in Interval:
        units = [band.unit_minor(interval) for band in made]
        if units != sorted(units, reverse=True) or units[-1] < 0:
            message = "A later band of a price card never costs more for each seat, and none is below nothing."
            raise Invalid(message)
    card = Card(version, currency, made, mode, bump and mode is Mode.VOLUME)
    if mode is Mode.VOLUME and not bump:
        _demand_order(card)
    return card


def _demand_order(card: Card) -> None:
    """Raise Invalid when more seats of a card cost less in total than fewer."""
    for interval in Interval:
        for before, after in pairwise(card.bands):
            last = after.first - 1
            if card.total_minor(last, interval) > card.total_minor(after.first, interval):
                message = (
                    f"By the {interval}, {last:,} would cost more than {after.first:,}. Lower the price of the band from "
                    f"{before.first:,} on, or sell the larger number to whoever asks for the smaller one."
                )
                raise Invalid(message, field="bump")


def publish(
    currency: str,
    bands: list[dict[str, int]],
    mode: Mode = Mode.GRADUATED,
    *,
    bump: bool = False,
    by: UUID | None = None,
) -> Card:
    """Publish bands as the next version, unless the current one is the same; raises Invalid for bands that make no sense."""
    newest = _newest()
    card = read(newest.version + 1 if newest else 1, currency, bands, mode, bump=bump)
    if newest is not None and replace(card, version=newest.version) == _card(newest):
        return _card(newest)
    row = PriceCard(
        version=card.version, currency=currency, bands=bands, mode=card.mode, bump=card.bump, published_at=clock.now()
    )
    db.session.add(row)
    journal.write("price_card.published", by=by, version=card.version)
    return card


def publish_seed() -> None:
    """Publish the price card that the shop comes with, if none has been published yet."""
    if db.session.scalar(sa.select(PriceCard.version).limit(1)) is None:
        given = tomllib.loads(SEED.read_text())
        publish(given["currency"], given["bands"])


def seed() -> Card:
    """Give the price card that the shop comes with, as its first version."""
    given = tomllib.loads(SEED.read_text())
    return read(1, given["currency"], given["bands"])


def current() -> Card:
    """Give the newest card; raises Unavailable when none is published."""
    row = _newest()
    if row is None:
        message = "No prices are published yet. Run: python3 -m app load"
        raise Unavailable(message)
    return _card(row)


def published() -> list[Card]:
    """Give every card that was ever published, oldest first."""
    return [_card(row) for row in db.session.scalars(sa.select(PriceCard).order_by(PriceCard.version))]


def publications() -> list[PriceCard]:
    """Give every version as it was published, newest first."""
    return list(db.session.scalars(sa.select(PriceCard).order_by(PriceCard.version.desc())))


def newest_version() -> int | None:
    """Give the number of the newest card, or None while none is published."""
    return db.session.scalar(sa.select(sa.func.max(PriceCard.version)))


def of_version(version: int) -> Card:
    """Give the card of a version; raises Missing."""
    row = db.session.get(PriceCard, version)
    if row is None:
        raise Missing(version=version)
    return _card(row)


def _newest() -> PriceCard | None:
    return db.session.scalar(sa.select(PriceCard).order_by(PriceCard.version.desc()).limit(1))


def _card(row: PriceCard) -> Card:
    return read(row.version, row.currency, row.bands, Mode(row.mode), bump=row.bump)
