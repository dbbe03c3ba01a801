"""Agreements: what was agreed with a quote, as the payment provider is to be told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from billing.price_cards import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """An address in the United Kingdom."""

    line1: str
    line2: str | None
    city: str
    postcode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What was agreed with a quote: so many seats by the year, paid by invoice; `key` names who asks.

    `address` is what its invoices are made out to; None leaves that as the provider has it.
    """

    key: str
    quote_id: UUID
    organisation_id: UUID
    customer_id: str
    card: Card
    seats: int
    vat_percent: int | None
    discount_percent: int | None
    days_to_pay: int
    purchase_order: str | None
    address: PostalAddress | None
