"""Crowds at once: changes for many people that meet each other, or single ones, never pass what was bought."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest
import sqlalchemy as sa

from app import arrivals, crowd
from app.accounts import memberships, people, roles, teams
from app.accounts.memberships import Role
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import seats
from billing.subscriptions import Subscription
from tests import people_making
from tests.races.actors import acting


@pytest.fixture
def crowds(owner):
    """Give a maker of crowds of people who have joined; it gives the ids of each."""

    def make(number, size):
        with transaction():
            return [people_making.add(owner.organisation.id, size, start=n * size) for n in range(number)]

    return make


def taken(owner):
    db.session.rollback()
    return db.session.scalar(sa.select(Subscription.taken).where(Subscription.organisation_id == owner.organisation.id))


def mails(kind):
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == kind))


def doing(owner, change, ids):
    as_owner = acting(owner)
    return lambda: crowd.do(as_owner(), change, Selection(frozenset(ids)), days=14)


def test_fifty_crowds_of_three_take_exactly_the_seats_for_ten_of_them(owner, subscribe, crowds, race):
    subscribe(owner.organisation.id, 31)
    refused = [outcome for outcome in race(*(doing(owner, Change.GIVE, ids) for ids in crowds(50, 3))) if outcome is not None]
    assert len(refused) == 40
    assert all(isinstance(refusal, Conflict) for refusal in refused)
    assert taken(owner) == 30
    assert seats.miscounted() == []


def test_two_processes_and_this_one_give_crowds_exactly_the_seats_there_are(owner, subscribe, crowds, environment):
    subscribe(owner.organisation.id, 20)
    made = crowds(30, 2)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.races.worker", str(owner.organisation.id), *(",".join(map(str, ids)) for ids in part)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in (made[0:10], made[10:20])
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    mine = 0
    for ids in made[20:30]:
        try:
            with transaction():
                seats.assign_each(owner.organisation.id, ids, seats.State.HELD, by=None)
        except Conflict:
            continue
        mine += len(ids)
    given = [int(process.communicate(timeout=60)[0]) for process in started]
    assert sum(given) + mine == 20 == taken(owner)
    assert seats.miscounted() == []


def test_crowds_that_overlap_give_each_person_one_seat(owner, subscribe, crowds, race):
    subscribe(owner.organisation.id, 100)
    (ids,) = crowds(1, 30)
    race(*(doing(owner, Change.GIVE, list(reversed(ids)) if n % 2 else ids[: 10 + n]) for n in range(10)))
    assert taken(owner) == 30
    assert seats.miscounted() == []


def test_giving_taking_archiving_and_restoring_the_same_people_at_once_keeps_the_count(owner, subscribe, crowds, race):
    subscribe(owner.organisation.id, 25)
    (ids,) = crowds(1, 20)
    changes = [Change.GIVE, Change.TAKE_BACK, Change.ARCHIVE, Change.RESTORE] * 4
    race(*(doing(owner, change, ids[n % 7 :]) for n, change in enumerate(changes)))
    assert taken(owner) <= 25
    assert seats.miscounted() == []


def test_seats_given_several_times_at_once_are_told_of_once(owner, subscribe, crowds, race):
    subscribe(owner.organisation.id, 100)
    (ids,) = crowds(1, 30)
    assert race(*[doing(owner, Change.GIVE, ids)] * 6) == [None] * 6
    assert taken(owner) == mails("seat_given") == 30


def test_invitations_sent_again_several_times_at_once_go_out_once(owner, subscribe, race):
    subscribe(owner.organisation.id, 100)
    with transaction():
        ids = people_making.add(owner.organisation.id, 30, state="invited")
        people_making.invite(owner.organisation.id, ids, owner.person.id)
    assert race(*[doing(owner, Change.RESEND, ids)] * 6) == [None] * 6
    assert mails("invitation") == 30


def test_one_list_brought_in_by_many_workers_comes_in_once(owner, subscribe, race, app):
    subscribe(owner.organisation.id, 50)
    with transaction():
        sent = arrivals.send(owner, "\n".join(f"p{n}@example.org" for n in range(40)).encode(), is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    race(*[partial(arrivals._bring_in, sent, 14)] * 6)  # noqa: SLF001 - the race opens the transaction
    assert taken(owner) == 40
    assert seats.miscounted() == []


def test_two_lists_with_the_same_people_bring_each_in_once(owner, subscribe, race):
    subscribe(owner.organisation.id, 50)
    sent = []
    for _ in range(4):
        with transaction():
            sent.append(arrivals.send(owner, "\n".join(f"p{n}@example.org" for n in range(10)).encode(), is_pasted=True).id)
        arrivals.read(sent[-1])
        with transaction():
            arrivals.want(owner, sent[-1])
    race(*(partial(arrivals._bring_in, one, 14) for one in sent))  # noqa: SLF001 - the race opens the transaction
    assert taken(owner) == 10
    assert seats.miscounted() == []


def test_two_teams_moved_under_each_other_at_once_make_no_ring(owner, race):
    with transaction():
        north = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
        south = teams.make(owner.organisation.id, "South", None, by=owner.person.id).id
    organisation_id, person_id = owner.organisation.id, owner.person.id
    pairs = ((north, south), (south, north))
    outcomes = race(*(partial(teams.move, organisation_id, one, other, by=person_id) for one, other in pairs))
    assert sum(outcome is None for outcome in outcomes) == 1
    db.session.rollback()
    db.session.expire_all()
    assert len(list(teams.tree_of(organisation_id).walk())) == 2


def test_people_put_into_a_team_several_times_at_once_come_in_once(owner, crowds, race):
    (ids,) = crowds(1, 30)
    organisation_id, person_id = owner.organisation.id, owner.person.id
    with transaction():
        kitchen = teams.make(organisation_id, "Kitchen", None, by=person_id).id
    put = partial(teams.put, organisation_id, kitchen, ids, by=person_id)
    assert race(*[put] * 6) == [None] * 6
    db.session.rollback()
    assert teams.sizes(organisation_id) == {kitchen: 30}
    assert db.session.scalar(sa.select(sa.func.count()).where(JournalEntry.what == "team.joined")) == 30


def test_two_owners_leaving_at_once_leave_one(owner, make_person, race):
    other = people.known(make_person("Ivor Penrose", "ivor@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, other, {Role.OWNER})
    organisation_id = owner.organisation.id

    def leave(person_id):
        roles.leave(memberships.actor(people.known(person_id), organisation_id))

    outcomes = race(partial(leave, owner.person.id), partial(leave, other.id))
    assert sum(outcome is None for outcome in outcomes) == 1
    db.session.rollback()
    assert memberships.owners(organisation_id) == 1
