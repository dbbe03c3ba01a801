"""What the checkout page says about an order: who, which bands, net, tax, total, and how it renews."""

from dataclasses import dataclass
from datetime import UTC, datetime

from billing.sandbox.engine import amounts
from billing.sandbox.engine.invoice_lines import money
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work


@dataclass(frozen=True)
class Band:
    """Some units at one price."""

    units: str
    amount: str


@dataclass(frozen=True)
class Summary:
    """An order in words and figures."""

    product: str
    quantity: str
    buyer: str | None
    email: str | None
    bands: list[Band]
    net: str
    taxes: list[tuple[str, str]]
    total: str
    including: str
    renewal: str


def of(work: Work, session: JSON) -> Summary:
    """Describe a session's order."""
    line = session["_lines"][0]
    price = stored(work, "price", line["price"])
    product = stored(work, "product", price["product"])
    customer = None if session["customer"] is None else stored(work, "customer", session["customer"])
    currency = session["currency"]
    rates = [stored(work, "tax_rate", key) for key in line["tax_rates"]]
    total = money(session["amount_total"], currency)
    names = " and ".join(rate["display_name"] for rate in rates)
    including = f"including {names}" if names else ""
    unit = product["unit_label"] or "unit"
    return Summary(
        product=product["name"],
        quantity=f"{line['quantity']:,} {unit if line['quantity'] == 1 else f'{unit}s'}",
        buyer=None if customer is None else customer["name"],
        email=session["customer_email"] if customer is None else customer["email"],
        bands=[
            Band(f"{part.quantity:,} × {money(part.unit_amount, currency)}", money(part.amount, currency))  # noqa: RUF001 - a multiplication sign is meant
            for part in amounts.parts(price, line["quantity"])
        ],
        net=money(session["amount_subtotal"], currency),
        taxes=[
            (f"{rate['display_name']} ({rate['percentage'].removesuffix('.0')}%)", money(amount, currency))
            for rate, amount in zip(rates, line["taxes"], strict=True)
        ],
        total=total,
        including=including,
        renewal=_renewal(work, price, f"{total} {including}".strip()),
    )


def _renewal(work: Work, price: JSON, amount: str) -> str:
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    end = end_of_period(work.now, work.now, interval, count)
    moment = datetime.fromtimestamp(end, UTC)
    every = f"every {interval}" if count == 1 else f"every {count} {interval}s"
    return f"Renews {every} at {amount}, next on {moment.day} {moment:%B %Y}, until you cancel."
