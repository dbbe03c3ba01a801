"""The lines of an invoice, and amounts for people to read."""

from billing.sandbox.engine import amounts
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work, new_id

SYMBOLS = {"gbp": "£", "eur": "€", "usd": "$"}


def money(minor: int, currency: str) -> str:
    """Return an amount for people to read, such as £1,087.20."""
    pounds, pence = divmod(abs(minor), 100)
    symbol = SYMBOLS.get(currency, f"{currency.upper()} ")
    return f"{'-' if minor < 0 else ''}{symbol}{pounds:,}.{pence:02}"


def lines(work: Work, subscription: JSON, item: JSON) -> list[JSON]:
    """Return the lines for an item's whole period, one for each band that is reached."""
    price = stored(work, "price", item["price"])
    product = stored(work, "product", price["product"])
    return [
        line(
            subscription,
            item,
            amount=part.amount,
            description=_description(part, product["name"], price),
            period=(item["current_period_start"], item["current_period_end"]),
            price=price,
            unit_amount=part.unit_amount,
            quantity=part.quantity,
            proration={"proration": False, "proration_details": {"credited_items": None}},
        )
        for part in amounts.parts(price, item["quantity"])
    ]


def line(  # noqa: PLR0913 - a line says that much
    subscription: JSON,
    item: JSON,
    *,
    amount: int,
    description: str,
    period: tuple[int, int],
    price: JSON,
    unit_amount: int | None,
    quantity: int,
    proration: JSON,
) -> JSON:
    """Return one line; the invoice that takes it in gives it its own id."""
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": not proration["proration"],
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                **proration,
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": None if unit_amount is None else str(unit_amount),
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def _description(part: amounts.Part, product: str, price: JSON) -> str:
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    every = interval if count == 1 else f"{count} {interval}s"
    tier = "at" if part.tier is None else f"Tier {part.tier} at"
    return f"{part.quantity} × {product} ({tier} {money(part.unit_amount, price['currency'])} / {every})"  # noqa: RUF001 - a multiplication sign is meant
