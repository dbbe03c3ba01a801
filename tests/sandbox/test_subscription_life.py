"""Subscriptions through time: renewal, failed charges and their retries, ending, and what the events say."""

from datetime import UTC, datetime

import pytest
import stripe


def day(stamp):
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d %H:%M")


def monthly(shop, **more):
    return shop.bought(25, price=shop.price(interval="month", bands=[(4, 1000), ("inf", 400)]), **more).subscription


def types(v1, **params):
    return [event.type for event in v1.events.list({"limit": 100, **params}).data][::-1]


def spans(lines):
    return [(line["amount"], line["quantity"], line["period"]["start"], line["period"]["end"]) for line in lines["data"]]


def direct(v1, shop, card="pm_card_visa", **more):
    customer = v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    return v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.year.id, "quantity": 5}], "expand": ["latest_invoice"], **more}
    )


def test_a_year_renews_on_the_same_day_with_a_draft_that_is_charged_an_hour_later(shop, v1, clock):
    bought = shop.bought(25).subscription
    clock.forward(days=365)
    renewed = v1.subscriptions.retrieve(bought.id, {"expand": ["latest_invoice"]})
    item = renewed.items.data[0]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2027-11-23 09:00", "2028-11-23 09:00")
    draft = renewed.latest_invoice
    assert (draft.status, draft.billing_reason, draft.number, draft.total) == ("draft", "subscription_cycle", None, 98496)
    assert day(draft.lines.data[0].period.end) == "2028-11-23 09:00"
    clock.forward(hours=1)
    paid = v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.number, day(paid.status_transitions.paid_at)) == ("paid", "SANDBOX-0002", "2027-11-23 10:00")
    assert v1.subscriptions.retrieve(bought.id).status == "active"


def test_a_leap_over_months_makes_every_renewal_at_its_own_time(shop, v1, clock):
    clock.moment = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
    subscription = monthly(shop)
    clock.moment = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
    invoices = v1.invoices.list({"subscription": subscription.id}).data[::-1]
    assert [day(invoice.created) for invoice in invoices] == [
        *("2027-01-31 09:00", "2027-02-28 09:00", "2027-03-31 09:00", "2027-04-30 09:00", "2027-05-31 09:00")
    ]
    assert [invoice.status for invoice in invoices] == ["paid"] * 5
    assert [invoice.number for invoice in invoices] == [f"SANDBOX-000{number}" for number in range(1, 6)]


def test_a_renewal_is_announced_once_a_week_before_with_what_it_will_ask_for(shop, v1, clock):
    subscription = monthly(shop)
    clock.forward(days=22)
    assert v1.events.list({"type": "invoice.upcoming"}).data == []
    clock.forward(days=2)
    clock.forward(days=2)
    (told,) = v1.events.list({"type": "invoice.upcoming"}).data
    clock.forward(days=5)
    (renewed, _) = v1.invoices.list({"subscription": subscription.id}).data
    assert (told.data.object["total"], told.data.object["billing_reason"]) == (renewed.total, "upcoming")
    assert spans(told.data.object["lines"]) == spans(renewed.lines)


def test_what_is_announced_is_what_is_planned_and_nothing_where_it_ends(shop, v1, clock):
    subscription = monthly(shop)
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    clock.forward(days=25)
    assert v1.events.list({"type": "invoice.upcoming"}).data == []


def test_the_renewal_event_says_what_changed(shop, v1, clock):
    monthly(shop)
    clock.forward(days=30)
    event = v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes.to_dict().keys() == {"items", "latest_invoice"}
    assert event.request.id is None


def test_a_card_that_fails_is_tried_four_times_in_two_weeks_and_then_the_subscription_is_unpaid(shop, v1, clock):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=30, hours=1)
    seen = []
    for wait in (0, 3, 5, 7, 2):
        clock.forward(days=wait)
        found = v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice", "customer"]})
        invoice = found.latest_invoice
        seen.append((found.status, invoice.status, invoice.attempt_count, invoice.next_payment_attempt is None))
        assert found.customer.delinquent
    assert seen == [
        ("past_due", "open", 1, False),
        ("past_due", "open", 2, False),
        ("past_due", "open", 3, False),
        ("unpaid", "open", 4, True),
        ("unpaid", "open", 4, True),
    ]
    assert types(v1, type="invoice.payment_failed") == ["invoice.payment_failed"] * 4


def test_paying_the_open_invoice_with_a_good_card_brings_the_subscription_back(shop, v1, clock):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=30, hours=2)
    invoice = v1.subscriptions.retrieve(subscription.id).latest_invoice
    with pytest.raises(stripe.CardError) as caught:
        v1.invoices.pay(invoice)
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.decline_code) == (402, "generic_decline")
    assert v1.invoices.retrieve(invoice).attempt_count == 2
    shop.set_card(subscription, "pm_card_visa")
    paid = v1.invoices.pay(invoice)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", paid.total, 0)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"
    assert not v1.customers.retrieve(subscription.customer).delinquent
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        v1.invoices.pay(invoice)


