"""Changes that meet: two tabs that add seats at once, somebody who gives the last seat while fewer are planned, late messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa

from app.kernel.db import db
from app.kernel.errors import Conflict, Refusal, Unavailable
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import changes, changing, invoices, price_cards, reactions, reconciliation, seats, subscriptions
from billing.changes import Kind, State
from tests.changing import DECLINED_LATER, add, ask, buy, do, pay_invoice, row, sees, travel, use_card
from tests.races.actors import acting


@pytest.fixture
def gateway(shop, connect):
    with transaction():
        price_cards.publish_seed()
    return connect()


class Cut(BaseException):
    """The end of a process, which nothing in the shop may catch."""


class Dying:
    """A gateway at whose answer the process dies, as a kill between the provider's answer and our commit would have it."""

    def __init__(self, gateway, when, nth=1):
        self._gateway, self._when, self._left = gateway, when, nth

    def __getattr__(self, name):
        found = getattr(self._gateway, name)
        if name != self._when:
            return found

        def answer(*arguments, **named):
            found(*arguments, **named)
            self._left -= 1
            if not self._left:
                raise Cut
            return found(*arguments, **named)

        return answer


def bills(owner):
    return [invoice.why for invoice in invoices.of_organisation(owner.organisation.id)]


def told(kind):
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == kind))


def test_of_two_tabs_that_add_seats_at_once_one_pays(shop, owner, gateway, race):
    buy(shop, owner, gateway)
    actor = acting(owner)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    refused = race(*[lambda: changes.accept(actor(), offer, Kind.MORE_SEATS)] * 6)
    assert sum(refusal is None for refusal in refused) == 1
    assert all(isinstance(refusal, Conflict) for refusal in refused if refusal is not None)
    db.session.rollback()
    (change_id,) = db.session.scalars(sa.select(changes.Change.id)).all()
    with ThreadPoolExecutor(4) as pool:

        def carry_out(_):
            with shop.app_context():
                try:
                    return changing.carry_out(gateway, change_id)
                except Refusal as refusal:
                    return refusal

        list(pool.map(carry_out, range(4)))
    changing.look(gateway, change_id)
    assert row(owner).bought == 12
    assert bills(owner) == ["subscription_update", "subscription_create"]
    assert told("seats_added") == 1


def test_giving_seats_beside_planning_fewer_never_gives_more_than_will_be_there(shop, owner, gateway, members, race):
    buy(shop, owner, gateway)
    actor, guests = acting(owner), members(10)
    give = [partial(seats.assign, owner.organisation.id, guest, seats.State.HELD, by=None) for guest in guests]
    refused = race(*give, lambda: changes.fewer_seats(actor(), 6))
    db.session.rollback()
    subscription = row(owner)
    count = seats.count(owner.organisation.id)
    assert subscription.taken == count.taken
    if refused[-1] is None:
        assert count.taken <= 6
    else:
        assert count.taken == 10
    assert seats.miscounted() == []


@pytest.mark.parametrize("step", ["change", "subscription", "invoices"])
def test_a_kill_while_seats_are_added_charges_once_and_gives_them(shop, owner, gateway, step):
    buy(shop, owner, gateway)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    with pytest.raises(Cut):
        changing.carry_out(Dying(gateway, step), change_id)
    db.session.rollback()
    travel(shop, minutes=2)
    free_the_lease(owner)
    assert changing.finish_left_alone(gateway) == 1
    assert row(owner).bought == 12
    assert bills(owner) == ["subscription_update", "subscription_create"]
    assert told("seats_added") == 1
    assert reconciliation.run(gateway).differences == ()


@pytest.mark.parametrize(("step", "nth"), [("change", 1), ("subscription", 1), ("plan", 1), ("subscription", 2)])
def test_a_kill_while_seats_are_added_to_a_plan_keeps_the_cap_and_plans_again(shop, owner, gateway, members, step, nth):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    for guest in members(6):
        with transaction():
            seats.assign(owner.organisation.id, guest, seats.State.HELD, by=None)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    with pytest.raises(Cut):
        changing.carry_out(Dying(gateway, step, nth), change_id)
    db.session.rollback()
    assert row(owner).coming_seats in {6, 8}
    travel(shop, minutes=2)
    free_the_lease(owner)
    sees(gateway, owner)
    assert row(owner).coming_seats in {6, 8}
    changing.finish_left_alone(gateway)
    assert changes.known(change_id).state == State.DONE
    assert (row(owner).bought, row(owner).coming_seats) == (12, 8)
    assert gateway.subscription(row(owner).provider_id).coming_seats == 8
    assert bills(owner) == ["subscription_update", "subscription_create"]


