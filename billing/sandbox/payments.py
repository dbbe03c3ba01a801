"""The endpoints about money that has moved: charges, payment intents, payments of invoices, refunds and disputes."""

from billing.sandbox.coverage import parameters
from billing.sandbox.engine import disputes, refunds
from billing.sandbox.operations import PAGING, Operation, Request, changer, lister, maker, reader
from billing.sandbox.rendering import listed, payments
from billing.sandbox.store import JSON


def list_invoice_payments(request: Request) -> JSON:
    """List the payments of an invoice, or those that a payment intent is behind."""
    wanted = request.params.get("payment", {}).get("payment_intent")
    if "invoice" in request.params:
        invoice = request.work.find("invoice", request.params["invoice"])
        invoices = [] if invoice is None else [invoice]
    else:
        invoices = request.work.all("invoice", payment_intent=wanted or "")
    found = [payment for invoice in invoices for payment in payments(invoice)["data"]]
    kept = [payment for payment in found if wanted in {None, payment["payment"].get("payment_intent")}]
    return listed("/v1/invoice_payments", kept)


OPERATIONS = (
    Operation(
        "GET",
        "/v1/charges",
        lister("charge", "/v1/charges", "customer", "payment_intent"),
        parameters(*PAGING, "created", "customer", "payment_intent"),
    ),
    Operation("GET", "/v1/charges/{id}", reader("charge", "charge")),
    Operation("GET", "/v1/payment_intents/{id}", reader("payment_intent", "payment_intent")),
    Operation(
        "GET",
        "/v1/invoice_payments",
        list_invoice_payments,
        parameters("invoice", "limit", "payment.payment_intent", payment__type=["payment_intent"]),
    ),
    Operation(
        "POST",
        "/v1/refunds",
        maker(refunds.create),
        parameters("amount", "charge", "metadata", "payment_intent", "reason"),
    ),
    Operation(
        "GET",
        "/v1/refunds",
        lister("refund", "/v1/refunds", "charge", "payment_intent"),
        parameters(*PAGING, "charge", "created", "payment_intent"),
    ),
    Operation("GET", "/v1/refunds/{id}", reader("refund", "refund")),
    Operation("POST", "/v1/refunds/{id}", changer("refund", "refund", refunds.update), parameters("metadata")),
    Operation(
        "GET",
        "/v1/disputes",
        lister("dispute", "/v1/disputes", "charge", "payment_intent"),
        parameters(*PAGING, "charge", "created", "payment_intent"),
    ),
    Operation("GET", "/v1/disputes/{id}", reader("dispute", "dispute")),
    Operation(
        "POST",
        "/v1/disputes/{id}",
        changer("dispute", "dispute", disputes.update),
        parameters("metadata", "submit", *(f"evidence.{name}" for name in disputes.EVIDENCE)),
    ),
    Operation(
        "POST",
        "/v1/disputes/{id}/close",
        changer("dispute", "dispute", lambda work, body, _: disputes.close(work, body)),
    ),
)
