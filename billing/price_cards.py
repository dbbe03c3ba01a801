"""Price cards: versioned bands for month and year; a subscriber keeps the version they bought."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal
from app.kernel.db import Model, db
from app.kernel.errors import Invalid, Missing, Unavailable

SEED = Path(__file__).with_name("price_card.toml")
SELF_SERVICE_SEATS = 2000


class Interval(StrEnum):
    """How often is paid."""

    MONTH = "month"
    YEAR = "year"


class PriceCard(Model):
    """A published version of the prices; it never changes."""

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    currency: Mapped[str]
    bands: Mapped[list[Any]]
    published_at: Mapped[datetime]


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
    """A price card as the rules use it: bands without gaps, from the first seat on."""

    version: int
    currency: str
    bands: tuple[Band, ...]


def read(version: int, currency: str, bands: list[dict[str, int]]) -> Card:
    """Make a card of its bands in order of `first`; raises Invalid when a band is out of order or dearer than the one before."""
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
    return Card(version, currency, made)


def publish(currency: str, bands: list[dict[str, int]]) -> Card:
    """Publish bands as the next version, unless the current one is the same; raises Invalid for bands that make no sense."""
    newest = db.session.scalar(sa.select(PriceCard).order_by(PriceCard.version.desc()).limit(1))
    if newest is not None and (newest.currency, newest.bands) == (currency, bands):
        return read(newest.version, newest.currency, newest.bands)
    card = read(newest.version + 1 if newest else 1, currency, bands)
    db.session.add(PriceCard(version=card.version, currency=currency, bands=bands, published_at=clock.now()))
    journal.write("price_card.published", version=card.version)
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
    row = db.session.scalar(sa.select(PriceCard).order_by(PriceCard.version.desc()).limit(1))
    if row is None:
        message = "No prices are published yet. Run: python3 -m app load"
        raise Unavailable(message)
    return read(row.version, row.currency, row.bands)


def published() -> list[Card]:
    """Give every card that was ever published, oldest first."""
    rows = db.session.scalars(sa.select(PriceCard).order_by(PriceCard.version))
    return [read(row.version, row.currency, row.bands) for row in rows]


def newest_version() -> int | None:
    """Give the number of the newest card, or None while none is published."""
    return db.session.scalar(sa.select(sa.func.max(PriceCard.version)))


def of_version(version: int) -> Card:
    """Give the card of a version; raises Missing."""
    row = db.session.get(PriceCard, version)
    if row is None:
        raise Missing(version=version)
    return read(row.version, row.currency, row.bands)
