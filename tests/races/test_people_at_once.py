"""People at once: however many use a slip, give user names, merge or erase at the same moment, one of them is right."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from app import arrivals, erasing, joining, merging, slips
from app.accounts import joining_slips, memberships, people, people_imports, sign_ins
from app.accounts.memberships import Membership, Role
from app.accounts.people import Person
from app.crowd import Selection
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from billing import seats
from tests.races.actors import acting


def add(owner, name="Ruth Adeyemi"):
    with transaction():
        return joining.invite(owner, name, None, {Role.LEARNER}, days=14)


def test_one_pin_lets_one_browser_in(owner, subscribe, race):
    subscribe(owner.organisation.id, 2)
    ruth = add(owner)
    sheet = slips.prepare(owner, Selection(frozenset({ruth.id})), days=14)
    with transaction():
        slips.keep(owner, sheet)
        claim = joining_slips.count_try("ruth.adeyemi", "192.0.2.0/24")
    proved = joining_slips.demand_pin(claim, sheet.printed[0].pin)
    outcomes = race(*(partial(slips.open_with, proved, f"hash {n}") for n in range(12)))
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert len(refused) == 11
    assert all(isinstance(refusal, Conflict) for refusal in refused)
    db.session.rollback()
    assert seats.count(owner.organisation.id) == seats.Count(2, 1, 0)
    assert seats.miscounted() == []


def test_wrong_pins_at_the_same_moment_are_all_counted(owner, subscribe, race):
    subscribe(owner.organisation.id, 2)
    ruth = add(owner)
    sheet = slips.prepare(owner, Selection(frozenset({ruth.id})), days=14)
    with transaction():
        slips.keep(owner, sheet)
    claims = []

    def guess():
        claims.append(joining_slips.count_try("ruth.adeyemi", "192.0.2.0/24"))

    assert race(*([guess] * 12)) == [None] * 12
    assert sum(claim is not None for claim in claims) == joining_slips.MOST_TRIES


def test_people_of_one_name_added_at_the_same_moment_get_user_names_of_their_own(owner, subscribe, race):
    subscribe(owner.organisation.id, 4)
    as_owner = acting(owner)

    def invite():
        joining.invite(as_owner(), "Ruth Adeyemi", None, {Role.LEARNER}, days=14)

    outcomes = race(*([invite] * 8))
    db.session.rollback()
    came = outcomes.count(None)
    assert came <= 4
    assert seats.count(owner.organisation.id).held == came
    assert seats.miscounted() == []
    without_address = sa.select(sa.func.count()).where(Membership.address.is_(None))
    assert db.session.scalar(without_address) == came
    names = list(db.session.scalars(sa.select(Person.user_name).where(Person.user_name.is_not(None))))
    assert len(set(names)) == len(names) == came


def test_one_list_of_names_brought_in_twice_at_the_same_moment_brings_each_person_in_once(owner, subscribe, race):
    subscribe(owner.organisation.id, 20)
    sent = []
    for _ in range(2):
        with transaction():
            text = "\n".join(f"Person Nr{number}" for number in range(6))
            sent.append(arrivals.send(owner, text.encode(), is_pasted=True, gives_user_names=True).id)
        arrivals.read(sent[-1])
        with transaction():
            arrivals.want(owner, sent[-1])
    # Whoever comes second finds everybody here, which refuses the list.
    race(*(partial(arrivals._bring_in, one, 14) for one in sent))  # noqa: SLF001 - the step without its own transaction
    db.session.rollback()
    here = [member for member in memberships.people_of(owner.organisation.id) if member.address is None]
    assert len(here) == 6
    assert seats.count(owner.organisation.id).held == 6
    assert sorted(people_imports.of_organisation(owner.organisation.id, one).state for one in sent) == ["done", "wanted"]


def test_two_records_that_are_merged_into_each_other_at_once_become_one(owner, subscribe, race):
    subscribe(owner.organisation.id, 2)
    one, other = add(owner, "Leo"), add(owner, "Leo")
    as_owner = acting(owner)

    def merge(stays, goes):
        merging.merge(as_owner(), stays, goes, takes_name=False)

    outcomes = race(*(partial(merge, *pair) for pair in [(one.id, other.id), (other.id, one.id)] * 3))
    assert outcomes.count(None) == 1
    db.session.rollback()
    db.session.expire_all()
    assert sorted(memberships.of_organisation(owner.organisation.id, member.id).state for member in (one, other)) == [
        "invited",
        "merged",
    ]
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 1)
    assert seats.miscounted() == []


def test_an_account_is_erased_once_whoever_sweeps(owner, subscribe, make_person, race):
    subscribe(owner.organisation.id, 2)
    leo = people.known(make_person("Leo", "leo@example.org", "Elsewhere"))
    with transaction():
        member = memberships.add(owner.organisation, leo, {Role.LEARNER})
        seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
        erasure_id = erasing.ask(proof_of(leo)).id
        clock.advance(timedelta(days=8))
    assert race(*([partial(erasing._erase, erasure_id)] * 6)) == [None] * 6  # noqa: SLF001 - the step without its own transaction
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).where(JournalEntry.what == "person.erased")) == 1
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 0)
    assert seats.miscounted() == []


def test_of_two_owners_who_go_at_once_one_stays(owner, subscribe, make_person, race):
    subscribe(owner.organisation.id, 2)
    mei = people.known(make_person("Mei", "mei@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, mei, {Role.OWNER})
        asked = [erasing.ask(proof_of(person)).id for person in (owner.person, mei)]
        clock.advance(timedelta(days=8))
    outcomes = race(*(partial(erasing._erase, one) for one in asked))  # noqa: SLF001 - as above
    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    db.session.rollback()
    assert memberships.owners(owner.organisation.id) == 1


def proof_of(person):
    return sign_ins.Proof(person.id, person.password_hash, person.password_hash)
