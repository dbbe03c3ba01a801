"""What the shop asks of a payment provider, in our own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from billing.agreements import Agreement
    from billing.price_cards import Card, Interval


# The version of the provider's API that everything here was written for; the SDK that is pinned speaks it.
API_VERSION = "2026-10-28.endive"


class ForgedEvent(Refusal):
    """A webhook that the provider did not sign, or signed too long ago."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """What a promotion code takes off each payment, for so many months (None: for ever); `key` names it at the provider."""

    key: str
    code: str
    percent: int | None
    amount_minor: int | None
    currency: str
    months: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Who an invoice is made out to, as they gave it on the provider's pages; `business_name` is empty for a person."""

    name: str | None
    business_name: str | None
    line1: str | None
    line2: str | None
    city: str | None
    postcode: str | None
    country: str | None
    vat_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be paid for on the provider's page; `attempt` counts up after each definite failure."""

    checkout_id: UUID
    attempt: int
    organisation_id: UUID
    customer_id: str
    card: Card
    interval: Interval
    seats: int
    vat_percent: int | None
    reduction: Reduction | None
    paid_url: str
    back_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheckout:
    """The provider's page for one order, as it stands there; `url` is empty once it is over.

    One that is neither open, paid, expired nor failed waits for a bank debit.
    """

    id: str
    url: str | None
    is_open: bool
    is_paid: bool
    is_expired: bool
    has_failed: bool
    subscription_id: str | None
    gross_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A subscription as the provider has it at one moment."""

    id: str
    checkout_id: UUID | None
    status: str
    quantity: int
    interval: Interval
    card_version: int
    vat_percent: int | None
    period_start: datetime
    period_end: datetime
    cancel_at: datetime | None
    was_asked_to_end: bool
    coming_seats: int | None = None
    coming_interval: Interval | None = None
    pending_until: datetime | None = None
    pays_with: str | None = None
    pays_by_debit: bool = False
    owes_change: bool = False
    discount_percent: int | None = None
    discount_minor: int | None = None
    discount_until: datetime | None = None
    billed: Billed | None = None
    is_by_invoice: bool = False
    quote_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a subscription is to be from now on; what it costs counts from `counted_at`, and `key` names who asks."""

    key: str
    subscription_id: str
    card: Card
    interval: Interval
    seats: int
    counted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a subscription is to become with its next renewal; `key` names who asks."""

    key: str
    subscription_id: str
    card: Card
    interval: Interval
    seats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change costs today, in pence."""

    net_minor: int
    vat_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """What goes back of an invoice that was paid, in pence."""

    invoice_id: str
    net_minor: int
    vat_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an invoice or a credit note; `unit_minor` is None where it is a share of a price, as for part of a term."""

    words: str
    quantity: int | None
    unit_minor: int | None
    net_minor: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCreditNote:
    """What the provider took back of an invoice; `refunded_minor` of it was paid out again."""

    id: str
    number: str
    why: str | None
    net_minor: int
    vat_minor: int
    gross_minor: int
    refunded_minor: int
    issued_at: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCreditNoteState:
    """Where a credit note stands, about whichever invoice it is."""

    id: str
    invoice_id: str
    is_void: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInvoice:
    """An invoice of a subscription as the provider has it; `url` is the page where it can be paid and read.

    A draft with a `problem` could not be issued.

    `fields` are what the buyer wants to read on it, such as the number of their purchase order, by their names.
    """

    id: str
    number: str | None
    status: str
    why: str
    net_minor: int
    vat_minor: int
    gross_minor: int
    remaining_minor: int
    currency: str
    issued_at: datetime
    paid_at: datetime | None
    tries_again_at: datetime | None
    url: str | None
    paid_minor: int
    discount_minor: int
    due_at: datetime | None
    voided_at: datetime | None
    is_sent: bool
    buyer: str
    buyer_address: tuple[str, ...]
    buyer_vat_number: str | None
    fields: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    credit_notes: tuple[ProviderCreditNote, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDispute:
    """A payment that its cardholder disputes, as the provider has it; `url` is where the operator answers it."""

    id: str
    invoice_id: str | None
    subscription_id: str | None
    status: str
    reason: str
    amount_minor: int
    currency: str
    opened_at: datetime
    answer_by: datetime | None
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """Money that went back to a card, as the provider has it."""

    id: str
    invoice_id: str | None
    subscription_id: str | None
    status: str
    amount_minor: int
    currency: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """A signed message of the provider: a hint to fetch what it is about, never the truth itself."""

    id: str
    kind: str
    created_at: datetime
    api_version: str | None
    object_id: str
    checkout_id: UUID | None
    subscription_id: str | None
    payload: dict[str, Any]


class Gateway(Protocol):
    """A payment provider. Every call may raise Unavailable; none is made inside a transaction."""

    api_version: str

    def customer(self, organisation_id: UUID, name: str, address: str, attempt: int) -> str:
        """Make the provider's customer for an organisation, once for each attempt however often asked, and give its id."""
        ...

    def open_checkout(self, order: Order) -> ProviderCheckout:
        """Open the provider's page for an order, once however often asked with the same checkout id."""
        ...

    def checkout(self, provider_id: str) -> ProviderCheckout:
        """Fetch a page for an order."""
        ...

    def expire_checkout(self, provider_id: str) -> ProviderCheckout:
        """Close a page so that it can no longer be paid, and give how it stands; one already paid stays paid."""
        ...

    def subscription(self, provider_id: str) -> Snapshot:
        """Fetch a subscription."""
        ...

    def preview(self, wish: Wish) -> Preview:
        """Say what a change would cost, without making it."""
        ...

    def change(self, wish: Wish) -> None:
        """Have a change paid and made; where the payment does not go through, it waits for that and nothing is changed.

        A plan for the renewal is let go of before.
        """
        ...

    def plan(self, plan: Plan) -> None:
        """Plan a change for the renewal, in place of one that was planned before."""
        ...

    def drop_plan(self, subscription_id: str, key: str) -> None:
        """Let go of what is planned for the renewal, if anything is."""
        ...

    def end_with_term(self, subscription_id: str, key: str, *, is_wanted: bool, reason: str | None = None) -> None:
        """Have a subscription end with what is paid for, or go on after all; a plan for the renewal is let go of."""
        ...

    def give_up(self, subscription_id: str, key: str, seats: int) -> None:
        """Take the invoice of a change back that waits for its payment, and the change with it: there were so many seats before.

        Raises Conflict while a bank debit for it is on its way, and when a renewal has billed it since.
        """
        ...

    def has_failed(self, subscription_id: str) -> bool:
        """Say whether what was to pay a change that was made at once has failed: the debit, or the invoice that was sent."""
        ...

    def take_back(self, subscription_id: str, key: str) -> None:
        """End a subscription at once and give back what was paid for it, by a credit note; once however often asked."""
        ...

    def give_back(self, subscription_id: str, parts: tuple[GivenBack, ...], key: str) -> None:
        """End a subscription at once and give these parts of its invoices back, by credit notes; once however often asked."""
        ...

    def agree(self, agreement: Agreement) -> str:
        """Begin a subscription that is paid by invoice, once however often asked, with its first invoice open; gives its id."""
        ...

    def receive(self, invoice_id: str) -> bool:
        """Have an invoice marked as received by bank; False when it was paid by card or debit and stays as it is."""
        ...

    def call_off(self, subscription_id: str, key: str) -> None:
        """End a subscription at once; what is open is taken back, and what was paid is given back."""
        ...

    def invoices(self, subscription_id: str) -> list[ProviderInvoice]:
        """Fetch the newest invoices of a subscription, newest first."""
        ...

    def invoice(self, invoice_id: str) -> ProviderInvoice:
        """Fetch one invoice, whichever subscription it belongs to."""
        ...

    def dispute(self, provider_id: str) -> ProviderDispute:
        """Fetch a dispute."""
        ...

    def disputes(self, known: Collection[str]) -> list[ProviderDispute]:
        """Fetch the newest disputes, newest first; for those that are known, not what they are about."""
        ...

    def refund(self, provider_id: str) -> ProviderRefund:
        """Fetch a refund."""
        ...

    def refunds(self, known: Collection[str]) -> list[ProviderRefund]:
        """Fetch the newest refunds, newest first; for those that are known, not what they are about."""
        ...

    def credit_notes(self) -> list[ProviderCreditNoteState]:
        """Say where the newest credit notes stand, newest first."""
        ...

    def end_at_once(self, subscription_id: str, key: str) -> None:
        """End a subscription now, without giving anything back; once however often asked."""
        ...

    def portal(self, customer_id: str, back_url: str) -> str:
        """Open the provider's page where a customer changes the card, and give its address."""
        ...

    def price_drift(self, card: Card, interval: Interval) -> str | None:
        """Say how the provider's price differs from a card; None when it does not, or is not made yet."""
        ...

    def event(self, payload: bytes, signature: str) -> ProviderEvent:
        """Read a webhook; raises ForgedEvent when its signature is wrong or its time is not now."""
        ...
