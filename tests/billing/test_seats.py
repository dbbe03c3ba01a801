"""Seats: given, used, taken back; the count always equals the rows, and never passes what was bought."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts import memberships
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import seats, subscriptions
from billing.seats import SeatAssignment, State
from tests.provider import snapshot


def assign(owner, membership_id, state=State.HELD):
    with transaction():
        seats.assign(owner.organisation.id, membership_id, state, by=owner.person.id)


def test_a_held_seat_comes_into_use_and_is_released(owner, subscribe, members):
    subscribe(owner.organisation.id, 2)
    (member,) = members(1)
    assign(owner, member)
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 1)
    with transaction():
        seats.put_in_use(owner.organisation.id, member, by=None)
    assert seats.count(owner.organisation.id) == seats.Count(2, 1, 0)
    with transaction():
        assert seats.release(owner.organisation.id, member, "archived", by=None)
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 0)
    assert [(row.state, row.why_released) for row in seats.history(member)] == [("released", "archived")]


def test_at_the_limit_the_next_one_is_told_to_buy_or_take_back(owner, subscribe, members):
    subscribe(owner.organisation.id, 2)
    first, second, third = members(3)
    assign(owner, first)
    assign(owner, second)
    with pytest.raises(Conflict, match="All your seats are taken"):
        assign(owner, third)
    assert seats.count(owner.organisation.id).free == 0
    assert seats.miscounted() == []


def test_without_a_subscription_there_is_nothing_to_give(owner, members):
    (member,) = members(1)
    with pytest.raises(Conflict):
        assign(owner, member)


def test_nobody_sits_on_two_seats(owner, subscribe, members):
    subscribe(owner.organisation.id, 5)
    (member,) = members(1)
    assign(owner, member)
    with pytest.raises(Conflict, match="already has a seat"):
        assign(owner, member)
    assert seats.miscounted() == []


def test_a_released_seat_goes_to_the_next_as_a_row_of_its_own(owner, subscribe, members):
    subscribe(owner.organisation.id, 1)
    first, second = members(2)
    assign(owner, first)
    with transaction():
        seats.release(owner.organisation.id, first, "withdrawn", by=None)
    assign(owner, second)
    assign_rows = db.session.scalars(sa.select(SeatAssignment).order_by(SeatAssignment.assigned_at)).all()
    assert [(row.membership_id, row.state) for row in assign_rows] == [(first, "released"), (second, "held")]


def test_a_seat_that_was_taken_back_cannot_come_into_use(owner, subscribe, members):
    subscribe(owner.organisation.id, 1)
    (member,) = members(1)
    assign(owner, member)
    with transaction():
        seats.release(owner.organisation.id, member, "withdrawn", by=None)
    with pytest.raises(Conflict, match="taken back"), transaction():
        seats.put_in_use(owner.organisation.id, member, by=None)


def test_releasing_twice_gives_back_once(owner, subscribe, members):
    subscribe(owner.organisation.id, 3)
    (member,) = members(1)
    assign(owner, member)
    with transaction():
        assert seats.release(owner.organisation.id, member, "archived", by=None)
        assert not seats.release(owner.organisation.id, member, "archived", by=None)
    assert seats.miscounted() == []


def test_another_organisation_cannot_take_a_seat_back(owner, subscribe, members, make_person):
    subscribe(owner.organisation.id, 1)
    (member,) = members(1)
    assign(owner, member)
    elsewhere = memberships.places_of(make_person("Eve", "eve@example.org", "Elsewhere"))[0].organisation
    with transaction():
        assert not seats.release(elsewhere.id, member, "archived", by=None)
    assert seats.count(owner.organisation.id).held == 1


def test_the_end_of_a_subscription_releases_every_seat_and_remembers_who_held_it(owner, subscribe, members):
    subscription_id = subscribe(owner.organisation.id, 3)
    for member in (ids := members(3)):
        assign(owner, member)
    with transaction():
        token = subscriptions.lease(subscription_id)
        subscriptions.refresh(subscription_id, snapshot(status="canceled", was_asked_to_end=True), token)
        row = db.session.get_one(subscriptions.Subscription, subscription_id)
        assert not row.is_live
        assert seats.release_all(row, "subscription ended") == 3
    assert seats.miscounted() == []
    assert [seats.history(member)[0].why_released for member in ids] == ["subscription ended"] * 3


def test_a_wrong_count_is_noticed(owner, subscribe):
    subscription_id = subscribe(owner.organisation.id, 3)
    with transaction():
        db.session.execute(sa.update(subscriptions.Subscription).values(taken=1))
    assert seats.miscounted() == [subscription_id]
