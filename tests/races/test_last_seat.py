"""The last seat: however many ask for it at the same moment, by whatever way, no more seats are given than were bought."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import joining
from app.accounts import invitations, memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import seats, subscriptions
from billing.seats import State
from tests.provider import snapshot
from tests.races.actors import acting


def taken(owner):
    db.session.rollback()
    return db.session.scalar(
        sa.select(subscriptions.Subscription.taken).where(subscriptions.Subscription.organisation_id == owner.organisation.id)
    )


def test_fifty_threads_take_exactly_the_ten_seats_there_are(owner, subscribe, members, race):
    subscribe(owner.organisation.id, 10)
    operations = [partial(seats.assign, owner.organisation.id, member, State.HELD, by=None) for member in members(50)]
    refused = [outcome for outcome in race(*operations) if outcome is not None]
    assert len(refused) == 40
    assert all(isinstance(refusal, Conflict) for refusal in refused)
    assert taken(owner) == 10
    assert seats.miscounted() == []


def test_two_processes_and_this_one_take_exactly_the_ten_seats_there_are(owner, subscribe, members, environment):
    subscribe(owner.organisation.id, 10)
    ids = [str(member) for member in members(45)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.races.worker", str(owner.organisation.id), *part],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in (ids[0:15], ids[15:30])
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    mine = 0
    for member in ids[30:45]:
        try:
            with transaction():
                seats.assign(owner.organisation.id, UUID(member), State.HELD, by=None)
        except Conflict:
            continue
        mine += 1
    given = [int(process.communicate(timeout=60)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum(given) + mine == 10
    assert taken(owner) == 10
    assert seats.miscounted() == []


def test_invitations_racing_for_the_last_seat_leave_nobody_half_invited(owner, subscribe, race):
    subscribe(owner.organisation.id, 3)
    as_owner = acting(owner)

    def invite(number):
        actor = as_owner()
        joining.invite(actor, f"Person {number}", f"person{number}@example.org", {Role.LEARNER}, days=14)

    refused = [outcome for outcome in race(*(partial(invite, n) for n in range(12))) if outcome is not None]
    assert len(refused) == 9
    assert taken(owner) == 3
    assert db.session.scalar(sa.select(sa.func.count()).select_from(invitations.Invitation)) == 3
    assert len(memberships.people_of(owner.organisation.id)) == 4


def test_the_same_address_invited_twice_at_once_is_invited_once(owner, subscribe, race):
    subscribe(owner.organisation.id, 5)
    as_owner = acting(owner)

    def invite():
        actor = as_owner()
        joining.invite(actor, "Mei Chen", "mei@example.org", {Role.LEARNER}, days=14)

    refused = [outcome for outcome in race(*[invite] * 8) if outcome is not None]
    assert len(refused) == 7
    assert taken(owner) == 1


def test_a_seat_taken_back_by_many_at_once_is_free_once(owner, subscribe, members, race):
    subscribe(owner.organisation.id, 5)
    first, second = members(2)
    with transaction():
        for member in (first, second):
            seats.assign(owner.organisation.id, member, State.IN_USE, by=None)
    race(*[partial(seats.release, owner.organisation.id, first, "archived", by=None)] * 10)
    assert taken(owner) == 1
    assert seats.miscounted() == []


@pytest.mark.parametrize("round_", range(5))
def test_withdrawing_and_accepting_at_the_same_moment_ends_in_one_of_the_two(round_, owner, subscribe, make_person, race):
    subscribe(owner.organisation.id, 2)
    guest = make_person("Leo Grant", f"leo{round_}@example.org", "Elsewhere")
    with transaction():
        member = joining.invite(owner, "Leo Grant", f"leo{round_}@example.org", {Role.LEARNER}, days=14)
    invitation = invitations.open_of(member.id)
    link, as_owner, member_id = invitations.token(invitation.link_id), acting(owner), member.id

    def accept():
        joining.accept(invitations.opened(link), people.known(guest))

    def withdraw():
        joining.withdraw(as_owner(), member_id)

    outcomes = race(accept, withdraw)
    assert sum(outcome is None for outcome in outcomes) == 1
    db.session.rollback()
    db.session.expire_all()
    found = memberships.of_organisation(owner.organisation.id, member.id)
    assert (found.state, taken(owner)) in {("active", 1), ("withdrawn", 0)}
    assert seats.miscounted() == []


def test_a_reduction_at_the_provider_and_assignments_at_the_same_moment_never_pass_what_is_bought(
    owner, subscribe, members, race
):
    subscription_id = subscribe(owner.organisation.id, 10)
    with transaction():
        token = subscriptions.lease(subscription_id)
    operations = [partial(seats.assign, owner.organisation.id, member, State.HELD, by=None) for member in members(10)]
    race(partial(subscriptions.refresh, subscription_id, snapshot(quantity=4), token), *operations)
    db.session.rollback()
    row = db.session.get_one(subscriptions.Subscription, subscription_id)
    assert row.bought == 4
    assert row.is_over == (row.taken > 4)
    assert seats.miscounted() == []


def test_two_owners_archiving_each_other_leave_one(owner, make_person, race):
    other = people.known(make_person("Ivor Penrose", "ivor@example.org", "Elsewhere"))
    with transaction():
        second = memberships.add(owner.organisation, other, {Role.OWNER})
    pairs = ((owner.person.id, second.id), (other.id, owner.membership.id))
    organisation_id = owner.organisation.id

    def archive(person_id, membership_id):
        actor = memberships.actor(people.known(person_id), organisation_id)
        joining.archive(actor, membership_id)

    outcomes = race(*(partial(archive, *pair) for pair in pairs))
    assert sum(outcome is None for outcome in outcomes) == 1
    db.session.rollback()
    assert memberships.owners(owner.organisation.id) == 1
