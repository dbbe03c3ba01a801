"""Paying by Direct Debit: days pass, nobody buys twice meanwhile, and seats come with the money and not before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import stripe

from app import letters
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import (
    changes,
    changing,
    checkouts,
    entitlements,
    events,
    notices,
    reactions,
    reconciliation,
    seats,
    settling,
    stripe_objects,
    subscriptions,
)
from billing.checkouts import Checkout, State
from billing.price_cards import Interval
from billing.subscriptions import State as SubscriptionState
from tests.buying import debit, open_page, order, pay
from tests.changing import add, do, row, sees, travel

TOO_LITTLE = "22222227"
GRACE = timedelta(days=14)


def start(shop, owner, gateway, account="00012345", number=10):
    checkout_id = order(owner, number, Interval.MONTH)
    open_page(gateway, checkout_id)
    assert debit(shop, checkout_id, account) == 303
    return checkout_id


def written():
    db.session.rollback()
    return list(db.session.scalars(sa.select(OutboxMail.kind).order_by(OutboxMail.id)))


def test_a_debit_is_on_its_way_for_days_and_the_seats_come_with_the_money(shop, owner, gateway):
    checkout_id = start(shop, owner, gateway)
    for _ in range(2):
        assert reactions.serve(gateway, checkout_id) is State.PROCESSING
    assert seats.count(owner.organisation.id).bought == 0
    travel(shop, days=12)
    for _ in range(2):
        assert reactions.serve(gateway, checkout_id) is State.SERVED
    assert (row(owner).bought, row(owner).pays_by_debit) == (10, True)
    assert row(owner).pays_with == "Direct Debit from the account ending 2345"
    assert written() == ["debit_on_its_way", "seats_bought"]


def test_while_a_debit_is_on_its_way_no_other_order_starts(shop, owner, gateway):
    checkout_id = start(shop, owner, gateway)
    reactions.serve(gateway, checkout_id)
    with pytest.raises(Conflict, match="being paid by Direct Debit already"):
        order(owner, 30)


def test_an_order_in_another_tab_is_closed_once_the_first_is_paid_by_debit(shop, owner, gateway):
    first = order(owner, 10, Interval.MONTH)
    open_page(gateway, first)
    second = order(owner, 30)
    debit(shop, first)
    with pytest.raises(Conflict, match="just been paid"):
        open_page(gateway, second)
    assert checkouts.processing(owner.organisation.id).id == first


def test_a_debit_that_the_bank_refuses_ends_the_subscription_and_says_so_once(shop, owner, gateway):
    checkout_id = start(shop, owner, gateway, TOO_LITTLE)
    reactions.serve(gateway, checkout_id)
    provider_id = gateway.checkout(db.session.get_one(Checkout, checkout_id).provider_id).subscription_id
    travel(shop, days=12)
    for _ in range(2):
        assert reactions.serve(gateway, checkout_id) is State.EXPIRED
    assert gateway.subscription(provider_id).status == "canceled"
    assert [invoice.status for invoice in gateway.invoices(provider_id)] == ["void"]
    assert subscriptions.live(owner.organisation.id) is None
    assert written() == ["debit_on_its_way", "debit_failed"]
    assert order(owner, 30) != checkout_id


@pytest.mark.parametrize(("account", "state"), [("00012345", State.SERVED), (TOO_LITTLE, State.EXPIRED)])
def test_with_every_message_lost_a_reconciliation_finds_out_how_a_debit_ended(shop, owner, gateway, account, state):
    checkout_id = start(shop, owner, gateway, account)
    assert reconciliation.run(gateway).differences == ()
    assert db.session.get_one(Checkout, checkout_id).state == State.PROCESSING
    travel(shop, days=12)
    assert reconciliation.run(gateway).differences == ()
    db.session.rollback()
    assert db.session.get_one(Checkout, checkout_id).state == state


def messages(gateway):
    """Give every message of the provider so far, as its webhook would bring it, newest first."""
    found = gateway._client.v1.events.list({"limit": 100}).data  # noqa: SLF001 - what it would have sent
    return [stripe_objects.event(json.loads(json.dumps(event.to_dict(), default=str))) for event in found]


@pytest.mark.parametrize(("account", "state"), [("00012345", State.SERVED), (TOO_LITTLE, State.EXPIRED)])
def test_messages_in_the_wrong_order_twice_or_late_end_where_the_bank_ended(shop, owner, gateway, account, state):
    checkout_id = start(shop, owner, gateway, account)
    travel(shop, days=12)
    told = messages(gateway)
    assert any("async_payment" in message.kind for message in told)
    for message in (*told, *reversed(told)):
        with transaction():
            events.store(message)
        reactions.apply_due(gateway)
    while reactions.apply_due(gateway):
        pass
    db.session.rollback()
    assert db.session.get_one(Checkout, checkout_id).state == state
    assert (written().count("seats_bought"), written().count("debit_failed")) == (state is State.SERVED, state is State.EXPIRED)


def test_a_refusal_that_was_half_dealt_with_before_a_kill_is_finished(shop, owner, gateway):
    checkout_id = start(shop, owner, gateway, TOO_LITTLE)
    reactions.serve(gateway, checkout_id)
    travel(shop, days=12)
    provider = gateway.checkout(db.session.get_one(Checkout, checkout_id).provider_id)
    gateway.take_back(provider.subscription_id, f"checkout-{checkout_id}-failed")
    reconciliation.run(gateway)
    db.session.rollback()
    assert db.session.get_one(Checkout, checkout_id).state == State.EXPIRED
    assert written() == ["debit_on_its_way", "debit_failed"]


def intent(status):
    return {"type": "payment_intent", "payment_intent": {"object": "payment_intent", "status": status}}


@pytest.mark.parametrize(
    ("payments", "has_failed"),
    [
        ([], False),
        ([intent("requires_action")], False),
        ([intent("requires_payment_method"), intent("processing")], False),
        ([{"type": "payment_record", "payment_record": "prec_1"}], False),
        ([intent("requires_payment_method")], True),
        ([intent("canceled")], True),
    ],
)
def test_a_debit_is_refused_only_when_the_bank_has_said_so(payments, has_failed):
    data = [{"object": "invoice_payment", "payment": payment} for payment in payments]
    body = {"object": "invoice", "status": "open", "payments": {"object": "list", "data": data}}
    assert stripe_objects.debit_failed(stripe.Invoice.construct_from(body, "sk_test")) is has_failed


def test_a_debit_that_is_paid_beside_another_subscription_goes_back(shop, owner, gateway, subscribe):
    checkout_id = start(shop, owner, gateway)
    reactions.serve(gateway, checkout_id)
    subscribe(owner.organisation.id, 5, id="sub_elsewhere")
    travel(shop, days=12)
    assert reactions.serve(gateway, checkout_id) is State.REFUNDED


def serve(shop, owner, gateway):
    checkout_id = start(shop, owner, gateway)
    travel(shop, days=12)
    assert reactions.serve(gateway, checkout_id) is State.SERVED


def test_seats_added_by_debit_can_be_given_when_it_is_paid_and_not_before(shop, owner, gateway):
    serve(shop, owner, gateway)
    change_id, state = add(owner, gateway, 5)
    assert state is changes.State.WAITING
    assert (sees(gateway, owner).bought, seats.count(owner.organisation.id).free) == (10, 10)
    with pytest.raises(Conflict, match="being paid by Direct Debit"):
        changing.offer_seats(gateway, owner.organisation.id, 2)
    with pytest.raises(Conflict, match="on its way already"):
        changing.give_up(gateway, change_id)
    travel(shop, days=7)
    assert changing.look(gateway, change_id) is changes.State.DONE
    assert row(owner).bought == 15
    assert written()[-1] == "seats_added"


def test_a_plan_is_not_put_at_risk_by_a_debit_that_may_be_paid_after_the_renewal(shop, owner, gateway):
    serve(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    travel(shop, days=(row(owner).period_end - clock.now()).days - 14)
    assert changing.offer_seats(gateway, owner.organisation.id, 2).then_seats == 8
    travel(shop, days=1)
    with pytest.raises(Conflict, match="less than 14 days away"):
        changing.offer_seats(gateway, owner.organisation.id, 2)


def test_seats_whose_debit_fails_are_taken_back_at_the_provider_too(shop, owner, gateway):
    serve(shop, owner, gateway)
    empty_the_account(shop)
    change_id, _ = add(owner, gateway, 5)
    provider_id = row(owner).provider_id
    travel(shop, days=7)
    assert gateway.subscription(provider_id).status == "past_due"
    # What everybody has was paid for: only the seats that were added are not.
    assert (sees(gateway, owner).status, changes.known(change_id).state) == ("active", changes.State.WAITING)
    assert changing.finish_left_alone(gateway) == 1
    db.session.rollback()
    assert changes.known(change_id).state == changes.State.LAPSED
    assert gateway.subscription(provider_id).quantity == row(owner).bought == 10
    assert gateway.subscription(provider_id).status == row(owner).status == "active"
    assert written()[-2:] == ["seats_bought", "change_not_paid"]


def test_whoever_has_nothing_to_pay_is_not_behind_with_a_payment(shop, owner, gateway):
    serve(shop, owner, gateway)
    snapshot = replace(gateway.subscription(row(owner).provider_id), status="past_due")
    paid = gateway.invoices(snapshot.id)
    assert settling.as_paid(row(owner), snapshot, paid).status == "active"
    unpaid = [replace(invoice, status="open") for invoice in paid]
    assert settling.as_paid(row(owner), snapshot, unpaid).status == "past_due"


def test_a_kill_while_seats_are_taken_back_leaves_the_change_open_for_the_sweep(shop, owner, gateway):
    serve(shop, owner, gateway)
    empty_the_account(shop)
    change_id, _ = add(owner, gateway, 5)
    provider_id = row(owner).provider_id
    travel(shop, days=7)
    # The number is put back as the gateway does first; the invoice is not taken back yet.
    item = gateway._fetched(provider_id).items.data[0].id  # noqa: SLF001 - half of what the gateway does
    back = {"items": [{"id": item, "quantity": 10}], "proration_behavior": "none"}
    gateway._client.v1.subscriptions.update(provider_id, back)  # noqa: SLF001 - the same
    sees(gateway, owner)
    assert changes.known(change_id).state == changes.State.WAITING
    assert changing.finish_left_alone(gateway) == 1
    db.session.rollback()
    assert changes.known(change_id).state == changes.State.LAPSED
    assert gateway.invoices(provider_id)[0].status == "void"


def empty_the_account(shop):
    """Have the bank refuse every debit from now on."""
    sandbox = shop.extensions["sandbox"]
    with sandbox._store.writing(sandbox._seconds()) as work:  # noqa: SLF001 - a test account never changes by itself
        for method in work.all("payment_method"):
            work.put("payment_method", method | {"_number": TOO_LITTLE})


def test_a_renewal_whose_debit_is_on_its_way_leaves_everything_open(shop, owner, gateway):
    serve(shop, owner, gateway)
    travel(shop, days=20)
    sees(gateway, owner)
    found = entitlements.of_organisation(owner.organisation.id, GRACE, row(owner).period_start)
    assert found.state is SubscriptionState.ACTIVE
    assert "payment_failed" not in written()


@pytest.mark.parametrize("kind", ["renewal_coming", "second_payment_refunded"])
def test_no_mail_names_a_card_to_those_who_pay_by_debit(shop, owner, gateway, kind):
    serve(shop, owner, gateway)
    with transaction():
        facts = {"then_seats": 10, "then_interval": "month", "gross_minor": 7440, "vat_minor": 1240}
        notices._mail(subscriptions.live(owner.organisation.id), kind, **facts)  # noqa: SLF001 - whatever it is written for
    written = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == kind)).one()
    rendered = letters.render(kind, written.facts)
    for words in (rendered.text, rendered.html):
        assert "the way you paid" in " ".join(words.split())
        assert "card that is kept" not in words


def test_paying_by_the_year_needs_a_card(shop, owner, gateway):
    serve(shop, owner, gateway)
    with pytest.raises(Conflict, match="Change to a card"):
        changing.offer_year(gateway, owner.organisation.id)


def test_an_order_of_a_debit_that_is_paid_by_card_instead_is_served_at_once(shop, owner, gateway):
    checkout_id = order(owner, 10, Interval.MONTH)
    open_page(gateway, checkout_id)
    assert debit(shop, checkout_id, "12345678") == 422
    assert pay(shop, checkout_id) == 303
    assert reactions.serve(gateway, checkout_id) is State.SERVED
    assert row(owner).pays_by_debit is False
