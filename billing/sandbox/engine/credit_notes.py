"""Credit notes: an invoice taken back, as a whole or in part; what was paid for it is refunded, what was not is not asked for."""

from billing.sandbox.engine import amounts, charges, collection, events, refunds
from billing.sandbox.engine.catalogue import known_tax_rates
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.rendering import stored, tax_rates
from billing.sandbox.store import JSON, Work, new_id


def create(work: Work, params: JSON) -> JSON:
    """Take an invoice back and refund what was paid. Raises Refusal for a draft, and for one that was taken back before."""
    invoice = work.find("invoice", params["invoice"])
    if invoice is None:
        raise missing(noun="invoice", key=params["invoice"], param="invoice", status=400)
    if invoice["status"] not in {"paid", "open"}:
        raise uncovered(param=f"invoice (one that is {invoice['status']})")
    if invoice["post_payment_credit_notes_amount"] or invoice["pre_payment_credit_notes_amount"]:
        raise Refusal(says="The sum of credit amount, refund amount and out of band amount exceeds the amount paid.")
    if "lines" not in params:
        raise required(param="lines")
    taken = _part(work, params) if params["lines"][0]["type"] == "custom_line_item" else _whole(invoice, params)
    if taken["total"] > invoice["total"]:
        raise Refusal(says="The sum of credit amount, refund amount and out of band amount exceeds the amount paid.")
    was_paid = invoice["status"] == "paid"
    refunds_made = (
        _give_back(work, invoice, params, taken["total"]) if was_paid else _ask_for_less(invoice, params, taken["total"])
    )
    work.put("invoice", invoice)
    body = {
        "id": new_id("cn"),
        "object": "credit_note",
        "amount": taken["total"],
        "amount_shipping": 0,
        "created": work.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_balance_transaction": None,
        "discount_amount": sum(row["amount"] for row in taken["discounts"]),
        "discount_amounts": taken["discounts"],
        "effective_at": work.now,
        "invoice": invoice["id"],
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": merged({}, params),
        "number": f"{invoice['number']}-CN-01",
        "out_of_band_amount": None,
        "pdf": f"{work.public_url}/credit-notes/{invoice['id']}",
        "post_payment_amount": taken["total"] if was_paid else 0,
        "pre_payment_amount": 0 if was_paid else taken["total"],
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": refunds_made,
        "shipping_cost": None,
        "status": "issued",
        "subtotal": taken["subtotal"],
        "subtotal_excluding_tax": taken["subtotal"],
        "total": taken["total"],
        "total_excluding_tax": taken["net"],
        "total_taxes": taken["taxes"],
        "type": "post_payment" if was_paid else "pre_payment",
        "voided_at": None,
        "_lines": taken["lines"],
    }
    work.put("credit_note", body)
    events.record(work, "credit_note.created", body)
    if invoice["status"] == "open" and not invoice["amount_remaining"]:
        collection.settle(work, invoice)
    return body


def void(work: Work, body: JSON, _params: JSON) -> JSON:
    """Take a credit note back, so that its invoice asks for all of it again. Raises Refusal once that is not open any more."""
    invoice = stored(work, "invoice", body["invoice"])
    if body["status"] == "void" or invoice["status"] != "open":
        raise Refusal(says="You can only void a credit note that is issued and whose invoice is open.")
    for name in ("amount_due", "amount_remaining"):
        invoice[name] += body["total"]
    invoice["pre_payment_credit_notes_amount"] -= body["total"]
    work.put("invoice", invoice)
    body["status"] = "void"
    body["voided_at"] = work.now
    work.put("credit_note", body)
    events.record(work, "credit_note.voided", body)
    return body


def _give_back(work: Work, invoice: JSON, params: JSON, total: int) -> list[JSON]:
    """Refund what is taken back of a paid invoice. Raises Refusal for what was not charged, or another amount."""
    if any(payment["payment"]["type"] != "payment_intent" for payment in invoice["_payments"]):
        raise uncovered(param="refund_amount (for an invoice that was paid out of band)")
    if params.get("refund_amount") != total:
        message = f"The sum of credit amount, refund amount and out of band amount must equal the total ({total})."
        raise Refusal(says=message, param="refund_amount")
    charge = charges.named(work, {"payment_intent": invoice["_payments"][0]["payment"]["payment_intent"]})
    if charge is None:
        raise uncovered(param="refund_amount (for what was not charged)")
    refund = refunds.give_back(work, charge, total)
    invoice["post_payment_credit_notes_amount"] = total
    return [{"amount_refunded": total, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}]


def _ask_for_less(invoice: JSON, params: JSON, total: int) -> list[JSON]:
    """Lower what an open invoice asks for. Raises Refusal for a refund, because nothing was paid."""
    if "refund_amount" in params:
        message = "You cannot refund an invoice that has not been paid."
        raise Refusal(says=message, param="refund_amount")
    for name in ("amount_due", "amount_remaining"):
        invoice[name] -= total
    invoice["pre_payment_credit_notes_amount"] = total
    return []


def _whole(invoice: JSON, params: JSON) -> JSON:
    """Return what is taken back when it is all of an invoice. Raises Refusal for some of its lines."""
    own = {line["id"]: line["amount"] for line in invoice["_lines"]}
    if {line.get("invoice_line_item"): line.get("amount") for line in params["lines"]} != own:
        raise uncovered(param="lines (other than all of the invoice with their amounts)")
    return {
        "discounts": invoice["total_discount_amounts"],
        "lines": [_line(line) for line in invoice["_lines"]],
        "net": invoice["total_excluding_tax"],
        "subtotal": invoice["subtotal"],
        "taxes": invoice["total_taxes"],
        "total": invoice["total"],
    }


def _part(work: Work, params: JSON) -> JSON:
    """Return what is taken back by one line of its own, and the tax of its rates. Raises Refusal for more of them."""
    if len(params["lines"]) != 1:
        raise uncovered(param="lines (more than one custom line)")
    sent = params["lines"][0]
    for param in ("description", "quantity", "unit_amount"):
        if param not in sent:
            raise required(param=f"lines[0][{param}]")
    net = sent["unit_amount"] * sent["quantity"]
    rates = known_tax_rates(work, sent.get("tax_rates") or [], "lines[0][tax_rates]")
    taxes = [_tax(tax) for tax in amounts.taxes(rates, net)]
    line = _line({"amount": net, "description": sent["description"], "discount_amounts": [], "id": None, "taxes": taxes})
    line |= {
        "quantity": sent["quantity"],
        "tax_rates": tax_rates(work, [rate["id"] for rate in rates]),
        "type": "custom_line_item",
        "unit_amount": sent["unit_amount"],
        "unit_amount_decimal": str(sent["unit_amount"]),
    }
    total = net + sum(tax["amount"] for tax in taxes)
    return {"discounts": [], "lines": [line], "net": net, "subtotal": net, "taxes": taxes, "total": total}


def _tax(tax: amounts.Tax) -> JSON:
    return {
        "amount": tax.amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": tax.rate},
        "taxability_reason": "not_available",
        "taxable_amount": tax.taxable,
        "type": "tax_rate_details",
    }


def _line(line: JSON) -> JSON:
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": line["amount"],
        "description": line["description"],
        "discount_amount": sum(row["amount"] for row in line["discount_amounts"]),
        "discount_amounts": line["discount_amounts"],
        "invoice_line_item": line["id"],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": line.get("quantity"),
        "tax_rates": [],
        "taxes": line["taxes"],
        "type": "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
