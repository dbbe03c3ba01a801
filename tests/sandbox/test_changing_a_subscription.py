"""Changing a subscription: previews, seats paid at once or pending, plans for the renewal, and the hosted pages around it."""

import pytest
import requests
import stripe

from tests.buying import CARD

MONTH = [(4, 1000), (9, 400), (24, 200), ("inf", 120)]
DAY = 24 * 3600


def types(v1):
    return [event.type for event in v1.events.list({"limit": 100}).data][::-1]


def monthly(shop, seats=10):
    return shop.bought(seats, price=shop.price(interval="month", bands=MONTH)).subscription


def change(subscription, at=None, **item):
    return {
        "items": [{"id": subscription.items.data[0].id, **item}],
        "proration_behavior": "always_invoice",
        **({"proration_date": at} if at else {}),
    }


def at_once(subscription, at=None, **item):
    return change(subscription, at, **item) | {"payment_behavior": "pending_if_incomplete"}


def preview(v1, subscription, at=None, **item):
    return v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": change(subscription, at, **item)})


def fetched(v1, subscription):
    return v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice", "schedule"]})


def plan(v1, subscription, quantity, price=None, interval="month"):
    schedule = v1.subscription_schedules.create({"from_subscription": subscription.id})
    item, phase = subscription.items.data[0], schedule.phases[0]
    return v1.subscription_schedules.update(
        schedule.id,
        {
            "end_behavior": "release",
            "proration_behavior": "none",
            "phases": [
                {
                    "start_date": phase.start_date,
                    "end_date": phase.end_date,
                    "items": [{"price": item.price.id, "quantity": item.quantity}],
                },
                {
                    "items": [{"price": price or item.price.id, "quantity": quantity}],
                    "duration": {"interval": interval, "interval_count": 1},
                    "proration_behavior": "none",
                },
            ],
        },
    )


def test_ten_to_twelve_with_eleven_of_thirty_days_left_costs_147_pence_and_vat_and_changes_nothing_yet(shop, v1, clock):
    subscription = monthly(shop)
    at = subscription.items.data[0].current_period_start + 19 * DAY
    clock.forward(days=19, hours=5)
    invoice = preview(v1, subscription, at, quantity=12)
    assert (invoice.subtotal, invoice.total_taxes[0].amount, invoice.total) == (147, 29, 176)
    assert [line.amount for line in invoice.lines.data] == [-2273, 2420]
    assert invoice.lines.data[0].parent.subscription_item_details.proration
    assert (invoice.status, invoice.number, invoice.hosted_invoice_url) == ("draft", None, None)
    assert invoice.id.startswith("upcoming_in_")
    assert fetched(v1, subscription).items.data[0].quantity == 10
    assert len(v1.invoices.list().data) == 1


def test_twenty_five_to_thirty_five_with_245_of_365_days_left_costs_7249_pence_and_1450_of_vat(shop, v1, clock):
    bands = [(4, 9000), (9, 3600), (24, 1800), ("inf", 1080)]
    subscription = shop.bought(25, price=shop.price(bands=bands)).subscription
    clock.forward(days=120)
    invoice = preview(v1, subscription, subscription.items.data[0].current_period_start + 120 * DAY, quantity=35)
    assert (invoice.subtotal, invoice.total_taxes[0].amount) == (7249, 1450)


def test_more_seats_are_charged_at_once_as_they_were_previewed(shop, v1, clock):
    subscription = monthly(shop)
    clock.forward(days=19, hours=5)
    at = subscription.items.data[0].current_period_start + 19 * DAY
    shown = preview(v1, subscription, at, quantity=12)
    clock.forward(hours=3)
    v1.subscriptions.update(subscription.id, at_once(subscription, at, quantity=12))
    found = fetched(v1, subscription)
    assert (found.items.data[0].quantity, found.pending_update) == (12, None)
    assert (found.latest_invoice.status, found.latest_invoice.total) == ("paid", shown.total)
    assert found.latest_invoice.billing_reason == "subscription_update"
    assert found.items.data[0].current_period_end == subscription.items.data[0].current_period_end


@pytest.mark.parametrize(("card", "told"), [("pm_card_chargeCustomerFail", False), ("pm_card_authenticationRequired", True)])
def test_a_card_that_does_not_pay_leaves_the_update_pending_until_the_hosted_page_is_paid(shop, v1, base, card, told):
    subscription = monthly(shop)
    shop.set_card(subscription, card)
    answered = v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    assert answered.items.data[0].quantity == 10
    assert answered.pending_update.subscription_items[0].quantity == 12
    assert ("invoice.payment_action_required" in types(v1)) is told
    assert answered.status == "active"
    invoice = fetched(v1, subscription).latest_invoice
    page = f"{base}/invoices/{invoice.id}"
    assert invoice.hosted_invoice_url.endswith(f"/invoices/{invoice.id}")
    assert f"Invoice {invoice.number}" in requests.get(page, timeout=10).text
    assert requests.post(page, data=CARD | {"number": "4000 0000 0000 0002"}, timeout=10).status_code == 402
    assert requests.post(page, data={"number": ""}, timeout=10).status_code == 422
    assert requests.post(page, data=CARD, allow_redirects=False, timeout=10).status_code == 303
    assert "This invoice is paid" in requests.get(page, timeout=10).text
    found = fetched(v1, subscription)
    assert (found.items.data[0].quantity, found.pending_update, found.latest_invoice.status) == (12, None, "paid")
    assert types(v1)[-1] == "customer.subscription.pending_update_applied"


