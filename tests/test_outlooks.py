"""Outlooks: what a list needs of which seats is said before it is brought in, and is what happens then."""

from __future__ import annotations

import pytest

from app import arrivals, joining, outlooks
from app.accounts import memberships, people_imports, teams, waiting_places
from app.accounts.people_imports import State
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import allotting, seats, subscriptions
from tests import people_making
from tests.house.statements import Recorder
from tests.provider import snapshot


@pytest.fixture
def make_team(owner):
    """Give a maker of teams for which seats are set aside."""

    def team(name, number=0, under=None):
        with transaction():
            made = teams.make(owner.organisation.id, name, under, by=owner.person.id).id
        with transaction():
            allotting.allot(owner.organisation.id, made, number, by=owner.person.id)
        return made

    return team


@pytest.fixture
def send(owner):
    """Give a way to send a list of addresses, each with the name of a team or none, and have it read; gives its id."""

    def one(*lines, **options):
        text = "E-mail,Team\n" + "\n".join(f"{address},{team}" for address, team in lines)
        with transaction():
            sent = arrivals.send(owner, text.encode(), file_name="people.csv", **options).id
        arrivals.read(sent)
        return sent

    return one


def seen(sent):
    db.session.expire_all()
    return outlooks.of_list(people_imports.whole(sent))


def want(owner, sent):
    with transaction():
        arrivals.want(owner, sent)


def many(number, team="", start=0):
    return [(f"p{n}@example.org", team) for n in range(start, start + number)]


def test_a_list_for_a_team_whose_allowance_is_too_small_is_refused_when_it_is_asked_for(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 10)
    north = make_team("North", 2)
    for sent in (send(*many(3, "North")), send(*many(3), team_id=north)):
        assert (seen(sent).tight, seen(sent).fitting) == (north, 2)
        with pytest.raises(Conflict, match="needs 3 of the seats that are set aside for North, and 2 are free"):
            want(owner, sent)
    with transaction():
        allotting.allot(owner.organisation.id, north, 3, by=owner.person.id)
    want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert people_imports.whole(sent).state == State.DONE


def test_a_list_for_nobodys_team_does_not_count_on_what_is_set_aside(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 5)
    make_team("North", 2)
    with pytest.raises(Conflict, match="needs 4 seats that are set aside for no team, and 3 are free"):
        want(owner, send(*many(4)))
    sent = send(*many(3), *many(2, "North", start=3))
    want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert seats.count(owner.organisation.id) == seats.Count(5, 0, 5)


def test_a_team_under_a_site_counts_on_what_is_set_aside_for_the_site(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 5)
    site = make_team("North", 2)
    make_team("Kitchen", 0, site)
    with pytest.raises(Conflict, match="3 of the seats that are set aside for North, and 2 are free"):
        want(owner, send(*many(3, "North / Kitchen")))


def test_who_comes_back_counts_on_what_is_set_aside_for_the_teams_they_were_in(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 3)
    north = make_team("North", 2)
    with transaction():
        gone = people_making.add(owner.organisation.id, 2, state="archived")
        teams.put(owner.organisation.id, north, gone, by=owner.person.id)
    sent = send(*((f"crowd{n}@example.org", "") for n in range(2)), *many(1))
    assert seen(sent).tight is None
    want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert seats.count(owner.organisation.id) == seats.Count(3, 0, 3)


def test_who_comes_back_by_name_counts_on_them_too(owner, subscribe, make_team):
    subscribe(owner.organisation.id, 3)
    north = make_team("North", 2)
    with transaction():
        leo = joining.invite(owner, "Leo Grant", None, {memberships.Role.LEARNER}, days=14, team_id=north)
    with transaction():
        joining.withdraw(owner, leo.id)
        sent = arrivals.send(owner, b"Leo Grant\nMei Chen\nTom Reed", is_pasted=True, gives_user_names=True).id
    arrivals.read(sent)
    with pytest.raises(Conflict, match="needs 2 seats that are set aside for no team, and 1 is free"):
        want(owner, sent)


def test_where_a_waiting_list_is_kept_as_many_come_in_as_was_said(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 9)
    north, south = make_team("North", 2), make_team("South", 3)
    with transaction():
        waiting_places.switch(owner, to=True)
        gone = people_making.add(owner.organisation.id, 3, state="archived")
        teams.put(owner.organisation.id, south, gone, by=owner.person.id)
        choir = teams.make(owner.organisation.id, "Choir", None, by=owner.person.id).id
        teams.put(owner.organisation.id, choir, gone[:1], by=owner.person.id)
    back = [(f"crowd{n}@example.org", "North" if n else "") for n in range(3)]
    sent = send(*back, *many(3, "North"), *many(2, "South", start=3), *many(6, start=5))
    foretold = seen(sent).fitting
    want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert foretold == seats.count(owner.organisation.id).held == 9
    assert seats.allowances_of(owner.organisation.id)[north].unused == 0


def test_without_any_allowance_the_words_are_about_all_seats(owner, subscribe, send):
    subscribe(owner.organisation.id, 2)
    with pytest.raises(Conflict, match="This list needs 3 seats, and 2 are free"):
        want(owner, send(*many(3)))


def test_looking_costs_the_same_for_ten_people_and_for_a_thousand(owner, subscribe, make_team, send):
    subscribe(owner.organisation.id, 3000)
    make_team("North", 2000)

    def statements(number, start):
        with transaction():
            people_making.add(owner.organisation.id, number, state="archived", start=start)
        back = [(f"crowd{n}@example.org", "") for n in range(start, start + number)]
        sent = people_imports.whole(send(*back, *many(number, "North", start=start)))
        with Recorder(db.engine) as recorder:
            outlooks.shortage(owner.organisation.id, outlooks.of_list(sent))
        return len(recorder.statements)

    assert statements(10, 0) == statements(1000, 10) <= 20


def test_where_fewer_are_planned_than_are_set_aside_the_list_is_told_how_many_are_free(owner, subscribe, make_team, send):
    subscription = subscribe(owner.organisation.id, 20)
    make_team("North", 8)
    with transaction():
        seated = people_making.add(owner.organisation.id, 5)
        seats.assign_each(owner.organisation.id, seated, seats.State.IN_USE, by=owner.person.id)
    with transaction():
        fewer = snapshot(quantity=20, coming_seats=10, coming_interval="year")
        subscriptions.refresh(subscription, fewer, subscriptions.lease(subscription))
    with pytest.raises(Conflict, match="needs 6 seats, and 5 are free"):
        want(owner, send(*many(6, "North")))
    want(owner, send(*many(5, "North")))
    with pytest.raises(Conflict, match="Of 5 free, 5 are set aside for teams, so 0 can go to anybody"), transaction():
        seats.assign_each(owner.organisation.id, people_making.add(owner.organisation.id, 1, start=90), seats.State.HELD, by=None)
