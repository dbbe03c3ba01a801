"""Invoices: drawn up from a subscription's items, finalised with a number of one account-wide sequence, or voided."""

from typing import Any

from billing.sandbox.engine import amounts, events
from billing.sandbox.engine.deadlines import DRAFT_LIFE
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work, new_id

SYMBOLS = {"gbp": "£", "eur": "€", "usd": "$"}


def money(minor: int, currency: str) -> str:
    """Return an amount for people to read, such as £1,087.20."""
    pounds, pence = divmod(minor, 100)
    symbol = SYMBOLS.get(currency, f"{currency.upper()} ")
    return f"{symbol}{pounds:,}.{pence:02}"


def draft(work: Work, subscription: JSON, reason: str, period: tuple[int, int]) -> JSON:
    """Draw up the invoice for the items' current period; `period` is the one that has just passed."""
    customer = stored(work, "customer", subscription["customer"])
    key = new_id("in")
    lines = [line for item in subscription["_items"] for line in _lines(work, key, subscription, item)]
    subtotal = sum(line["amount"] for line in lines)
    totals = _tax(work, subscription, lines)
    total = subtotal + sum(tax["amount"] for tax in totals)
    advances = subscription["status"] != "unpaid"
    body = {
        "id": key,
        "object": "invoice",
        "account_country": "GB",
        "account_name": "Lanyard sandbox",
        "account_tax_ids": None,
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": advances,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": work.now + DRAFT_LIFE if advances else None,
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "created": work.now,
        "currency": subscription["currency"],
        "custom_fields": subscription["invoice_settings"]["custom_fields"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": subscription["default_tax_rates"],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": subtotal,
        "total_pretax_credit_amounts": [],
        "total_taxes": totals,
        "webhooks_delivered_at": None,
        "_lines": lines,
        "_payments": [],
        "_retries": 0,
    }
    work.put("invoice", body)
    events.record(work, "invoice.created", body)
    return body


def _lines(work: Work, key: str, subscription: JSON, item: JSON) -> list[JSON]:
    price = stored(work, "price", item["price"])
    product = stored(work, "product", price["product"])
    return [
        {
            "id": new_id("il"),
            "object": "line_item",
            "amount": part.amount,
            "currency": price["currency"],
            "description": _description(part, product["name"], price),
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "invoice": key,
            "livemode": False,
            "metadata": subscription["metadata"],
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "proration_details": {"credited_items": None},
                    "subscription": subscription["id"],
                    "subscription_item": item["id"],
                },
                "type": "subscription_item_details",
            },
            "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
            "pretax_credit_amounts": [],
            "pricing": {
                "price_details": {"price": price["id"], "product": product["id"]},
                "type": "price_details",
                "unit_amount_decimal": str(part.unit_amount),
            },
            "quantity": part.quantity,
            "quantity_decimal": str(part.quantity),
            "subscription": subscription["id"],
            "subtotal": part.amount,
            "taxes": [],
        }
        for part in amounts.parts(price, item["quantity"])
    ]


def _description(part: amounts.Part, product: str, price: JSON) -> str:
    recurring = price["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    every = interval if count == 1 else f"{count} {interval}s"
    tier = "at" if part.tier is None else f"Tier {part.tier} at"
    return f"{part.quantity} × {product} ({tier} {money(part.unit_amount, price['currency'])} / {every})"  # noqa: RUF001 - a multiplication sign is meant


def _tax(work: Work, subscription: JSON, lines: list[JSON]) -> list[JSON]:
    """Tax the lines by their item's rates, else the subscription's: once on each net total, then shared out to lines."""
    totals: list[JSON] = []
    for item in subscription["_items"]:
        own = [line for line in lines if line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]]
        weights = [line["amount"] for line in own]
        keys = item["tax_rates"] or subscription["default_tax_rates"]
        rates = [stored(work, "tax_rate", key) for key in keys]
        for tax in amounts.taxes(rates, sum(weights)):
            totals.append(_tax_row(tax.rate, tax.amount, tax.taxable))
            for line, share in zip(own, amounts.shared_out(tax.amount, weights), strict=True):
                line["taxes"].append(_tax_row(tax.rate, share, line["amount"]))
    return totals


def _tax_row(rate: str, amount: int, taxable: int) -> dict[str, Any]:
    return {
        "amount": amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": rate},
        "taxability_reason": "not_available",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def finalise(work: Work, body: JSON) -> JSON:
    """Give a draft its number and open it for payment."""
    body["number"] = f"SANDBOX-{work.count('invoice number'):04}"
    body["status"] = "open"
    body["status_transitions"]["finalized_at"] = body["effective_at"] = work.now
    body["automatically_finalizes_at"] = None
    body["ending_balance"] = 0
    body["_payments"] = [
        {
            "id": new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": body["total"],
            "created": work.now,
            "currency": body["currency"],
            "invoice": body["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": new_id("pi"), "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    ]
    work.put("invoice", body)
    events.record(work, "invoice.finalized", body)
    return body


def void(work: Work, body: JSON) -> JSON:
    """Take an open invoice back for good."""
    body["status"] = "void"
    body["status_transitions"]["voided_at"] = work.now
    body["auto_advance"] = False
    body["next_payment_attempt"] = None
    for payment in body["_payments"]:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = work.now
    work.put("invoice", body)
    events.record(work, "invoice.voided", body)
    return body


def stop(work: Work, body: JSON) -> JSON:
    """Leave an invoice as it is: nothing more is finalised or charged by itself."""
    body["auto_advance"] = False
    body["automatically_finalizes_at"] = None
    body["next_payment_attempt"] = None
    return work.put("invoice", body)
