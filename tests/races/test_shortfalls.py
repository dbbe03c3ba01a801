"""Shortfalls: only whoever asked goes on, once, and never before the seats are there."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy as sa

from app import joining, shortfalls
from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from app.kernel.transaction import transaction
from app.shortfalls import Kind, Shortfall, State
from billing import changes, seats
from tests.races.actors import acting


@pytest.fixture
def kept(owner, subscribe):
    """Have the owner want to invite somebody with the seat of a change; gives the ids of both."""
    subscribe(owner.organisation.id, 2)
    with transaction():
        change = changes.end(owner, None)
        shortfall = shortfalls.keep(owner, change.id, Kind.INVITATION, [("name", "Tom")])
        return shortfall.id, change.id


def finish(change_id):
    with transaction():
        changes.move(changes.locked(change_id), changes.State.DONE)


def settle(actor, shortfall_id, to=State.DONE):
    with transaction():
        return shortfalls.settle(actor, shortfall_id, to)


def test_it_is_ready_once_the_change_is_done(owner, kept):
    shortfall, change = kept
    assert shortfalls.ready(owner) == []
    with pytest.raises(Conflict, match="not there yet"):
        settle(owner, shortfall)
    finish(change)
    assert [one.id for one in shortfalls.ready(owner)] == [shortfall]
    assert settle(owner, shortfall).fields == [["name", "Tom"]]
    with pytest.raises(Conflict, match="done already"):
        settle(owner, shortfall)
    assert shortfalls.ready(owner) == []


def test_it_can_be_dropped_before_and_after(owner, kept):
    settle(owner, kept[0], State.DROPPED)
    finish(kept[1])
    assert shortfalls.ready(owner) == []


def test_another_owner_neither_sees_it_nor_goes_on_with_it(owner, kept, make_person):
    other = people.known(make_person("Ivor", "ivor@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, other, {Role.OWNER})
    second = memberships.actor(other, owner.organisation.id)
    finish(kept[1])
    assert shortfalls.ready(second) == []
    assert shortfalls.of_change(second, kept[1]) is None
    with pytest.raises(Missing):
        settle(second, kept[0])


def test_pressing_eight_times_goes_on_once(owner, kept, race):
    finish(kept[1])
    as_owner = acting(owner)

    def go_on():
        actor = as_owner()
        shortfalls.settle(actor, kept[0], State.DONE)
        joining.invite(actor, "Tom", "tom@example.org", {Role.LEARNER}, days=14)

    refused = [outcome for outcome in race(*[partial(go_on)] * 8) if outcome is not None]
    assert len(refused) == 7
    db.session.rollback()
    assert seats.count(owner.organisation.id).held == 1


def test_what_fails_is_kept_for_another_try(owner, kept):
    finish(kept[1])

    def go_on():
        with transaction():
            shortfalls.settle(owner, kept[0], State.DONE)
            joining.invite(owner, "Ruth", owner.person.address, {Role.LEARNER}, days=14)

    with pytest.raises(Conflict):
        go_on()
    db.session.rollback()
    assert db.session.scalars(sa.select(Shortfall.state)).all() == ["open"]
