"""Terms of payment: invoices that are sent and paid within some days, overdue after that, or received in another way."""

from billing.sandbox.engine import collection, events, invoices
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work


def days_until_due(params: JSON) -> int | None:
    """Read within how many days invoices are to be paid; None for charging a card. Raises Refusal for one without the other."""
    days = params.get("days_until_due")
    if params.get("collection_method", "charge_automatically") == "charge_automatically":
        if days is not None:
            message = "You can only set `days_until_due` if the `collection_method` is `send_invoice`."
            raise Refusal(says=message, param="days_until_due")
        return None
    if days is None:
        message = "You must pass `days_until_due` when `collection_method` is set to `send_invoice`."
        raise Refusal(says=message, param="days_until_due")
    return int(days)


def finalise(work: Work, body: JSON, _params: JSON) -> JSON:
    """Give a draft its number because someone asked. Raises Refusal for one that has it."""
    if body["status"] != "draft":
        message = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
        raise Refusal(says=message, code="invoice_not_editable")
    subscription = _subscription(work, body)
    body["last_finalization_error"] = None
    invoices.finalise(work, body)
    if body["total"] == 0:
        return collection.settle(work, body)
    if subscription["collection_method"] == "charge_automatically" and body["auto_advance"]:
        return collection.charge(work, body)
    return body


def issue(work: Work, body: JSON) -> None:
    """Give a draft its number because its time has come; where that fails, it stays a draft until someone asks again."""
    customer = stored(work, "customer", body["customer"])
    if not customer.get("_fails_issue"):
        finalise(work, body, {})
        return
    work.put("customer", customer | {"_fails_issue": False})
    body["automatically_finalizes_at"] = None
    body["last_finalization_error"] = {
        "code": "customer_tax_location_invalid",
        "message": "The customer's location isn't recognized. Set a valid customer address in order to calculate tax.",
        "type": "invalid_request_error",
    }
    work.put("invoice", body)
    events.record(work, "invoice.finalization_failed", body)


def send(work: Work, body: JSON, _params: JSON) -> JSON:
    """Send an invoice by mail, a draft after giving it its number. Raises Refusal for one that is charged or over."""
    if body["collection_method"] != "send_invoice":
        message = "You can only manually send an invoice if its collection method is 'send_invoice'."
        raise Refusal(says=message)
    if body["status"] == "draft":
        invoices.finalise(work, body)
    if body["status"] != "open":
        message = f"You can only send an open invoice. This invoice is {body['status']}."
        raise Refusal(says=message, code="invoice_not_editable")
    events.record(work, "invoice.sent", body)
    return body


def give_up(work: Work, body: JSON, _params: JSON) -> JSON:
    """Mark an open invoice as one that will not be paid. Raises Refusal for any other."""
    if body["status"] != "open":
        message = f"You can only mark an open invoice as uncollectible. This invoice is {body['status']}."
        raise Refusal(says=message, code="invoice_not_editable")
    body["status"] = "uncollectible"
    body["auto_advance"] = False
    body["next_payment_attempt"] = None
    body["status_transitions"]["marked_uncollectible_at"] = work.now
    work.put("invoice", body)
    events.record(work, "invoice.marked_uncollectible", body)
    return body


def fall_due(work: Work, body: JSON) -> JSON:
    """Say that an invoice was not paid by its date; its subscription is past due then."""
    body["_is_overdue"] = True
    work.put("invoice", body)
    events.record(work, "invoice.overdue", body)
    subscription = _subscription(work, body)
    if subscription["status"] == "active":
        collection.move(work, subscription, "past_due")
    return body


def _subscription(work: Work, invoice: JSON) -> JSON:
    return stored(work, "subscription", invoice["parent"]["subscription_details"]["subscription"])