def test_a_retry_succeeds_by_itself_once_the_card_is_good(shop, v1, clock):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=30, hours=1)
    assert v1.subscriptions.retrieve(subscription.id).status == "past_due"
    shop.set_card(subscription, "pm_card_visa")
    clock.forward(days=3)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_an_unpaid_subscription_only_collects_drafts(shop, v1, clock):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=95)
    statuses = [invoice.status for invoice in v1.invoices.list({"subscription": subscription.id}).data]
    assert statuses == ["draft", "draft", "open", "paid"]
    assert v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_cancelled_at_period_end_it_stays_until_then_and_can_be_undone(shop, v1, clock):
    subscription = monthly(shop)
    asked = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (asked.status, asked.cancel_at) == ("active", asked.items.data[0].current_period_end)
    undone = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (undone.cancel_at, undone.canceled_at, undone.cancellation_details.reason) == (None, None, None)
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    clock.forward(days=30)
    ended = v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, day(ended.ended_at)) == ("canceled", "2026-12-23 09:00")
    assert types(v1)[-1] == "customer.subscription.deleted"
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_cancelled_now_it_ends_at_once_and_nothing_more_is_charged(shop, v1, clock):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=30, hours=1)
    assert v1.subscriptions.cancel(subscription.id).status == "canceled"
    clock.forward(days=60)
    invoice = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (invoice.status, invoice.attempt_count, invoice.auto_advance) == ("open", 1, False)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="only update its"):
        v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_lists_leave_out_what_has_ended_unless_asked(shop, v1):
    live, ended = monthly(shop), monthly(shop)
    v1.subscriptions.cancel(ended.id)
    assert [found.id for found in v1.subscriptions.list().data] == [live.id]
    assert [found.id for found in v1.subscriptions.list({"status": "ended"}).data] == [ended.id]
    assert [found.id for found in v1.subscriptions.list({"status": "canceled"}).data] == [ended.id]
    assert len(v1.subscriptions.list({"status": "all"}).data) == 2
    assert [found.id for found in v1.subscriptions.list({"status": "all", "customer": ended.customer}).data] == [ended.id]


def test_a_new_quantity_counts_from_the_next_renewal(shop, v1, clock):
    subscription = shop.bought(25).subscription
    item = subscription.items.data[0].id
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.subscriptions.update(subscription.id, {"items": [{"id": item, "quantity": 10}]})
    changed = v1.subscriptions.update(subscription.id, {"items": [{"id": item, "quantity": 10}], "proration_behavior": "none"})
    assert changed.items.data[0].quantity == 10
    previous = v1.events.list({"type": "customer.subscription.updated"}).data[0].data.previous_attributes.to_dict()
    assert previous["items"]["data"][0]["quantity"] == 25
    clock.forward(days=365)
    assert v1.invoices.list({"subscription": subscription.id}).data[0].subtotal == 55800


def test_begun_with_a_good_card_it_is_active_and_paid(shop, v1):
    subscription = direct(v1, shop, default_tax_rates=[shop.vat.id])
    assert (subscription.status, subscription.latest_invoice.status) == ("active", "paid")
    assert subscription.latest_invoice.total == 47520


def test_begun_with_a_failing_card_it_is_incomplete_and_expires_after_23_hours(shop, v1, clock):
    subscription = direct(v1, shop, card="pm_card_chargeCustomerFail")
    assert (subscription.status, subscription.latest_invoice.status) == ("incomplete", "open")
    clock.forward(hours=23)
    expired = v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (expired.status, expired.latest_invoice.status) == ("incomplete_expired", "void")
    with pytest.raises(stripe.InvalidRequestError, match="void"):
        v1.invoices.pay(expired.latest_invoice.id)


def test_an_incomplete_one_becomes_active_when_its_invoice_is_paid_in_time(shop, v1):
    subscription = direct(v1, shop, payment_behavior="default_incomplete")
    assert subscription.latest_invoice.attempt_count == 0
    v1.invoices.pay(subscription.latest_invoice.id)
    assert v1.subscriptions.retrieve(subscription.id).status == "active"


def test_one_that_insists_on_payment_leaves_nothing_behind_when_declined(shop, v1):
    with pytest.raises(stripe.CardError):
        direct(v1, shop, card="pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")
    assert (v1.subscriptions.list({"status": "all"}).data, v1.invoices.list().data) == ([], [])


def test_without_a_card_it_is_refused(shop, v1):
    customer = v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": shop.year.id}]})


def test_a_purchase_tells_its_story_in_events(shop, v1):
    shop.bought()
    assert types(v1)[-6:] == [
        *("customer.created", "invoice.created", "invoice.finalized", "customer.subscription.created"),
        *("invoice.paid", "checkout.session.completed"),
    ]
    assert types(v1, types=["invoice.paid", "price.created"]) == ["price.created", "invoice.paid"]


def test_an_event_keeps_the_object_as_it_was_and_the_key_of_its_request(v1):
    product = v1.products.create({"name": "One"}, {"idempotency_key": "k1"})
    v1.products.update(product.id, {"name": "Two"})
    changed, created = v1.events.list().data
    assert (created.type, created.data.object["name"], created.request.idempotency_key) == ("product.created", "One", "k1")
    assert created.request.id == product.last_response.request_id
    assert changed.data.previous_attributes.to_dict() == {"name": "One"}
    assert changed.api_version == stripe.api_version
