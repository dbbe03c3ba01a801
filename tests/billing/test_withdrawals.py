"""Whoever bought for themselves cancels within 14 days and gets back what they did not use, once, whatever comes between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.organisations import Organisation
from app.kernel import clock, money
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Unavailable
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import (
    changing,
    checkouts,
    invoices,
    notices,
    reactions,
    reconciliation,
    seats,
    subscriptions,
    withdrawals,
    withdrawing,
)
from billing.checkouts import Checkout
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from billing.withdrawals import State, Withdrawal
from tests.buying import debit, open_page, pay
from tests.changing import DECLINED_LATER, add, row, sees, travel, use_card

HALF = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def alone(owner):
    """Give somebody who buys for themselves."""
    with transaction():
        db.session.execute(sa.update(Organisation).values(kind="individual"))
    db.session.refresh(owner.organisation)
    return owner


def buy(shop, buyer, gateway, number=1, interval=Interval.YEAR):
    with transaction():
        checkout_id = checkouts.start(buyer, number, interval, vat_percent=20, seat_for_buyer=True, starts_at_once=True).id
    open_page(gateway, checkout_id)
    assert pay(shop, checkout_id) == 303
    reactions.serve(gateway, checkout_id)
    return row(buyer)


def right(buyer, *, keeps_used_days=True):
    db.session.rollback()
    return withdrawals.right_of(buyer.organisation.id, keeps_used_days=keeps_used_days)


def ask(buyer, **more):
    with transaction():
        return withdrawals.ask(buyer, keeps_used_days=True, **more).id


def credited(gateway):
    return [note.total for note in gateway._client.v1.credit_notes.list().data]  # noqa: SLF001 - what the provider gave back


def written():
    db.session.rollback()
    return list(db.session.scalars(sa.select(OutboxMail.kind).order_by(OutboxMail.id)))


def test_without_asking_to_start_at_once_nobody_buys_for_themselves(alone, gateway):
    with pytest.raises(Invalid, match="start at once") as caught, transaction():
        checkouts.start(alone, 1, Interval.YEAR, vat_percent=20, seat_for_buyer=True)
    assert caught.value.field == "starts_at_once"


def test_the_wording_that_was_agreed_to_is_kept_with_the_order(shop, alone, gateway):
    buy(shop, alone, gateway)
    assert db.session.scalars(sa.select(Checkout.starts_at_once)).one() == "1"


def test_an_organisation_has_no_such_right_and_is_asked_nothing(shop, owner, gateway):
    buy(shop, owner, gateway)
    assert db.session.scalars(sa.select(Checkout.starts_at_once)).one() is None
    assert right(owner) is None
    with pytest.raises(Conflict, match="are over"):
        ask(owner)


@pytest.mark.parametrize(("keeps", "kept_net"), [(True, 247), (False, 0)])
def test_what_was_not_used_goes_back_with_vat_or_all_of_it(shop, alone, gateway, keeps, kept_net):
    buy(shop, alone, gateway)
    travel(shop, days=10)
    found = right(alone, keeps_used_days=keeps)
    assert (found.days_used, found.paid_minor) == (10, 10800)
    net = 9000 - kept_net
    assert found.refund_minor == net + (net * 20 + 50) // 100


def test_cancelling_ends_the_subscription_at_once_and_refunds_by_credit_note_what_was_shown(shop, alone, gateway):
    provider_id = buy(shop, alone, gateway).provider_id
    travel(shop, days=10)
    shown = right(alone).refund_minor
    withdrawal_id = ask(alone, shown_minor=shown)
    for _ in range(2):
        assert withdrawing.carry_out(gateway, withdrawal_id) is State.DONE
    assert credited(gateway) == [shown]
    assert gateway.subscription(provider_id).status == "canceled"
    assert subscriptions.live(alone.organisation.id) is None
    assert seats.count(alone.organisation.id).bought == 0
    assert written() == ["seats_bought", "withdrawn", "subscription_ended"]
    assert right(alone) is None


def test_seats_that_were_added_go_back_by_the_days_since_then(shop, alone, gateway):
    buy(shop, alone, gateway, 1, Interval.MONTH)
    travel(shop, days=5)
    sees(gateway, alone)
    add(alone, gateway, 2)
    travel(shop, days=2)
    shown = right(alone).refund_minor
    withdrawing.carry_out(gateway, ask(alone))
    assert (len(credited(gateway)), sum(credited(gateway))) == (2, shown)


def test_added_seats_are_kept_for_by_whole_days_of_the_term(shop, alone, gateway):
    buy(shop, alone, gateway, 1, Interval.MONTH)
    travel(shop, days=5, hours=3)
    sees(gateway, alone)
    first = right(alone)
    add(alone, gateway, 2)
    travel(shop, days=2)
    subscription = row(alone)
    term = (subscription.period_end - subscription.period_start).days
    added = invoices.of_organisation(alone.organisation.id)[0]
    parts = {part.invoice_id: part.net_minor for part in right(alone).parts}
    assert parts[added.id] == added.net_minor - money.share(added.net_minor, 2, term - 5)
    assert parts[first.parts[0].invoice_id] == 1000 - money.share(1000, 7, term)


def buy_by_debit(shop, buyer, gateway):
    with transaction():
        checkout_id = checkouts.start(buyer, 1, Interval.MONTH, vat_percent=20, seat_for_buyer=True, starts_at_once=True).id
    open_page(gateway, checkout_id)
    assert debit(shop, checkout_id) == 303
    reactions.serve(gateway, checkout_id)
    travel(shop, days=12)
    reactions.serve(gateway, checkout_id)


def test_days_on_which_a_debit_was_on_its_way_do_not_count_as_used(shop, alone, gateway):
    buy_by_debit(shop, alone, gateway)
    found = right(alone)
    assert (found.days_used, found.kept_minor) == (0, 0)
    travel(shop, days=1)
    subscription = row(alone)
    net = 1000 - money.share(1000, 1, (subscription.period_end - subscription.period_start).days)
    assert right(alone).parts[0].net_minor == net


def test_while_a_bank_looks_into_a_payment_nobody_is_promised_their_money_back(shop, alone, gateway):
    buy(shop, alone, gateway)
    controls = shop.extensions["sandbox"].controls
    controls.open_dispute(controls.payments()[0].id)
    reconciliation.run(gateway)
    assert "Your bank is looking into a payment" in right(alone).hindrance
    with pytest.raises(Conflict, match="Your bank is looking into a payment"):
        ask(alone)
    assert withdrawals.newest_of(alone.organisation.id) is None


def test_while_added_seats_are_being_debited_nobody_cancels_and_loses_that_money(shop, alone, gateway):
    buy_by_debit(shop, alone, gateway)
    change_id, _ = add(alone, gateway, 2)
    assert "still being paid" in right(alone).hindrance
    with pytest.raises(Conflict, match="still being paid"):
        ask(alone)
    travel(shop, days=7)
    changing.look(gateway, change_id)
    assert right(alone).hindrance is None
    shown = right(alone).refund_minor
    withdrawing.carry_out(gateway, ask(alone))
    assert (len(credited(gateway)), sum(credited(gateway))) == (2, shown)


def test_what_was_paid_for_an_earlier_subscription_does_not_go_back(shop, alone, gateway):
    buy(shop, alone, gateway, 1, Interval.MONTH)
    shop.extensions["sandbox"].controls.end_after_retries(is_wanted=True)
    use_card(shop, gateway, alone, DECLINED_LATER)
    travel(shop, days=55)
    assert sees(gateway, alone).status == "canceled"
    buy(shop, alone, gateway)
    found = right(alone)
    assert (found.paid_minor, found.refund_minor, len(found.parts)) == (10800, 10800, 1)


def test_the_refund_of_a_withdrawal_is_not_lost_by_buying_again_before_it_is_done(shop, alone, gateway):
    provider_id = buy(shop, alone, gateway).provider_id
    shown, withdrawal_id = right(alone).refund_minor, ask(alone)
    gateway.end_at_once(provider_id, "half-done")
    sees(gateway, alone)
    buy(shop, alone, gateway)
    withdrawing.carry_out(gateway, withdrawal_id)
    assert credited(gateway) == [shown]


def test_a_renewal_that_was_charged_before_the_refund_was_taken_on_goes_back_too(shop, alone, gateway):
    buy(shop, alone, gateway, 1, Interval.MONTH)
    withdrawal_id = ask(alone)
    travel(shop, days=31, hours=2)
    sees(gateway, alone)
    withdrawing.carry_out(gateway, withdrawal_id)
    assert credited(gateway) == [1200, 1200]


def test_what_is_paid_by_invoice_is_not_bought_for_oneself(shop, alone, gateway):
    buy(shop, alone, gateway)
    with transaction():
        db.session.execute(sa.update(Subscription).values(is_by_invoice=True))
    assert right(alone) is None


@HALF
@pytest.mark.parametrize("stops_at", ["credit_note", "answer"])
def test_a_kill_in_between_is_finished_by_the_sweep_and_gives_back_once(shop, alone, gateway, monkeypatch, stops_at):
    buy(shop, alone, gateway)
    travel(shop, days=3)
    shown, withdrawal_id = right(alone).refund_minor, ask(alone)
    found = gateway._fetched(row(alone).provider_id)  # noqa: SLF001 - half of what the gateway does
    gateway._client.v1.subscriptions.cancel(found.id, {"invoice_now": False, "prorate": False})  # noqa: SLF001 - the same
    if stops_at == "answer":
        gateway.give_back(found.id, withdrawals.parts_of(withdrawals.known(withdrawal_id)), f"withdrawal-{withdrawal_id}")
    assert withdrawing.finish_left_alone(gateway) == 0
    travel(shop, days=1)
    assert withdrawing.finish_left_alone(gateway) == 1
    assert withdrawing.finish_left_alone(gateway) == 0
    assert credited(gateway) == [shown]
    assert written().count("withdrawn") == 1


def test_when_the_provider_does_not_answer_it_is_kept_for_the_sweep(shop, alone, gateway, connect):
    buy(shop, alone, gateway)
    withdrawal_id = ask(alone)
    with pytest.raises(Unavailable):
        withdrawing.carry_out(connect("http://127.0.0.1:9"), withdrawal_id)
    with pytest.raises(Conflict, match="cancelled already"):
        ask(alone)
    assert withdrawals.overdue() == []
    travel(shop, hours=1)
    assert [(late.id, name) for late, name in withdrawals.overdue()] == [(withdrawal_id, alone.organisation.name)]
    assert withdrawing.finish_left_alone(gateway) == 1
    assert db.session.scalars(sa.select(Withdrawal.state)).one() == State.DONE
    assert withdrawals.overdue() == []


def test_a_refund_that_the_provider_refuses_leaves_the_subscription_as_it_was(shop, alone, gateway):
    provider_id = buy(shop, alone, gateway).provider_id
    withdrawal_id = ask(alone)
    controls = shop.extensions["sandbox"].controls
    controls.open_dispute(controls.payments()[0].id)
    with pytest.raises(Invalid):
        withdrawing.carry_out(gateway, withdrawal_id)
    assert gateway.subscription(provider_id).status == "active"


def test_something_else_than_was_shown_is_not_given_back(shop, alone, gateway):
    buy(shop, alone, gateway)
    shown = right(alone).refund_minor
    travel(shop, days=2)
    with pytest.raises(Conflict, match="has changed"):
        ask(alone, shown_minor=shown)


@pytest.mark.parametrize(
    ("bought", "until"),
    [
        (datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 12, 8, 0, tzinfo=UTC)),
        (datetime(2027, 3, 20, 23, 30, tzinfo=UTC), datetime(2027, 4, 3, 23, tzinfo=UTC)),
        (datetime(2027, 6, 1, 23, 30, tzinfo=UTC), datetime(2027, 6, 16, 23, tzinfo=UTC)),
    ],
)
def test_the_right_ends_with_the_fourteenth_day_in_london(bought, until):
    assert withdrawals.last_moment(bought) == until


def test_after_the_fourteenth_day_the_right_is_over(shop, alone, gateway):
    buy(shop, alone, gateway)
    until = right(alone).until
    travel(shop, seconds=(until - clock.now()).total_seconds() - 60)
    assert right(alone) is not None
    travel(shop, minutes=2)
    assert right(alone) is None


def told(days=(30, 7)):
    with transaction():
        return notices.tell_renewals(days)


def test_a_month_that_somebody_pays_for_themselves_is_announced_a_week_before(shop, alone, gateway):
    subscription = buy(shop, alone, gateway, 1, Interval.MONTH)
    assert told() == 0
    travel(shop, seconds=(subscription.period_end - clock.now() - timedelta(days=7)).total_seconds() + 2)
    assert [told(), told()] == [1, 0]
    assert written()[-1] == "renewal_coming"


def test_a_month_of_an_organisation_is_not_announced(shop, owner, gateway):
    buy(shop, owner, gateway, 1, Interval.MONTH)
    travel(shop, days=25)
    assert told() == 0


def test_a_year_is_announced_thirty_and_seven_days_before_to_everybody(shop, alone, gateway):
    buy(shop, alone, gateway)
    travel(shop, days=336)
    assert [told(), told()] == [1, 0]
    travel(shop, days=23)
    assert [told(), told()] == [1, 0]
