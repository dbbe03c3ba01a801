"""Every object the sandbox returns has the shape that the SDK's classes say, in a walk through all its endpoints."""

import copy

import pytest
import requests

from tests.contract import shape

CARD = {
    "number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ruth Okafor",
    "postcode": "SW1A 1AA",
    "line1": "1 High Street",
    "city": "Exampleton",
}
BANDS = [{"up_to": 4, "unit_amount": 9000}, {"up_to": 9, "unit_amount": 3600}, {"up_to": "inf", "unit_amount": 1800}]


def walk(client, base, clock):
    """Go through every endpoint, with everything expanded that can be."""
    v1 = client.v1
    product = v1.products.create({"name": "Lanyard", "unit_label": "seat", "description": "All of it"})
    v1.products.update(product.id, {"metadata": {"shelf": "whole"}})
    v1.products.retrieve(product.id)
    v1.products.list()
    price = v1.prices.create(
        {
            "product": product.id,
            "currency": "gbp",
            "recurring": {"interval": "month"},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": BANDS,
            "lookup_key": "lanyard_month",
            "tax_behavior": "exclusive",
            "expand": ["tiers", "product"],
        }
    )
    flat = v1.prices.create({"product": product.id, "currency": "gbp", "recurring": {"interval": "year"}, "unit_amount": 500})
    v1.prices.update(flat.id, {"nickname": "Flat"})
    v1.prices.retrieve(price.id)
    v1.prices.list({"lookup_keys": ["lanyard_month"], "expand": ["data.tiers", "data.product"]})
    rate = v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False, "country": "GB"})
    v1.tax_rates.retrieve(rate.id)
    v1.tax_rates.list()
    customer = v1.customers.create({"name": "St Anselm", "email": "ruth@example.org", "address": {"country": "GB"}})
    v1.customers.retrieve(customer.id)
    v1.customers.list()
    card = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    v1.payment_methods.retrieve(card.id, {"expand": ["customer"]})
    v1.payment_methods.list({"customer": customer.id})
    code = walk_promotions(v1, customer)
    asked = {
        "discounts": [{"promotion_code": code}],
        "billing_address_collection": "required",
        "tax_id_collection": {"enabled": True},
        "customer_update": {"name": "auto", "address": "auto"},
    }
    sessions = [open_session(v1, price, rate, {"customer": customer.id} | asked), open_session(v1, flat, rate, {})]
    paid = requests.post(
        f"{base}/checkout/{sessions[0].id}",
        data=CARD | {"email": "x@y.example", "vat_number": "GB987654321"},
        allow_redirects=False,
        timeout=10,
    )
    assert paid.status_code == 303
    v1.checkout.sessions.expire(sessions[1].id)
    done = v1.checkout.sessions.retrieve(
        sessions[0].id,
        {
            "expand": [
                *("line_items.data.price.product", "subscription.latest_invoice.payments", "customer.tax_ids"),
                *("invoice.discounts.source.coupon", "subscription.discounts.promotion_code"),
            ]
        },
    )
    v1.checkout.sessions.line_items.list(done.id, {"expand": ["data.price.tiers"]})
    v1.checkout.sessions.list()
    subscription = done.subscription.id
    v1.subscriptions.update(
        subscription, {"metadata": {"seats": "6"}, "default_payment_method": card.id, "cancel_at_period_end": True}
    )
    v1.subscriptions.update(subscription, {"cancel_at_period_end": False})
    v1.subscriptions.update(subscription, {"cancel_at": done.subscription["items"].data[0].current_period_end})
    v1.subscriptions.update(subscription, {"cancel_at": ""})
    direct = v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    other = v1.subscriptions.create(
        {"customer": direct.id, "items": [{"price": flat.id, "quantity": 2}], "expand": ["latest_invoice.payments"]}
    )
    v1.subscriptions.cancel(other.id)
    unpaid = v1.subscriptions.create(
        {
            "customer": direct.id,
            "items": [{"price": flat.id, "quantity": 1, "tax_rates": [rate.id]}],
            "payment_behavior": "default_incomplete",
        }
    )
    take_half_back(v1, v1.invoices.pay(unpaid.latest_invoice), rate)
    walk_debits(v1, base, price, rate, clock)
    v1.subscriptions.create({"customer": direct.id, "items": [{"price": flat.id}], "payment_behavior": "default_incomplete"})
    walk_changes(v1, price)
    walk_money_back(v1, flat)
    walk_a_clock(v1, flat)
    walk_endpoints(v1)
    walk_away(v1, flat)
    walk_sent_invoices(v1, price, rate)
    clock.forward(days=60)
    look_back(v1, subscription, customer, done)


