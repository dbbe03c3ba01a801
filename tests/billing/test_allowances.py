"""Seat allowances: what is set aside for a team, who draws from it, and that everybody else finds those seats taken."""

from __future__ import annotations

import pytest

from app.accounts import memberships, teams
from app.accounts.memberships import Role
from app.kernel.errors import Conflict, Missing
from app.kernel.transaction import transaction
from billing import allotting, seats, subscriptions
from billing.allowances import Allowance
from tests.provider import snapshot


@pytest.fixture
def make_team(owner):
    """Give a maker of teams, each with so many invited people; it gives the team's id and theirs."""
    made = 0

    def make(name, number=0, under=None):
        nonlocal made
        with transaction():
            team = teams.make(owner.organisation.id, name, under, by=owner.person.id).id
            ids = []
            for _ in range(number):
                made += 1
                person = memberships.invite(owner.organisation.id, f"Person {made}", f"p{made}@example.org", {Role.LEARNER})
                ids.append(person.id)
            teams.put(owner.organisation.id, team, ids, by=owner.person.id)
        return team, ids

    return make


@pytest.fixture
def allot(owner):
    """Give a way to set seats aside."""

    def do(team, number):
        with transaction():
            allotting.allot(owner.organisation.id, team, number, by=owner.person.id)

    return do


@pytest.fixture
def give(owner):
    """Give a way to give seats."""

    def do(*ids):
        with transaction():
            return seats.assign_each(owner.organisation.id, ids, seats.State.HELD, by=owner.person.id)

    return do


def allowance(owner, team):
    return seats.allowances_of(owner.organisation.id).get(team)


def test_seats_that_are_set_aside_are_given_to_the_teams_people_and_to_nobody_else(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 3)
    north, (anna, ben, cleo) = make_team("North", 3)
    _, (dora, eve) = make_team("South", 2)
    allot(north, 2)
    give(dora)
    with pytest.raises(Conflict, match="Of 2 free, 2 are set aside for teams, so 0 can go to anybody"):
        give(eve)
    give(anna, ben)
    with pytest.raises(Conflict, match="All 2 seats of North would not be enough: 2 taken"):
        give(cleo)
    assert allowance(owner, north) == Allowance(2, 2)
    assert seats.count(owner.organisation.id) == seats.Count(3, 0, 3)


def test_a_seat_given_one_by_one_draws_from_the_allowance_too(owner, subscribe, make_team, allot):
    subscribe(owner.organisation.id, 3)
    north, (anna, ben) = make_team("North", 2)
    allot(north, 1)
    with transaction():
        seats.assign(owner.organisation.id, anna, seats.State.HELD, by=None)
    with pytest.raises(Conflict, match="The one seat of North"), transaction():
        seats.assign(owner.organisation.id, ben, seats.State.HELD, by=None)
    assert seats.count(owner.organisation.id).free == 2


def test_teams_under_a_site_draw_from_its_allowance_unless_they_have_their_own(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 5)
    site, _ = make_team("North")
    kitchen, (anna,) = make_team("Kitchen", 1, site)
    garden, (ben,) = make_team("Garden", 1, site)
    allot(site, 2)
    allot(garden, 1)
    give(anna, ben)
    assert (allowance(owner, site), allowance(owner, garden), allowance(owner, kitchen)) == (
        Allowance(2, 1),
        Allowance(1, 1),
        None,
    )


def test_who_is_in_several_teams_draws_where_most_is_left(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 5)
    north, (anna,) = make_team("North", 1)
    south, _ = make_team("South")
    with transaction():
        teams.put(owner.organisation.id, south, [anna], by=owner.person.id)
    allot(north, 1)
    allot(south, 2)
    give(anna)
    assert (allowance(owner, north), allowance(owner, south)) == (Allowance(1, 0), Allowance(2, 1))


def test_who_is_also_in_a_team_without_an_allowance_draws_from_what_is_for_everybody_when_theirs_is_used_up(
    owner, subscribe, make_team, allot, give
):
    subscribe(owner.organisation.id, 5)
    north, (anna, ben) = make_team("North", 2)
    choir, _ = make_team("Choir")
    with transaction():
        teams.put(owner.organisation.id, choir, [ben], by=owner.person.id)
    allot(north, 1)
    give(anna)
    give(ben)
    assert allowance(owner, north) == Allowance(1, 1)
    assert seats.count(owner.organisation.id).common == 3


def test_seats_that_a_teams_people_have_already_count_among_its_own(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 4)
    north, (anna, ben, cleo) = make_team("North", 3)
    give(anna, ben)
    with pytest.raises(Conflict, match="so 2 is the fewest"):
        allot(north, 1)
    with pytest.raises(Conflict, match="Free for them besides: 2"):
        allot(north, 5)
    assert allowance(owner, north) is None
    allot(north, 3)
    assert allowance(owner, north) == Allowance(3, 2)
    assert seats.count(owner.organisation.id).common == 1
    give(cleo)
    assert allowance(owner, north) == Allowance(3, 3)