def test_the_banks_question_on_the_hosted_page_is_answered_either_way(shop, v1, base):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_authenticationRequired")
    v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    page = f"{base}/invoices/{fetched(v1, subscription).latest_invoice.id}"
    asked = requests.post(page, data={"kept": "y"}, timeout=10)
    assert "Confirm your payment" in asked.text
    assert requests.post(asked.url, data={"outcome": "fail"}, timeout=10).status_code == 402
    assert requests.get(asked.url + "x", timeout=10).status_code == 404
    assert fetched(v1, subscription).items.data[0].quantity == 10
    assert "This invoice is paid" in requests.post(asked.url, data={"outcome": "complete"}, timeout=10).text
    assert requests.post(asked.url, data={"outcome": "complete"}, timeout=10).status_code == 200
    assert fetched(v1, subscription).items.data[0].quantity == 12


def test_a_pending_update_expires_after_23_hours_and_its_invoice_with_it(shop, v1, clock, base):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    clock.forward(hours=23)
    found = fetched(v1, subscription)
    assert (found.items.data[0].quantity, found.pending_update, found.latest_invoice.status) == (10, None, "void")
    assert types(v1)[-1] == "customer.subscription.pending_update_expired"
    assert requests.get(f"{base}/invoices/{found.latest_invoice.id}", timeout=10).status_code == 410


def test_voiding_its_invoice_gives_a_pending_update_up(shop, v1):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    invoice = fetched(v1, subscription).latest_invoice.id
    assert v1.invoices.void_invoice(invoice).status == "void"
    assert fetched(v1, subscription).pending_update is None
    with pytest.raises(stripe.InvalidRequestError, match="isn't open"):
        v1.invoices.void_invoice(invoice)


def test_an_update_that_pends_when_the_period_ends_expires_and_the_renewal_goes_on(shop, v1, clock):
    subscription = monthly(shop)
    clock.forward(days=29, hours=12)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    shop.set_card(subscription, "pm_card_visa")
    clock.forward(hours=14)
    found = fetched(v1, subscription)
    assert (found.pending_update, found.latest_invoice.total, found.latest_invoice.status) == (None, 7440, "paid")


def test_what_cannot_pend_is_refused(shop, v1):
    subscription = monthly(shop)
    with pytest.raises(stripe.InvalidRequestError, match="pending_if_incomplete"):
        v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12) | {"metadata": {"a": "b"}})
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.subscriptions.update(subscription.id, {"items": change(subscription, quantity=12)["items"]})
    with pytest.raises(stripe.InvalidRequestError, match="outside of the subscription's current period"):
        v1.subscriptions.update(subscription.id, at_once(subscription, 5, quantity=12))
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription item"):
        v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12) | {"items": [{"id": "si_x"}]})


def test_month_to_year_begins_a_year_now_and_takes_the_unused_days_off(shop, v1, clock):
    subscription = monthly(shop)
    clock.forward(days=20)
    at = subscription.items.data[0].current_period_start + 20 * DAY
    invoice = preview(v1, subscription, at, price=shop.year.id)
    assert invoice.lines.data[0].amount == -2067
    v1.subscriptions.update(subscription.id, at_once(subscription, at, price=shop.year.id))
    found = fetched(v1, subscription)
    assert found.latest_invoice.total == invoice.total
    item = found.items.data[0]
    assert (item.price.recurring.interval, item.current_period_start) == ("year", int(clock().timestamp()))
    assert found.billing_cycle_anchor == item.current_period_start
    clock.forward(days=365, hours=1)
    assert fetched(v1, subscription).latest_invoice.status == "paid"


def test_fewer_seats_begin_with_the_next_period_and_the_schedule_lets_go_after_it(shop, v1, clock):
    subscription = monthly(shop)
    schedule = plan(v1, subscription, 6)
    assert [phase.items[0].quantity for phase in schedule.phases] == [10, 6]
    assert fetched(v1, subscription).schedule.id == schedule.id
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        v1.subscription_schedules.create({"from_subscription": subscription.id})
    clock.forward(days=30, hours=1)
    found = fetched(v1, subscription)
    assert (found.items.data[0].quantity, found.latest_invoice.subtotal) == (6, 4800)
    assert found.schedule.current_phase.start_date == found.items.data[0].current_period_start
    clock.forward(days=31)
    assert fetched(v1, subscription).schedule is None
    assert v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert fetched(v1, subscription).items.data[0].quantity == 6


