"""Invoices: drawn up from a subscription's items, finalised with a number of one account-wide sequence, or voided."""

from typing import Any

from billing.sandbox.engine import amounts, customers, discounts, events, invoice_lines, payment_intents
from billing.sandbox.engine.deadlines import DAY, DRAFT_LIFE
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id


def draft(work: Work, subscription: JSON, reason: str, period: tuple[int, int], charged: list[JSON] | None = None) -> JSON:
    """Draw up and keep an invoice: for the items' current period, unless the lines that are charged are given."""
    body = drawn(work, subscription, reason, period, charged)
    work.put("invoice", body)
    events.record(work, "invoice.created", body)
    return body


def drawn(
    work: Work,
    subscription: JSON,
    reason: str,
    period: tuple[int, int],
    charged: list[JSON] | None = None,
    prefix: str = "in",
) -> JSON:
    """Return an invoice that is not kept; `period` is the one that has just passed, or the one in which something changed."""
    customer = stored(work, "customer", subscription["customer"])
    key = new_id(prefix)
    if charged is None:
        charged = [line for item in subscription["_items"] for line in invoice_lines.lines(work, subscription, item)]
    for line in charged:
        line["invoice"] = key
    subtotal = sum(line["amount"] for line in charged)
    taken_off = _take_off(work, subscription, charged)
    net = subtotal - sum(row["amount"] for row in taken_off)
    totals = _tax(work, subscription, charged)
    total = net + sum(tax["amount"] for tax in totals)
    advances = subscription["status"] != "unpaid"
    return {
        "id": key,
        "object": "invoice",
        "account_country": "GB",
        "account_name": "Lanyard sandbox",
        "account_tax_ids": None,
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
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
        "customer_tax_ids": customers.tax_id_values(work, customer["id"]),
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": subscription["default_tax_rates"],
        "description": None,
        "discounts": [row["discount"] for row in taken_off],
        "due_date": _due(work, subscription["days_until_due"]),
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
        "test_clock": customer["test_clock"],
        "total": total,
        "total_discount_amounts": taken_off,
        "total_excluding_tax": net,
        "total_pretax_credit_amounts": [],
        "total_taxes": totals,
        "webhooks_delivered_at": None,
        "_days_until_due": subscription["days_until_due"],
        "_is_overdue": False,
        "_lines": charged,
        "_debit": None,
        "_payments": [],
        "_retries": 0,
    }


def _due(work: Work, days: int | None) -> int | None:
    return None if days is None else work.now + days * DAY


def _take_off(work: Work, subscription: JSON, charged: list[JSON]) -> list[JSON]:
    """Take a running discount off the lines that are whole periods, shared out to them; the others are reduced already."""
    key, coupon = discounts.running(work, subscription)
    if key is None:
        return []
    whole = [line for line in charged if line["discountable"]]
    weights = [line["amount"] for line in whole]
    amount = amounts.taken_off(coupon, sum(weights))
    for line, share in zip(whole, amounts.shared_out(amount, weights), strict=True):
        line["discount_amounts"] = [{"amount": share, "discount": key}]
    for line in charged:
        if not line["discountable"]:
            line["discounts"] = [key]
            line["discount_amounts"] = [{"amount": 0, "discount": key}]
    return [{"amount": amount, "discount": key}] if whole else []


def _tax(work: Work, subscription: JSON, charged: list[JSON]) -> list[JSON]:
    """Tax the lines by their item's rates, else the subscription's: once on each net total, then shared out to lines."""
    totals: list[JSON] = []
    for item in subscription["_items"]:
        own = [found for found in charged if found["parent"]["subscription_item_details"]["subscription_item"] == item["id"]]
        weights = [found["amount"] - sum(row["amount"] for row in found["discount_amounts"]) for found in own]
        keys = item["tax_rates"] or subscription["default_tax_rates"]
        rates = [stored(work, "tax_rate", key) for key in keys]
        for tax in amounts.taxes(rates, sum(weights)):
            totals.append(_tax_row(tax.rate, tax.amount, tax.taxable))
            for found, share, weight in zip(own, amounts.shared_out(tax.amount, weights), weights, strict=True):
                found["taxes"].append(_tax_row(tax.rate, share, weight))
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
    body["due_date"] = _due(work, body.get("_days_until_due"))
    body["automatically_finalizes_at"] = None
    _use_balance(work, body)
    intent = payment_intents.make(work, body, new_id("pi"))
    body["_payments"] = [
        {
            "id": new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": body["amount_due"],
            "created": work.now,
            "currency": body["currency"],
            "invoice": body["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    ]
    work.put("invoice", body)
    events.record(work, "invoice.finalized", body)
    return body


def _use_balance(work: Work, body: JSON) -> None:
    """Pay from the customer's credit as far as it reaches; an invoice below zero becomes credit."""
    customer = stored(work, "customer", body["customer"])
    balance, total = customer["balance"], body["total"]
    used = total if total < 0 else min(total, max(-balance, 0))
    body["starting_balance"], body["ending_balance"] = balance, balance + used
    body["amount_due"] = body["amount_remaining"] = max(total, 0) - max(used, 0)
    if used:
        before = wire(work, customer)
        customer["balance"] = balance + used
        work.put("customer", customer)
        events.record_change(work, "customer.updated", before, customer)


def void(work: Work, body: JSON) -> JSON:
    """Take an open invoice back for good."""
    body["status"] = "void"
    body["status_transitions"]["voided_at"] = work.now
    body["auto_advance"] = False
    body["next_payment_attempt"] = None
    for payment in body["_payments"]:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = work.now
    payment_intents.move(work, body, "canceled")
    work.put("invoice", body)
    events.record(work, "invoice.voided", body)
    return body


def stop(work: Work, body: JSON) -> JSON:
    """Leave an invoice as it is: nothing more is finalised or charged by itself."""
    body["auto_advance"] = False
    body["automatically_finalizes_at"] = None
    body["next_payment_attempt"] = None
    return work.put("invoice", body)
