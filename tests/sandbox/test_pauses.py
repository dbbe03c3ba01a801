"""Pauses: a subscription that stands still, and one that goes on while nothing is collected."""

import pytest
import stripe


def begun(v1, shop, card="pm_card_visa"):
    customer = v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    return v1.subscriptions.create({"customer": customer.id, "items": [{"price": shop.price(interval="month").id}]})


def newest(v1, subscription):
    return v1.invoices.list({"subscription": subscription.id}).data[0]


def test_a_paused_subscription_makes_no_invoices_and_goes_on_with_a_new_period(v1, shop, clock):
    subscription = begun(v1, shop)
    assert v1.subscriptions.pause(subscription.id).status == "paused"
    clock.forward(days=90)
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1
    resumed = v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (resumed.status, resumed.items.data[0].current_period_start) == ("active", int(clock().timestamp()))
    assert (newest(v1, subscription).status, newest(v1, subscription).amount_paid) == ("paid", 9000)


def test_within_its_period_it_goes_on_free_of_charge(v1, shop, clock):
    subscription = begun(v1, shop)
    v1.subscriptions.pause(subscription.id)
    clock.forward(days=5)
    resumed = v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    assert (resumed.status, resumed.latest_invoice) == ("active", subscription.latest_invoice)


def test_it_stays_paused_until_what_it_costs_is_paid(v1, shop, clock):
    subscription = begun(v1, shop)
    v1.subscriptions.pause(subscription.id)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=40)
    still = v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    assert (still.status, newest(v1, subscription).status) == ("paused", "open")


def test_only_what_runs_is_paused_and_only_what_is_paused_goes_on(v1, shop):
    subscription = begun(v1, shop)
    with pytest.raises(stripe.InvalidRequestError, match="only resume a subscription that is paused"):
        v1.subscriptions.resume(subscription.id)
    v1.subscriptions.pause(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="Only active subscriptions"):
        v1.subscriptions.pause(subscription.id)


@pytest.mark.parametrize(("behaviour", "status"), [("void", "void"), ("keep_as_draft", "draft")])
def test_while_collection_is_paused_it_goes_on_and_nothing_is_collected(v1, shop, clock, behaviour, status):
    subscription = begun(v1, shop)
    v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behaviour}})
    clock.forward(days=31)
    found = v1.subscriptions.retrieve(subscription.id)
    assert (found.status, newest(v1, subscription).status) == ("active", status)
    v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    clock.forward(days=31)
    assert (newest(v1, subscription).status, newest(v1, subscription).amount_paid) == ("paid", 9000)


def test_what_is_not_covered_is_refused(v1, shop):
    subscription = begun(v1, shop)
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "mark_uncollectible"}})
