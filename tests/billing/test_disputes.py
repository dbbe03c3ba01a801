"""Disputes and refunds over the real SDK and the sandbox: told once, fetched afresh, and found without any message."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel import clock
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from billing import disputes, entitlements, events, price_cards, reactions, reconciliation, refunds, seats
from billing.disputes import Dispute
from billing.gateway import ProviderEvent
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from tests.buying import open_page, order, pay
from tests.changing import buy, mails, row, travel

GRACE = timedelta(days=14)


@pytest.fixture
def controls(shop, gateway):
    return shop.extensions["sandbox"].controls


@pytest.fixture
def tell(shop, gateway):
    """Give a way to have the messages about what went back arrive and be applied, all that there are so far."""

    def arrive():
        for found in gateway.client.v1.events.list({"limit": 100}).data[::-1]:
            about = found.data.object
            received = ProviderEvent(
                id=found.id,
                kind=found.type,
                created_at=clock.now(),
                api_version=found.api_version,
                object_id=getattr(about, "id", ""),
                checkout_id=None,
                subscription_id=None,
                payload={},
            )
            if found.type.startswith(("charge.dispute", "refund")):
                with transaction():
                    events.store(received)
        while reactions.apply_due(gateway):
            pass

    return arrive


def dispute():
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(Dispute)).one()


def said(*kinds):
    db.session.rollback()
    query = sa.select(JournalEntry.what).where(JournalEntry.what.in_(kinds)).order_by(JournalEntry.id)
    return list(db.session.scalars(query))


def failed():
    return [event.last_error for event in events.newest() if event.state == events.State.FAILED]


def test_an_open_dispute_is_flagged_and_told_and_closes_nothing(shop, owner, gateway, controls, tell):
    buy(shop, owner, gateway)
    [payment] = controls.payments()
    controls.open_dispute(payment.id)
    tell()
    tell()
    found = dispute()
    assert (found.state, found.amount_minor, found.reason, found.is_open) == ("open", 7440, "fraudulent", True)
    assert found.answer_by - found.opened_at == timedelta(days=9)
    assert found.url == f"https://dashboard.stripe.com/test/disputes/{found.id}"
    assert disputes.open_of(owner.organisation.id) is not None
    assert (mails(), said("dispute.open")) == (["payment_disputed"], ["dispute.open"])
    assert entitlements.of_organisation(owner.organisation.id, GRACE, clock.now()).state == "active"
    assert failed() == []


def test_a_dispute_that_is_won_is_cleared(shop, owner, gateway, controls, tell):
    buy(shop, owner, gateway)
    controls.open_dispute(controls.payments()[0].id)
    tell()
    gateway.client.v1.disputes.update(dispute().id, {"evidence": {"customer_name": "Ruth"}})
    tell()
    assert dispute().state == "answered"
    controls.close_dispute(dispute().id, is_won=True)
    tell()
    assert (dispute().state, disputes.open_of(owner.organisation.id)) == ("won", None)
    assert (row(owner).status, mails()) == ("active", ["payment_disputed", "dispute_won"])
    assert said("dispute.open", "dispute.answered", "dispute.won") == ["dispute.open", "dispute.answered", "dispute.won"]


def test_a_dispute_that_is_lost_ends_access_and_remembers_who_had_seats(shop, owner, gateway, controls, tell):
    buy(shop, owner, gateway)
    member = owner.membership.id
    with transaction():
        seats.assign(owner.organisation.id, member, seats.State.IN_USE, by=None)
    controls.open_dispute(controls.payments()[0].id)
    tell()
    controls.close_dispute(dispute().id, is_won=False)
    tell()
    tell()
    assert row(owner) is None
    assert entitlements.of_organisation(owner.organisation.id, GRACE, clock.now()).state == "ended"
    assert db.session.scalars(sa.select(Subscription.status)).one() == "canceled"
    assert dispute().ended_at is not None
    assert mails() == ["payment_disputed", "dispute_lost", "subscription_ended"]
    assert not seats.has_one(member)
    assert [held.why_released for held in seats.history(member)] == [seats.SUBSCRIPTION_ENDED]
    assert failed() == []


def test_without_any_message_a_reconciliation_finds_the_same(shop, owner, gateway, controls):
    buy(shop, owner, gateway)
    controls.open_dispute(controls.payments()[0].id)
    assert reconciliation.run(gateway).differences == ()
    assert dispute().state == "open"
    controls.close_dispute(dispute().id, is_won=False)
    assert reconciliation.run(gateway).differences == ()
    assert (dispute().state, row(owner)) == ("lost", None)
    assert mails() == ["payment_disputed", "dispute_lost", "subscription_ended"]
    assert reconciliation.run(gateway).differences == ()
    assert len(mails()) == 3


def test_killed_after_the_subscription_was_ended_the_rest_is_done_later(shop, owner, gateway, controls, monkeypatch):
    buy(shop, owner, gateway)
    controls.open_dispute(controls.payments()[0].id)
    reconciliation.run(gateway)
    controls.close_dispute(dispute().id, is_won=False)

    def killed(_):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(disputes, "mark_ended", killed)
        with pytest.raises(SystemExit):
            reconciliation.run(gateway)
    assert (dispute().state, dispute().ended_at) == ("lost", None)
    reconciliation.run(gateway)
    assert (dispute().ended_at is not None, row(owner)) == (True, None)
    assert mails() == ["payment_disputed", "dispute_lost", "subscription_ended"]


def test_a_lost_dispute_does_not_end_the_subscription_that_was_bought_after_it(shop, owner, gateway, controls):
    buy(shop, owner, gateway)
    controls.open_dispute(controls.payments()[0].id)
    reconciliation.run(gateway)
    gateway.end_at_once(row(owner).provider_id, "by-hand")
    reconciliation.run(gateway)
    assert row(owner) is None
    again = order(owner, 5, Interval.MONTH)
    open_page(gateway, again)
    assert pay(shop, again) == 303
    reactions.serve(gateway, again)
    controls.close_dispute(dispute().id, is_won=False)
    assert reconciliation.run(gateway).differences == ()
    assert (row(owner).status, row(owner).bought) == ("active", 5)


def test_a_dispute_about_what_others_bought_is_left_alone(shop, owner, gateway, controls):
    v1 = gateway.client.v1
    stranger = v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    price = gateway.price(price_cards.current(), Interval.MONTH, "stranger")
    v1.subscriptions.create({"customer": stranger.id, "items": [{"price": price, "quantity": 1}]})
    controls.open_dispute(controls.payments()[0].id)
    assert reconciliation.run(gateway).differences == ()
    assert db.session.scalars(sa.select(Dispute)).all() == []


def test_a_refund_is_kept_and_one_that_comes_back_is_shown(shop, owner, gateway, controls, tell):
    buy(shop, owner, gateway)
    [payment] = controls.payments()
    refund = gateway.client.v1.refunds.create({"charge": payment.id, "amount": 1000})
    tell()
    [(kept, name)] = refunds.newest()
    assert (kept.id, kept.amount_minor, kept.status, name) == (refund.id, 1000, "succeeded", "St Mary")
    tell()
    assert said("refund.made", "refund.failed") == ["refund.made"]
    assert (row(owner).status, failed()) == ("active", [])


def test_a_refund_that_came_back_is_said_so(shop, owner, gateway):
    buy(shop, owner, gateway)
    customer = gateway.client.v1.subscriptions.retrieve(row(owner).provider_id).customer
    card = gateway.client.v1.payment_methods.attach("pm_card_refundFail", {"customer": customer})
    gateway.client.v1.subscriptions.update(row(owner).provider_id, {"default_payment_method": card.id})
    travel(shop, days=31, hours=2)
    reconciliation.run(gateway)
    newest = gateway.client.v1.charges.list({"customer": customer}).data[0]
    gateway.client.v1.refunds.create({"charge": newest.id})
    reconciliation.run(gateway)
    travel(shop, days=1)
    reconciliation.run(gateway)
    [(kept, _)] = refunds.newest()
    assert kept.has_failed
    assert said("refund.made", "refund.failed") == ["refund.made", "refund.failed"]
