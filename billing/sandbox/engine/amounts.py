"""What a quantity costs: the bands of a tiered price, and tax rounded half up once on the net total."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


@dataclass(frozen=True)
class Part:
    """Some units at one unit amount (minor units of the currency); `tier` counts from 1, and is None for a flat price."""

    quantity: int
    unit_amount: int
    tier: int | None

    @property
    def amount(self) -> int:
        """Return what these units cost together."""
        return self.quantity * self.unit_amount


@dataclass(frozen=True)
class Tax:
    """What one tax rate comes to on a net amount."""

    rate: str
    taxable: int
    amount: int


def parts(price: dict[str, Any], quantity: int) -> list[Part]:
    """Split a quantity into the price's bands: each unit at its own band's amount, or all at one for volume prices."""
    if price["billing_scheme"] == "per_unit":
        return [Part(quantity, price["unit_amount"], None)]
    tiers = price["_tiers"]
    if price["tiers_mode"] == "volume":
        number, tier = next(
            (number, tier) for number, tier in enumerate(tiers, 1) if tier["up_to"] is None or quantity <= tier["up_to"]
        )
        return [Part(quantity, tier["unit_amount"], number)]
    found: list[Part] = []
    below = 0
    for number, tier in enumerate(tiers, 1):
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if top > below:
            found.append(Part(top - below, tier["unit_amount"], number))
        below = max(below, top)
    return found


def net(price: dict[str, Any], quantity: int) -> int:
    """Return what a quantity costs before tax."""
    return sum(part.amount for part in parts(price, quantity))


def taken_off(coupon: dict[str, Any] | None, net_amount: int) -> int:
    """Return what a coupon takes off a net total: a percentage rounded half up once, or an amount of at most all of it."""
    if coupon is None:
        return 0
    if coupon["amount_off"] is not None:
        return min(int(coupon["amount_off"]), net_amount)
    return _percentage(coupon["_percent"], net_amount)


def taxes(rates: Sequence[dict[str, Any]], taxable: int) -> list[Tax]:
    """Return the tax of each (exclusive) rate on a net total, each rounded half up once."""
    return [
        Tax(
            rate["id"],
            taxable,
            _percentage(rate["percentage"], taxable),
        )
        for rate in rates
    ]


def _percentage(percent: str, amount: int) -> int:
    return int((Decimal(percent) * amount / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """Split a tax total over lines in proportion to their amounts, so that the lines add up to the total exactly."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    shares: list[int] = []
    seen = given = 0
    for weight in weights:
        seen += weight
        share = total * seen // whole - given
        shares.append(share)
        given += share
    return shares
