"""Invoices that are sent and paid within thirty days: numbered, due, overdue, received by bank, given up, taken back."""

import pytest
import requests
import stripe

from tests.sandbox.sandbox_shop import CARD
from tests.sandbox.test_subscription_life import day, types

ORDER = [{"name": "PO number", "value": "PO-4711"}]


def sent(v1, shop, quantity=25, **more):
    customer = v1.customers.create({"name": "St Anselm", "email": "finance@example.org"})
    return v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": shop.year.id, "quantity": quantity}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "default_tax_rates": [shop.vat.id],
            "invoice_settings": {"custom_fields": ORDER},
            "expand": ["latest_invoice"],
            **more,
        }
    )


def opened(v1, shop, **more):
    subscription = sent(v1, shop, **more)
    return subscription, v1.invoices.finalize_invoice(subscription.latest_invoice.id)


def refusal(call):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    return caught.value


def test_a_subscription_by_invoice_is_active_at_once_and_needs_no_card(v1, shop):
    subscription = sent(v1, shop)
    assert (subscription.status, subscription.collection_method, subscription.days_until_due) == ("active", "send_invoice", 30)
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.number, invoice.collection_method, invoice.total) == ("draft", None, "send_invoice", 98496)
    assert [(field.name, field.value) for field in invoice.custom_fields] == [("PO number", "PO-4711")]


def test_days_to_pay_and_the_way_of_collecting_go_together(v1, shop):
    customer = v1.customers.create({"name": "St Anselm"})
    plain = {"customer": customer.id, "items": [{"price": shop.year.id}]}
    assert refusal(lambda: v1.subscriptions.create(plain | {"days_until_due": 30})).param == "days_until_due"
    assert refusal(lambda: v1.subscriptions.create(plain | {"collection_method": "send_invoice"})).param == "days_until_due"


def test_a_draft_gets_its_number_and_date_when_it_is_asked_for_and_only_once(v1, shop, clock):
    subscription = sent(v1, shop)
    clock.forward(minutes=10)
    invoice = v1.invoices.finalize_invoice(subscription.latest_invoice.id)
    assert (invoice.status, invoice.number, invoice.attempt_count) == ("open", "SANDBOX-0001", 0)
    assert day(invoice.due_date) == "2026-12-23 09:10"
    assert "re-finalize" in str(refusal(lambda: v1.invoices.finalize_invoice(invoice.id)))


def test_a_draft_that_nobody_asks_for_is_opened_after_an_hour_and_not_charged(v1, shop, clock):
    subscription = sent(v1, shop)
    clock.forward(hours=1)
    invoice = v1.invoices.retrieve(subscription.latest_invoice.id)
    assert (invoice.status, invoice.attempted, day(invoice.due_date)) == ("open", False, "2026-12-23 10:00")


