"""Subscriptions: every answer of the provider has a state, and our copy never loses a seat."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import entitlements, seats, subscriptions
from billing.entitlements import Access
from billing.subscriptions import State, Subscription
from tests import seating
from tests.provider import PERIOD_END, PERIOD_START, snapshot

GRACE = timedelta(days=14)
IN_TIME, TOO_LATE = PERIOD_START + timedelta(days=13), PERIOD_START + timedelta(days=14)


@pytest.mark.parametrize(
    ("status", "will_end", "asked", "now", "expected"),
    [
        ("incomplete", False, False, IN_TIME, State.PENDING),
        ("incomplete_expired", False, False, IN_TIME, State.ENDED),
        ("active", False, False, TOO_LATE, State.ACTIVE),
        ("active", True, False, IN_TIME, State.CANCELLING),
        ("trialing", False, False, IN_TIME, State.ACTIVE),
        ("past_due", False, False, IN_TIME, State.PAST_DUE),
        ("past_due", False, False, TOO_LATE, State.LAPSED),
        ("unpaid", False, False, IN_TIME, State.LAPSED),
        ("paused", False, False, IN_TIME, State.LAPSED),
        ("canceled", False, True, IN_TIME, State.ENDED),
        ("canceled", False, False, IN_TIME, State.LAPSED),
        ("something Stripe thinks of next year", False, False, IN_TIME, State.LAPSED),
    ],
)
def test_each_answer_of_the_provider_has_a_state(status, will_end, asked, now, expected):
    found = subscriptions.state(
        status, period_start=PERIOD_START, will_end=will_end, was_asked_to_end=asked, grace=GRACE, now=now
    )
    assert found is expected


def test_what_others_gave_since_it_was_loaded_counts_when_it_is_brought_up_to_date(owner, subscribe):
    subscription_id = subscribe(owner.organisation.id)
    with transaction():
        token = subscriptions.lease(subscription_id)
    with transaction():
        row = subscriptions.known(subscription_id)
        # As another worker would between our looking at the row and our locking it.
        others = sa.update(Subscription).values(taken=4).execution_options(synchronize_session=False)
        db.session.execute(others)
        subscriptions.refresh(subscription_id, snapshot(quantity=3), token)
        assert (row.taken, row.is_over) == (4, True)


def test_every_state_says_what_is_open():
    assert set(entitlements.ACCESS) == set(State)
    assert {state for state, access in entitlements.ACCESS.items() if access is Access.FULL} == {
        State.ACTIVE,
        State.CANCELLING,
        State.PAST_DUE,
    }


def test_an_organisation_without_a_subscription_has_nothing_open(owner):
    assert entitlements.of_organisation(owner.organisation.id, GRACE, IN_TIME).access is Access.NONE


def test_an_unpaid_renewal_closes_the_courses_after_the_grace_and_payment_opens_them_for_the_same_seat(owner, subscribe):
    subscription_id = subscribe(owner.organisation.id)
    with transaction():
        seats.assign(owner.organisation.id, owner.membership.id, seats.State.IN_USE, by=None)
    before = seating.states(owner.organisation.id)

    def hear(**changes):
        with transaction():
            token = subscriptions.lease(subscription_id)
        with transaction():
            assert subscriptions.refresh(subscription_id, snapshot(**changes), token)

    def access(now):
        return entitlements.of_seat(owner.membership.id, GRACE, now).access

    hear(status="past_due", period_start=PERIOD_END, period_end=PERIOD_END + timedelta(days=365))
    assert access(PERIOD_END + timedelta(days=13)) is Access.FULL
    assert access(PERIOD_END + timedelta(days=14)) is Access.RECORDS
    hear(status="unpaid", period_start=PERIOD_END)
    assert access(PERIOD_END + timedelta(days=20)) is Access.RECORDS
    hear(status="active", period_start=PERIOD_END)
    assert access(PERIOD_END + timedelta(days=20)) is Access.FULL
    assert seating.states(owner.organisation.id) == before


def test_a_subscription_that_died_unasked_hands_its_seats_to_the_next_one(owner, subscribe):
    first = subscribe(owner.organisation.id, id="sub_1")
    with transaction():
        seats.assign(owner.organisation.id, owner.membership.id, seats.State.IN_USE, by=None)
        token = subscriptions.lease(first)
        subscriptions.refresh(first, snapshot(status="canceled"), token)
    before = seating.states(owner.organisation.id)
    assert subscribe(owner.organisation.id, id="sub_2") == first
    assert seating.states(owner.organisation.id) == before
    assert subscriptions.with_provider_id("sub_2").status == "active"


def test_fewer_seats_than_are_taken_are_flagged_and_nothing_is_given_until_it_fits(owner, subscribe, members):
    subscription_id = subscribe(owner.organisation.id, 3)
    ids = members(4)
    with transaction():
        for membership_id in ids[:3]:
            seats.assign(owner.organisation.id, membership_id, seats.State.IN_USE, by=None)
        token = subscriptions.lease(subscription_id)
        subscriptions.refresh(subscription_id, snapshot(quantity=1), token)

    def row():
        return db.session.get_one(Subscription, subscription_id)

    assert (row().taken, row().bought, row().is_over) == (3, 1, True)
    for membership_id in ids[:2]:
        with pytest.raises(Conflict), transaction():
            seats.assign(owner.organisation.id, ids[3], seats.State.IN_USE, by=None)
        with transaction():
            seats.release(owner.organisation.id, membership_id, "archived", by=None)
    assert (row().taken, row().is_over) == (1, False)


def test_a_refresh_whose_lease_was_lost_writes_nothing(owner, subscribe):
    subscription_id = subscribe(owner.organisation.id, 5)
    with transaction():
        lost = subscriptions.lease(subscription_id)
        db.session.execute(sa.update(Subscription).values(lease_until=PERIOD_START))
    with transaction():
        mine = subscriptions.lease(subscription_id)
    with transaction():
        assert not subscriptions.refresh(subscription_id, snapshot(quantity=99), lost)
        assert subscriptions.refresh(subscription_id, snapshot(quantity=7), mine)
    assert db.session.get_one(Subscription, subscription_id).bought == 7


def test_while_one_worker_has_the_lease_no_other_gets_it(owner, subscribe):
    subscription_id = subscribe(owner.organisation.id)
    with transaction():
        assert subscriptions.lease(subscription_id)
        assert subscriptions.lease(subscription_id) is None


def test_the_database_refuses_a_second_live_subscription(owner, subscribe):
    subscribe(owner.organisation.id)
    row = db.session.scalars(sa.select(Subscription)).one()
    copied = {column.key: getattr(row, column.key) for column in Subscription.__table__.columns}
    with pytest.raises(sa.exc.IntegrityError, match=r"organisation_id|one_live"), transaction():
        db.session.execute(sa.insert(Subscription).values({**copied, "id": owner.person.id, "provider_id": "sub_2"}))


def test_the_database_refuses_more_taken_than_bought(owner, subscribe):
    subscribe(owner.organisation.id, 2)
    with pytest.raises(sa.exc.IntegrityError, match="seats_within_bought"), transaction():
        db.session.execute(sa.update(Subscription).values(taken=3))
