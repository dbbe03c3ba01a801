"""Orders that meet: two tabs, a sweep beside a buyer, a refresh beside a new beginning. Nobody pays twice and nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from app import joining
from app.accounts import invitations, memberships, people
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, NotAllowed
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import checkouts, customers, price_cards, reactions, reconciliation, seats, subscriptions
from billing.checkouts import Checkout, State
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from tests.buying import open_page, order, pay
from tests.provider import snapshot


@pytest.fixture
def gateway(shop, connect):
    with transaction():
        price_cards.publish_seed()
    return connect()


def fresh(model, row_id):
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(model, row_id)


class Interrupted:
    """A gateway at which somebody else does something between our question and its answer."""

    def __init__(self, gateway, when, meanwhile):
        self._gateway, self._when, self._meanwhile = gateway, when, meanwhile

    def __getattr__(self, name):
        found = getattr(self._gateway, name)
        if name != self._when:
            return found

        def answer(*arguments, **named):
            given = found(*arguments, **named)
            self._when = None
            self._meanwhile()
            return given

        return answer


def test_of_two_tabs_that_order_at_once_only_the_newest_page_can_be_paid(shop, owner, gateway):
    first = order(owner, 25)
    later = []

    def other_tab():
        later.append(order(owner, 30))
        open_page(gateway, later[0])

    with pytest.raises(Conflict, match="newer order"):
        open_page(Interrupted(gateway, "open_checkout", other_tab), first)
    assert pay(shop, first) == 410
    assert pay(shop, later[0]) == 303
    assert reactions.serve(gateway, later[0]) is State.SERVED


def test_a_newer_page_closes_the_older_one_that_opened_while_it_was_being_made(shop, owner, gateway):
    first = order(owner, 25)
    second = order(owner, 30)
    with pytest.raises(Conflict, match="newer order"):
        open_page(gateway, first)
    open_page(gateway, second)
    assert pay(shop, first) == 410


def test_when_the_older_page_was_paid_meanwhile_the_newer_one_is_closed(shop, owner, gateway):
    first = order(owner, 25)
    open_page(gateway, first)
    second = order(owner, 30)
    with pytest.raises(Conflict, match="just been paid"):
        open_page(Interrupted(gateway, "open_checkout", partial(pay, shop, first)), second)
    assert pay(shop, second) == 410
    assert reactions.serve_paid(gateway) == 1
    assert fresh(Checkout, first).state == State.SERVED


def test_a_late_refresh_of_a_dead_subscription_never_overwrites_the_one_just_bought(shop, owner, gateway, subscribe):
    dead = subscribe(owner.organisation.id, 5, id="sub_dead")
    with transaction():
        token = subscriptions.lease(dead)
        subscriptions.refresh(dead, snapshot(id="sub_dead", status="canceled"), token)
    with transaction():
        late = subscriptions.lease(dead)
    checkout_id = order(owner, 25)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    assert reactions.serve(gateway, checkout_id) is State.SERVED
    with transaction():
        assert not subscriptions.refresh(dead, snapshot(id="sub_dead", status="canceled"), late)
    row = fresh(Subscription, dead)
    assert (row.status, row.bought) == ("active", 25)
    assert reconciliation.run(gateway).differences == ()


def test_a_buyer_for_whom_no_seat_is_free_is_served_without_one(shop, owner, gateway, subscribe, members):
    dead = subscribe(owner.organisation.id, 2, id="sub_dead")
    with transaction():
        for member in members_in(owner, 2):
            seats.assign(owner.organisation.id, member, seats.State.IN_USE, by=None)
        token = subscriptions.lease(dead)
        subscriptions.refresh(dead, snapshot(id="sub_dead", status="canceled", quantity=2), token)
    checkout_id = order(owner, 2, for_me=True)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    assert reactions.serve(gateway, checkout_id) is State.SERVED
    assert seats.count(owner.organisation.id) == seats.Count(2, 2, 0)


def members_in(owner, number):
    return [
        memberships.invite(owner.organisation.id, f"Guest {n}", f"guest{n}@example.org", {Role.LEARNER}).id for n in range(number)
    ]


def test_a_buyer_who_was_archived_before_paying_gets_no_seat(shop, owner, gateway, make_person):
    other = people.known(make_person("Ivor", "ivor@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, other, {Role.OWNER})
    checkout_id = order(owner, 3, for_me=True)
    open_page(gateway, checkout_id)
    with transaction():
        joining.archive(memberships.actor(other, owner.organisation.id), owner.membership.id)
    pay(shop, checkout_id)
    assert reactions.serve(gateway, checkout_id) is State.SERVED
    assert seats.count(owner.organisation.id) == seats.Count(3, 0, 0)


def test_one_order_that_cannot_be_served_stops_no_other_and_is_marked(shop, owner, gateway, make_person):
    other = people.known(make_person("Eve", "eve@example.org", "Elsewhere"))
    eve = memberships.actor(other, memberships.places_of(other.id)[0].organisation.id)
    broken, good = order(owner, 5), order(eve, 7)
    for checkout_id in (broken, good):
        open_page(gateway, checkout_id)
        pay(shop, checkout_id)
        with transaction():
            checkouts.record(checkout_id, gateway.checkout(fresh(Checkout, checkout_id).provider_id))
    with transaction():
        db.session.execute(sa.update(Checkout).where(Checkout.id == broken).values(provider_id="cs_gone"))
        clock.advance(checkouts.STUCK_AFTER)
    reactions.serve_paid(gateway)
    assert fresh(Checkout, good).state == State.SERVED
    assert fresh(Checkout, broken).state == State.STUCK
    assert reconciliation.run(gateway).differences


def test_marking_late_orders_beside_serving_them_sends_one_mail(shop, owner, gateway, race):
    checkout_id = order(owner, 5)
    open_page(gateway, checkout_id)
    pay(shop, checkout_id)
    provider = gateway.checkout(fresh(Checkout, checkout_id).provider_id)
    bought = gateway.subscription(provider.subscription_id)
    with transaction():
        checkouts.record(checkout_id, provider)
        clock.advance(checkouts.STUCK_AFTER)
    race(*[partial(checkouts.serve, checkout_id, bought), checkouts.mark_stuck] * 4)
    with transaction():
        checkouts.serve(checkout_id, bought)
    assert fresh(Checkout, checkout_id).state == State.SERVED
    query = sa.select(sa.func.count()).where(OutboxMail.kind == "seats_bought")
    assert db.session.scalar(query) == 1


def test_an_order_whose_page_never_opened_is_closed_by_itself(owner, gateway):
    checkout_id = order(owner, 5)
    with transaction():
        clock.advance(checkouts.FORGOTTEN_AFTER)
    assert reactions.serve_paid(gateway) == 1
    assert fresh(Checkout, checkout_id).state == State.EXPIRED


def test_two_buyers_at_once_keep_one_customer(owner, gateway, race):
    race(*[partial(customers.keep, owner.organisation.id, f"cus_{n}") for n in range(4)])
    db.session.rollback()
    assert customers.provider_id(owner.organisation.id).startswith("cus_")


def test_a_customer_that_the_provider_no_longer_knows_is_made_again(owner, gateway):
    with transaction():
        customers.keep(owner.organisation.id, "cus_gone")
    assert open_page(gateway, order(owner, 5)).startswith("http")
    db.session.rollback()
    assert customers.provider_id(owner.organisation.id) != "cus_gone"


def test_a_price_that_changed_after_it_was_shown_is_not_charged(owner, gateway):
    with pytest.raises(Conflict, match="price has changed"), transaction():
        checkouts.start(owner, 25, Interval.YEAR, vat_percent=20, seat_for_buyer=False, shown_minor=98_400)


def test_an_invitation_sent_again_just_before_the_sweep_stays_open(owner, subscribe, monkeypatch):
    subscribe(owner.organisation.id, 3)
    with transaction():
        member = joining.invite(owner, "Leo", "leo@example.org", {Role.LEARNER}, days=14)
        member_id = member.id
    with transaction():
        clock.advance(timedelta(days=15))
    overdue = invitations.overdue()
    with transaction():
        joining.invite_again(owner, member_id, days=14)
    monkeypatch.setattr(invitations, "overdue", lambda: overdue)
    assert joining.expire_due() == 0
    assert seats.count(owner.organisation.id).held == 1


def test_nobody_uses_the_shop_to_write_to_strangers(owner, subscribe):
    subscribe(owner.organisation.id, 1)

    def invite(number):
        with transaction():
            joining.invite(owner, "Stranger", f"stranger{number}@example.org".replace(" ", ""), {Role.ADMIN}, days=14)

    for number in range(joining.MAILS_A_DAY + joining.MAILS_A_SEAT):
        invite(number)
    with pytest.raises(NotAllowed, match="go on tomorrow"):
        invite("one too many")


def test_who_was_here_before_and_does_not_come_back_stays_on_record(owner, subscribe, make_person):
    subscribe(owner.organisation.id, 3)
    leo = people.known(make_person("Leo Grant", "leo@example.org", "Elsewhere"))
    with transaction():
        member = memberships.add(owner.organisation, leo, {Role.LEARNER})
        joining.archive(owner, member.id)
    with transaction():
        joining.invite(owner, "Leo Grant", "leo@example.org", {Role.LEARNER}, days=14)
    with transaction():
        joining.withdraw(owner, member.id)
    assert [found.id for found in memberships.people_of(owner.organisation.id, archived=True)] == [member.id]
