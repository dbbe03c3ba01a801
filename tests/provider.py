"""What the payment provider might say, as data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from billing.gateway import Snapshot
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
