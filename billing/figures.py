"""What a number of seats costs: one pure function for the price page, the checkout and everything else that names a figure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from app.kernel import money
from app.kernel.errors import Invalid
from billing.price_cards import Interval, Mode

if TYPE_CHECKING:
    from billing.price_cards import Card

MONTHS = 12
MOST_SEATS = 1_000_000


@dataclass(frozen=True, slots=True)
class BandShare:
    """How many of the seats fall into one band and what they cost together, in pence before VAT."""

    seats: int
    unit_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Discount:
    """What is taken off a payment before VAT: a percentage, or an amount in pence of at most all of it."""

    percent: int | None
    amount_minor: int | None

    def of(self, net_minor: int) -> int:
        """Give what it takes off a net total, a percentage rounded half up once."""
        if self.percent is not None:
            return money.share(net_minor, self.percent, 100)
        return min(self.amount_minor or 0, net_minor)


@dataclass(frozen=True, slots=True)
class Figure:
    """A price in pence: net, VAT and gross for one interval, and how it came about; `seats` are sold to who `asked` for fewer.

    What a discount takes off is no part of the net.
    """

    asked: int
    seats: int
    interval: Interval
    mode: Mode
    vat_percent: int | None
    bands: tuple[BandShare, ...]
    net_minor: int
    vat_minor: int
    gross_minor: int
    average_net_minor: int
    saving_minor: int
    discount_minor: int

    @property
    def is_one_price(self) -> bool:
        """Whether all of the seats cost the same, however many bands there are below."""
        return self.mode is Mode.VOLUME


def figure(card: Card, seats: int, interval: Interval, vat_percent: int | None, discount: Discount | None = None) -> Figure:
    """Price a number of seats by a card, less a discount.

    VAT is rounded half up once, on the net total. The average is for one person and one month before VAT; the saving is what a
    year costs less than twelve months. Raises Invalid for fewer than one seat.
    """
    if not 1 <= seats <= MOST_SEATS:
        message = "Give a number of people from 1 upwards."
        raise Invalid(message, field="seats")
    asked, seats = seats, card.sold(seats, interval)
    shares = tuple(BandShare(count, unit, count * unit) for count, unit in card.shares(seats, interval))
    listed = sum(share.amount_minor for share in shares)
    taken_off = 0 if discount is None else discount.of(listed)
    net = listed - taken_off
    vat = vat_on(net, vat_percent)
    months = 1 if interval is Interval.MONTH else MONTHS
    yearly_by_month = MONTHS * card.total_minor(card.sold(asked, Interval.MONTH), Interval.MONTH)
    return Figure(
        asked=asked,
        seats=seats,
        interval=interval,
        mode=card.mode,
        vat_percent=vat_percent,
        bands=shares,
        net_minor=net,
        vat_minor=vat,
        gross_minor=net + vat,
        average_net_minor=money.half_up(Fraction(net, seats * months)),
        saving_minor=yearly_by_month - listed if interval is Interval.YEAR else 0,
        discount_minor=taken_off,
    )


def vat_on(net_minor: int, vat_percent: int | None) -> int:
    """Give the VAT on a net total in pence, rounded half up; none where the supplier charges none."""
    return 0 if vat_percent is None else money.share(net_minor, vat_percent, 100)
