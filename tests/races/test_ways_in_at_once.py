"""Ways in at once: however many come, ask, are answered or wait at the same moment, no limit and no seats are exceeded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
import sqlalchemy as sa

from app import crowd, joining, waiting_list, ways_in
from app.accounts import invitations, join_links, join_requests, memberships, people, waiting_places
from app.accounts.join_links import JoinLink
from app.accounts.join_requests import JoinRequest
from app.accounts.memberships import Membership, Role
from app.accounts.people import Person
from app.accounts.waiting_places import WaitingPlace
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.db import db, uuid7
from app.kernel.errors import Conflict
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import seats, subscriptions
from billing.subscriptions import Subscription
from tests import people_making
from tests.provider import snapshot
from tests.races.actors import acting


@pytest.fixture
def persons(shop):
    """Give a maker of people with an account who belong nowhere; it gives their ids."""

    def make(number):
        rows = [
            {"id": uuid7(), "name": f"Person {n}", "address": f"p{n}@example.org", "address_key": f"p{n}@example.org"}
            | {"password_hash": "-", "is_operator": False, "joined_at": clock.now()}
            for n in range(number)
        ]
        with transaction():
            db.session.execute(sa.insert(Person), rows)
        return [row["id"] for row in rows]

    return make


@pytest.fixture
def link(owner):
    """Give a maker of links into the organisation; it gives their ids."""

    def make(most=None, *, needs_approval=False):
        with transaction():
            return join_links.make(owner, team_id=None, most=most, days=30, needs_approval=needs_approval).id

    return make


@pytest.fixture
def kept(owner):
    """Have the organisation keep a waiting list."""
    with transaction():
        waiting_places.switch(owner, to=True)


def coming(link_id, person_id, outcomes=None):
    def come():
        way = ways_in.by_link(db.session.get_one(JoinLink, link_id))
        outcome = ways_in.join(way, people.known(person_id))
        if outcomes is not None:
            outcomes.append(outcome)

    return come


def fresh():
    db.session.rollback()
    db.session.expire_all()


def taken(owner):
    fresh()
    return db.session.scalar(sa.select(Subscription.taken).where(Subscription.organisation_id == owner.organisation.id))


def used(link_id):
    fresh()
    return db.session.scalar(sa.select(JoinLink.used).where(JoinLink.id == link_id))


def learners(owner):
    fresh()
    is_one = sa.and_(Membership.organisation_id == owner.organisation.id, Membership.is_learner)
    return db.session.scalar(sa.select(sa.func.count()).select_from(Membership).where(is_one))


def test_of_fifty_who_come_by_a_link_for_ten_exactly_ten_join(owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 20)
    one = link(10)
    refused = [outcome for outcome in race(*(coming(one, person) for person in persons(50))) if outcome is not None]
    assert len(refused) == 40
    assert (used(one), taken(owner), learners(owner)) == (10, 10, 10)
    assert seats.miscounted() == []


def test_of_fifty_who_come_to_seven_seats_exactly_seven_join_and_the_link_counts_no_other(owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 7)
    one = link()
    assert race(*(coming(one, person) for person in persons(50))) == [None] * 50
    assert (used(one), taken(owner), learners(owner)) == (7, 7, 7)
    assert db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "no_seat_free")) == 1
    assert seats.miscounted() == []


def start(environment, link_id, person_ids, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.races.comer", str(link_id), *map(str, person_ids)],
        env={**os.environ, **environment, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("has_list", [False, True])
def test_two_processes_and_this_one_let_in_exactly_as_many_as_there_are_seats(
    owner, subscribe, persons, link, environment, has_list
):
    subscribe(owner.organisation.id, 10)
    with transaction():
        waiting_places.switch(owner, to=has_list)
    one, ids = link(12), persons(36)
    started = [start(environment, one, part) for part in (ids[0:12], ids[12:24])]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = []
    for person in ids[24:36]:
        with suppress(Conflict), transaction():
            coming(one, person, outcomes)()
    joined = [int(process.communicate(timeout=60)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum(joined) + outcomes.count(ways_in.Outcome.JOINED) == 10
    came = 12 if has_list else 10
    assert (used(one), taken(owner), learners(owner)) == (came, 10, came)
    assert waiting_places.number_waiting(owner) == came - 10
    assert seats.miscounted() == []


def test_somebody_who_presses_eight_times_joins_once(owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 5)
    one, [person] = link(), persons(1)
    refused = [outcome for outcome in race(*[coming(one, person)] * 8) if outcome is not None]
    assert (len(refused), used(one), taken(owner), learners(owner)) == (7, 1, 1, 1)


def test_somebody_who_asks_eight_times_asks_once(owner, persons, link, race):
    one, [person] = link(needs_approval=True), persons(1)
    refused = [outcome for outcome in race(*[coming(one, person)] * 8) if outcome is not None]
    assert (len(refused), used(one)) == (7, 1)
    assert join_requests.number_asking(owner) == 1


@pytest.mark.parametrize("round_", range(3))
def test_approving_and_declining_the_same_at_once_ends_in_one_of_the_two(round_, owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 5)
    one = link(5, needs_approval=True)
    for person in persons(4):
        with transaction():
            coming(one, person)()
    ids = [asking.request.id for asking in join_requests.asking(owner)]
    as_owner = acting(owner)
    outcomes = race(lambda: ways_in.approve(as_owner(), ids), lambda: ways_in.decline(as_owner(), ids))
    assert sum(outcome is None for outcome in outcomes) == 1
    fresh()
    states = set(db.session.scalars(sa.select(JoinRequest.state)))
    assert (states, taken(owner), used(one), learners(owner)) in [({"approved"}, 4, 4, 4), ({"declined"}, 0, 0, 0)]


@pytest.mark.parametrize("round_", range(3))
def test_people_let_in_while_they_accept_or_are_brought_back_come_in_once(round_, owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 20)
    one, as_owner, ids = link(needs_approval=True), acting(owner), persons(8)
    with transaction():
        left = [memberships.add(owner.organisation, people.known(person), {Role.LEARNER}).id for person in ids[:4]]
    with transaction():
        crowd.do(owner, Change.ARCHIVE, Selection(frozenset(left)), days=14)
    for person in ids:
        with transaction():
            coming(one, person)()
    with transaction():
        invited = [joining.invite(owner, "P", people.known(person).address, {Role.LEARNER}, days=14).id for person in ids[4:]]
    requests = [asking.request.id for asking in join_requests.asking(owner)]

    def accept(member_id, person_id):
        invitation = invitations.open_of(member_id)
        if invitation is not None:
            joining.accept(invitation, people.known(person_id))

    def restore(member_id):
        crowd.do(as_owner(), Change.RESTORE, Selection(frozenset({member_id})), days=14)

    outcomes = race(
        lambda: ways_in.approve(as_owner(), requests),
        *(partial(accept, *pair) for pair in zip(invited[:2], ids[4:6], strict=True)),
        *(partial(restore, member_id) for member_id in left[:2]),
        join_requests.end_overtaken,
    )
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    ways_in.sweep()
    fresh()
    here = {member.person_id for member in memberships.people_of(owner.organisation.id) if member.state == "active"}
    open_ones = set(db.session.scalars(sa.select(JoinRequest.person_id).where(JoinRequest.state == "open")))
    assert not here & open_ones
    still_invited = len(invited) - len(here & set(ids[4:]))
    assert taken(owner) == len(here) - 1 + still_invited
    assert seats.miscounted() == []


def test_approvals_racing_for_three_seats_let_in_three(owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 3)
    one = link(needs_approval=True)
    for person in persons(12):
        with transaction():
            coming(one, person)()
    as_owner = acting(owner)
    ids = [asking.request.id for asking in join_requests.asking(owner)]

    def approve(request_id):
        ways_in.approve(as_owner(), [request_id])

    refused = [outcome for outcome in race(*(partial(approve, request_id) for request_id in ids)) if outcome is not None]
    assert (len(refused), taken(owner), learners(owner)) == (9, 3, 3)
    assert join_requests.number_asking(owner) == 9


@pytest.mark.usefixtures("kept")
def test_fifty_who_come_and_seats_that_come_free_meanwhile_never_exceed_what_is_bought(owner, subscribe, persons, link, race):
    subscribe(owner.organisation.id, 6)
    with transaction():
        leavers = people_making.add(owner.organisation.id, 6, start=100)
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset(leavers)), days=14)
    one, as_owner = link(), acting(owner)

    def leave(member_id):
        joining.archive(as_owner(), member_id)

    comers = [coming(one, person) for person in persons(44)]
    assert race(*comers, *(partial(leave, member_id) for member_id in leavers)) == [None] * 50
    assert taken(owner) <= 6
    waiting_list.fill_due(14)
    assert (taken(owner), used(one)) == (6, 44)
    assert waiting_places.number_waiting(owner) == 38
    assert seats.miscounted() == []


@pytest.mark.usefixtures("kept")
def test_many_who_fill_the_same_list_at_once_give_each_seat_once_and_in_order(app, owner, subscribe, members):
    subscription_id, organisation_id = subscribe(owner.organisation.id, 10), owner.organisation.id
    waiting = members(30)
    with transaction():
        waiting_places.add(organisation_id, waiting, by=owner.person.id)

    def fill(_number):
        with app.app_context():
            return waiting_list.fill(organisation_id, days=14)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(fill, range(8))) == 10
    assert taken(owner) == 10
    seated = sa.select(WaitingPlace.membership_id).where(WaitingPlace.state == "seated")
    assert set(db.session.scalars(seated)) == set(waiting[:10])
    assert db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "invitation")) == 10
    with transaction():
        subscriptions.refresh(subscription_id, snapshot(quantity=12), subscriptions.lease(subscription_id))
    assert waiting_list.fill_due(14) == 2
    assert (taken(owner), seats.miscounted()) == (12, [])


@pytest.mark.usefixtures("kept")
def test_seats_that_are_bought_after_a_list_was_switched_off_go_to_nobody_on_it(app, owner, subscribe, members):
    subscription_id, organisation_id = subscribe(owner.organisation.id, 4), owner.organisation.id
    waiting = members(20)
    with transaction():
        waiting_places.add(organisation_id, waiting, by=owner.person.id)
    as_owner, done = acting(owner), threading.Event()

    def fill(_number):
        with app.app_context():
            filled = 0
            while not done.is_set():
                filled += waiting_list.fill(organisation_id, days=14)
            return filled

    def buy():
        with app.app_context():
            with transaction():
                waiting_places.switch(as_owner(), to=False)
            with transaction():
                subscriptions.refresh(subscription_id, snapshot(quantity=12), subscriptions.lease(subscription_id))
            done.set()
        return 0

    with ThreadPoolExecutor(6) as pool:
        filling = [pool.submit(fill, number) for number in range(5)]
        pool.submit(buy).result()
        assert sum(one.result() for one in filling) <= 4
    waiting_list.fill_due(14)
    assert taken(owner) <= 4
    assert seats.miscounted() == []


@pytest.mark.usefixtures("kept")
def test_a_process_killed_at_any_statement_leaves_nothing_half_done(owner, subscribe, persons, link, environment):
    subscribe(owner.organisation.id, 200)
    one, ids = link(), persons(60)
    endings = []
    for number, person in enumerate(ids):
        with transaction():
            waiting = memberships.invite(owner.organisation.id, f"W {number}", f"w{number}@example.org", {Role.LEARNER}).id
            waiting_places.add(owner.organisation.id, [waiting], by=owner.person.id)
        process = start(environment, one, [person], DIES_AT=str(7 * number))
        process.communicate("go\n", timeout=60)
        endings.append(process.returncode)
        check(owner, one)
        if process.returncode == 0:
            break
    assert set(endings[:-1]) == {-9}
    assert endings[-1] == 0
    waiting_list.fill_due(14)
    check(owner, one)
    assert waiting_places.organisations() == []


def check(owner, link_id):
    """Everybody who was counted by the link is here, every open seat is somebody's who is here, and no invitation is without."""
    assert seats.miscounted() == []
    here = [member.id for member in memberships.people_of(owner.organisation.id)]
    assert taken(owner) == len(seats.seated_among(owner.organisation.id, here))
    by_link = sa.and_(Membership.organisation_id == owner.organisation.id, Membership.address_key.startswith("p"))
    assert used(link_id) == db.session.scalar(sa.select(sa.func.count()).select_from(Membership).where(by_link))
    seated = db.session.scalar(sa.select(sa.func.count()).where(WaitingPlace.state == "seated"))
    told = db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind.in_(("invitation", "seat_given"))))
    assert seated == told
