"""Credit notes: a paid invoice taken back as a whole, with the refund that brings the money back."""

from billing.sandbox.engine import charges, events, refunds
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.store import JSON, Work, new_id


def create(work: Work, params: JSON) -> JSON:
    """Take a paid invoice back and refund it. Raises Refusal for one that is not paid, or was taken back before."""
    invoice = work.find("invoice", params["invoice"])
    if invoice is None:
        raise missing(noun="invoice", key=params["invoice"], param="invoice", status=400)
    if invoice["status"] != "paid":
        raise uncovered(param=f"invoice (one that is {invoice['status']})")
    if invoice["post_payment_credit_notes_amount"]:
        raise Refusal(says="The sum of credit amount, refund amount and out of band amount exceeds the amount paid.")
    if "lines" not in params:
        raise required(param="lines")
    if any(payment["payment"]["type"] != "payment_intent" for payment in invoice["_payments"]):
        raise uncovered(param="refund_amount (for an invoice that was paid out of band)")
    own = {line["id"]: line["amount"] for line in invoice["_lines"]}
    if {line.get("invoice_line_item"): line.get("amount") for line in params["lines"]} != own:
        raise uncovered(param="lines (other than all of the invoice with their amounts)")
    if params.get("refund_amount") != invoice["total"]:
        message = f"The sum of credit amount, refund amount and out of band amount must equal the total ({invoice['total']})."
        raise Refusal(says=message, param="refund_amount")
    charge = charges.named(work, {"payment_intent": invoice["_payments"][0]["payment"]["payment_intent"]})
    if charge is None:
        raise uncovered(param="refund_amount (for what was not paid by card)")
    refund = refunds.give_back(work, charge, invoice["total"])
    invoice["post_payment_credit_notes_amount"] = invoice["total"]
    work.put("invoice", invoice)
    body = {
        "id": new_id("cn"),
        "object": "credit_note",
        "amount": invoice["total"],
        "amount_shipping": 0,
        "created": work.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": work.now,
        "invoice": invoice["id"],
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": merged({}, params),
        "number": f"{invoice['number']}-CN-01",
        "out_of_band_amount": None,
        "pdf": f"{work.public_url}/credit-notes/{invoice['id']}",
        "post_payment_amount": invoice["total"],
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [
            {"amount_refunded": invoice["total"], "payment_record_refund": None, "refund": refund["id"], "type": "refund"}
        ],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": invoice["subtotal"],
        "subtotal_excluding_tax": invoice["subtotal"],
        "total": invoice["total"],
        "total_excluding_tax": invoice["subtotal"],
        "total_taxes": invoice["total_taxes"],
        "type": "post_payment",
        "voided_at": None,
        "_lines": [_line(line) for line in invoice["_lines"]],
    }
    work.put("credit_note", body)
    events.record(work, "credit_note.created", body)
    return body


def _line(line: JSON) -> JSON:
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": line["amount"],
        "description": line["description"],
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": line["id"],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": line["quantity"],
        "tax_rates": [],
        "taxes": line["taxes"],
        "type": "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