def test_what_is_announced_of_a_renewal_is_what_is_planned_for_it(shop, v1, clock):
    subscription = monthly(shop)
    plan(v1, subscription, 6)
    clock.forward(days=25)
    (told,) = v1.events.list({"type": "invoice.upcoming"}).data
    clock.forward(days=10)
    assert told.data.object["total"] == fetched(v1, subscription).latest_invoice.total


def test_a_schedule_that_is_canceled_ends_its_subscription(shop, v1):
    subscription = monthly(shop)
    schedule = plan(v1, subscription, 6)
    assert v1.subscription_schedules.cancel(schedule.id).status == "canceled"
    assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="in the `canceled` status"):
        v1.subscription_schedules.cancel(schedule.id)


def test_a_schedule_whose_subscription_ends_unpaid_is_aborted(shop, v1, sandbox, clock):
    sandbox.controls.end_after_retries(is_wanted=True)
    subscription = monthly(shop)
    schedule = plan(v1, subscription, 6)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    clock.forward(days=50)
    assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert v1.subscription_schedules.retrieve(schedule.id).status == "canceled"
    assert [event.data.object["id"] for event in v1.events.list({"type": "subscription_schedule.aborted"}).data] == [schedule.id]


def test_the_lines_of_an_invoice_can_be_listed_by_themselves(shop, v1):
    invoice = fetched(v1, monthly(shop)).latest_invoice
    assert [line.id for line in v1.invoices.line_items.list(invoice.id).data] == [line.id for line in invoice.lines.data]


def test_a_released_schedule_changes_nothing_more(shop, v1, clock):
    subscription = monthly(shop)
    schedule = plan(v1, subscription, 6)
    released = v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription, released.subscription) == ("released", subscription.id, None)
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        v1.subscription_schedules.release(schedule.id)
    clock.forward(days=30, hours=1)
    assert fetched(v1, subscription).items.data[0].quantity == 10


def test_year_to_month_by_schedule_renews_by_the_month_from_then_on(shop, v1, clock):
    subscription = shop.bought(10).subscription
    by_month = shop.price(interval="month", bands=MONTH)
    plan(v1, subscription, 10, by_month.id)
    clock.forward(days=365, hours=1)
    found = fetched(v1, subscription)
    assert (found.items.data[0].price.id, found.latest_invoice.subtotal) == (by_month.id, 6200)
    clock.forward(days=30)
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 3


def test_a_subscription_that_ends_takes_its_schedule_along(shop, v1):
    subscription = monthly(shop)
    schedule = plan(v1, subscription, 6)
    v1.subscriptions.cancel(subscription.id)
    assert v1.subscription_schedules.retrieve(schedule.id).status == "canceled"


def test_a_reason_for_ending_is_kept_until_it_is_undone(shop, v1):
    subscription = monthly(shop)
    v1.subscriptions.update(
        subscription.id, {"cancel_at_period_end": True, "cancellation_details": {"feedback": "unused", "comment": "Moved"}}
    )
    details = fetched(v1, subscription).cancellation_details
    assert (details.feedback, details.comment, details.reason) == ("unused", "Moved", "cancellation_requested")
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert fetched(v1, subscription).cancellation_details.feedback is None


def test_a_subscription_ends_on_its_date_unless_just_that_is_taken_back(shop, v1, clock):
    subscription = monthly(shop)
    end = fetched(v1, subscription).items.data[0].current_period_end
    dated = v1.subscriptions.update(subscription.id, {"cancel_at": end})
    assert (dated.cancel_at, dated.cancel_at_period_end, dated.cancellation_details.reason) == (
        *(end, False),
        "cancellation_requested",
    )
    assert v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False}).cancel_at == end
    assert v1.subscriptions.update(subscription.id, {"cancel_at": ""}).cancel_at is None
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.subscriptions.update(subscription.id, {"cancel_at": end + 1})
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        v1.subscriptions.update(subscription.id, {"cancel_at": end, "cancel_at_period_end": True})
    v1.subscriptions.update(subscription.id, {"cancel_at": end})
    clock.forward(days=32)
    assert fetched(v1, subscription).status == "canceled"
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1


def portal(v1, base, subscription):
    features = {
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "invoice_history": {"enabled": False},
    }
    v1.billing_portal.configurations.create({"features": features})
    session = v1.billing_portal.sessions.create({"customer": subscription.customer, "return_url": "http://127.0.0.1:8000/b"})
    return f"{base}/portal/{session.id}"