def look_back(v1, subscription, customer, done):
    """Look at what has become of it all."""
    v1.subscriptions.retrieve(subscription, {"expand": ["latest_invoice.payments", "default_payment_method"]})
    v1.subscriptions.list({"status": "all", "expand": ["data.customer", "data.items.data.price.tiers"]})
    v1.invoices.list({"customer": customer.id, "expand": ["data.payments"]})
    v1.invoices.retrieve(done.invoice.id, {"expand": ["payments"]})
    events = v1.events.list({"limit": 100})
    page = events
    while page.has_more:
        page = v1.events.list({"limit": 100, "starting_after": page.data[-1].id})
    v1.events.retrieve(events.data[0].id)


def walk_promotions(v1, customer):
    """Make coupons and codes for them, and a VAT number; gives the code."""
    coupon = v1.coupons.create({"percent_off": 12.5, "duration": "repeating", "duration_in_months": 3, "name": "Autumn"})
    v1.coupons.create({"amount_off": 500, "currency": "gbp", "duration": "forever"})
    v1.coupons.retrieve(coupon.id)
    v1.coupons.list()
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "AUTUMN"})
    v1.promotion_codes.update(code.id, {"metadata": {"for": "parishes"}})
    v1.promotion_codes.retrieve(code.id, {"expand": ["promotion.coupon"]})
    v1.promotion_codes.list({"code": "autumn"})
    v1.promotion_codes.list()
    number = v1.customers.tax_ids.create(customer.id, {"type": "gb_vat", "value": "GB123456789"})
    v1.customers.tax_ids.list(customer.id)
    v1.tax_ids.retrieve(number.id)
    return code.id


def take_half_back(v1, invoice, rate):
    """Take a part of an invoice back by a line of its own."""
    part = {"type": "custom_line_item", "description": "Half of it", "quantity": 1, "unit_amount": 250}
    part["tax_rates"] = [rate.id]
    v1.credit_notes.create({"invoice": invoice.id, "lines": [part], "refund_amount": 300})


def walk_debits(v1, base, price, rate, clock):
    """Buy by bank debits, one that is paid and one that is refused, and change a subscription by one."""
    for account in ("00012345", "22222227"):
        session = open_session(v1, price, rate, {"allowed_payment_method_types": ["card", "bacs_debit"]})
        debit = {"method": "bacs_debit", "sort_code": "108800", "account": account, "account_name": "Ruth"}
        paid = requests.post(
            f"{base}/checkout/{session.id}", data=CARD | debit | {"email": "x@y.example"}, allow_redirects=False, timeout=10
        )
        assert paid.status_code == 303
        done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.default_payment_method"]})
        v1.invoices.retrieve(done.invoice, {"expand": ["payments.data.payment.payment_intent"]})
        clock.forward(days=10)
        if account == "00012345":
            change = {"items": [{"id": done.subscription["items"].data[0].id, "quantity": 9}]}
            change |= {"proration_behavior": "always_invoice", "payment_behavior": "allow_incomplete"}
            v1.subscriptions.update(done.subscription.id, change)


