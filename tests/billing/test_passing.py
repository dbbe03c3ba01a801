"""Passing a seat on: the count stays as it is, so it can be done also where no seat could be given, and allowances are kept."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.accounts import memberships, teams
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from billing import allotting, passing, seats, subscriptions
from billing.allowances import Allowance
from billing.subscriptions import Subscription
from tests.provider import snapshot


@pytest.fixture
def make(owner):
    """Give a maker of people who are invited into teams; it gives their ids."""

    def people(*names, team=None):
        with transaction():
            ids = [
                memberships.invite(owner.organisation.id, name, f"{name.lower()}@example.org", {Role.LEARNER}).id
                for name in names
            ]
            if team is not None:
                teams.put(owner.organisation.id, team, ids, by=owner.person.id)
        return ids

    return people


@pytest.fixture
def make_team(owner):
    """Give a maker of teams for which seats are set aside."""

    def team(name, number=0):
        with transaction():
            made = teams.make(owner.organisation.id, name, None, by=owner.person.id).id
        with transaction():
            allotting.allot(owner.organisation.id, made, number, by=owner.person.id)
        return made

    return team


@pytest.fixture
def give(owner):
    """Give a way to give seats."""

    def do(*ids):
        with transaction():
            seats.assign_each(owner.organisation.id, ids, seats.State.HELD, by=owner.person.id)

    return do


@pytest.fixture
def pass_on(owner):
    """Give a way to pass a seat on."""

    def do(one, other):
        with transaction():
            passing.pass_on(owner.organisation.id, one, other, seats.State.IN_USE, "given on", by=owner.person.id)

    return do


def drop_to(subscription_id, quantity):
    with transaction():
        token = subscriptions.lease(subscription_id)
        subscriptions.refresh(subscription_id, snapshot(quantity=quantity), token)


def sits(*ids):
    return [seats.has_one(one) for one in ids]


def test_a_seat_is_passed_on_with_its_history_also_where_more_are_taken_than_were_bought(owner, subscribe, make, give, pass_on):
    subscription = subscribe(owner.organisation.id, 2)
    anna, ben, cleo = make("Anna", "Ben", "Cleo")
    give(anna, ben)
    drop_to(subscription, 1)
    pass_on(anna, cleo)
    assert sits(anna, ben, cleo) == [False, True, True]
    assert [(row.state, row.why_released) for row in seats.history(anna)] == [("released", "given on")]
    assert [(row.state, row.subscription_id) for row in seats.history(cleo)] == [("in_use", subscription)]
    row = db.session.get_one(Subscription, subscription)
    assert (row.taken, row.is_over, seats.miscounted()) == (2, True, [])
    query = sa.select(JournalEntry.what).where(JournalEntry.about.in_([anna, cleo])).order_by(JournalEntry.at, JournalEntry.id)
    assert list(db.session.scalars(query)) == ["seat.held", "seat.released", "seat.in_use"]


def test_a_seat_is_passed_on_also_where_fewer_are_planned_than_are_taken(owner, subscribe, make, give, pass_on):
    subscription = subscribe(owner.organisation.id, 3)
    anna, ben, cleo = make("Anna", "Ben", "Cleo")
    give(anna, ben)
    with transaction():
        planned = sa.update(Subscription).where(Subscription.id == subscription)
        db.session.execute(planned.values(coming_seats=1, coming_interval="year"))
    pass_on(ben, cleo)
    assert sits(anna, ben, cleo) == [True, False, True]


def test_a_seat_that_is_not_there_and_one_for_who_has_one_are_refused(owner, subscribe, make, give, pass_on):
    subscribe(owner.organisation.id, 3)
    anna, ben, cleo = make("Anna", "Ben", "Cleo")
    give(anna, ben)
    with pytest.raises(Conflict, match="taken back a moment ago"):
        pass_on(cleo, anna)
    with pytest.raises(Conflict, match="already has a seat"):
        pass_on(anna, ben)
    assert sits(anna, ben, cleo) == [True, True, False]
    assert seats.miscounted() == []


def test_within_a_team_a_seat_stays_one_of_its_allowance(owner, subscribe, make, make_team, give, pass_on):
    subscribe(owner.organisation.id, 1)
    north = make_team("North", 1)
    anna, ben = make("Anna", "Ben", team=north)
    give(anna)
    pass_on(anna, ben)
    assert seats.allowances_of(owner.organisation.id) == {north: Allowance(1, 1)}
    assert seats.history(ben)[0].allowance_id == north


def test_into_another_team_the_allowance_of_that_one_decides(owner, subscribe, make, make_team, give, pass_on):
    subscribe(owner.organisation.id, 4)
    north, south = make_team("North", 2), make_team("South", 1)
    (anna,) = make("Anna", team=north)
    ben, cleo = make("Ben", "Cleo", team=south)
    give(anna, ben)
    with pytest.raises(Conflict, match="The one seat of South would not be enough: 1 taken"):
        pass_on(anna, cleo)
    assert sits(anna, ben, cleo) == [True, True, False]
    with transaction():
        allotting.allot(owner.organisation.id, south, 2, by=owner.person.id)
    pass_on(anna, cleo)
    assert seats.allowances_of(owner.organisation.id) == {north: Allowance(2, 0), south: Allowance(2, 2)}
    assert seats.miscounted() == []


def test_out_of_a_team_a_seat_goes_only_where_one_is_free_that_is_set_aside_for_nobody(
    owner, subscribe, make, make_team, give, pass_on
):
    subscription = subscribe(owner.organisation.id, 2)
    north = make_team("North", 2)
    (anna,) = make("Anna", team=north)
    (dora,) = make("Dora")
    give(anna)
    with pytest.raises(Conflict, match="set aside for a team that the other person is not in"):
        pass_on(anna, dora)
    drop_to(subscription, 3)
    pass_on(anna, dora)
    assert seats.allowances_of(owner.organisation.id) == {north: Allowance(2, 0)}
    assert (seats.count(owner.organisation.id).taken, seats.count(owner.organisation.id).common) == (1, 0)


def test_a_seat_that_was_set_aside_for_nobody_becomes_one_of_the_team_it_goes_into(
    owner, subscribe, make, make_team, give, pass_on
):
    subscribe(owner.organisation.id, 2)
    north = make_team("North", 1)
    (ben,) = make("Ben", team=north)
    (dora,) = make("Dora")
    give(dora)
    pass_on(dora, ben)
    assert seats.allowances_of(owner.organisation.id) == {north: Allowance(1, 1)}
    assert seats.count(owner.organisation.id).common == 1


def test_the_same_human_keeps_a_seat_with_its_allowance_whatever_their_teams(owner, subscribe, make, make_team, give):
    subscribe(owner.organisation.id, 1)
    north = make_team("North", 1)
    (anna,) = make("Anna", team=north)
    (other,) = make("Annie")
    give(anna)
    with transaction():
        passing.keep_for(owner.organisation.id, anna, other, seats.State.HELD, "merged", by=owner.person.id)
    assert seats.allowances_of(owner.organisation.id) == {north: Allowance(1, 1)}
    assert sits(anna, other) == [False, True]
