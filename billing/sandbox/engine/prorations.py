"""Prorations: what a change within a period costs, to the second, as the lines of the invoice that collects it at once."""

from datetime import UTC, datetime

from billing.sandbox.engine import amounts, discounts, invoice_lines
from billing.sandbox.engine.periods import end_of_period
from billing.sandbox.refusals import Refusal, missing
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work


def changed_items(work: Work, body: JSON, sent: list[JSON], param: str) -> list[JSON]:
    """Return the items as they will be; a price of another interval begins a new period now. Raises Refusal for unknown ones."""
    items = {item["id"]: dict(item) for item in body["_items"]}
    for number, change in enumerate(sent):
        item = items.get(change.get("id", ""))
        if item is None:
            raise missing(noun="subscription item", key=change.get("id", ""), param=f"{param}[{number}][id]", status=400)
        if "quantity" in change:
            item["quantity"] = whole(change["quantity"], f"{param}[{number}][quantity]")
        if "price" in change:
            before = stored(work, "price", item["price"])["recurring"]
            price = sellable_price(work, change["price"], f"{param}[{number}][price]")
            item["price"] = price["id"]
            recurring = price["recurring"]
            if before != recurring:
                item["current_period_start"] = work.now
                item["current_period_end"] = end_of_period(work.now, work.now, recurring["interval"], recurring["interval_count"])
    return list(items.values())


def sellable_price(work: Work, key: str, param: str) -> JSON:
    """Return the price a parameter names. Raises Refusal when there is none or it is not sold any more."""
    price = work.find("price", key)
    if price is None:
        raise missing(noun="price", key=key, param=param, status=400)
    if not price["active"]:
        raise Refusal(says=f"The price specified is inactive ({key}).", param=param)
    return price


def whole(quantity: int, param: str) -> int:
    """Return a quantity of at least one. Raises Refusal for less."""
    if quantity < 1:
        raise Refusal(says="This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param)
    return quantity


def moment_of(work: Work, body: JSON, params: JSON) -> int:
    """Return the moment from which a change is charged. Raises Refusal when it lies outside the current period."""
    moment: int = params.get("proration_date", work.now)
    item = body["_items"][0]
    if not item["current_period_start"] <= moment <= item["current_period_end"]:
        message = "Cannot specify a proration date outside of the subscription's current period."
        raise Refusal(says=message, param="proration_date")
    return moment


def lines(work: Work, body: JSON, after: list[JSON], moment: int) -> list[JSON]:
    """Return what is credited for the time not used and what is charged for the time that is left.

    An item with a new period is charged for the whole of it; the other amounts have a running discount in them already. Below
    zero, the sum becomes credit of the customer.
    """
    found: list[JSON] = []
    _, coupon = discounts.running(work, body)
    for old, new in zip(body["_items"], after, strict=True):
        if (old["price"], old["quantity"]) == (new["price"], new["quantity"]):
            continue
        left, total = old["current_period_end"] - moment, old["current_period_end"] - old["current_period_start"]
        found.append(_line(work, body, old, (-share(_net(work, old, coupon), left, total), moment)))
        if new["current_period_start"] == old["current_period_start"]:
            found.append(_line(work, body, new, (share(_net(work, new, coupon), left, total), moment)))
        else:
            found += invoice_lines.lines(work, body, new)
    return found


def _net(work: Work, item: JSON, coupon: JSON | None) -> int:
    net = amounts.net(stored(work, "price", item["price"]), item["quantity"])
    return net - amounts.taken_off(coupon, net)


def share(amount: int, left: int, total: int) -> int:
    """Return the part of an amount for the seconds left, rounded half up."""
    return (2 * amount * left + total) // (2 * total)


def _line(work: Work, body: JSON, item: JSON, figure: tuple[int, int]) -> JSON:
    """Return a line for one item: `figure` is the amount and the moment from which it counts."""
    amount, moment = figure
    price = stored(work, "price", item["price"])
    product = stored(work, "product", price["product"])
    at = datetime.fromtimestamp(moment, UTC)
    what = "Unused" if amount < 0 else "Remaining"
    description = f"{what} time on {item['quantity']} × {product['name']} after {at:%d %b %Y}"  # noqa: RUF001 - a multiplication sign is meant
    credited = {"invoice": body["latest_invoice"], "invoice_line_items": []} if amount < 0 else None
    return invoice_lines.line(
        body,
        item,
        amount=amount,
        description=description,
        period=(moment, item["current_period_end"]),
        price=price,
        unit_amount=None,
        quantity=item["quantity"],
        proration={"proration": True, "proration_details": {"credited_items": credited}},
    )
