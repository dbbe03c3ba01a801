"""Allowances and seats at the same moment: what is set aside for a team is never given to somebody else, whoever comes first."""

from __future__ import annotations

from functools import partial

from app.accounts import teams
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import allotting, seats
from billing.allowances import Allowance
from billing.seats import State


def test_seats_are_set_aside_and_given_to_others_at_once_and_never_both(owner, subscribe, members, race):
    subscribe(owner.organisation.id, 10)
    with transaction():
        team = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
    gifts = [partial(seats.assign, owner.organisation.id, member, State.HELD, by=None) for member in members(12)]
    allotments = [partial(allotting.allot, owner.organisation.id, team, number, by=owner.person.id) for number in (6, 7, 8)]
    outcomes = race(*gifts[:6], *allotments, *gifts[6:])
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    counted = seats.count(owner.organisation.id)
    assert counted.taken + counted.set_aside <= 10
    assert counted.set_aside in {0, 6, 7, 8}
    assert seats.miscounted() == []


def test_a_teams_people_take_exactly_what_is_set_aside_for_them_while_others_take_the_rest(owner, subscribe, members, race):
    subscribe(owner.organisation.id, 10)
    people = members(30)
    with transaction():
        team = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
        teams.put(owner.organisation.id, team, people[:15], by=owner.person.id)
        allotting.allot(owner.organisation.id, team, 4, by=owner.person.id)
    race(*[partial(seats.assign, owner.organisation.id, member, State.HELD, by=None) for member in people])
    assert seats.allowances_of(owner.organisation.id)[team] == Allowance(4, 4)
    assert seats.count(owner.organisation.id) == seats.Count(10, 0, 10)


def test_what_is_unused_is_taken_back_while_it_is_being_given(owner, subscribe, members, race):
    subscribe(owner.organisation.id, 10)
    people = members(8)
    with transaction():
        team = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
        teams.put(owner.organisation.id, team, people, by=owner.person.id)
        allotting.allot(owner.organisation.id, team, 8, by=owner.person.id)
    gifts = [partial(seats.assign, owner.organisation.id, member, State.HELD, by=None) for member in people]
    race(*gifts[:4], partial(allotting.reclaim, owner.organisation.id, team, by=owner.person.id), *gifts[4:])
    found = seats.allowances_of(owner.organisation.id).get(team, Allowance(0, 0))
    assert found.taken <= found.allotted
    assert seats.count(owner.organisation.id).taken + found.unused <= 10
    assert seats.miscounted() == []
