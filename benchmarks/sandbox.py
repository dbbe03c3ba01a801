"""What one call to the sandbox costs over HTTP, with a thousand subscriptions in it. `python -m benchmarks.sandbox`."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing import price_cards
from billing.price_cards import Interval
from billing.sandbox.server import KEY_PREFIX, Sandbox
from billing.stripe_gateway import StripeGateway

if TYPE_CHECKING:
    from collections.abc import Callable

SUBSCRIPTIONS, CALLS = 1000, 200
MOST_MILLISECONDS = 10.0
KEY = f"{KEY_PREFIX}_benchmark"
NOWHERE = "http://127.0.0.1:9/"
SECRET = "whsec_benchmark"  # noqa: S105 - nothing is delivered


def main() -> int:
    """Measure the calls that the shop makes most, and give 1 when the median of one is above what we claim."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(
            data=Path(folder),
            now=lambda: datetime.now(UTC),
            public_url=NOWHERE,
            webhook_url=NOWHERE,
            webhook_secret=SECRET,
            key=KEY,
        )
        try:
            return _measure(StripeGateway(KEY, SECRET, address=sandbox.listen()))
        finally:
            sandbox.close()


def _measure(gateway: StripeGateway) -> int:
    price = gateway.price(price_cards.seed(), Interval.YEAR, "benchmark")
    v1 = gateway.client.v1
    card: Any = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    made = []
    for number in range(SUBSCRIPTIONS):
        customer = v1.customers.create(card | {"name": f"Organisation {number}"})
        items: Any = {"customer": customer.id, "items": [{"price": price, "quantity": 25}]}
        made.append(v1.subscriptions.create(items).id)
    ids = iter(made * 10)
    calls: dict[str, Callable[[], object]] = {
        "fetch a subscription": lambda: gateway.subscription(next(ids)),
        "list its invoices": lambda: gateway.invoices(next(ids)),
        "make a customer": lambda: v1.customers.create({"name": "One more"}),
        "end it with its term": lambda: v1.subscriptions.update(next(ids), {"cancel_at_period_end": True}),
        "list the newest events": lambda: v1.events.list({"limit": 10}),
    }
    is_red = False
    for name, call in calls.items():
        spent = []
        for _ in range(CALLS):
            began = time.perf_counter()
            call()
            spent.append((time.perf_counter() - began) * 1000)
        median = statistics.median(spent)
        print(f"{name:<26}{median:>7.2f} ms at the median{max(spent):>9.2f} ms at most")
        is_red = is_red or median > MOST_MILLISECONDS
    return int(is_red)


if __name__ == "__main__":
    raise SystemExit(main())
