"""The crowd: what is done for many at once, in as many statements for thousands as for a few, and never one seat too many."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import crowd, joining
from app.accounts import memberships, people, waiting_places
from app.accounts.memberships import Membership, Role
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.roster import Wanted
from billing import seats, subscriptions
from tests import people_making
from tests.house.statements import Recorder
from tests.provider import snapshot

MOST_STATEMENTS = 20


@pytest.fixture
def add(owner):
    """Give a maker of people without seats."""

    def make(number, **options):
        with transaction():
            return people_making.add(owner.organisation.id, number, **options)

    return make


@pytest.fixture
def do(owner):
    """Give a way to do a change for people, and to hear what was done."""

    def change(what, ids, actor=owner):
        with transaction():
            return crowd.do(actor, what, Selection(frozenset(ids)), days=14)

    return change


def entries(what):
    return db.session.scalar(sa.select(sa.func.count()).where(JournalEntry.what == what))


def mails(kind):
    return db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == kind))


def test_seats_are_given_to_all_with_journal_and_mails(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 10)
    plan = do(Change.GIVE, add(7))
    assert (len(plan.able), plan.unable, plan.seats_needed) == (7, [], 7)
    assert seats.count(owner.organisation.id) == seats.Count(10, 7, 0)
    assert (entries("seat.in_use"), mails("seat_given")) == (7, 7)
    assert seats.miscounted() == []


def test_who_has_a_seat_is_left_out_and_counted(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 10)
    first = add(3)
    do(Change.GIVE, first)
    plan = do(Change.GIVE, [*first, *add(2, start=3)])
    assert (len(plan.able), plan.reasons) == (2, [("have a seat already", 3)])
    assert seats.count(owner.organisation.id).in_use == 5


def test_one_seat_too_few_and_nobody_is_given_any(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 5)
    with pytest.raises(Conflict, match="6 seats are needed and 5 seats are free"):
        do(Change.GIVE, add(6))
    db.session.rollback()
    assert seats.count(owner.organisation.id).free == 5
    assert (entries("seat.in_use"), mails("seat_given")) == (0, 0)


def test_seats_are_taken_back_and_who_only_ran_things_learns_no_longer(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 10)
    learners = add(3)
    do(Change.GIVE, [*learners, owner.membership.id])
    db.session.expire_all()
    assert Role.LEARNER in memberships.of_organisation(owner.organisation.id, owner.membership.id).roles
    do(Change.TAKE_BACK, [*learners, owner.membership.id])
    assert seats.count(owner.organisation.id).free == 10
    db.session.expire_all()
    assert memberships.of_organisation(owner.organisation.id, owner.membership.id).roles == {Role.OWNER}
    assert memberships.of_organisation(owner.organisation.id, learners[0]).roles == {Role.LEARNER}


def test_who_leaves_and_comes_back_has_a_seat_again_and_the_same_record(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 10)
    people_ids = add(4)
    do(Change.GIVE, people_ids)
    do(Change.ARCHIVE, people_ids)
    assert seats.count(owner.organisation.id).free == 10
    assert entries("membership.archived") == 4
    do(Change.RESTORE, people_ids)
    assert seats.count(owner.organisation.id).in_use == 4
    assert (entries("membership.restored"), mails("welcome_back")) == (4, 4)
    assert len(seats.history(people_ids[0])) == 2
    assert seats.miscounted() == []


def test_who_ran_things_or_saw_what_is_paid_is_brought_back_by_an_owner_only(owner, subscribe, add, do, make_person):
    subscribe(owner.organisation.id, 10)
    ada = people.known(make_person("Ada", "ada@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, ada, {Role.ADMIN})
    learner, ran_things, saw_bills = gone = add(3, state="archived")
    with transaction():
        for one, right in ((ran_things, "is_admin"), (saw_bills, "is_billing")):
            db.session.execute(sa.update(Membership).where(Membership.id == one).values({right: True}))
    plan = do(Change.RESTORE, gone, memberships.actor(ada, owner.organisation.id))
    assert [one.id for one in plan.able] == [learner]
    assert plan.reasons == [("ran things or saw what is paid: an owner brings them back, or you invite them to learn", 2)]
    assert len(do(Change.RESTORE, [ran_things, saw_bills]).able) == 2


def test_bringing_back_more_than_there_are_seats_for_brings_nobody_back(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 3)
    gone = add(4, state="archived")
    with pytest.raises(Conflict, match="4 seats are needed and 3 seats are free"):
        do(Change.RESTORE, gone)
    db.session.expire_all()
    assert memberships.of_organisation(owner.organisation.id, gone[0]).state == "archived"


def test_somebody_whose_address_is_taken_is_not_brought_back(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 3)
    (gone,) = add(1, state="archived")
    with transaction():
        memberships.invite(owner.organisation.id, "Other", "other@example.org", {Role.LEARNER})
        db.session.execute(sa.update(Membership).where(Membership.name == "Other").values(address_key="crowd0@example.org"))
    with pytest.raises(Conflict, match="belongs to somebody else here by now"):
        do(Change.RESTORE, [gone])
    assert seats.count(owner.organisation.id).free == 3


def test_nobody_archives_themselves_or_an_owner_in_a_crowd(owner, add, do):
    plan = do(Change.ARCHIVE, [*add(2), owner.membership.id])
    assert plan.reasons == [("are you: ask another owner or admin to do it", 1)]
    assert len(plan.able) == 2


def test_invitations_are_withdrawn_and_their_seats_are_free(owner, subscribe, do):
    subscribe(owner.organisation.id, 5)
    with transaction():
        guests = [joining.invite(owner, f"Guest {n}", f"guest{n}@example.org", {Role.LEARNER}, days=14).id for n in range(3)]
    plan = do(Change.WITHDRAW, guests)
    assert len(plan.able) == 3
    assert seats.count(owner.organisation.id).free == 5
    assert entries("invitation.withdrawn") == 3
    assert do(Change.WITHDRAW, guests).reasons == [("have no open invitation", 3)]


def test_nobody_is_written_to_twice_in_a_day(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 5)
    with transaction():
        fresh = joining.invite(owner, "Guest", "guest@example.org", {Role.LEARNER}, days=14).id
    waiting = add(2, state="invited")
    with transaction():
        people_making.invite(owner.organisation.id, waiting, owner.person.id)
    plan = do(Change.RESEND, [fresh, *waiting])
    assert (len(plan.able), plan.reasons) == (2, [("were sent one within the last day", 1)])
    assert mails("invitation") == 3
    links = db.session.scalars(sa.select(crowd.Invitation.link_id)).all()
    assert len(set(links)) == 3


def test_everybody_who_matches_is_meant_when_as_many_match_as_were_shown(owner, subscribe, add):
    subscribe(owner.organisation.id, 10)
    add(6)
    learners = Wanted(role=Role.LEARNER)
    with pytest.raises(Conflict, match="6 people match by now, not 5"), transaction():
        crowd.do(owner, Change.GIVE, Selection(wanted=learners, expected=5), days=14)
    with transaction():
        plan = crowd.do(owner, Change.GIVE, Selection(wanted=learners, expected=6), days=14)
    assert len(plan.able) == 6


def test_somebody_of_another_organisation_is_nobody(owner, subscribe, add, do, make_person):
    subscribe(owner.organisation.id, 5)
    stranger = people.known(make_person("Una", "una@example.org", "Elsewhere"))
    there = memberships.places_of(stranger.id)[0].membership.id
    (mine,) = add(1)
    for change in Change:
        for foreign in (there, uuid4()):
            with pytest.raises(Missing):
                do(change, [mine, foreign])
    assert seats.count(owner.organisation.id).free == 5


@pytest.mark.parametrize("change", list(Change))
def test_the_number_of_statements_is_the_same_for_ten_and_for_a_thousand(owner, subscribe, add, change):
    subscribe(owner.organisation.id, 3000)

    def statements(number, start):
        state = {Change.RESTORE: "archived", Change.RESEND: "invited", Change.WITHDRAW: "invited"}.get(change, "active")
        ids = add(number, start=start, state=state)
        with transaction():
            if state == "invited":
                people_making.invite(owner.organisation.id, ids, owner.person.id)
            if change in {Change.TAKE_BACK, Change.ARCHIVE, Change.WITHDRAW}:
                seats.assign_each(owner.organisation.id, ids, seats.State.HELD, by=None)
        with Recorder(db.engine) as recorder, transaction():
            plan = crowd.do(owner, change, Selection(frozenset(ids)), days=14)
        assert len(plan.able) == number
        return len([one for one in recorder.statements if not one.startswith(("BEGIN", "PRAGMA"))])

    few, many = statements(10, 0), statements(1000, 10)
    assert few == many <= MOST_STATEMENTS
    assert seats.miscounted() == []


def swap(owner, goes, comes):
    with transaction():
        return crowd.swap(owner, goes, comes, days=14)


def test_a_seat_changes_hands_in_one_step_also_when_none_is_free_and_others_wait(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 1)
    anna, ben, cleo = add(3)
    do(Change.GIVE, [anna])
    with transaction():
        waiting_places.switch(owner, to=True)
    do(Change.GIVE, [cleo])
    swap(owner, anna, ben)
    assert [seats.has_one(one) for one in (anna, ben, cleo)] == [False, True, False]
    assert mails("seat_given") == 2
    assert waiting_places.among(owner.organisation.id, [anna, ben, cleo]) == {cleo}
    assert seats.miscounted() == []


def test_who_waited_and_is_given_a_seat_waits_no_longer(owner, subscribe, add, do):
    subscribe(owner.organisation.id, 1)
    anna, ben = add(2)
    do(Change.GIVE, [anna])
    with transaction():
        waiting_places.switch(owner, to=True)
    do(Change.GIVE, [ben])
    swap(owner, anna, ben)
    assert waiting_places.among(owner.organisation.id, [anna, ben]) == set()


@pytest.mark.parametrize(("giver", "words"), [(0, "have no seat"), (1, "have a seat already")])
def test_a_seat_that_is_not_there_or_not_wanted_does_not_change_hands(owner, subscribe, add, do, giver, words):
    subscribe(owner.organisation.id, 3)
    anna, ben, cleo = add(3)
    do(Change.GIVE, [ben, cleo])
    with pytest.raises(Conflict, match=words):
        swap(owner, (anna, ben)[giver], cleo)
    db.session.rollback()
    assert [seats.has_one(one) for one in (anna, ben, cleo)] == [False, True, True]


def test_a_seat_changes_hands_also_where_fewer_are_bought_than_are_taken(owner, subscribe, add, do):
    subscription = subscribe(owner.organisation.id, 3)
    anna, ben, cleo, dora = add(4)
    do(Change.GIVE, [anna, ben, cleo])
    with transaction():
        subscriptions.refresh(subscription, snapshot(quantity=1), subscriptions.lease(subscription))
    swap(owner, anna, dora)
    assert [seats.has_one(one) for one in (anna, dora)] == [False, True]
    assert (seats.count(owner.organisation.id).taken, seats.miscounted()) == (3, [])


def test_a_seat_does_not_go_to_another_organisation(owner, subscribe, add, do, make_person):
    subscribe(owner.organisation.id, 3)
    [anna] = add(1)
    do(Change.GIVE, [anna])
    elsewhere = memberships.places_of(make_person("Olive", "olive@example.org", "Elsewhere"))[0].membership.id
    with pytest.raises(Missing):
        swap(owner, anna, elsewhere)