def walk_sent_invoices(v1, price, rate):
    """Have invoices sent: one received by bank, one given up, one taken back, one never paid."""
    customer = v1.customers.create({"name": "St Bede", "email": "finance@example.org"})
    terms = {
        "customer": customer.id,
        "items": [{"price": price.id, "quantity": 9}],
        "collection_method": "send_invoice",
        "days_until_due": 30,
        "default_tax_rates": [rate.id],
        "invoice_settings": {"custom_fields": [{"name": "PO number", "value": "4711"}]},
        "expand": ["latest_invoice"],
    }
    received, given_up, taken_back, _ = (v1.subscriptions.create(terms).latest_invoice.id for _ in range(4))
    v1.invoices.finalize_invoice(received)
    v1.invoices.send_invoice(received)
    v1.invoices.pay(received, {"paid_out_of_band": True, "expand": ["payments"]})
    v1.invoices.finalize_invoice(given_up)
    part = {"type": "custom_line_item", "description": "One of them", "quantity": 1, "unit_amount": 100}
    v1.credit_notes.void_credit_note(v1.credit_notes.create({"invoice": given_up, "lines": [part]}).id)
    v1.invoices.mark_uncollectible(given_up)
    v1.invoices.finalize_invoice(taken_back)
    v1.invoices.void_invoice(taken_back)


def take_back(v1, key):
    """Take a whole invoice back, and refund it."""
    invoice = v1.invoices.retrieve(key)
    lines = [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": line.amount} for line in invoice.lines.data]
    note = v1.credit_notes.create({"invoice": key, "lines": lines, "refund_amount": invoice.total, "reason": "duplicate"})
    v1.credit_notes.retrieve(note.id)
    v1.payment_intents.retrieve(v1.invoices.retrieve(key, {"expand": ["payments"]}).payments.data[0].payment.payment_intent)
    v1.credit_notes.list({"customer": note.customer})
    v1.refunds.retrieve(note.refunds[0].refund)


def paying(v1, card, **more):
    """Give a customer who pays with a card."""
    return v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}, **more})


def walk_money_back(v1, price):
    """Give money back in part, have that come back, and have a payment disputed, answered, won and lost."""
    for card, words in (("pm_card_createDispute", "winning_evidence"), ("pm_card_refundFail", None)):
        customer = paying(v1, card)
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": 2}]})
        [charge] = v1.charges.list({"customer": customer.id, "expand": ["data.payment_intent"]}).data
        v1.charges.retrieve(charge.id)
        v1.payment_intents.retrieve(charge.payment_intent.id, {"expand": ["latest_charge"]})
        payment = {"type": "payment_intent", "payment_intent": charge.payment_intent.id}
        [paid] = v1.invoice_payments.list({"payment": payment, "expand": ["data.invoice"]}).data
        v1.invoice_payments.list({"invoice": paid.invoice.id})
        if words is None:
            refund = v1.refunds.create({"charge": charge.id, "amount": 500, "reason": "requested_by_customer"})
            v1.refunds.update(refund.id, {"metadata": {"why": "unused"}})
            v1.refunds.list({"charge": charge.id})
        else:
            [dispute] = v1.disputes.list({"charge": charge.id, "expand": ["data.charge"]}).data
            v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": words}})
            v1.disputes.retrieve(dispute.id)
    lost = paying(v1, "pm_card_createDispute")
    v1.subscriptions.create({"customer": lost.id, "items": [{"price": price.id}]})
    v1.disputes.close(v1.disputes.list().data[0].id)


def walk_away(v1, price):
    """Have a customer deleted who still paid for something."""
    customer = paying(v1, "pm_card_visa")
    begun = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    v1.customers.delete(customer.id)
    v1.customers.retrieve(customer.id)
    v1.subscriptions.retrieve(begun.id, {"expand": ["customer"]})


def walk_endpoints(v1):
    """Have another address hear of events, change it and take it away."""
    made = v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "description": "Another"})
    v1.webhook_endpoints.update(made.id, {"disabled": True})
    v1.webhook_endpoints.retrieve(made.id)
    v1.webhook_endpoints.list()
    v1.webhook_endpoints.delete(made.id)


