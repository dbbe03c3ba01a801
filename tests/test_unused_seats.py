"""Unused seats: who has had one for sixty days and has not learnt in them, and what paying for fewer would save."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import crowd, roster, unused_seats
from app.accounts import memberships, people
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.transaction import transaction
from app.roster import Seat, Turn, Wanted
from tests import learning, people_making


@pytest.fixture
def seated(owner, subscribe, shelf):
    """Give three people with a seat of the six that are paid by the month."""
    subscribe(owner.organisation.id, 6)
    with transaction():
        ids = people_making.add(owner.organisation.id, 3)
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset(ids)), days=14)
    return ids


def days_pass(number):
    with transaction():
        clock.advance(timedelta(days=number))


def learn(owner, member_id):
    person = people.known(memberships.of_organisation(owner.organisation.id, member_id).person_id)
    with transaction():
        learning.enrol(memberships.actor(person, owner.organisation.id))


def unused(owner):
    found = roster.page(owner, Wanted(seat=Seat.UNUSED), Turn())
    return {entry.member.id for entry in found.entries}


def test_a_seat_counts_as_unused_after_sixty_days_without_learning(owner, seated):
    anna, ben, cleo = seated
    days_pass(30)
    learn(owner, anna)
    days_pass(29)
    assert unused(owner) == set()
    days_pass(2)
    assert unused(owner) == {ben, cleo}
    assert unused_seats.number(owner.organisation.id) == 2
    days_pass(30)
    assert unused(owner) == {anna, ben, cleo}


def test_a_seat_that_was_given_lately_is_not_unused(owner, seated):
    anna = seated[0]
    days_pass(90)
    for change in (Change.TAKE_BACK, Change.GIVE):
        with transaction():
            crowd.do(owner, change, Selection(frozenset({anna})), days=14)
    assert unused(owner) == set(seated[1:])


def test_fewer_seats_are_recommended_with_what_they_cost(owner, seated):
    days_pass(61)
    learn(owner, seated[0])
    advice = unused_seats.advice(owner.organisation.id)
    assert (advice.unused, advice.free, advice.fewer) == (2, 3, 1)
    assert (advice.now.gross_minor - advice.then.gross_minor) == advice.saved_minor > 0


def test_nothing_is_recommended_in_the_first_sixty_days(owner, seated):
    days_pass(59)
    assert unused_seats.advice(owner.organisation.id) == unused_seats.Advice(0, 3)


def test_nothing_is_recommended_where_it_would_leave_no_seat(owner, seated):
    days_pass(61)
    assert unused_seats.advice(owner.organisation.id) == unused_seats.Advice(3, 3)