def test_money_received_by_bank_pays_an_invoice_without_a_card(v1, shop):
    subscription, invoice = opened(v1, shop)
    paid = v1.invoices.pay(invoice.id, {"paid_out_of_band": True, "expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 98496, 0)
    assert paid.payments is not None
    assert [payment.payment.type for payment in paid.payments.data] == ["payment_record"]
    assert types(v1)[-1] == "invoice.paid"
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    lines = [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": line.amount} for line in paid.lines.data]
    note = {"invoice": paid.id, "lines": lines, "refund_amount": paid.total}
    assert "paid out of band" in str(refusal(lambda: v1.credit_notes.create(note)))


def credited(v1, invoice):
    lines = [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": line.amount} for line in invoice.lines.data]
    return v1.credit_notes.create({"invoice": invoice.id, "lines": lines})


def test_what_is_taken_back_of_an_invoice_before_it_is_paid_is_not_asked_for_any_more(v1, shop):
    _, invoice = opened(v1, shop)
    note = credited(v1, invoice)
    assert (note.type, note.pre_payment_amount, note.post_payment_amount, note.refunds) == ("pre_payment", 98496, 0, [])
    found = v1.invoices.retrieve(invoice.id)
    assert (found.status, found.amount_due, found.amount_paid, found.amount_remaining) == ("paid", 0, 0, 0)
    assert found.pre_payment_credit_notes_amount == 98496
    assert types(v1)[-2:] == ["credit_note.created", "invoice.paid"]
    assert "whose invoice is open" in str(refusal(lambda: v1.credit_notes.void_credit_note(note.id)))


def test_a_credit_note_on_an_open_invoice_can_be_taken_back_once(v1, shop):
    _, invoice = opened(v1, shop)
    part = {"type": "custom_line_item", "description": "Five of them", "quantity": 1, "unit_amount": 5000}
    note = v1.credit_notes.create({"invoice": invoice.id, "lines": [part]})
    assert v1.invoices.retrieve(invoice.id).amount_remaining == 98496 - 5000
    assert v1.credit_notes.void_credit_note(note.id).status == "void"
    found = v1.invoices.retrieve(invoice.id)
    assert (found.status, found.amount_due, found.amount_remaining) == ("open", 98496, 98496)
    assert types(v1)[-1] == "credit_note.voided"
    assert "issued" in str(refusal(lambda: v1.credit_notes.void_credit_note(note.id)))
    note = {"invoice": invoice.id, "lines": [part], "refund_amount": 5000}
    assert refusal(lambda: v1.credit_notes.create(note)).param == "refund_amount"


def test_the_hosted_page_says_by_when_and_for_which_order_and_takes_a_card(v1, shop, base):
    _, invoice = opened(v1, shop)
    page = f"{base}/invoices/{invoice.id}"
    text = requests.get(page, timeout=10).text
    assert "to be paid by 23 December 2026" in text
    assert "PO number: PO-4711" in text
    assert requests.post(page, data=CARD, timeout=10, allow_redirects=False).status_code == 303
    assert v1.invoices.retrieve(invoice.id).status == "paid"


def test_an_invoice_that_is_not_paid_in_time_is_overdue_once_and_its_subscription_past_due_until_it_is(v1, shop, clock):
    subscription, invoice = opened(v1, shop)
    clock.forward(days=29, hours=23)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    clock.forward(days=20)
    assert v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert types(v1).count("invoice.overdue") == 1
    assert v1.invoices.retrieve(invoice.id).status == "open"
    v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_subscription_stays_past_due_while_another_of_its_invoices_is_overdue(v1, shop, clock):
    subscription, first = opened(v1, shop)
    item = {"id": subscription.items.data[0].id, "quantity": 30}
    changed = v1.subscriptions.update(subscription.id, {"items": [item], "proration_behavior": "always_invoice"})
    clock.forward(days=40)
    v1.invoices.pay(first.id, {"paid_out_of_band": True})
    assert v1.subscriptions.retrieve(subscription.id).status == "past_due"
    v1.invoices.pay(changed.latest_invoice, {"paid_out_of_band": True})
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_more_seats_are_there_at_once_and_invoiced_as_previewed(v1, shop, clock):
    subscription, _ = opened(v1, shop)
    clock.forward(days=120)
    moment = int(clock.moment.timestamp())
    items = [{"id": subscription.items.data[0].id, "quantity": 35}]
    change = {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
    preview = v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})
    changed = v1.subscriptions.update(subscription.id, change | {"expand": ["latest_invoice"]})
    assert (changed.items.data[0].quantity, changed.pending_update) == (35, None)
    invoice = changed.latest_invoice
    assert (invoice.status, invoice.billing_reason, invoice.total) == ("draft", "subscription_update", preview.total)
    assert [field.value for field in invoice.custom_fields] == ["PO-4711"]
    pending = change | {"payment_behavior": "pending_if_incomplete", "items": [items[0] | {"quantity": 36}]}
    assert "payment_behavior" in str(refusal(lambda: v1.subscriptions.update(subscription.id, pending)))


def test_a_renewal_is_an_invoice_with_the_same_terms(v1, shop, clock):
    subscription, invoice = opened(v1, shop)
    v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    clock.forward(days=365, hours=1)
    renewed = v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    found = renewed.latest_invoice
    assert (renewed.status, found.status, found.billing_reason) == ("active", "open", "subscription_cycle")
    assert (found.total, day(found.due_date)) == (98496, "2027-12-23 10:00")
    assert [field.value for field in found.custom_fields] == ["PO-4711"]


def test_sending_opens_a_draft_says_so_and_is_only_for_what_is_sent(v1, shop):
    subscription = sent(v1, shop)
    invoice = v1.invoices.send_invoice(subscription.latest_invoice.id)
    assert invoice.status == "open"
    assert types(v1)[-2:] == ["invoice.finalized", "invoice.sent"]
    v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert "only send an open invoice" in str(refusal(lambda: v1.invoices.send_invoice(invoice.id)))
    charged = shop.bought().invoice
    assert "collection method" in str(refusal(lambda: v1.invoices.send_invoice(charged.id)))


def test_an_invoice_is_given_up_and_may_be_paid_all_the_same(v1, shop):
    _, invoice = opened(v1, shop)
    given_up = v1.invoices.mark_uncollectible(invoice.id)
    assert (given_up.status, types(v1)[-1]) == ("uncollectible", "invoice.marked_uncollectible")
    assert given_up.status_transitions.marked_uncollectible_at is not None
    assert "uncollectible" in str(refusal(lambda: v1.invoices.mark_uncollectible(invoice.id)))
    assert v1.invoices.pay(invoice.id, {"paid_out_of_band": True}).status == "paid"


def test_an_invoice_is_taken_back_and_cannot_be_paid_any_more(v1, shop, clock):
    _, invoice = opened(v1, shop)
    assert v1.invoices.void_invoice(invoice.id).status == "void"
    assert "void" in str(refusal(lambda: v1.invoices.pay(invoice.id, {"paid_out_of_band": True})))
    clock.forward(days=60)
    assert "invoice.overdue" not in types(v1)
