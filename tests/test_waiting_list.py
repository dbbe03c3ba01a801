"""The waiting list: seats go as far as they go, who comes after waits in order, and a seat that comes free goes to the first."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app import arrivals, crowd, joining, merging, waiting_list, ways_in
from app.accounts import join_links, memberships, people, teams, waiting_places
from app.accounts.memberships import Role
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing, NotAllowed
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.ways_in import Outcome
from billing import allotting, former_seats, seats, subscriptions
from billing.seats import Count
from tests import people_making
from tests.provider import snapshot


@pytest.fixture
def kept(owner):
    """Have the organisation keep a waiting list."""
    with transaction():
        waiting_places.switch(owner, to=True)


def invite(actor, number, **options):
    with transaction():
        return joining.invite(actor, f"Person {number}", f"person{number}@example.org", {Role.LEARNER}, days=14, **options).id


def fill(actor):
    return waiting_list.fill_due(14)


def waiting(actor):
    db.session.rollback()
    db.session.expire_all()
    return [one.member.id for one in waiting_places.waiting(actor)]


def mails(address):
    db.session.rollback()
    query = sa.select(OutboxMail.kind, OutboxMail.facts).where(OutboxMail.address == address).order_by(OutboxMail.id)
    return db.session.execute(query).all()


def archive(actor, ids):
    with transaction():
        crowd.do(actor, Change.ARCHIVE, Selection(frozenset(ids)), days=14)


def test_without_a_list_nobody_waits(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    invite(owner, 1)
    with pytest.raises(seats.NoSeat):
        invite(owner, 2)
    assert waiting(owner) == []


@pytest.mark.usefixtures("kept")
def test_whoever_is_invited_without_a_seat_waits_and_is_written_to_when_one_is_free(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    first = invite(owner, 1)
    second = invite(owner, 2, note="See you on Sunday.")
    assert (waiting(owner), mails("person2@example.org")) == ([second], [])
    assert fill(owner) == 0
    with transaction():
        joining.withdraw(owner, first)
    assert fill(owner) == 1
    assert fill(owner) == 0
    [(kind, facts)] = mails("person2@example.org")
    assert (kind, facts["note"]) == ("invitation", "See you on Sunday.")
    assert (waiting(owner), seats.count(owner.organisation.id)) == ([], Count(1, 0, 1))


@pytest.mark.usefixtures("kept")
def test_who_comes_later_does_not_overtake_though_a_seat_is_free(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    first, second = invite(owner, 1), invite(owner, 2)
    with transaction():
        joining.withdraw(owner, first)
    third = invite(owner, 3)
    assert waiting(owner) == [second, third]
    fill(owner)
    assert (waiting(owner), seats.has_one(second)) == ([third], True)


@pytest.mark.usefixtures("kept")
def test_seats_that_are_bought_go_to_those_who_wait_in_their_order(owner, subscribe):
    subscription = subscribe(owner.organisation.id, 1)
    ids = [invite(owner, number) for number in range(5)]
    with transaction():
        token = subscriptions.lease(subscription)
        subscriptions.refresh(subscription, snapshot(quantity=3), token)
    assert fill(owner) == 2
    assert waiting(owner) == ids[3:]
    assert seats.count(owner.organisation.id) == Count(3, 0, 3)


@pytest.mark.usefixtures("kept")
def test_giving_seats_to_many_goes_as_far_as_they_go_and_the_others_wait(owner, subscribe):
    subscribe(owner.organisation.id, 2)
    with transaction():
        ids = people_making.add(owner.organisation.id, 4, is_learner=False)
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset(ids)), days=14)
    assert seats.count(owner.organisation.id) == Count(2, 2, 0)
    left = waiting(owner)
    assert len(left) == 2
    with transaction():
        plan = crowd.plan(owner, Change.GIVE, Selection(frozenset(left)))
    assert plan.reasons == [("are on the waiting list already", 2)]
    archive(owner, set(ids) - set(left))
    assert fill(owner) == 2
    for one in left:
        assert memberships.of_organisation(owner.organisation.id, one).is_learner
    assert [kind for kind, _ in mails("crowd3@example.org")] == ["seat_given"]


@pytest.mark.usefixtures("kept")
def test_a_list_brings_in_as_many_as_have_a_seat_and_undoing_it_takes_the_others_off(owner, subscribe):
    subscribe(owner.organisation.id, 2)
    with transaction():
        text = "\n".join(f"p{number}@example.org" for number in range(5))
        sent = arrivals.send(owner, text.encode(), is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert (len(waiting(owner)), seats.count(owner.organisation.id).held) == (3, 2)
    assert [len(mails(f"p{number}@example.org")) for number in range(5)] == [1, 1, 0, 0, 0]
    with transaction():
        assert arrivals.undo(owner, sent) == 5
    assert (waiting(owner), seats.count(owner.organisation.id).taken) == ([], 0)
    assert len(memberships.people_of(owner.organisation.id)) == 1


@pytest.mark.usefixtures("kept")
def test_what_a_list_brought_in_after_waiting_can_be_undone_too(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    first = invite(owner, 1)
    with transaction():
        sent = arrivals.send(owner, b"p1@example.org", is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    arrivals.bring_in(sent, days=14)
    with transaction():
        joining.withdraw(owner, first)
    fill(owner)
    assert len(mails("p1@example.org")) == 1
    with transaction():
        assert arrivals.undo(owner, sent) == 1
    assert seats.count(owner.organisation.id).taken == 0


@pytest.mark.usefixtures("kept")
def test_whoever_comes_by_a_link_joins_and_waits(owner, subscribe, make_person):
    subscribe(owner.organisation.id, 1)
    first = invite(owner, 1)
    leo = people.known(make_person("Leo", "leo@example.org", "Elsewhere"))
    with transaction():
        link = join_links.make(owner, team_id=None, most=None, days=30, needs_approval=False)
    with transaction():
        assert ways_in.join(ways_in.by_link(link), leo) is Outcome.WAITING
    here = memberships.actor(leo, owner.organisation.id).membership.id
    assert waiting(owner) == [here]
    with transaction():
        joining.withdraw(owner, first)
    fill(owner)
    assert seats.count(owner.organisation.id) == Count(1, 1, 0)
    assert [kind for kind, _ in mails("leo@example.org")] == ["seat_given"]


@pytest.mark.usefixtures("kept")
def test_whoever_leaves_while_they_wait_is_off_the_list(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    invite(owner, 1)
    with transaction():
        [one, other] = people_making.add(owner.organisation.id, 2)
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset([one, other])), days=14)
    archive(owner, [one])
    with transaction():
        joining.archive(owner, other)
    assert (waiting(owner), waiting_places.organisations()) == ([], [])


@pytest.mark.usefixtures("kept")
def test_whoever_is_taken_off_before_they_were_invited_never_is(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    first, second = invite(owner, 1), invite(owner, 2)
    with transaction():
        waiting_list.take_off(owner, second)
    assert memberships.of_organisation(owner.organisation.id, second).state == "withdrawn"
    with pytest.raises(Conflict, match="does not wait"), transaction():
        waiting_list.take_off(owner, second)
    with transaction():
        joining.withdraw(owner, first)
    assert fill(owner) == 0
    assert mails("person2@example.org") == []


@pytest.mark.usefixtures("kept")
def test_whoever_is_moved_to_the_front_is_next(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    first, *others = [invite(owner, number) for number in range(4)]
    for moved in (others[1], others[2]):
        with transaction():
            waiting_places.to_the_front(owner, moved)
    assert waiting(owner) == [others[2], others[1], others[0]]
    with transaction():
        joining.withdraw(owner, first)
    fill(owner)
    assert seats.has_one(others[2])


@pytest.mark.usefixtures("kept")
def test_a_manager_sees_and_takes_off_their_own_people_only(owner, subscribe, make_person):
    subscribe(owner.organisation.id, 1)
    mei = people.known(make_person("Mei", "mei@example.org", "Elsewhere"))
    with transaction():
        membership = memberships.add(owner.organisation, mei, {Role.MANAGER})
        kitchen = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id).id
        teams.appoint(owner.organisation.id, kitchen, membership, by=owner.person.id)
    manager = memberships.actor(mei, owner.organisation.id)
    invite(owner, 0)
    other, theirs = invite(owner, 1), invite(owner, 2, team_id=kitchen)
    assert waiting(manager) == [theirs]
    assert [one.before for one in waiting_places.waiting(manager)] == [1]
    with pytest.raises(Missing), transaction():
        waiting_list.take_off(manager, other)
    with transaction():
        waiting_list.take_off(manager, theirs)
    assert waiting(owner) == [other]


@pytest.mark.usefixtures("kept")
def test_switched_off_nobody_comes_on_it_and_whoever_waits_gets_no_seat_until_it_is_on_again(owner, subscribe):
    subscription = subscribe(owner.organisation.id, 1)
    first, second = invite(owner, 1), invite(owner, 2)
    with transaction():
        waiting_places.switch(owner, to=False)
    with pytest.raises(seats.NoSeat):
        invite(owner, 3)
    with transaction():
        subscriptions.refresh(subscription, snapshot(quantity=2), subscriptions.lease(subscription))
    assert fill(owner) == 0
    bought_for = invite(owner, 4)
    assert [seats.has_one(one) for one in (first, second, bought_for)] == [True, False, True]
    with transaction():
        joining.withdraw(owner, first)
    assert (fill(owner), waiting(owner), mails("person2@example.org")) == (0, [second], [])
    with transaction():
        waiting_places.switch(owner, to=True)
    assert fill(owner) == 1
    assert (seats.has_one(second), waiting(owner)) == (True, [])
    assert [kind for kind, _ in mails("person2@example.org")] == ["invitation"]


@pytest.mark.usefixtures("kept")
def test_whoever_is_given_a_seat_otherwise_goes_off_a_list_that_is_off(owner, subscribe):
    subscription = subscribe(owner.organisation.id, 1)
    invite(owner, 1)
    second, third = invite(owner, 2), invite(owner, 3)
    with transaction():
        waiting_places.switch(owner, to=False)
        subscriptions.refresh(subscription, snapshot(quantity=3), subscriptions.lease(subscription))
    with transaction():
        seats.assign(owner.organisation.id, second, seats.State.HELD, by=owner.person.id)
    assert (fill(owner), waiting(owner)) == (1, [third])


@pytest.mark.usefixtures("kept")
def test_somebody_on_a_list_that_is_off_can_be_given_a_seat_and_is_told_or_invited(owner, subscribe):
    subscription = subscribe(owner.organisation.id, 1)
    invite(owner, 1)
    second, third = invite(owner, 2), invite(owner, 3)
    with transaction():
        [joined] = people_making.add(owner.organisation.id, 1)
        waiting_places.add(owner.organisation.id, [joined], by=owner.person.id)
    with transaction():
        kept = crowd.plan(owner, Change.GIVE, Selection(frozenset({second, joined})))
    assert kept.reasons == [("are on the waiting list already", 2)]
    with transaction():
        waiting_places.switch(owner, to=False)
        subscriptions.refresh(subscription, snapshot(quantity=3), subscriptions.lease(subscription))
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset({second, joined})), days=14)
    assert waiting(owner) == [third]
    assert [kind for kind, _ in mails("person2@example.org")] == ["invitation"]
    assert [kind for kind, _ in mails("crowd0@example.org")] == ["seat_given"]
    assert seats.count(owner.organisation.id) == Count(3, 1, 2)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("is_given_on", [False, True])
def test_whoever_of_a_list_is_given_a_seat_by_hand_is_invited_as_the_list_would_and_undone_with_it(owner, subscribe, is_given_on):
    subscription = subscribe(owner.organisation.id, 1)
    [first] = add_seated(owner, 1)
    with transaction():
        sent = arrivals.send(owner, b"p1@example.org", is_pasted=True, note="See you on Monday.").id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    arrivals.bring_in(sent, days=14)
    [waits] = waiting(owner)
    with transaction():
        waiting_places.switch(owner, to=False)
        if is_given_on:
            crowd.swap(owner, first, waits, days=14)
        else:
            subscriptions.refresh(subscription, snapshot(quantity=2), subscriptions.lease(subscription))
            crowd.do(owner, Change.GIVE, Selection(frozenset({waits})), days=14)
    [(kind, facts)] = mails("p1@example.org")
    assert (kind, facts["note"]) == ("invitation", "See you on Monday.")
    with transaction():
        assert arrivals.undo(owner, sent) == 1
    assert not seats.has_one(waits)


@pytest.mark.usefixtures("kept")
def test_whoever_gets_the_seat_they_had_before_waits_no_longer(owner, subscribe):
    subscription = subscribe(owner.organisation.id, 2)
    [anna] = add_seated(owner, 1)
    with transaction():
        seats.release_all(db.session.get_one(subscriptions.Subscription, subscription), seats.SUBSCRIPTION_ENDED)
        waiting_places.add(owner.organisation.id, [anna], by=owner.person.id)
    with transaction():
        assert former_seats.give_again(owner.organisation.id, by=owner.person.id) == 1
    assert (seats.has_one(anna), waiting(owner)) == (True, [])
    place = sa.select(waiting_places.WaitingPlace.state).where(waiting_places.WaitingPlace.membership_id == anna)
    assert list(db.session.scalars(place)) == ["seated"]


@pytest.mark.usefixtures("kept")
def test_a_list_of_hundreds_is_filled_in_steps_and_whole(owner, subscribe, monkeypatch):
    monkeypatch.setattr(waiting_list, "AT_ONCE", 7)
    subscription = subscribe(owner.organisation.id, 1)
    with transaction():
        ids = people_making.add(owner.organisation.id, 30)
    with transaction():
        crowd.do(owner, Change.GIVE, Selection(frozenset(ids)), days=14)
    with transaction():
        subscriptions.refresh(subscription, snapshot(quantity=25), subscriptions.lease(subscription))
    assert fill(owner) == 24
    assert (len(waiting(owner)), seats.count(owner.organisation.id)) == (5, Count(25, 25, 0))


@pytest.mark.usefixtures("kept")
def test_somebody_who_runs_things_is_taken_off_by_those_who_see_everybody(owner, subscribe, make_person):
    subscribe(owner.organisation.id, 1)
    mei = people.known(make_person("Mei", "mei@example.org", "Elsewhere"))
    with transaction():
        membership = memberships.add(owner.organisation, mei, {Role.MANAGER, Role.LEARNER})
        kitchen = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id).id
        teams.appoint(owner.organisation.id, kitchen, membership, by=owner.person.id)
        teams.put(owner.organisation.id, kitchen, [membership.id], by=owner.person.id)
        waiting_places.add(owner.organisation.id, [membership.id], by=owner.person.id)
    with pytest.raises(NotAllowed), transaction():
        waiting_list.take_off(memberships.actor(mei, owner.organisation.id), membership.id)


@pytest.mark.usefixtures("kept")
def test_a_seat_that_is_given_on_to_who_was_still_to_be_invited_comes_with_the_invitation(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    [anna] = add_seated(owner, 1)
    ben = invite(owner, 2)
    assert waiting(owner) == [ben]
    with transaction():
        crowd.swap(owner, anna, ben, days=14)
    assert waiting(owner) == []
    assert [kind for kind, _ in mails("person2@example.org")] == ["invitation"]
    with transaction():
        joining.withdraw(owner, ben)
    assert seats.count(owner.organisation.id) == Count(1, 0, 0)


@pytest.mark.usefixtures("kept")
def test_who_waits_stays_waiting_when_a_record_with_a_held_seat_is_merged_into_theirs(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    has_one, waits = invite(owner, 1), invite(owner, 2)
    with transaction():
        merging.merge(owner, waits, has_one, takes_name=False)
    assert waiting(owner) == [waits]
    assert fill(owner) == 1
    assert [kind for kind, _ in mails("person2@example.org")] == ["invitation"]
    assert seats.count(owner.organisation.id) == Count(1, 0, 1)


@pytest.mark.usefixtures("kept")
def test_seats_set_aside_that_run_out_on_the_way_leave_the_others_waiting_and_nobody_stuck(owner, subscribe, make_person):
    subscription = subscribe(owner.organisation.id, 2)
    school, choir = (make_team(owner, name) for name in ("School", "Choir"))
    full = add_seated(owner, 2)
    invited = invite(owner, 1, team_id=school)
    joined = memberships_of(owner, make_person("Tom", "tom@example.org", "Elsewhere"))
    with transaction():
        for team in (school, choir):
            teams.put(owner.organisation.id, team, [joined], by=owner.person.id)
    give(owner, [joined])
    assert waiting(owner) == [invited, joined]
    archive(owner, full)
    with transaction():
        allotting.allot(owner.organisation.id, school, 1, by=owner.person.id)
    fill(owner)
    assert waiting(owner) == [invited]
    assert seats.count(owner.organisation.id).taken == 1
    assert subscriptions.known(subscription).taken == 1


@pytest.mark.usefixtures("kept")
def test_who_is_far_back_gets_a_seat_that_those_before_them_may_not_have(owner, subscribe, monkeypatch):
    monkeypatch.setattr(waiting_list, "AT_ONCE", 2)
    subscribe(owner.organisation.id, 2)
    school = make_team(owner, "School")
    [one] = add_seated(owner, 1)
    with transaction():
        teams.put(owner.organisation.id, school, [one], by=owner.person.id)
        allotting.allot(owner.organisation.id, school, 1, by=owner.person.id)
    [other] = add_seated(owner, 1, start=10)
    of_school = [invite(owner, number, team_id=school) for number in range(4)]
    outside = invite(owner, 9)
    archive(owner, [other])
    assert fill(owner) == 1
    assert waiting(owner) == of_school
    assert seats.has_one(outside)


def add_seated(actor, number, start=100):
    with transaction():
        ids = people_making.add(actor.organisation.id, number, start=start)
        seats.assign_each(actor.organisation.id, ids, seats.State.IN_USE, by=actor.person.id)
    return list(ids)


def make_team(actor, name):
    with transaction():
        return teams.make(actor.organisation.id, name, None, by=actor.person.id).id


def memberships_of(actor, person_id):
    with transaction():
        return memberships.add(actor.organisation, people.known(person_id), {Role.LEARNER}).id


def give(actor, ids):
    with transaction():
        crowd.do(actor, Change.GIVE, Selection(frozenset(ids)), days=14)
