"""Coupons and codes in the sandbox: taken off before tax, shared out to lines, for as long as they run."""

import pytest
import stripe

from tests.sandbox.test_checkout_page import by_hand

TWENTY = {"percent_off": 20, "duration": "forever"}


@pytest.fixture
def code(v1):
    def make(**coupon):
        made = v1.coupons.create(coupon or TWENTY)
        return v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": made.id}}).id

    return make


def newest(v1, subscription):
    return v1.invoices.list({"subscription": subscription, "limit": 1}).data[0]


def test_a_code_is_taken_off_before_vat_on_page_session_and_invoice(shop, v1, code):
    session = shop.session(25, discounts=[{"promotion_code": code()}])
    assert (session.amount_subtotal, session.total_details.amount_discount) == (82080, 16416)
    assert (session.total_details.amount_tax, session.amount_total) == (13133, 78797)
    for words in ("-£164.16", "£656.64", "£131.33", "£787.97", "Renews every year at £787.97"):
        assert words in shop.page(session).text
    shop.pay(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice", "subscription.discounts.source.coupon"]})
    assert (done.invoice.subtotal, done.invoice.total_excluding_tax, done.invoice.total) == (82080, 65664, 78797)
    assert [row.amount for row in done.invoice.total_discount_amounts] == [16416]
    assert sum(line.discount_amounts[0].amount for line in done.invoice.lines.data) == 16416
    assert sum(line.taxes[0].amount for line in done.invoice.lines.data) == 13133
    assert done.subscription.discounts[0].source.coupon.times_redeemed == 1
    assert v1.promotion_codes.list().data[0].times_redeemed == 1


@pytest.mark.parametrize("quantity", [1, 4, 5, 24, 25, 999, 1000, 2000])
@pytest.mark.parametrize("coupon", [{"percent_off": 15}, {"amount_off": 2500, "currency": "gbp"}])
def test_session_and_invoice_agree_with_a_sum_by_hand_under_a_code(shop, code, quantity, coupon):
    done = shop.bought(quantity, discounts=[{"promotion_code": code(**coupon)}])
    listed = by_hand(quantity)
    net = listed - ((listed * 15 + 50) // 100 if "percent_off" in coupon else 2500)
    assert done.amount_total == done.invoice.total == net + (net * 20 + 50) // 100


def test_a_repeating_coupon_ends_with_its_months_and_the_renewal_costs_the_full_price(shop, v1, code, clock, sandbox):
    done = shop.bought(25, discounts=[{"promotion_code": code(percent_off=20, duration="repeating", duration_in_months=12)}])
    assert (
        "once the code has run out"
        in shop.page(
            shop.session(25, discounts=[{"promotion_code": code(percent_off=20, duration="repeating", duration_in_months=12)}])
        ).text
    )
    clock.forward(days=366)
    sandbox.catch_up()
    assert newest(v1, done.subscription.id).total == 98496
    assert v1.subscriptions.retrieve(done.subscription.id).discounts == []


def test_a_coupon_for_ever_is_taken_off_each_renewal_also_one_that_was_planned(shop, v1, code, clock, sandbox):
    done = shop.bought(25, discounts=[{"promotion_code": code()}])
    discount = {"discounts": [{"discount": done.subscription.discounts[0]}], "default_tax_rates": [shop.vat.id]}
    schedule = v1.subscription_schedules.create({"from_subscription": done.subscription.id})
    phase, line = schedule.phases[0], {"price": shop.year.id, "quantity": 25}
    now = {"start_date": phase.start_date, "end_date": phase.end_date, "items": [line], **discount}
    then = {"items": [line | {"quantity": 10}], "duration": {"interval": "year"}, **discount}
    v1.subscription_schedules.update(schedule.id, {"phases": [now, then]})
    clock.forward(days=366)
    sandbox.catch_up()
    net = by_hand(10) * 80 // 100
    assert newest(v1, done.subscription.id).total == net * 120 // 100


def test_a_plan_that_forgets_the_discount_loses_it(shop, v1, code, clock, sandbox):
    done = shop.bought(25, discounts=[{"promotion_code": code()}])
    schedule = v1.subscription_schedules.create({"from_subscription": done.subscription.id})
    phase, line = schedule.phases[0], {"price": shop.year.id, "quantity": 25}
    now = {"start_date": phase.start_date, "end_date": phase.end_date, "items": [line], "default_tax_rates": [shop.vat.id]}
    then = {"items": [line], "duration": {"interval": "year"}, "default_tax_rates": [shop.vat.id]}
    v1.subscription_schedules.update(schedule.id, {"phases": [now, then]})
    clock.forward(days=366)
    sandbox.catch_up()
    assert newest(v1, done.subscription.id).total == 98496


def test_more_seats_cost_the_difference_less_the_discount_and_the_preview_says_so(shop, v1, code, clock):
    done = shop.bought(25, discounts=[{"promotion_code": code()}])
    items = [{"id": done.subscription["items"].data[0].id, "quantity": 35}]
    details = {"items": items, "proration_behavior": "always_invoice"}
    preview = v1.invoices.create_preview({"subscription": done.subscription.id, "subscription_details": details})
    assert preview.subtotal == preview.total_excluding_tax == (by_hand(35) - by_hand(25)) * 80 // 100
    v1.subscriptions.update(done.subscription.id, details | {"payment_behavior": "pending_if_incomplete"})
    invoice = newest(v1, done.subscription.id)
    assert (invoice.total, invoice.status) == (preview.total, "paid")
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [0, 0]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"duration": "forever"}, "percent_off"),
        ({"percent_off": 10, "amount_off": 5, "currency": "gbp"}, "percent_off"),
        ({"amount_off": 5}, "currency"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "duration": "once"}, "duration=once"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(v1, params, param):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.coupons.create(params)
    assert caught.value.param == param


def test_a_code_that_is_taken_unknown_or_inactive_is_refused(shop, v1):
    coupon = {"type": "coupon", "coupon": v1.coupons.create(TWENTY).id}
    code = v1.promotion_codes.create({"promotion": coupon, "code": "AUTUMN20"})
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        v1.promotion_codes.create({"promotion": coupon, "code": "autumn20"})
    v1.promotion_codes.update(code.id, {"active": False})
    for key in (code.id, "promo_none"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            shop.session(discounts=[{"promotion_code": key}])
        assert caught.value.param == "discounts[0][promotion_code]"
    assert v1.promotion_codes.list({"code": "AUTUMN20", "active": True}).data == []