def free_the_lease(owner):
    """Let the lease that a killed process held run out."""
    with transaction():
        db.session.execute(
            sa.update(subscriptions.Subscription)
            .where(subscriptions.Subscription.organisation_id == owner.organisation.id)
            .values(lease_token=None, lease_until=None)
        )


@pytest.mark.parametrize("step", ["plan", "end_with_term", "drop_plan"])
def test_a_kill_while_something_is_planned_or_cancelled_is_finished_and_told_once(shop, owner, gateway, step):
    buy(shop, owner, gateway)
    operations = {
        "plan": (lambda: changes.fewer_seats(owner, 6), "renewal_planned"),
        "end_with_term": (lambda: changes.end(owner, None), "subscription_ends"),
        "drop_plan": (lambda: changes.drop_plan(owner), "plan_dropped"),
    }
    if step == "drop_plan":
        do(gateway, operations["plan"][0])
    operation, kind = operations[step]
    change_id = ask(operation)
    with pytest.raises(Cut):
        changing.carry_out(Dying(gateway, step), change_id)
    db.session.rollback()
    travel(shop, minutes=2)
    assert changing.finish_left_alone(gateway) == 1
    assert changes.known(change_id).state == State.DONE
    assert told(kind) == 1


def test_a_message_from_before_the_charge_does_not_lapse_the_change(shop, owner, gateway):
    """A worker that fetched the subscription before the provider changed it writes what it saw afterwards."""
    buy(shop, owner, gateway)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    provider_id = row(owner).provider_id
    old = gateway.subscription(provider_id)

    class Late:
        def __getattr__(self, name):
            return getattr(gateway, name)

        def subscription(self, _):
            with shop.app_context(), transaction():
                changes.mark_answered(change_id)
            return old

    reactions.refresh(Late(), provider_id)
    assert changes.known(change_id).state == State.WAITING
    assert changing.look(gateway, change_id) in {State.WAITING, State.LAPSED}


def test_paying_beside_giving_up_either_charges_and_adds_or_does_neither(shop, owner, gateway):
    buy(shop, owner, gateway)
    use_card(shop, gateway, owner, DECLINED_LATER)
    change_id, _ = add(owner, gateway, 2)
    url = invoices.owed(row(owner)).url

    def give_up():
        with shop.app_context():
            try:
                changing.give_up(gateway, change_id)
            except Refusal:
                return

    def pay():
        return pay_invoice(shop, url)

    with ThreadPoolExecutor(2) as pool:
        paid, given_up = pool.submit(pay), pool.submit(give_up)
        given_up.result()
    changing.look(gateway, change_id)
    status = invoices.of_organisation(owner.organisation.id)[0].status
    if paid.result() == 303:
        assert (row(owner).bought, status) == (12, "paid")
    else:
        assert (row(owner).bought, status) == (10, "void")


def test_a_renewal_in_the_middle_of_a_change_that_is_not_paid_gives_nothing(shop, owner, gateway):
    buy(shop, owner, gateway)
    travel(shop, days=29, hours=20)
    sees(gateway, owner)
    use_card(shop, gateway, owner, DECLINED_LATER)
    change_id, state = add(owner, gateway, 2)
    assert state is State.WAITING
    travel(shop, days=2)
    changing.look(gateway, change_id)
    assert changes.known(change_id).state == State.LAPSED
    assert row(owner).bought == 10


def test_a_provider_that_answers_nothing_is_asked_again_and_charges_once(shop, owner, gateway, connect):
    buy(shop, owner, gateway)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    with pytest.raises(Unavailable):
        changing.carry_out(connect(address="http://127.0.0.1:9"), change_id)
    assert changes.known(change_id).state == State.ASKED
    assert changing.look(gateway, change_id) is State.DONE
    assert bills(owner) == ["subscription_update", "subscription_create"]
