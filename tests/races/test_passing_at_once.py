"""Seats passed on at the same moment: one seat goes to one person, and the count is never another one."""

from __future__ import annotations

from app import crowd
from app.accounts import teams
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import allotting, seats, subscriptions
from billing.allowances import Allowance
from tests import people_making
from tests.provider import snapshot
from tests.races.actors import acting


def swapping(owner, goes, comes):
    as_owner = acting(owner)
    return lambda: crowd.swap(as_owner(), goes, comes, days=14)


def changing(owner, change, *ids):
    as_owner = acting(owner)
    return lambda: crowd.do(as_owner(), change, Selection(frozenset(ids)), days=14)


def seated(owner, number, of):
    with transaction():
        ids = people_making.add(owner.organisation.id, of)
        seats.assign_each(owner.organisation.id, ids[:number], seats.State.IN_USE, by=None)
    return ids[:number], ids[number:]


def test_one_seat_that_is_given_to_many_at_once_goes_to_one_of_them(owner, subscribe, race):
    subscribe(owner.organisation.id, 1)
    (goes,), others = seated(owner, 1, 9)
    outcomes = race(*(swapping(owner, goes, comes) for comes in others))
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not None)
    db.session.rollback()
    assert (seats.has_one(goes), len(seats.seated_among(owner.organisation.id, others))) == (False, 1)
    assert seats.miscounted() == []


def test_many_seats_passed_on_to_one_person_at_once_give_them_one(owner, subscribe, race):
    subscribe(owner.organisation.id, 8)
    holders, (comes,) = seated(owner, 8, 9)
    outcomes = race(*(swapping(owner, goes, comes) for goes in holders))
    assert sum(outcome is None for outcome in outcomes) == 1
    db.session.rollback()
    assert len(seats.seated_among(owner.organisation.id, [*holders, comes])) == 8
    assert seats.count(owner.organisation.id).taken == 8
    assert seats.miscounted() == []


def test_seats_change_hands_while_fewer_are_bought_and_others_are_given_and_taken_back(owner, subscribe, race):
    subscription = subscribe(owner.organisation.id, 6)
    holders, others = seated(owner, 6, 14)

    def reduce():
        token = subscriptions.lease(subscription)
        subscriptions.refresh(subscription, snapshot(quantity=4), token)

    race(
        *(swapping(owner, goes, comes) for goes, comes in zip(holders[:4], others[:4], strict=True)),
        reduce,
        changing(owner, Change.TAKE_BACK, holders[4]),
        changing(owner, Change.GIVE, *others[4:6]),
        changing(owner, Change.ARCHIVE, holders[5]),
    )
    db.session.rollback()
    assert seats.seated_among(owner.organisation.id, others[:4]) == set(others[:4])
    assert not seats.seated_among(owner.organisation.id, holders[:4])
    assert seats.miscounted() == []


def test_seats_passed_into_a_team_at_once_are_never_more_than_are_set_aside_for_it(owner, subscribe, race):
    subscribe(owner.organisation.id, 9)
    holders, others = seated(owner, 6, 12)
    with transaction():
        team = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
        teams.put(owner.organisation.id, team, others, by=owner.person.id)
        allotting.allot(owner.organisation.id, team, 3, by=owner.person.id)
    outcomes = race(*(swapping(owner, goes, comes) for goes, comes in zip(holders, others, strict=True)))
    assert sum(outcome is None for outcome in outcomes) == 3
    db.session.rollback()
    assert seats.allowances_of(owner.organisation.id) == {team: Allowance(3, 3)}
    assert seats.count(owner.organisation.id).taken == 6
    assert seats.miscounted() == []


def test_a_seat_is_passed_on_or_taken_back_and_never_both(owner, subscribe, race):
    subscribe(owner.organisation.id, 4)
    holders, others = seated(owner, 4, 8)
    pairs = list(zip(holders, others, strict=True))
    swaps = [swapping(owner, goes, comes) for goes, comes in pairs]
    outcomes = race(*swaps, *(changing(owner, Change.TAKE_BACK, goes) for goes in holders))
    db.session.rollback()
    for (goes, comes), outcome in zip(pairs, outcomes[:4], strict=True):
        assert (seats.has_one(goes), seats.has_one(comes)) == (False, outcome is None)
    assert seats.miscounted() == []
