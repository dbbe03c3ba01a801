"""Getting invoices paid: charges, what a success or a failure does to the subscription, and the retries of two weeks."""

from billing.sandbox.engine import charges, customers, debits, endings, events, invoices, payment_intents, pending_updates
from billing.sandbox.engine.deadlines import RETRY_AFTER
from billing.sandbox.refusals import Refusal, declined
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

AFTER_RETRIES = "after_retries"


def is_good(card: JSON | None) -> bool:
    """Say whether the bank behind this payment method pays at once."""
    return card is not None and not debits.is_debit(card) and customers.BY_NUMBER[card["_number"]].charges and not asks(card)


def asks(card: JSON | None) -> bool:
    """Say whether the bank behind this payment method asks its holder at each payment, also one that the shop begins."""
    return card is not None and not debits.is_debit(card) and customers.BY_NUMBER[card["_number"]].asks_always


def settle(work: Work, body: JSON, *, is_received: bool = False, card: JSON | None = None) -> JSON:
    """Mark an invoice paid, or received in another way, and bring its subscription back to life when it was waiting for this.

    It was paid with the card that is given, else with the usual one.
    """
    body["status"] = "paid"
    body["_debit"] = None
    payment_intents.move(work, body, "succeeded")
    body["attempted"] = True
    body["attempt_count"] += 1
    body["amount_paid"] = body["amount_due"]
    body["amount_remaining"] = 0
    body["next_payment_attempt"] = None
    body["status_transitions"]["paid_at"] = work.now
    for payment in body["_payments"]:
        payment["status"] = "paid"
        payment["amount_paid"] = body["amount_due"]
        payment["status_transitions"]["paid_at"] = work.now
        if is_received:
            payment["payment"] = {"payment_record": new_id("prec"), "type": "payment_record"}
    work.put("invoice", body)
    subscription = _subscription(work, body)
    if body["amount_due"] and not is_received:
        customer = stored(work, "customer", body["customer"])
        charges.record(work, body, card or customers.usual_card(work, customer, subscription["default_payment_method"]))
    events.record(work, "invoice.paid", body)
    customers.set_delinquent(work, body["customer"], delinquent=False)
    pending_updates.apply(work, body)
    subscription = _subscription(work, body)
    is_awaited = subscription["latest_invoice"] == body["id"] or body["collection_method"] == "send_invoice"
    if is_awaited and subscription["status"] in {"incomplete", "past_due", "unpaid"} and not _owes(work, subscription):
        move(work, subscription, "active")
    return body


def fail(work: Work, body: JSON, *, is_scheduled: bool, asked: bool = False) -> JSON:
    """Note a charge that was declined, or that the bank asks its holder about.

    A scheduled one plans the next try, and after the last the subscription is unpaid.
    """
    body["attempted"] = True
    body["attempt_count"] += 1
    body["_debit"] = None
    payment_intents.move(work, body, "requires_action" if asked else "requires_payment_method")
    subscription = _subscription(work, body)
    if is_scheduled:
        retry = body["_retries"]
        body["next_payment_attempt"] = work.now + RETRY_AFTER[retry] if retry < len(RETRY_AFTER) else None
        body["_retries"] = retry + 1
        body["auto_advance"] = body["next_payment_attempt"] is not None
    work.put("invoice", body)
    if asked:
        events.record(work, "invoice.payment_action_required", body)
    events.record(work, "invoice.payment_failed", body)
    customers.set_delinquent(work, body["customer"], delinquent=True)
    if is_scheduled and subscription["status"] in {"active", "past_due"}:
        give_up(work, subscription) if not body["auto_advance"] else move(work, subscription, "past_due")
    return body


def give_up(work: Work, subscription: JSON) -> JSON:
    """Do what the account says is to become of a subscription after the last retry: unpaid, or canceled."""
    if work.switch(AFTER_RETRIES) != "cancel":
        return move(work, subscription, "unpaid")
    subscription["cancellation_details"]["reason"] = "payment_failed"
    return endings.end(work, subscription)


