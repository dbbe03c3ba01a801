"""Buying by card, over the real SDK and the sandbox: served exactly once, whatever is repeated, lost or left half-done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import checkouts, events, price_cards, reactions, reconciliation, seats, subscriptions
from billing.checkouts import Checkout, State
from billing.gateway import ProviderEvent
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from tests import seating
from tests.buying import open_page, order, pay


def row(model=Subscription):
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(model)).one()


def mails(kind="seats_bought"):
    return db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == kind))


def test_a_paid_order_becomes_seats_with_the_price_that_was_shown(shop, owner, gateway):
    checkout_id = order(owner)
    assert open_page(gateway, checkout_id).startswith("http://127.0.0.1:8000/sandbox/stripe/checkout/cs_")
    assert pay(shop, checkout_id) == 303
    assert reactions.serve(gateway, checkout_id) is State.SERVED
    assert row().bought == 25
    assert (row().interval, row().status, row().card_version) == ("year", "active", 1)
    assert seats.count(owner.organisation.id) == seats.Count(25, 0, 0)
    assert row(Checkout).gross_minor == 98496
    assert mails() == 1


def test_an_order_that_is_not_paid_stays_open_and_gives_nothing(owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    assert reactions.serve(gateway, checkout_id) is State.OPEN
    assert seats.count(owner.organisation.id).bought == 0


def test_a_declined_card_changes_nothing_and_another_card_still_pays(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    assert pay(shop, checkout_id, "4000 0000 0000 0002") == 402
    assert reactions.serve(gateway, checkout_id) is State.OPEN
    assert pay(shop, checkout_id) == 303
    assert reactions.serve(gateway, checkout_id) is State.SERVED


def test_serving_from_many_threads_at_once_serves_once(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)

    def serve(_):
        with shop.app_context():
            return reactions.serve(gateway, checkout_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(serve, range(8)))
    assert row(Checkout).state == State.SERVED
    assert row().bought == 25
    assert mails() == 1


def test_the_buyer_who_ticked_it_sits_on_a_seat_at_once(shop, owner, gateway):
    checkout_id = order(owner, 1, Interval.MONTH, for_me=True)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    reactions.serve(gateway, checkout_id)
    assert seats.count(owner.organisation.id) == seats.Count(1, 1, 0)
    assert seating.states(owner.organisation.id) == {owner.membership.id: "in_use"}


def test_the_same_order_again_is_the_same_page(owner, gateway):
    first, second = order(owner), order(owner)
    assert first == second
    assert open_page(gateway, first) == open_page(gateway, second)


def test_another_order_closes_the_page_of_the_first(shop, owner, gateway):
    first = order(owner, 25)
    open_page(gateway, first)
    second = order(owner, 30)
    open_page(gateway, second)
    assert pay(shop, first) == 410
    assert pay(shop, second) == 303
    reactions.serve(gateway, second)
    assert row().bought == 30


def test_another_order_after_the_first_was_paid_is_refused_and_the_first_is_known_as_paid(shop, owner, gateway):
    first = order(owner, 25)
    open_page(gateway, first)
    pay(shop, first)
    second = order(owner, 30)
    with pytest.raises(Conflict, match="just been paid"):
        open_page(gateway, second)
    assert reactions.serve_paid(gateway) == 1
    assert row().bought == 25


def test_with_a_running_subscription_no_other_order_starts(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    reactions.serve(gateway, checkout_id)
    with pytest.raises(Conflict, match="already has a subscription"):
        order(owner, 5)


def test_a_second_payment_beside_a_living_subscription_goes_back_at_once_and_is_shown(shop, owner, gateway, subscribe):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    subscribe(owner.organisation.id, 5, id="sub_elsewhere")
    pay(shop, checkout_id)
    second = gateway.checkout(row(Checkout).provider_id).subscription_id
    for _ in range(2):
        assert reactions.serve(gateway, checkout_id) is State.REFUNDED
    assert [found.id for found in checkouts.refunded()] == [checkout_id]
    assert checkouts.paid_not_served() == []
    assert gateway.subscription(second).status == "canceled"
    gateway.take_back(second, "again")
    assert row().bought == 5
    assert mails("second_payment_refunded") == 1
    assert mails() == 0


def test_a_kill_between_the_refund_and_our_note_of_it_refunds_once(shop, owner, gateway, subscribe):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    subscribe(owner.organisation.id, 5, id="sub_elsewhere")
    pay(shop, checkout_id)

    class Dying:
        def __getattr__(self, name):
            return getattr(gateway, name)

        def take_back(self, *arguments):
            gateway.take_back(*arguments)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reactions.serve(Dying(), checkout_id)
    assert reactions.serve_paid(gateway) == 0
    assert row(Checkout).state == State.REFUNDED
    assert mails("second_payment_refunded") == 1


def test_more_than_self_service_sells_needs_a_quote(owner, gateway):
    with pytest.raises(Invalid, match="ask us for a quote"):
        order(owner, 2001)


def test_an_order_of_another_organisation_is_not_there(owner, gateway, make_person):
    checkout_id = order(owner)
    with pytest.raises(Missing):
        checkouts.of_organisation(make_person("Eve", "eve@example.org", "Elsewhere"), checkout_id)


def test_the_provider_out_of_reach_says_that_nothing_was_charged_and_the_order_goes_on_later(shop, owner, connect):
    with transaction():
        price_cards.publish_seed()
    checkout_id = order(owner)
    deaf = connect(address="http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="Nothing was charged"):
        open_page(deaf, checkout_id)
    assert open_page(connect(), checkout_id).startswith("http")


def test_a_page_that_shows_another_figure_is_closed_at_once(owner, gateway):
    checkout_id = order(owner)
    with transaction():
        db.session.execute(sa.update(Checkout).values(net_minor=82081, gross_minor=98497))
    with pytest.raises(Unavailable, match="another figure"):
        open_page(gateway, checkout_id)


def test_the_payment_page_shows_our_figure_at_every_edge_of_a_band(owner, gateway):
    for interval in Interval:
        for number in (1, 4, 5, 9, 10, 24, 25, 49, 50, 99, 100, 249, 250, 499, 500, 999, 1000, 2000):
            open_page(gateway, order(owner, number, interval))


def test_reconciliation_finds_a_payment_whose_webhooks_were_all_lost(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    report = reconciliation.run(gateway)
    assert (report.checkouts, report.differences) == (1, ())
    assert row().bought == 25
    again = reconciliation.run(gateway)
    assert (again.checkouts, again.subscriptions, again.differences) == (0, 1, ())
    assert mails() == 1


def test_reconciliation_names_what_it_cannot_put_right(owner, gateway, subscribe):
    subscribe(owner.organisation.id, 3, id="sub_unknown_to_the_provider")
    with transaction():
        db.session.execute(sa.update(Subscription).values(taken=2))
    report = reconciliation.run(gateway)
    assert any("sub_unknown" in difference for difference in report.differences)
    assert any("count of taken seats" in difference for difference in report.differences)


def test_an_order_that_nobody_paid_closes_by_itself(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    with transaction():
        clock.advance(timedelta(hours=25))
    assert reactions.serve(gateway, checkout_id) is State.EXPIRED
    assert order(owner) != checkout_id


def test_a_renewal_moves_the_term_and_leaves_the_seats(shop, owner, gateway):
    checkout_id = order(owner, 3, Interval.MONTH, for_me=True)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    reactions.serve(gateway, checkout_id)
    before, end = seating.states(owner.organisation.id), row().period_end
    with transaction():
        clock.advance(timedelta(days=32))
    reactions.refresh(gateway, row().provider_id)
    assert row().period_end > end
    assert seating.states(owner.organisation.id) == before


def test_a_failed_event_is_kept_with_its_error_tried_again_and_replayed(shop, owner, gateway, subscribe):
    subscribe(owner.organisation.id, 3, id="sub_unknown_to_the_provider")
    with transaction():
        events.store(received("evt_1", "customer.subscription.updated", subscription_id="sub_unknown_to_the_provider"))
    assert reactions.apply_due(gateway) == 1
    event = row(events.ProviderEvent)
    assert (event.state, event.tries) == ("failed", 1)
    assert "Missing" in event.last_error
    assert event.due_at is not None
    assert events.newest()[0].id == "evt_1"
    with transaction():
        events.replay("evt_1", by=owner.person.id)
    assert reactions.apply_due(gateway) == 1
    with pytest.raises(Missing), transaction():
        events.replay("evt_2", by=owner.person.id)


def test_an_event_of_an_unknown_kind_is_stored_and_done_with(gateway):
    with transaction():
        assert events.store(received("evt_9", "radar.early_fraud_warning.created"))
        assert not events.store(received("evt_9", "radar.early_fraud_warning.created"))
    assert reactions.apply_due(gateway) == 1
    assert row(events.ProviderEvent).state == "applied"


def test_an_event_about_the_subscription_that_comes_first_serves_the_order(shop, owner, gateway):
    checkout_id = order(owner)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    provider_id = gateway.checkout(row(Checkout).provider_id).subscription_id
    with transaction():
        events.store(received("evt_1", "customer.subscription.created", subscription_id=provider_id))
    reactions.apply_due(gateway)
    assert row(Checkout).state == State.SERVED


def test_while_the_lease_is_taken_the_event_waits_and_comes_back(owner, gateway, subscribe):
    subscription_id = subscribe(owner.organisation.id, 3)
    with transaction():
        subscriptions.lease(subscription_id)
        events.store(received("evt_1", "invoice.paid", subscription_id="sub_1"))
    reactions.apply_due(gateway)
    event = row(events.ProviderEvent)
    assert (event.state, event.due_at is not None) == ("failed", True)
    assert "brought up to date already" in event.last_error


def received(event_id, kind, **changes):
    values = {
        "id": event_id,
        "kind": kind,
        "created_at": clock.real_now(),
        "api_version": None,
        "object_id": "obj_1",
        "checkout_id": None,
        "subscription_id": None,
        "payload": {},
    }
    return ProviderEvent(**{**values, **changes})


def test_a_customer_who_was_deleted_at_the_provider_pays_no_more_and_can_buy_again(shop, owner, gateway):
    first = order(owner, 5)
    open_page(gateway, first)
    assert pay(shop, first) == 303
    reactions.serve(gateway, first)
    gateway.client.v1.customers.delete(gateway.client.v1.subscriptions.retrieve(row().provider_id).customer)
    assert reconciliation.run(gateway).differences == ()
    assert (row().status, row().is_live) == ("canceled", True)
    again = order(owner, 7)
    open_page(gateway, again)
    assert pay(shop, again) == 303
    assert reactions.serve(gateway, again) is State.SERVED
    assert (row().status, row().bought) == ("active", 7)