def walk_a_clock(v1, price):
    """Go through a year on a clock of its own, with a pause."""
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_900_000_000, "name": "Years on"})
    customer = paying(v1, "pm_card_visa", test_clock=clock.id)
    begun = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    v1.subscriptions.pause(begun.id, {"type": "subscription"})
    v1.subscriptions.resume(begun.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    v1.subscriptions.update(begun.id, {"pause_collection": {"behavior": "void"}})
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_900_000_000 + 366 * 86400})
    v1.test_helpers.test_clocks.retrieve(clock.id)
    v1.test_helpers.test_clocks.list()
    v1.test_helpers.test_clocks.delete(clock.id)


def walk_changes(v1, price):
    """Change a subscription in every way: paid, pending, planned and from the portal."""
    customer = v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    begun = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id, "quantity": 5}]})
    item = {"id": begun.items.data[0].id, "quantity": 8}
    details = {"items": [item], "proration_behavior": "always_invoice"}
    v1.invoices.create_preview({"subscription": begun.id, "subscription_details": details})
    now = details | {"payment_behavior": "pending_if_incomplete", "expand": ["latest_invoice.payments"]}
    v1.subscriptions.update(begun.id, now)
    for card in ("pm_card_authenticationRequired", "pm_card_chargeCustomerFail"):
        attached = v1.payment_methods.attach(card, {"customer": customer.id})
        v1.subscriptions.update(begun.id, {"default_payment_method": attached.id})
        pending = v1.subscriptions.update(begun.id, now | {"items": [item | {"quantity": 9}]})
        if card == "pm_card_chargeCustomerFail":
            good = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
            v1.invoices.pay(pending.latest_invoice.id, {"payment_method": good.id})
        else:
            v1.invoices.void_invoice(pending.latest_invoice.id)
    take_back(v1, v1.subscriptions.retrieve(begun.id).latest_invoice)
    schedule = v1.subscription_schedules.create({"from_subscription": begun.id})
    phase, line = schedule.phases[0], {"price": price.id, "quantity": 9}
    v1.subscription_schedules.update(
        schedule.id,
        {
            "end_behavior": "release",
            "phases": [
                {"start_date": phase.start_date, "end_date": phase.end_date, "items": [line]},
                {"items": [line | {"quantity": 6}], "duration": {"interval": "month"}, "proration_behavior": "none"},
            ],
        },
    )
    v1.subscriptions.retrieve(begun.id, {"expand": ["schedule.phases.items.price"]})
    v1.subscription_schedules.release(schedule.id)
    again = v1.subscription_schedules.create({"from_subscription": begun.id})
    v1.subscriptions.cancel(begun.id)
    v1.subscription_schedules.retrieve(again.id, {"expand": ["customer", "phases.items.price"]})
    features = {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "tax_id"]},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "invoice_history": {"enabled": False},
    }
    made = v1.billing_portal.configurations.create({"features": features, "metadata": {"shop": "lanyard"}})
    v1.billing_portal.configurations.retrieve(made.id)
    v1.billing_portal.configurations.list({"active": True})
    v1.billing_portal.sessions.create(
        {"customer": customer.id, "configuration": made.id, "return_url": "http://127.0.0.1:8000/", "expand": ["configuration"]}
    )


@pytest.fixture(scope="module")
def seen(client, http, base, clock):
    walk(client, base, clock)
    return http.seen


def test_every_object_of_a_walk_through_all_endpoints_has_the_shape_of_the_sdk(seen):
    found = [problem for body in seen for problem in shape.problems(body)]
    assert found == []