def charge(work: Work, body: JSON) -> JSON:
    """Make the planned charge of an open invoice; nothing to pay needs no card."""
    customer = stored(work, "customer", body["customer"])
    subscription = _subscription(work, body)
    card = customers.card_to_charge(work, customer, subscription["default_payment_method"])
    if body["amount_due"] == 0 or is_good(card):
        return settle(work, body)
    if card is not None and debits.is_debit(card):
        return debit(work, body, card, debits.USUAL_DAYS)
    return fail(work, body, is_scheduled=True, asked=asks(card))


def debit(work: Work, body: JSON, method: JSON, days: int) -> JSON:
    """Send a debit to the bank, which answers after some business days; until then the invoice stays open."""
    body["attempted"] = True
    body["next_payment_attempt"] = None
    body["_debit"] = {"at": debits.business_days_after(work.now, days), "pays": debits.pays(method)}
    payment_intents.move(work, body, "processing")
    return work.put("invoice", body)


def finish_debit(work: Work, body: JSON) -> JSON:
    """Take the bank's answer to a debit; one for a renewal is tried again like any other charge."""
    if body["_debit"]["pays"]:
        return settle(work, body)
    fail(work, body, is_scheduled=body["billing_reason"] == "subscription_cycle")
    if body["billing_reason"] != "subscription_cycle":
        move(work, _subscription(work, body), "past_due")
    return body


def void(work: Work, body: JSON) -> JSON:
    """Take an invoice back for good; a subscription that was past due for it alone is not any more."""
    pending_updates.void(work, body)
    subscription = _subscription(work, body)
    unpaid = work.all("invoice", subscription=subscription["id"], status="open")
    if subscription["status"] == "past_due" and subscription["latest_invoice"] == body["id"] and not unpaid:
        move(work, subscription, "active")
    return body


def pay(work: Work, body: JSON, params: JSON) -> JSON:
    """Charge an invoice now because someone asked. Raises Refusal when it cannot be paid or the card is declined."""
    if body["status"] == "draft":
        invoices.finalise(work, body)
    if body["status"] == "paid":
        raise Refusal(says="Invoice is already paid", code="invoice_already_paid")
    if body["status"] not in {"open", "uncollectible"}:
        raise Refusal(says=f"This invoice is {body['status']} and can no longer be paid.", code="invoice_not_editable")
    if params.get("paid_out_of_band", False):
        return settle(work, body, is_received=True)
    if body.get("_debit") is not None:
        raise Refusal(says="This invoice is being paid by a bank debit.", code="invoice_not_editable")
    customer = stored(work, "customer", body["customer"])
    card = (
        customers.owned_card(work, customer["id"], params["payment_method"], "payment_method")
        if "payment_method" in params
        else customers.card_to_charge(work, customer, _subscription(work, body)["default_payment_method"])
    )
    if card is None and body["amount_due"] > 0:
        raise no_card()
    if body["amount_due"] > 0 and card is not None and debits.is_debit(card):
        return debit(work, body, card, debits.USUAL_DAYS)
    if body["amount_due"] > 0 and not is_good(card):
        fail(work, body, is_scheduled=False, asked=asks(card))
        raise declined(says=customers.SAYS_NO, keeps_effects=True)
    return settle(work, body)


def no_card() -> Refusal:
    """Say that a customer has nothing to charge."""
    message = "This customer has no attached payment source or default payment method."
    return Refusal(says=message, code="resource_missing")


def move(work: Work, subscription: JSON, status: str) -> JSON:
    """Change a subscription's status and say so."""
    before = wire(work, subscription)
    subscription["status"] = status
    work.put("subscription", subscription)
    events.record_change(work, "customer.subscription.updated", before, subscription)
    return subscription


def _owes(work: Work, subscription: JSON) -> bool:
    """Say whether another invoice of a subscription is overdue."""
    return any(invoice.get("_is_overdue") for invoice in work.all("invoice", subscription=subscription["id"], status="open"))


def _subscription(work: Work, invoice: JSON) -> JSON:
    return stored(work, "subscription", invoice["parent"]["subscription_details"]["subscription"])
