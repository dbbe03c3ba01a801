"""What the payment provider might say, as data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from billing.gateway import ProviderCreditNote, ProviderInvoice, Snapshot
from billing.price_cards import Interval

PERIOD_START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PERIOD_END = datetime(2027, 11, 23, 9, 0, tzinfo=UTC)


def snapshot(**changes: Any) -> Snapshot:
    """Give a subscription in good order, changed as a test wants it."""
    values: dict[str, Any] = {
        "id": "sub_1",
        "checkout_id": None,
        "status": "active",
        "quantity": 5,
        "interval": Interval.YEAR,
        "card_version": 1,
        "vat_percent": 20,
        "period_start": PERIOD_START,
        "period_end": PERIOD_END,
        "cancel_at": None,
        "was_asked_to_end": False,
    }
    return Snapshot(**{**values, **changes})


def credit_note(**changes: Any) -> ProviderCreditNote:
    """Give a credit note over a hundred pence, changed as a test wants it."""
    values: dict[str, Any] = {
        "id": "cn_1",
        "number": "SANDBOX-0001-CN-01",
        "why": None,
        "net_minor": 100,
        "vat_minor": 0,
        "gross_minor": 100,
        "refunded_minor": 0,
        "issued_at": PERIOD_START,
        "lines": (),
    }
    return ProviderCreditNote(**{**values, **changes})


def invoice(**changes: Any) -> ProviderInvoice:
    """Give a sent invoice of a hundred pence that is to be paid, changed as a test wants it."""
    values: dict[str, Any] = {
        "id": "in_1",
        "number": "SANDBOX-0001",
        "status": "open",
        "why": "subscription_create",
        "net_minor": 100,
        "vat_minor": 0,
        "gross_minor": 100,
        "remaining_minor": 100,
        "currency": "GBP",
        "issued_at": PERIOD_START,
        "paid_at": None,
        "tries_again_at": None,
        "url": None,
        "paid_minor": 0,
        "discount_minor": 0,
        "due_at": PERIOD_START,
        "voided_at": None,
        "is_sent": True,
        "buyer": "St Mary",
        "buyer_address": (),
        "buyer_vat_number": None,
        "fields": (),
        "lines": (),
    }
    return ProviderInvoice(**{**values, **changes})