def test_the_walk_sees_every_kind_of_object_and_event(seen):
    kinds = {member["object"] for body in seen for member in (body.get("data", [body]) if body["object"] == "list" else [body])}
    kinds.discard("list")
    assert kinds == {
        *("product", "price", "tax_rate", "customer", "payment_method"),
        *("checkout.session", "subscription", "invoice", "event", "subscription_schedule"),
        *("coupon", "promotion_code", "tax_id", "payment_intent"),
        *("billing_portal.configuration", "billing_portal.session", "credit_note", "refund"),
        *("charge", "payment_intent", "invoice_payment", "dispute", "item", "test_helpers.test_clock", "webhook_endpoint"),
    }
    types = {member["type"] for body in seen if body.get("url") == "/v1/events" for member in body["data"]}
    assert types == {
        *("product.created", "product.updated", "price.created", "price.updated"),
        *("customer.created", "customer.updated", "checkout.session.completed", "checkout.session.expired"),
        *("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"),
        *("invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.voided"),
        *("invoice.sent", "invoice.marked_uncollectible", "invoice.overdue"),
        *("invoice.payment_action_required", "billing_portal.configuration.created", "billing_portal.session.created"),
        *("customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired"),
        *("subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.released"),
        *("subscription_schedule.canceled", "credit_note.created", "credit_note.voided", "refund.created"),
        *("refund.updated", "refund.failed", "charge.refunded"),
        *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
        *("customer.deleted", "invoice.upcoming"),
        *("customer.subscription.paused", "customer.subscription.resumed"),
        *("test_helpers.test_clock.created", "test_helpers.test_clock.advancing"),
        *("test_helpers.test_clock.ready", "test_helpers.test_clock.deleted"),
        *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
        *("coupon.created", "promotion_code.created", "promotion_code.updated", "customer.tax_id.created"),
    }


def open_session(v1, price, rate, who):
    return v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "line_items": [{"price": price.id, "quantity": 6}],
            "subscription_data": {"default_tax_rates": [rate.id], "metadata": {"organisation": "7"}},
            "success_url": "http://127.0.0.1:8000/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/prices",
            "client_reference_id": "7",
            **who,
        }
    )


def break_field(body, path, value):
    broken = copy.deepcopy(body)
    place = broken
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return broken


@pytest.mark.parametrize(
    ("kind", "path", "value", "report"),
    [
        ("price", ("colour",), "blue", "price.colour: unknown field"),
        ("price", ("currency",), ..., "price.currency: missing"),
        ("price", ("billing_scheme",), "bands", "price.billing_scheme: 'bands' is none of"),
        ("price", ("created",), "today", "price.created: 'today' is no int"),
        ("price", ("tiers",), None, "price.tiers: null, but Stripe leaves it out"),
        ("price", ("recurring", "interval"), "term", "price.recurring.interval: 'term' is none of"),
        ("subscription", ("items", "data", 0, "plan"), ..., "subscription.items.data[0].plan: missing"),
        ("subscription", ("items", "has_more"), ..., "is no list object"),
        ("subscription", ("status",), "alive", "subscription.status: 'alive' is none of"),
        ("payment_method", ("bacs_debit",), None, "null, but Stripe leaves out"),
        ("invoice", ("lines", "data", 0, "amount"), 1.5, "invoice.lines.data[0].amount: 1.5 is no int"),
        ("invoice", ("total_taxes", 0, "amount"), "20", "invoice.total_taxes[0].amount: '20' is no int"),
        ("event", ("data", "object", "livemode"), "no", "event.data.object: "),
        ("event", ("type",), "price.melted", "event.type: 'price.melted' is none of"),
        ("customer", ("deleted",), True, "customer: more than its id is left"),
    ],
)
def test_a_broken_object_is_reported(seen, kind, path, value, report):
    body = next(body for body in seen if body["object"] == kind and has(body, path[:-1]))
    assert shape.problems(body) == []
    assert report in "\n".join(shape.problems(break_field(body, path, value)))


def has(body, path):
    for step in path:
        if not body or (isinstance(body, dict) and step not in body):
            return False
        body = body[step]
    return True