def test_the_portal_takes_another_card_for_everything(shop, v1, base):
    subscription = monthly(shop)
    page = portal(v1, base, subscription)
    assert "Visa ending 4242" in requests.get(page, timeout=10).text
    assert requests.post(f"{page}/card", data=CARD | {"number": "4000 0000 0000 0002"}, timeout=10).status_code == 402
    assert requests.post(f"{page}/card", data={}, timeout=10).status_code == 422
    after = requests.post(f"{page}/card", data=CARD | {"number": "4000 0000 0000 0341"}, timeout=10)
    assert "The new card is kept." in after.text
    found = v1.subscriptions.retrieve(subscription.id, {"expand": ["default_payment_method"]})
    assert found.default_payment_method.card.last4 == "0341"


def test_the_portal_ends_a_subscription_with_its_term_and_undoes_it(shop, v1, base):
    subscription = monthly(shop)
    page = portal(v1, base, subscription)
    requests.post(f"{page}/end", data={"wanted": "end"}, timeout=10)
    ending = fetched(v1, subscription)
    assert (ending.cancel_at, ending.cancel_at_period_end) == (ending.items.data[0].current_period_end, False)
    requests.post(f"{page}/end", data={"wanted": "go-on"}, timeout=10)
    assert fetched(v1, subscription).cancel_at is None
    plan(v1, subscription, 6)
    answer = requests.post(f"{page}/end", data={"wanted": "end"}, timeout=10)
    assert (answer.status_code, "A change is planned" in answer.text) == (409, True)


def test_the_portal_closes_after_an_hour_and_takes_no_form_from_elsewhere(shop, v1, base, clock):
    page = portal(v1, base, monthly(shop))
    foreign = requests.post(f"{page}/card", data=CARD, headers={"Sec-Fetch-Site": "cross-site"}, timeout=10)
    assert foreign.status_code == 403
    clock.forward(hours=1)
    assert requests.get(page, timeout=10).status_code == 410
    assert requests.post(f"{page}/card", data=CARD, timeout=10).status_code == 410
    assert requests.get(f"{base}/portal/bps_none", timeout=10).status_code == 404


def test_without_a_configuration_there_is_no_portal(shop, v1):
    with pytest.raises(stripe.InvalidRequestError, match="configuration"):
        v1.billing_portal.sessions.create({"customer": monthly(shop).customer})


def taken_back(v1, invoice, **changes):
    lines = [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": line.amount} for line in invoice.lines.data]
    return v1.credit_notes.create({"invoice": invoice.id, "lines": lines, "refund_amount": invoice.total, **changes})


def test_a_paid_invoice_is_taken_back_once_and_refunded_as_a_whole(shop, v1):
    invoice = fetched(v1, monthly(shop)).latest_invoice
    with pytest.raises(stripe.InvalidRequestError, match="must equal the total"):
        taken_back(v1, invoice, refund_amount=1)
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        taken_back(v1, invoice, lines=[{"type": "invoice_line_item", "invoice_line_item": "il_x", "amount": 1}])
    note = taken_back(v1, invoice, reason="duplicate")
    assert (note.total, note.total_taxes[0].amount, note.refunds[0].amount_refunded) == (7440, 1240, 7440)
    assert v1.refunds.retrieve(note.refunds[0].refund).status == "succeeded"
    assert v1.invoices.retrieve(invoice.id).post_payment_credit_notes_amount == 7440
    with pytest.raises(stripe.InvalidRequestError, match="exceeds the amount paid"):
        taken_back(v1, invoice)
    assert types(v1)[-2:] == ["charge.refunded", "credit_note.created"]


def test_a_line_of_its_own_is_taken_back_with_the_tax_of_its_rates_and_not_with_other_amounts(shop, v1):
    invoice = fetched(v1, monthly(shop)).latest_invoice
    line = {"type": "custom_line_item", "description": "Days that are left", "quantity": 1, "unit_amount": 3333}
    rate = shop.vat.id
    amounts = {"tax_amounts": [{"tax_rate": rate, "taxable_amount": 3333, "amount": 667}]}
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        v1.credit_notes.create({"invoice": invoice.id, "lines": [line | amounts], "refund_amount": 4000})
    note = v1.credit_notes.create({"invoice": invoice.id, "lines": [line | {"tax_rates": [rate]}], "refund_amount": 4000})
    assert (note.total, note.total_taxes[0].amount, note.lines.data[0].tax_rates[0].id) == (4000, 667, rate)


def test_what_was_not_paid_is_not_refunded(shop, v1):
    subscription = monthly(shop)
    shop.set_card(subscription, "pm_card_chargeCustomerFail")
    v1.subscriptions.update(subscription.id, at_once(subscription, quantity=12))
    with pytest.raises(stripe.InvalidRequestError, match="has not been paid"):
        taken_back(v1, fetched(v1, subscription).latest_invoice)
