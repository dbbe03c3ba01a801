"""What is sold, at Stripe: a Price for each price card and interval, and the VAT rate, each made when it is first needed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import stripe

if TYPE_CHECKING:
    from billing.price_cards import Card, Interval

PRODUCT = "lanyard_seats"


class Sold:
    """The Prices and tax rates that are known already; what is found once never changes."""

    def __init__(self, client: stripe.StripeClient) -> None:
        """Look for them with a client."""
        self._client = client
        self._prices: dict[str, str] = {}
        self._tax_rates: dict[int, str] = {}

    def price(self, card: Card, interval: Interval, key: str) -> str:
        """Give the Price of a card and interval, made from the card when Stripe does not have it yet."""
        lookup_key = _lookup_key(card, interval)
        if lookup_key not in self._prices:
            self._prices[lookup_key] = self._find(lookup_key) or self._make(lookup_key, card, interval, key)
        return self._prices[lookup_key]

    def drift(self, card: Card, interval: Interval) -> str | None:
        """Compare the Price of a card with the card, band by band; None when it is the same or not made yet."""
        lookup_key = _lookup_key(card, interval)
        found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "limit": 1, "expand": ["data.tiers"]}).data
        if not found:
            return None
        theirs = [(tier.up_to, tier.unit_amount) for tier in found[0].tiers or []]
        ours = [(band.last, band.unit_minor(interval)) for band in card.bands]
        is_same = theirs == ours and found[0].currency == card.currency.lower() and found[0].tiers_mode == card.mode
        return None if is_same else f"Price {found[0].id} ({lookup_key}) differs from version {card.version} of the price card."

    def tax_rate(self, percent: int, key: str) -> str:
        """Give the exclusive VAT rate, made when Stripe does not have it yet."""
        if percent not in self._tax_rates:
            for rate in self._client.v1.tax_rates.list({"active": True, "limit": 100}).auto_paging_iter():
                if rate.metadata and "lanyard_vat" in rate.metadata and rate.metadata["lanyard_vat"] == str(percent):
                    self._tax_rates[percent] = rate.id
                    break
            else:
                made = self._client.v1.tax_rates.create(
                    {
                        "display_name": "VAT",
                        "percentage": float(percent),
                        "inclusive": False,
                        "country": "GB",
                        "metadata": {"lanyard_vat": str(percent)},
                    },
                    {"idempotency_key": f"vat-{key}"},
                )
                self._tax_rates[percent] = made.id
        return self._tax_rates[percent]

    def _find(self, lookup_key: str) -> str | None:
        found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
        return found[0].id if found else None

    def _make(self, lookup_key: str, card: Card, interval: Interval, key: str) -> str:
        """Make the Price, unless somebody else is just doing so: its lookup key is given once."""
        try:
            self._client.v1.products.retrieve(PRODUCT)
        except stripe.InvalidRequestError:
            with suppress(stripe.InvalidRequestError):
                self._client.v1.products.create(
                    {"id": PRODUCT, "name": "Lanyard seats", "unit_label": "seat"}, {"idempotency_key": f"product-{key}"}
                )
        tiers: list[Any] = [
            {"up_to": "inf" if band.last is None else band.last, "unit_amount": band.unit_minor(interval)} for band in card.bands
        ]
        params: Any = {
            "product": PRODUCT,
            "currency": card.currency.lower(),
            "billing_scheme": "tiered",
            "tiers_mode": card.mode.value,
            "tiers": tiers,
            "recurring": {"interval": interval.value},
            "tax_behavior": "exclusive",
            "lookup_key": lookup_key,
            "metadata": {"card_version": str(card.version)},
        }
        try:
            return self._client.v1.prices.create(params, {"idempotency_key": f"price-{key}"}).id
        except stripe.InvalidRequestError:
            found = self._find(lookup_key)
            if found is None:
                raise
            return found


def _lookup_key(card: Card, interval: Interval) -> str:
    return f"lanyard_seats_v{card.version}_{interval}"