def test_what_a_site_does_not_use_is_taken_back(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 50)
    north, people = make_team("North", 38)
    allot(north, 50)
    give(*people)
    with transaction():
        assert allotting.reclaim(owner.organisation.id, north, by=owner.person.id) == 12
    assert allowance(owner, north) == Allowance(38, 38)
    assert seats.count(owner.organisation.id).common == 12
    with transaction():
        assert allotting.reclaim(owner.organisation.id, north, by=owner.person.id) == 0


def test_a_seat_that_comes_back_is_free_for_its_team_again(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 1)
    north, (anna, ben) = make_team("North", 2)
    allot(north, 1)
    give(anna)
    with transaction():
        seats.release(owner.organisation.id, anna, "archived", by=None)
    assert allowance(owner, north) == Allowance(1, 0)
    give(ben)
    assert allowance(owner, north) == Allowance(1, 1)


def test_an_archived_team_sets_nothing_aside_until_it_is_back(owner, subscribe, make_team, allot):
    subscribe(owner.organisation.id, 2)
    north, _ = make_team("North")
    allot(north, 2)
    with transaction():
        teams.archive(owner.organisation.id, north, by=owner.person.id)
    assert seats.count(owner.organisation.id).common == 2
    with transaction():
        teams.bring_back(owner.organisation.id, north, by=owner.person.id)
    assert seats.count(owner.organisation.id).common == 0


def test_the_first_for_whom_there_is_a_seat_are_found(owner, subscribe, make_team, allot):
    subscribe(owner.organisation.id, 3)
    north, (anna, ben) = make_team("North", 2)
    _, (dora, eve, finn) = make_team("South", 3)
    allot(north, 1)
    with transaction():
        assert allotting.fitting(owner.organisation.id, [dora, anna, ben, eve, finn]) == [dora, anna, eve]


def test_a_team_of_another_organisation_is_missing(owner, subscribe, make_person, make_team, allot):
    subscribe(owner.organisation.id, 3)
    make_team("North")
    other = make_person("Olive", "olive@example.org", "Elsewhere")
    elsewhere = memberships.places_of(other)[0].organisation.id
    with transaction():
        foreign = teams.make(elsewhere, "Tower", None, by=other).id
    with pytest.raises(Missing):
        allot(foreign, 1)


def test_seats_of_those_who_came_into_the_team_are_not_counted_twice(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 30)
    school, people = make_team("School", 5)
    _, others = make_team("Others", 10)
    allot(school, 10)
    give(*people, *others)
    with transaction():
        teams.put(owner.organisation.id, school, others[:3], by=owner.person.id)
    with pytest.raises(Conflict, match="Free for them besides: 15"):
        allot(school, 24)
    allot(school, 23)
    counted = seats.count(owner.organisation.id)
    assert counted.taken + counted.set_aside == 30


def test_what_is_unused_is_taken_back_also_when_somebody_with_a_seat_came_in(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 10)
    school, people = make_team("School", 2)
    _, [other] = make_team("Others", 1)
    allot(school, 4)
    give(*people, other)
    with transaction():
        teams.put(owner.organisation.id, school, [other], by=owner.person.id)
        assert allotting.reclaim(owner.organisation.id, school, by=owner.person.id) == 2
    assert allowance(owner, school) == Allowance(2, 2)


def test_seats_of_an_allowance_that_is_gone_count_among_those_of_a_new_one(owner, subscribe, make_team, allot, give):
    subscribe(owner.organisation.id, 10)
    site, _ = make_team("Site")
    kitchen, people = make_team("Kitchen", 4, site)
    allot(site, 6)
    give(*people)
    allot(site, 0)
    with pytest.raises(Conflict, match="so 4 is the fewest"):
        allot(kitchen, 3)
    allot(kitchen, 5)
    assert allowance(owner, kitchen) == Allowance(5, 4)


def test_where_fewer_are_bought_than_are_set_aside_no_team_gets_more_and_each_may_have_less(
    owner, subscribe, make_team, allot, give
):
    subscription = subscribe(owner.organisation.id, 6)
    north, (anna, *_) = make_team("North", 2)
    south, _ = make_team("South")
    allot(north, 4)
    allot(south, 2)
    give(anna)
    with transaction():
        subscriptions.refresh(subscription, snapshot(quantity=3), subscriptions.lease(subscription))
    with pytest.raises(Conflict, match="Free for them besides: 0"):
        allot(north, 5)
    allot(north, 4)
    allot(north, 2)
    allot(south, 1)
    with pytest.raises(Conflict, match="Free for them besides: 1"):
        allot(south, 3)
    assert seats.count(owner.organisation.id).set_aside == 2
