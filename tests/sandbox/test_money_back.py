"""Money that goes back: refunds whole and in part, refunds that come back, disputes won and lost, and credit that is kept."""

import pytest
import stripe


def paid(v1, shop, card="pm_card_visa", quantity=10):
    customer = v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    price = shop.price(interval="month", bands=[("inf", 1000)])
    subscription = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": quantity}]})
    [charge] = v1.charges.list({"customer": customer.id}).data
    return subscription, charge


def told(v1, *kinds):
    return [event.type for event in v1.events.list({"limit": 100}).data[::-1] if event.type.startswith(kinds)]


def test_a_charge_leads_to_the_invoice_that_it_paid(v1, shop):
    subscription, charge = paid(v1, shop)
    payment = {"type": "payment_intent", "payment_intent": charge.payment_intent}
    [found] = v1.invoice_payments.list({"payment": payment, "expand": ["data.invoice"]}).data
    assert (found.invoice.id, found.amount_paid, charge.amount) == (subscription.latest_invoice, 10000, 10000)
    assert v1.payment_intents.retrieve(charge.payment_intent).latest_charge == charge.id
    nothing = {"type": "payment_intent", "payment_intent": "pi_none"}
    assert v1.invoice_payments.list({"payment": nothing}).data == []


def test_a_charge_is_given_back_in_parts_and_never_more_than_it_was(v1, shop):
    _, charge = paid(v1, shop)
    v1.refunds.create({"charge": charge.id, "amount": 4000})
    assert (v1.charges.retrieve(charge.id).amount_refunded, v1.charges.retrieve(charge.id).refunded) == (4000, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        v1.refunds.create({"charge": charge.id, "amount": 6001})
    assert v1.refunds.create({"payment_intent": charge.payment_intent}).amount == 6000
    assert v1.charges.retrieve(charge.id).refunded
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        v1.refunds.create({"charge": charge.id})
    assert told(v1, "refund.", "charge.") == ["refund.created", "charge.refunded"] * 2


@pytest.mark.parametrize("params", [{}, {"charge": "ch_none"}, {"payment_intent": "pi_none"}])
def test_what_was_not_paid_cannot_be_given_back(v1, params):
    with pytest.raises(stripe.InvalidRequestError, match=r"Missing required|No such"):
        v1.refunds.create(params)


def test_a_refund_may_come_back_a_day_later(v1, shop, clock):
    _, charge = paid(v1, shop, "pm_card_refundFail")
    refund = v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    clock.forward(days=1)
    assert v1.refunds.retrieve(refund.id).status == "failed"
    assert v1.charges.retrieve(charge.id).amount_refunded == 0
    assert told(v1, "refund.") == ["refund.created", "refund.updated", "refund.failed"]


@pytest.mark.parametrize(("words", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_a_dispute_is_decided_by_its_evidence(v1, shop, words, status):
    _, charge = paid(v1, shop, "pm_card_createDispute")
    [dispute] = v1.disputes.list({"charge": charge.id}).data
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 10000)
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        v1.refunds.create({"charge": charge.id})
    noted = v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Ruth"}, "submit": False})
    assert (noted.status, noted.evidence_details.submission_count) == ("needs_response", 0)
    decided = v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": words}})
    assert (decided.status, decided.evidence_details.submission_count) == (status, 1)
    assert v1.charges.retrieve(charge.id).disputed is (status == "lost")
    assert told(v1, "charge.") == [
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.updated",
        "charge.dispute.closed",
    ]
    for act in (
        lambda: v1.disputes.close(dispute.id),
        lambda: v1.disputes.update(dispute.id, {"evidence": {"receipt": "file_1"}}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            act()


def test_a_dispute_that_nobody_answers_is_lost_on_its_day(v1, shop, clock):
    _, charge = paid(v1, shop, "pm_card_createDispute")
    [dispute] = v1.disputes.list({"charge": charge.id}).data
    clock.forward(days=8, hours=23)
    assert v1.disputes.retrieve(dispute.id).status == "needs_response"
    clock.forward(hours=2)
    lost = v1.disputes.retrieve(dispute.id)
    assert (lost.status, lost.evidence_details.past_due) == ("lost", True)


def test_what_is_paid_too_much_becomes_credit_and_pays_the_next_invoice(v1, shop, clock):
    subscription, _ = paid(v1, shop)
    clock.forward(days=15)
    item = {"id": subscription.items.data[0].id, "quantity": 4}
    v1.subscriptions.update(subscription.id, {"items": [item], "proration_behavior": "always_invoice"})
    newest = v1.invoices.list({"subscription": subscription.id}).data[0]
    customer = v1.customers.retrieve(subscription.customer)
    assert newest.total < 0
    assert (newest.status, newest.amount_due, newest.ending_balance) == ("paid", 0, newest.total)
    assert customer.balance == newest.total
    clock.forward(days=16)
    renewal = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (renewal.status, renewal.total) == ("paid", 4000)
    assert renewal.amount_due == renewal.amount_paid == 4000 + newest.total
    assert v1.customers.retrieve(subscription.customer).balance == 0


def test_more_at_once_with_a_card_that_fails_leaves_the_subscription_past_due(v1, shop):
    subscription, _ = paid(v1, shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    item = {"id": subscription.items.data[0].id, "quantity": 14}
    after = v1.subscriptions.update(subscription.id, {"items": [item], "proration_behavior": "always_invoice"})
    assert (after.status, after.items.data[0].quantity) == ("past_due", 14)
