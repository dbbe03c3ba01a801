"""Ways in: people who come by a link join with a seat or ask first, and neither its limit nor the seats are exceeded."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import joining, letters, merging, ways_in
from app.accounts import join_links, join_requests, memberships, mergers, people, teams, waiting_places
from app.accounts.join_requests import JoinRequest
from app.accounts.memberships import Role
from app.accounts.notices import Notice
from app.kernel import clock
from app.kernel.db import db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.ways_in import Outcome
from billing import allotting, seats
from billing.seats import Count
from tests import people_making
from tests.house.statements import Recorder

MOST_STATEMENTS = 40
CAME = ("membership.joined", "membership.restored", "invitation.accepted")


def make_link(actor, team_id=None, most=None, *, needs_approval=False, days=30):
    with transaction():
        return join_links.make(actor, team_id=team_id, most=most, days=days, needs_approval=needs_approval)


def come(link, person):
    with transaction():
        return ways_in.join(ways_in.by_link(link), person)


def used(link):
    return db.session.scalar(sa.select(join_links.JoinLink.used).where(join_links.JoinLink.id == link.id))


def kinds_to(address):
    return list(db.session.scalars(sa.select(OutboxMail.kind).where(OutboxMail.address == address).order_by(OutboxMail.id)))


def state_of_request(person):
    return db.session.scalar(sa.select(JoinRequest.state).where(JoinRequest.person_id == person.id))


@pytest.fixture
def make_guest(make_person):
    """Give a maker of people who have an account and belong elsewhere."""
    return lambda name="leo": people.known(make_person(name.capitalize(), f"{name}@example.org", f"Elsewhere {name}"))


@pytest.fixture
def kitchen(owner):
    with transaction():
        return teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id).id


@pytest.fixture
def manager(owner, make_guest, kitchen):
    """Give somebody who manages the kitchen."""
    mei = make_guest("mei")
    with transaction():
        membership = memberships.add(owner.organisation, mei, {Role.MANAGER})
        teams.appoint(owner.organisation.id, kitchen, membership, by=owner.person.id)
    return memberships.actor(mei, owner.organisation.id)


def test_whoever_comes_by_a_link_has_a_membership_a_team_and_a_seat(owner, subscribe, kitchen, make_guest):
    subscribe(owner.organisation.id, 2)
    link, leo = make_link(owner, kitchen), make_guest()
    assert come(link, leo) is Outcome.JOINED
    here = memberships.actor(leo, owner.organisation.id)
    assert here.roles == {Role.LEARNER}
    assert [team.id for team in teams.of_people([here.membership.id])[here.membership.id]] == [kitchen]
    assert seats.count(owner.organisation.id) == Count(2, 1, 0)
    assert used(link) == 1


def test_somebody_who_is_here_gets_no_second_membership(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 3)
    link, leo = make_link(owner), make_guest()
    come(link, leo)
    with pytest.raises(Conflict, match="You belong here already"):
        come(link, leo)
    assert (used(link), seats.count(owner.organisation.id).taken) == (1, 1)


def test_a_seat_comes_from_what_is_set_aside_for_the_team_and_no_other(owner, subscribe, kitchen, make_guest):
    subscribe(owner.organisation.id, 5)
    with transaction():
        allotting.allot(owner.organisation.id, kitchen, 1, by=owner.person.id)
    link = make_link(owner, kitchen)
    come(link, make_guest())
    assert seats.allowances_of(owner.organisation.id)[kitchen].taken == 1
    assert come(link, make_guest("tom")) is Outcome.NO_SEAT
    asking, ann = make_link(owner, kitchen, needs_approval=True), make_guest("ann")
    come(asking, ann)
    ids = [one.request.id for one in join_requests.asking(owner)]
    with pytest.raises(Conflict, match="1 taken"), transaction():
        ways_in.approve(owner, ids)
    with transaction():
        allotting.allot(owner.organisation.id, kitchen, 2, by=owner.person.id)
        ways_in.approve(owner, ids)
    assert seats.allowances_of(owner.organisation.id)[kitchen].taken == 2


def test_a_link_lets_in_as_many_as_it_was_made_for(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 5)
    link = make_link(owner, most=1)
    come(link, make_guest())
    with pytest.raises(Conflict, match="As many people have come"):
        come(link, make_guest("tom"))
    assert (used(link), seats.count(owner.organisation.id).taken) == (1, 1)


def test_with_no_seat_free_nothing_is_changed_and_the_admins_are_told_once_a_day(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    link = make_link(owner)
    come(link, make_guest())
    for name in ("tom", "ann"):
        assert come(link, make_guest(name)) is Outcome.NO_SEAT
    assert (used(link), seats.count(owner.organisation.id)) == (1, Count(1, 1, 0))
    assert [member.name for member in memberships.people_of(owner.organisation.id)] == ["Leo", "Ruth Amadi"]
    assert kinds_to(owner.person.address) == ["no_seat_free"]


def test_a_link_that_is_over_unknown_or_of_an_archived_team_gives_the_same_answer(owner, kitchen):
    withdrawn, expired, gone = make_link(owner), make_link(owner, days=1), make_link(owner, kitchen)
    with transaction():
        join_links.withdraw(owner, withdrawn.id)
        teams.archive(owner.organisation.id, kitchen, by=owner.person.id)
        clock.advance(timedelta(days=1))
    for token in (*(join_links.token(link.id) for link in (withdrawn, expired, gone)), "forged"):
        with pytest.raises(Missing) as refusal:
            join_links.opened(token)
        assert refusal.value.message == join_links.OVER
    with pytest.raises(Conflict), transaction():
        join_links.use(withdrawn.id)


@pytest.mark.parametrize(
    ("most", "days", "field"), [(0, 30, "most"), (30_000, 30, "most"), (None, 0, "days"), (None, 400, "days")]
)
def test_a_link_that_makes_no_sense_is_not_made(owner, most, days, field):
    with pytest.raises(Invalid) as refusal:
        make_link(owner, most=most, days=days)
    assert refusal.value.field == field


def test_a_manager_makes_and_sees_links_of_their_teams_only(owner, manager, kitchen):
    with transaction():
        other = teams.make(owner.organisation.id, "Garden", None, by=owner.person.id).id
    theirs, everybodys = make_link(manager, kitchen), make_link(owner, other)
    assert [link.id for link in join_links.of_actor(manager)[0]] == [theirs.id]
    assert {link.id for link in join_links.of_actor(owner)[0]} == {theirs.id, everybodys.id}
    with pytest.raises(NotAllowed, match="Choose the team"):
        make_link(manager)
    with pytest.raises(Missing):
        make_link(manager, other)
    with pytest.raises(Missing), transaction():
        join_links.withdraw(manager, everybodys.id)


def test_with_approval_somebody_asks_and_has_no_seat_until_they_are_let_in(owner, subscribe, kitchen, make_guest):
    subscribe(owner.organisation.id, 2)
    link, leo = make_link(owner, kitchen, 1, needs_approval=True), make_guest()
    assert come(link, leo) is Outcome.ASKED
    assert (used(link), seats.count(owner.organisation.id).taken) == (1, 0)
    with pytest.raises(Conflict):
        come(link, leo)
    [asking] = join_requests.asking(owner)
    with transaction():
        ways_in.approve(owner, [asking.request.id])
    here = memberships.actor(leo, owner.organisation.id)
    assert seats.has_one(here.membership.id)
    assert [team.id for team in teams.of_people([here.membership.id])[here.membership.id]] == [kitchen]
    assert (used(link), state_of_request(leo), join_requests.number_asking(owner)) == (1, "approved", 0)
    assert "join_answered" in kinds_to(leo.address)
    with pytest.raises(Conflict, match="answered one of them"), transaction():
        ways_in.decline(owner, [asking.request.id])


def told(address):
    """Give what the last mail to an address says about their seat."""
    query = sa.select(OutboxMail).where(OutboxMail.address == address).order_by(OutboxMail.id.desc()).limit(1)
    mail = db.session.scalars(query).one()
    words = " ".join(letters.render(mail.kind, mail.facts).text.split())
    known = ("You have a seat, so", "You are on its list for a seat", "You have no seat yet")
    return [some for some in known if some in words]


def test_the_answer_says_whether_somebody_has_a_seat_waits_for_one_or_has_none(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    link, [leo, tom, ann] = make_link(owner, needs_approval=True), [make_guest(name) for name in ("leo", "tom", "ann")]
    for guest in (leo, tom, ann):
        come(link, guest)
    with transaction():
        waiting_places.switch(owner, to=True)
        # Ann was invited as an admin, who needs no seat, before anybody answered her.
        joining.invite(owner, "Ann", ann.address, {Role.ADMIN}, days=14)
    for guest in (leo, tom, ann):
        [asking] = [one for one in join_requests.asking(owner) if one.person.id == guest.id]
        with transaction():
            ways_in.approve(owner, [asking.request.id])
    assert [told(guest.address) for guest in (leo, tom, ann)] == [
        ["You have a seat, so"],
        ["You are on its list for a seat"],
        ["You have no seat yet"],
    ]


def test_whoever_is_declined_is_told_and_leaves_their_place_of_the_link(owner, make_guest):
    link, leo = make_link(owner, most=1, needs_approval=True), make_guest()
    come(link, leo)
    with transaction():
        ways_in.decline(owner, [join_requests.asking(owner)[0].request.id])
    assert (used(link), state_of_request(leo)) == (0, "declined")
    assert kinds_to(leo.address)[-1] == "join_answered"
    with pytest.raises(Missing):
        memberships.actor(leo, owner.organisation.id)
    assert come(link, leo) is Outcome.ASKED


def test_with_too_few_seats_nobody_of_those_approved_comes_in(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    link = make_link(owner, needs_approval=True)
    for name in ("leo", "tom"):
        come(link, make_guest(name))
    ids = [asking.request.id for asking in join_requests.asking(owner)]
    with pytest.raises(seats.NoSeat) as refusal, transaction():
        ways_in.approve(owner, ids)
    assert refusal.value.facts["missing"] == 1
    assert join_requests.number_asking(owner) == 2
    assert seats.count(owner.organisation.id).taken == 0


def test_a_request_that_nobody_answers_ends_and_is_told(owner, make_guest):
    link, leo = make_link(owner, needs_approval=True), make_guest()
    come(link, leo)
    ways_in.sweep()
    with transaction():
        clock.advance(timedelta(days=30))
    assert ways_in.sweep() == 1
    assert ways_in.sweep() == 0
    assert (used(link), state_of_request(leo)) == (0, "expired")
    assert kinds_to(leo.address)[-1] == "join_answered"


def test_those_who_may_answer_are_told_once_a_day_and_of_nobody_twice(owner, manager, kitchen, make_guest):
    into_kitchen, into_all = make_link(owner, kitchen, needs_approval=True), make_link(owner, needs_approval=True)
    come(into_kitchen, make_guest())
    come(into_all, make_guest("tom"))
    assert ways_in.sweep() == 2
    come(into_all, make_guest("ann"))
    assert ways_in.sweep() == 0
    query = sa.select(OutboxMail.address, OutboxMail.facts).where(OutboxMail.kind == "join_requests")
    told = {address: facts["people"] for address, facts in db.session.execute(query)}
    assert told == {owner.person.address: 2, manager.person.address: 1}


def test_a_manager_answers_for_their_teams_and_for_nobody_who_comes_back(owner, manager, kitchen, subscribe, make_guest):
    subscribe(owner.organisation.id, 5)
    leo, tom, ann = make_guest(), make_guest("tom"), make_guest("ann")
    come(make_link(owner, needs_approval=True), leo)
    come(make_link(owner, kitchen, needs_approval=True), tom)
    open_link = make_link(owner, kitchen)
    come(open_link, ann)
    with transaction():
        joining.archive(owner, memberships.actor(ann, owner.organisation.id).membership.id)
    assert come(open_link, ann) is Outcome.ASKED
    assert [asking.person.id for asking in join_requests.asking(manager)] == [tom.id]
    others = {asking.person.id: asking.request.id for asking in join_requests.asking(owner)}
    for person in (leo, ann):
        with pytest.raises(Missing), transaction():
            ways_in.approve(manager, [others[person.id]])
    with transaction():
        ways_in.approve(manager, [others[tom.id]])
    assert memberships.actor(tom, owner.organisation.id)


def test_whoever_left_finds_their_record_as_a_learner_once_somebody_agrees(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 2)
    leo = make_guest()
    with transaction():
        before = memberships.add(owner.organisation, leo, {Role.ADMIN}).id
    with transaction():
        joining.archive(owner, before)
    link = make_link(owner)
    assert come(link, leo) is Outcome.ASKED
    with transaction():
        ways_in.approve(owner, [join_requests.asking(owner)[0].request.id])
    here = memberships.actor(leo, owner.organisation.id)
    assert (here.membership.id, here.roles) == (before, {Role.LEARNER})


def test_whoever_has_an_open_invitation_accepts_it_by_coming(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    with transaction():
        invited = joining.invite(owner, "Leo", "leo@example.org", {Role.LEARNER}, days=14).id
    link, leo = make_link(owner, needs_approval=True), make_guest()
    assert come(link, leo) is Outcome.JOINED
    assert memberships.actor(leo, owner.organisation.id).membership.id == invited
    assert (used(link), seats.count(owner.organisation.id)) == (0, Count(1, 1, 0))


def test_whoever_was_invited_in_vain_comes_under_the_same_record(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    with transaction():
        invited = joining.invite(owner, "L. G.", "leo@example.org", {Role.LEARNER}, days=14).id
        joining.withdraw(owner, invited)
    leo = make_guest()
    assert come(make_link(owner), leo) is Outcome.JOINED
    here = memberships.actor(leo, owner.organisation.id).membership
    assert (here.id, here.name) == (invited, "Leo")


def test_the_mails_say_what_happened_and_lead_on(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    link, with_approval = make_link(owner), make_link(owner, needs_approval=True)
    leo, tom, ann, ben = (make_guest(name) for name in ("leo", "tom", "ann", "ben"))
    for person in (leo, tom, ann):
        come(with_approval, person)
    ways_in.sweep()
    ids = {asking.person.id: asking.request.id for asking in join_requests.asking(owner)}
    with transaction():
        ways_in.approve(owner, [ids[leo.id]])
        ways_in.decline(owner, [ids[tom.id]])
    come(link, ben)
    with transaction():
        clock.advance(timedelta(days=30))
    ways_in.sweep()
    said = {}
    for written in db.session.scalars(sa.select(OutboxMail)):
        rendered = letters.render(written.kind, written.facts)
        said[written.address, rendered.subject] = rendered.text
    place = f"http://127.0.0.1:8000/workspace/{owner.organisation.id}/people"
    assert f"{place}/requests\n" in said["ruth@example.org", "3 people ask to join St Mary"]
    assert f"{place}\n" in said["ruth@example.org", "Somebody found no free seat at St Mary"]
    assert "You have a seat" in said["leo@example.org", "You have joined St Mary"]
    assert "has declined" in said["tom@example.org", "You have not joined St Mary"]
    assert "nobody there has answered in time" in said["ann@example.org", "You have not joined St Mary"]


def test_somebody_who_tries_again_and_again_is_asked_to_wait(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    link, leo = make_link(owner), make_guest()
    come(link, make_guest("tom"))
    for _ in range(ways_in.TRIES_AN_HOUR):
        come(link, leo)
    with pytest.raises(NotAllowed, match="Wait an hour"):
        come(link, leo)


def test_a_request_of_somebody_who_came_in_otherwise_is_listed_no_longer_and_ends(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 3)
    link, leo, tom = make_link(owner, most=2, needs_approval=True), make_guest(), make_guest("tom")
    come(link, leo)
    come(link, tom)
    ids = {asking.person.id: asking.request.id for asking in join_requests.asking(owner)}
    with transaction():
        invited = joining.invite(owner, "Leo", "leo@example.org", {Role.LEARNER}, days=14).id
        joining.accept(joining.invitations.open_of(invited), leo)
    assert [asking.person.id for asking in join_requests.asking(owner)] == [tom.id]
    assert (join_requests.number_asking(owner), [one.person_id for one in join_requests.untold()]) == (1, [tom.id])
    with pytest.raises(Conflict, match="come in otherwise by now"), transaction():
        ways_in.approve(owner, list(ids.values()))
    assert state_of_request(tom) == "open"
    ways_in.sweep()
    assert (state_of_request(leo), state_of_request(tom), used(link)) == ("expired", "open", 1)
    assert "join_answered" not in kinds_to(leo.address)
    entry = sa.select(JournalEntry.what).where(JournalEntry.about == ids[leo.id]).order_by(JournalEntry.at, JournalEntry.id)
    assert list(db.session.scalars(entry)) == ["join_request.open", "join_request.overtaken"]
    assert [told.facts["people"] for told in db.session.scalars(sa.select(OutboxMail)) if told.kind == "join_requests"] == [1]


def test_a_request_under_an_account_whose_record_was_merged_into_another_ends(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 3)
    leo, old = make_guest(), make_guest("old")
    come(make_link(owner), leo)
    with transaction():
        left = memberships.add(owner.organisation, old, {Role.LEARNER})
        joining.archive(owner, left.id)
    come(make_link(owner), old)
    assert join_requests.number_asking(owner) == 1
    with transaction():
        asked = merging.merge(owner, memberships.actor(leo, owner.organisation.id).membership.id, left.id, takes_name=False)
        merging.confirm(mergers.opened(mergers.token(asked.id)))
    assert join_requests.number_asking(owner) == 0
    assert ways_in.sweep() == 1


def test_people_of_every_kind_are_let_in_together_each_under_their_record(owner, subscribe, kitchen, manager, make_guest):
    subscribe(owner.organisation.id, 6)
    link = make_link(owner, kitchen, needs_approval=True)
    new, gone, invited, in_vain = (make_guest(name) for name in ("new", "gone", "invited", "vain"))
    with transaction():
        left = memberships.add(owner.organisation, gone, {Role.ADMIN})
        vain = joining.invite(owner, "V.", "vain@example.org", {Role.ADMIN, Role.LEARNER}, days=14).id
    with transaction():
        joining.archive(owner, left.id)
        joining.withdraw(owner, vain)
    for person in (new, gone, invited, in_vain):
        come(link, person)
    with transaction():
        held = joining.invite(owner, "I.", "invited@example.org", {Role.LEARNER, Role.BILLING}, days=14, team_id=kitchen).id
    with transaction():
        ways_in.approve(owner, [asking.request.id for asking in join_requests.asking(owner)])
    db.session.expire_all()
    here = {person.name: memberships.actor(person, owner.organisation.id).membership for person in (new, gone, invited, in_vain)}
    assert {name: set(one.roles) for name, one in here.items()} == {
        "New": {Role.LEARNER},
        "Gone": {Role.LEARNER},
        "Invited": {Role.LEARNER, Role.BILLING},
        "Vain": {Role.LEARNER},
    }
    assert (here["Gone"].id, here["Invited"].id, here["Vain"].id) == (left.id, held, vain)
    assert [(one.name, one.login_key, one.joined_at is not None) for one in (here["New"], here["Vain"])] == [
        ("New", "new@example.org", True),
        ("Vain", "vain@example.org", True),
    ]
    assert here["Gone"].archived_at is None
    assert teams.sizes(owner.organisation.id) == {kitchen: 4}
    assert seats.count(owner.organisation.id) == Count(6, 4, 0)
    told = set(db.session.scalars(sa.select(Notice.recipient_id).where(Notice.about == held)))
    assert told == {owner.membership.id, manager.membership.id}
    ids = [one.id for one in here.values()]
    came = sa.select(JournalEntry.what).where(JournalEntry.about.in_(ids), JournalEntry.what.in_(CAME))
    assert sorted(db.session.scalars(came)) == sorted(["membership.joined"] * 2 + ["membership.restored", "invitation.accepted"])


def test_nobody_comes_in_when_the_address_of_one_belongs_to_somebody_else_here(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 5)
    link, leo, tom = make_link(owner, needs_approval=True), make_guest(), make_guest("tom")
    come(link, leo)
    come(link, tom)
    other = make_guest("other")
    with transaction():
        memberships.add(owner.organisation, other, {Role.LEARNER})
        is_other = sa.update(memberships.Membership).where(memberships.Membership.person_id == other.id)
        db.session.execute(is_other.values(address_key="tom@example.org", login_key="tom@example.org"))
    with pytest.raises(Conflict, match=r"tom@example\.org belongs to somebody here already"), transaction():
        ways_in.approve(owner, [asking.request.id for asking in join_requests.asking(owner)])
    assert (join_requests.number_asking(owner), seats.count(owner.organisation.id).taken) == (2, 0)


def test_the_number_of_statements_is_the_same_for_four_people_and_for_two_hundred(owner, subscribe, kitchen):
    subscribe(owner.organisation.id, 300)
    link = make_link(owner, kitchen, needs_approval=True)

    def statements(number, start):
        with transaction():
            quarter = number // 4
            people_making.add(owner.organisation.id, quarter, start=start, state="archived")
            invited = people_making.add(owner.organisation.id, quarter, start=start + quarter, state="invited")
            people_making.invite(owner.organisation.id, invited, owner.person.id)
            seats.assign_each(owner.organisation.id, invited, seats.State.HELD, by=None)
            rows = [
                {"id": uuid7(), "name": f"P {n}", "address": f"crowd{n}@example.org", "address_key": f"crowd{n}@example.org"}
                | {"password_hash": "-", "is_operator": False, "joined_at": clock.now()}
                for n in range(start + quarter, start + number)
            ]
            db.session.execute(sa.insert(people.Person), rows)
            keys = [f"crowd{n}@example.org" for n in range(start, start + number)]
            for person in db.session.scalars(sa.select(people.Person).where(people.Person.address_key.in_(keys))).all():
                join_requests.ask(owner.organisation.id, person, link_id=link.id, team_id=kitchen, comes_back=False)
        ids = [asking.request.id for asking in join_requests.asking(owner)]
        assert len(ids) == number
        with Recorder(db.engine) as recorder, transaction():
            ways_in.approve(owner, ids)
        return len([one for one in recorder.statements if not one.startswith(("BEGIN", "PRAGMA"))])

    few, many = statements(4, 0), statements(200, 4)
    assert few == many <= MOST_STATEMENTS
    assert seats.count(owner.organisation.id) == Count(300, 204, 0)
    assert seats.miscounted() == []


def test_a_manager_does_not_bring_back_who_joined_and_left_after_asking(owner, subscribe, manager, kitchen, make_guest):
    subscribe(owner.organisation.id, 3)
    leo = make_guest("leo")
    come(make_link(owner, kitchen, needs_approval=True), leo)
    with transaction():
        member = memberships.add(owner.organisation, leo, {Role.LEARNER})
    with transaction():
        joining.archive(owner, member.id)
    ids = [asking.request.id for asking in join_requests.asking(manager)]
    with pytest.raises(NotAllowed), transaction():
        ways_in.approve(manager, ids)
    with transaction():
        ways_in.approve(owner, ids)
    assert memberships.actor(leo, owner.organisation.id).roles == {Role.LEARNER}


def test_whoever_was_invited_to_run_things_and_comes_by_a_link_does_so(owner, subscribe, make_guest):
    subscribe(owner.organisation.id, 1)
    with transaction():
        waiting_places.switch(owner, to=True)
    with transaction():
        joining.invite(owner, "Other", "other@example.org", {Role.LEARNER}, days=14)
    leo = make_guest("leo")
    with transaction():
        joining.invite(owner, "Leo", "leo@example.org", {Role.ADMIN, Role.LEARNER}, days=14)
    come(make_link(owner), leo)
    assert memberships.actor(leo, owner.organisation.id).roles == {Role.ADMIN, Role.LEARNER}
