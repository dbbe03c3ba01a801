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
    code: str
    taken_off: str
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
    choice = session["_discount"]
    coupon = None if choice is None else stored(work, "coupon", choice["coupon"])
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
        net=money(session["amount_subtotal"] - line["taken_off"], currency),
        code="" if choice is None or coupon is None else _code(work, choice, coupon),
        taken_off=money(-line["taken_off"], currency) if line["taken_off"] else "",
        taxes=[
            (f"{rate['display_name']} ({rate['percentage'].removesuffix('.0')}%)", money(amount, currency))
            for rate, amount in zip(rates, line["taxes"], strict=True)
        ],
        total=total,
        including=including,
        renewal=_renewal(work, price, _later(line, rates, coupon, currency, including)),
    )


def _code(work: Work, choice: JSON, coupon: JSON) -> str:
    """Say by which code how much is taken off, and for how long."""
    name = coupon["name"] or coupon["id"]
    if choice["promotion_code"] is not None:
        name = stored(work, "promotion_code", choice["promotion_code"])["code"]
    months = coupon["duration_in_months"]
    return name if months is None else f"{name}, for {months} {'month' if months == 1 else 'months'}"


def _later(line: JSON, rates: list[JSON], coupon: JSON | None, currency: str, including: str) -> str:
    """Say what each renewal costs: without a discount once that has run out."""
    full = line["subtotal"] + sum(tax.amount for tax in amounts.taxes(rates, line["subtotal"]))
    reduced = line["subtotal"] - line["taken_off"] + line["tax"]
    words = f"{money(reduced, currency)} {including}".strip()
    if coupon is None or coupon["duration_in_months"] is None:
        return words
    return f"{money(full, currency)} {including}".strip() + " once the code has run out"


def _renewal(work: Work, price: JSON, amount: str) -> str:
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    end = end_of_period(work.now, work.now, interval, count)
    moment = datetime.fromtimestamp(end, UTC)
    every = f"every {interval}" if count == 1 else f"every {count} {interval}s"
    return f"Renews {every} at {amount}, next on {moment.day} {moment:%B %Y}, until you cancel."
