"""Bacs Direct Debit in the sandbox: complete and unpaid at first, then paid or failed after working days."""

from datetime import UTC, datetime

import pytest
import stripe

from billing.sandbox.engine.debits import business_days_after

DEBIT = {"method": "bacs_debit", "sort_code": "10-88-00", "account_name": "Ruth Okafor", "number": "", "expiry": "", "cvc": ""}
PAYS, TOO_LITTLE = {"account": "00012345"}, {"account": "22222227"}


@pytest.fixture
def session(shop):
    return shop.session(allowed_payment_method_types=["card", "bacs_debit"])


def told(v1):
    return [event.type for event in v1.events.list({"limit": 100}).data if event.type.startswith("checkout.session.")][::-1]


def intent(v1, invoice):
    expanded = v1.invoices.retrieve(invoice, {"expand": ["payments.data.payment.payment_intent"]})
    return expanded.payments.data[0].payment.payment_intent.status


def test_a_debit_completes_the_page_unpaid_and_pays_after_seven_working_days(shop, v1, clock, sandbox, session):
    assert shop.pay(session, **DEBIT, **PAYS).status_code == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "unpaid", "active")
    assert intent(v1, done.invoice) == "processing"
    assert "Your payment is on its way" in shop.page(session).text
    clock.forward(days=8)
    sandbox.catch_up()
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    clock.forward(days=1)
    sandbox.catch_up()
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert (v1.invoices.retrieve(done.invoice).status, intent(v1, done.invoice)) == ("paid", "succeeded")
    assert told(v1) == ["checkout.session.completed", "checkout.session.async_payment_succeeded"]


def test_a_debit_that_the_bank_refuses_leaves_the_invoice_unpaid(shop, v1, clock, sandbox, session):
    shop.pay(session, **DEBIT, **TOO_LITTLE)
    clock.forward(days=9)
    sandbox.catch_up()
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("unpaid", "past_due")
    assert intent(v1, done.invoice) == "requires_payment_method"
    assert told(v1)[-1] == "checkout.session.async_payment_failed"


def test_a_renewal_by_debit_takes_four_working_days(shop, v1, clock, sandbox, session):
    shop.pay(session, **DEBIT, **PAYS)
    subscription = v1.checkout.sessions.retrieve(session.id).subscription
    clock.forward(days=365, hours=2)
    sandbox.catch_up()
    invoice = v1.subscriptions.retrieve(subscription, {"expand": ["latest_invoice"]}).latest_invoice
    assert (invoice.billing_reason, invoice.status, intent(v1, invoice.id)) == ("subscription_cycle", "open", "processing")
    with pytest.raises(stripe.InvalidRequestError, match="bank debit"):
        v1.invoices.pay(invoice.id)
    clock.forward(days=6)
    sandbox.catch_up()
    assert v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_pending_update_is_refused_and_a_change_at_once_is_debited(shop, v1, clock, sandbox, session):
    shop.pay(session, **DEBIT, **PAYS)
    subscription = v1.checkout.sessions.retrieve(session.id).subscription
    clock.forward(days=10)
    sandbox.catch_up()
    item = v1.subscriptions.retrieve(subscription)["items"].data[0].id
    change = {"items": [{"id": item, "quantity": 30}], "proration_behavior": "always_invoice"}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.subscriptions.update(subscription, change | {"payment_behavior": "pending_if_incomplete"})
    assert caught.value.param == "payment_behavior"
    changed = v1.subscriptions.update(
        subscription, change | {"payment_behavior": "allow_incomplete", "expand": ["latest_invoice"]}
    )
    assert (changed["items"].data[0].quantity, changed.latest_invoice.status) == (30, "open")
    assert intent(v1, changed.latest_invoice.id) == "processing"


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"sort_code": "20-00-00"}, "sort_code", "Enter the sort code of the test accounts"),
        ({"account": "12345678"}, "account", "Enter one of the test account numbers"),
        ({"account_name": ""}, "account_name", "Enter the name of the account holder."),
        ({"postcode": ""}, "postcode", "Enter the billing postcode"),
    ],
)
def test_a_slip_in_the_account_is_named_and_the_form_comes_back_filled_in(shop, session, typed, field, words):
    answer = shop.pay(session, **DEBIT | PAYS | typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'href="#{field}"' in answer.text
    assert 'value="bacs_debit" checked' in answer.text


def test_a_session_that_takes_cards_only_does_not_take_a_debit(shop):
    session = shop.session()
    assert "Direct Debit" not in shop.page(session).text
    assert shop.pay(session, **DEBIT, **PAYS).status_code == 422


@pytest.mark.parametrize(
    ("weekday", "days", "then"),
    [((2026, 11, 23), 4, (2026, 11, 27)), ((2026, 11, 26), 4, (2026, 12, 2)), ((2026, 11, 28), 1, (2026, 11, 30))],
)
def test_saturdays_and_sundays_do_not_count(weekday, days, then):
    start = datetime(*weekday, 9, tzinfo=UTC)
    assert business_days_after(int(start.timestamp()), days) == int(datetime(*then, 9, tzinfo=UTC).timestamp())
