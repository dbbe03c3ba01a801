"""Test clocks: what stands on one moves with it alone, however the shop's own clock stands."""

from datetime import UTC, datetime

import pytest
import stripe

START = int(datetime(2027, 1, 31, 10, tzinfo=UTC).timestamp())
DAY = 86400


def on_clock(v1, shop, quantity=10, card="pm_card_visa"):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = v1.customers.create(
        {"test_clock": clock.id, "payment_method": card, "invoice_settings": {"default_payment_method": card}}
    )
    price = shop.price(interval="month")
    subscription = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": quantity}]})
    return clock, subscription


def ends(v1, subscription):
    moment = v1.subscriptions.retrieve(subscription.id).items.data[0].current_period_end
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


def test_a_subscription_renews_by_its_clock_and_not_by_the_shops(v1, shop, clock):
    own, subscription = on_clock(v1, shop)
    assert (subscription.created, subscription.test_clock) == (START, own.id)
    clock.forward(days=400)
    assert ends(v1, subscription) == "2027-02-28 10:00"
    answer = v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + 29 * DAY})
    assert answer.status == "advancing"
    assert v1.test_helpers.test_clocks.retrieve(own.id).status == "ready"
    assert ends(v1, subscription) == "2027-03-31 10:00"
    newest = v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (newest.billing_reason, newest.status, newest.test_clock) == ("subscription_cycle", "paid", own.id)


def test_what_stands_on_no_clock_is_not_moved_by_one(v1, shop):
    bought = shop.bought().subscription
    own, _ = on_clock(v1, shop)
    before = v1.subscriptions.retrieve(bought.id).to_dict()
    v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + 50 * DAY})
    assert v1.subscriptions.retrieve(bought.id).to_dict() == before


def test_events_are_dated_with_the_time_outside(v1, shop, clock):
    own, subscription = on_clock(v1, shop)
    v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + 29 * DAY})
    about = [event for event in v1.events.list({"limit": 100}).data if event.type == "invoice.paid"]
    assert {event.data.object.id for event in about} == {
        invoice.id for invoice in v1.invoices.list({"subscription": subscription.id}).data
    }
    assert {event.created for event in about} == {int(clock().timestamp())}


@pytest.mark.parametrize(("days", "words"), [(0, "must be after"), (-1, "must be after"), (60, "at most 2 intervals")])
def test_a_clock_goes_forward_and_two_intervals_at_most(v1, shop, days, words):
    own, _ = on_clock(v1, shop)
    with pytest.raises(stripe.InvalidRequestError, match=words):
        v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + days * DAY})
    v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + 59 * DAY})


def test_deleting_a_clock_takes_everything_with_it(v1, shop):
    own, subscription = on_clock(v1, shop)
    v1.test_helpers.test_clocks.delete(own.id)
    for gone in (
        lambda: v1.test_helpers.test_clocks.retrieve(own.id),
        lambda: v1.subscriptions.retrieve(subscription.id),
        lambda: v1.customers.retrieve(subscription.customer),
        lambda: v1.invoices.retrieve(subscription.latest_invoice),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            gone()


def test_a_customer_cannot_stand_on_a_clock_that_is_not_there(v1):
    with pytest.raises(stripe.InvalidRequestError, match="No such test clock"):
        v1.customers.create({"test_clock": "clock_none"})


def test_the_clock_stands_where_it_was_after_a_restart(v1, shop, make_sandbox, client_for):
    own, subscription = on_clock(v1, shop)
    v1.test_helpers.test_clocks.advance(own.id, {"frozen_time": START + 29 * DAY})
    again = client_for(make_sandbox().listen()).v1
    assert again.test_helpers.test_clocks.retrieve(own.id).frozen_time == START + 29 * DAY
    assert ends(again, subscription) == "2027-03-31 10:00"
