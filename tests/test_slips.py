"""Joining slips: people without an address hold a seat, come in with a PIN once, and are written to by nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import arrivals, crowd, joining, roster, slips, waiting_list
from app.accounts import (
    address_changes,
    credentials,
    invitations,
    joining_slips,
    memberships,
    one_time_links,
    people,
    people_imports,
    roles,
    sign_ins,
    teams,
    waiting_places,
)
from app.accounts.memberships import Membership, Role
from app.accounts.one_time_links import OneTimeLink, Purpose
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.roster import Sort, Turn, Wanted
from billing import seats
from tests import people_making
from tests.house.statements import Recorder

NETWORK = "192.0.2.0/24"


@pytest.fixture
def ruth(owner, subscribe):
    """Give somebody without an address, invited by name alone."""
    subscribe(owner.organisation.id, 3)
    return add(owner, "Ruth Adeyemi")


def add(actor, name, **options):
    with transaction():
        return joining.invite(actor, name, None, {Role.LEARNER}, days=14, **options)


def printed(actor, *members):
    """Print slips as a page does, and give them by user name."""
    sheet = slips.prepare(actor, Selection(frozenset(member.id for member in members)), days=14)
    with transaction():
        slips.keep(actor, sheet)
    return {slip.user_name: slip.pin for slip in sheet.printed}


def use(user_name, pin, password="four quite odd words"):  # noqa: S107 - of people who do not exist
    with transaction():
        claim = joining_slips.count_try(user_name, NETWORK)
    proved = joining_slips.demand_pin(claim, pin)
    password_hash = credentials.hash_password(password)
    with transaction():
        return slips.open_with(proved, password_hash)


def count(model):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_somebody_without_an_address_holds_a_seat_and_gets_no_mail(owner, ruth):
    assert (ruth.state, ruth.address, ruth.user_name, ruth.login) == ("invited", None, "ruth.adeyemi", "ruth.adeyemi")
    assert seats.count(owner.organisation.id) == seats.Count(3, 0, 1)
    assert count(OutboxMail) == 0


def test_a_slip_lets_them_in_once_and_the_held_seat_is_in_use(owner, ruth):
    [(user_name, pin)] = printed(owner, ruth).items()
    member, person = use(user_name, f"{pin[:4]} {pin[4:]}")
    assert (member.id, member.state, person.id) == (ruth.id, "active", ruth.person_id)
    assert seats.count(owner.organisation.id) == seats.Count(3, 1, 0)
    assert sign_ins.prove("Ruth.Adeyemi", "four quite odd words").person_id == person.id
    with pytest.raises(Invalid, match="the slip is over"):
        use(user_name, pin)
    assert count(OutboxMail) == 0


def test_the_pin_is_readable_nowhere(owner, ruth):
    [pin] = printed(owner, ruth).values()
    with db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)).all():
                assert pin not in repr(tuple(row)), table.name


def test_printing_again_voids_the_slip_before(owner, ruth):
    first, second = printed(owner, ruth), printed(owner, ruth)
    with pytest.raises(Invalid, match="replaced by a newer one"):
        use("ruth.adeyemi", first["ruth.adeyemi"])
    assert use("ruth.adeyemi", second["ruth.adeyemi"])


def test_after_five_wrong_pins_a_slip_is_locked_until_it_is_printed_again(owner, ruth):
    pin = printed(owner, ruth)["ruth.adeyemi"]
    wrong = f"{(int(pin) + 1) % 10**8:08}"
    for _ in range(joining_slips.MOST_TRIES):
        with pytest.raises(Invalid):
            use("ruth.adeyemi", wrong)
    with pytest.raises(Invalid, match="tried too often"):
        use("ruth.adeyemi", pin)
    assert joining_slips.of(ruth.person_id).is_locked
    assert use("ruth.adeyemi", printed(owner, ruth)["ruth.adeyemi"])


def test_a_network_that_tries_too_many_is_stopped(owner, ruth):
    for number in range(joining_slips.TRIES_PER_NETWORK):
        with transaction():
            assert joining_slips.count_try(f"nobody{number}", NETWORK) is None
    with pytest.raises(NotAllowed, match="Too many tries"), transaction():
        joining_slips.count_try("ruth.adeyemi", NETWORK)


def test_a_slip_ends_with_the_invitation_and_its_seat_is_free(owner, ruth):
    pin = printed(owner, ruth)["ruth.adeyemi"]
    with transaction():
        clock.advance(timedelta(days=14))
    with pytest.raises(Invalid):
        use("ruth.adeyemi", pin)
    assert joining.expire_due() == 1
    assert seats.count(owner.organisation.id).free == 3
    with pytest.raises(Conflict, match="nobody among them"):
        printed(owner, ruth)
    with transaction():
        slips.invite_again(owner, ruth.id, days=14)
    assert seats.count(owner.organisation.id).held == 1
    assert use("ruth.adeyemi", printed(owner, ruth)["ruth.adeyemi"])


def test_printing_keeps_the_invitation_open_as_long_as_the_slip(owner, ruth):
    with transaction():
        clock.advance(timedelta(days=10))
    pin = printed(owner, ruth)["ruth.adeyemi"]
    with transaction():
        clock.advance(timedelta(days=10))
    assert joining.expire_due() == 0
    assert use("ruth.adeyemi", pin)


def test_whoever_waits_for_a_seat_gets_a_slip_once_there_is_one(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    with transaction():
        waiting_places.switch(owner, to=True)
    first, second = add(owner, "Tom Barker"), add(owner, "Ann Cole")
    assert slips.plan(owner, Selection(frozenset({second.id}))).reasons == [
        ("wait for a seat: print theirs once they have one", 1)
    ]
    with transaction():
        joining.withdraw(owner, first.id)
    assert waiting_list.fill_due(14) == 1
    assert use("ann.cole", printed(owner, second)["ann.cole"])


def test_a_withdrawn_invitation_takes_the_slip_with_it(owner, ruth):
    pin = printed(owner, ruth)["ruth.adeyemi"]
    with transaction():
        joining.withdraw(owner, ruth.id)
    with pytest.raises(Invalid, match="the slip is over"):
        use("ruth.adeyemi", pin)
    assert joining_slips.of(ruth.person_id) is None
    assert people.known(ruth.person_id).password_hash == ""


def test_a_new_slip_resets_a_forgotten_password_and_signs_them_out(owner, ruth):
    _, person = use("ruth.adeyemi", printed(owner, ruth)["ruth.adeyemi"])
    with transaction():
        live = sign_ins.begin(people.known(person.id), agent="Firefox")
    pin = printed(owner, ruth)["ruth.adeyemi"]
    assert sign_ins.find(live.token), "a slip that nobody used changes nothing"
    use("ruth.adeyemi", pin, "another four odd words")
    assert sign_ins.find(live.token) is None
    assert sign_ins.prove("ruth.adeyemi", "another four odd words")
    assert seats.count(owner.organisation.id) == seats.Count(3, 1, 0)


def test_no_slip_is_printed_for_people_with_an_address_or_of_two_organisations(owner, ruth, make_person):
    eve = make_person("Eve", "eve@example.org", "St Peter")
    with transaction():
        leo = joining.invite(owner, "Leo", "leo@example.org", {Role.LEARNER}, days=14)
        other = memberships.places_of(eve)[0].organisation
        memberships.add(other, people.known(ruth.person_id), {Role.LEARNER})
    plan = slips.plan(owner, Selection(frozenset({leo.id, ruth.id})))
    assert plan.able == []
    reasons = sorted(why for why, _ in plan.reasons)
    assert [reason.partition(" as ")[0].partition(":")[0] for reason in reasons] == [
        "belong to another organisation",
        "have an e-mail address",
    ]
    with pytest.raises(Conflict):
        printed(owner, leo, ruth)


def test_a_manager_prints_slips_for_their_people_and_for_nobody_else(owner, ruth, make_person):
    mei = make_person("Mei", "mei@example.org", "Elsewhere")
    with transaction():
        manager = memberships.add(owner.organisation, people.known(mei), {Role.LEARNER})
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
        teams.appoint(owner.organisation.id, team.id, manager, by=owner.person.id)
    actor = memberships.actor(people.known(manager.person_id), owner.organisation.id)
    with pytest.raises(Missing):
        slips.plan(actor, Selection(frozenset({ruth.id})))
    with transaction():
        teams.put(owner.organisation.id, team.id, [ruth.id], by=owner.person.id)
    assert printed(actor, ruth)
    with transaction():
        own = joining.invite(actor, "Sam Low", None, {Role.LEARNER}, days=14, team_id=team.id)
    assert own.user_name == "sam.low"


def test_whoever_runs_things_needs_an_address(owner, ruth):
    with pytest.raises(Invalid, match="needs an e-mail address"), transaction():
        joining.invite(owner, "Ann Admin", None, {Role.ADMIN}, days=14)
    use("ruth.adeyemi", printed(owner, ruth)["ruth.adeyemi"])
    with pytest.raises(Conflict, match="no e-mail address"), transaction():
        roles.change(owner, ruth.id, {Role.ADMIN})
    with pytest.raises(Conflict, match="an owner needs one"), transaction():
        roles.offer_ownership(owner, ruth.id, steps_down=False)


def test_sending_again_leads_to_the_slip_instead(owner, ruth):
    with pytest.raises(Conflict, match="joining slip"), transaction():
        joining.invite_again(owner, ruth.id, days=14)
    with transaction():
        clock.advance(timedelta(days=5))
        assert invitations.remind_due() == 0
        plan = crowd.plan(owner, Change.RESEND, Selection(frozenset({ruth.id})))
    assert plan.reasons == [("have no e-mail address: print their joining slips instead", 1)]
    assert count(OutboxMail) == 0


def test_they_add_an_address_and_sign_in_with_either(owner, ruth):
    _, person = use("ruth.adeyemi", printed(owner, ruth)["ruth.adeyemi"])
    proof = sign_ins.prove_again(people.known(person.id), "four quite odd words")
    with transaction():
        address_changes.ask(proof, "ruth.a@example.org", network=NETWORK)
    [link] = db.session.scalars(sa.select(OneTimeLink).where(OneTimeLink.purpose == Purpose.CHANGE_ADDRESS))
    token = one_time_links.token(link)
    with transaction():
        address_changes.confirm(token)
    for login in ("ruth.a@example.org", "ruth.adeyemi"):
        assert sign_ins.prove(login, "four quite odd words").person_id == person.id
    member = memberships.of_organisation(owner.organisation.id, ruth.id)
    assert (member.address, member.user_name, member.login) == ("ruth.a@example.org", "ruth.adeyemi", "ruth.a@example.org")
    assert slips.plan(owner, Selection(frozenset({ruth.id}))).able == []


def test_the_table_finds_and_sorts_people_by_address_or_user_name(owner, ruth):
    names = [entry.member.name for entry in roster.page(owner, Wanted(sort=Sort.ADDRESS), Turn()).entries]
    assert names == ["Ruth Adeyemi", "Ruth Amadi"]
    assert roster.count(owner, Wanted(search="ruth.adey")) == 1
    after = roster.page(owner, Wanted(sort=Sort.ADDRESS), Turn(after=ruth.id)).entries
    assert [entry.member.name for entry in after] == ["Ruth Amadi"]


def send(owner, text, *, by_name=True):
    with transaction():
        sent = arrivals.send(owner, text.encode(), is_pasted=True, gives_user_names=by_name).id
    arrivals.read(sent)
    return sent


def bring_in(owner, sent):
    with transaction():
        arrivals.want(owner, sent)
    return arrivals.bring_in(sent, days=14)


def fates(sent):
    return [line.fate for line in people_imports.lines(sent)]


def test_lines_without_an_address_are_a_problem_unless_they_get_user_names(owner, subscribe):
    subscribe(owner.organisation.id, 10)
    assert fates(send(owner, "Tom Barker\nAnn <ann@example.org>", by_name=False)) == ["problem", "new"]
    sent = send(owner, "Name\nTom Barker\nBarker, Tom\nAnn <ann@example.org>")
    assert fates(sent) == ["new", "new", "new"]
    assert bring_in(owner, sent)
    found = {member.login for member in memberships.people_of(owner.organisation.id)}
    assert found == {"ruth@example.org", "ann@example.org", "tom.barker", "tom.barker2"}
    assert seats.count(owner.organisation.id).held == 3
    assert count(OutboxMail) == 1
    assert len(slips.of_list(owner, sent)) == 2


def test_a_list_of_names_that_is_sent_twice_brings_nobody_in_twice(owner, subscribe):
    subscribe(owner.organisation.id, 10)
    first, second = send(owner, "Tom Barker\nTom Barker"), send(owner, "Tom Barker\nTom Barker\nTom Barker")
    assert bring_in(owner, first)
    assert bring_in(owner, second)
    assert fates(second) == ["here", "here", "new"]
    assert fates(send(owner, "Tom Barker")) == ["here"]
    assert seats.count(owner.organisation.id).held == 3


def test_a_list_that_was_undone_takes_the_same_people_up_again_and_never_those_who_left(owner, subscribe):
    subscribe(owner.organisation.id, 10)
    sent = send(owner, "Tom Barker")
    bring_in(owner, sent)
    with transaction():
        arrivals.undo(owner, sent)
    again = send(owner, "Tom Barker")
    assert fates(again) == ["back"]
    bring_in(owner, again)
    tom = next(member for member in memberships.people_of(owner.organisation.id) if member.name == "Tom Barker")
    assert tom.user_name == "tom.barker"
    use("tom.barker", printed(owner, tom)["tom.barker"])
    with transaction():
        joining.archive(owner, tom.id)
    assert fates(send(owner, "Tom Barker")) == ["new"]


def test_a_sheet_of_names_alone_is_read(owner, subscribe):
    subscribe(owner.organisation.id, 10)
    for sheet in (b"First name,Surname,Team\nTom,Barker,\n", b"Tom Barker,\nAnn Cole,\n"):
        with transaction():
            sent = arrivals.send(owner, sheet, file_name="people.csv", gives_user_names=True).id
        arrivals.read(sent)
        first = people_imports.lines(sent)[0]
        assert (first.name, first.fate) == ("Tom Barker", "new")


def test_slips_are_printed_in_as_many_statements_for_many_as_for_a_few(owner, subscribe):
    subscribe(owner.organisation.id, 200)
    counts = []
    for number in (3, 120):
        sent = send(owner, "\n".join(f"Person{number} Nr{n}" for n in range(number)))
        bring_in(owner, sent)
        sheet = slips.prepare(owner, Selection(slips.of_list(owner, sent)), days=14)
        with Recorder(db.engine) as recorder, transaction():
            slips.keep(owner, sheet)
        counts.append(len(recorder.statements))
    assert counts[0] == counts[1]
    kept = sa.select(sa.func.count()).where(JournalEntry.what == "slip.printed")
    assert db.session.scalar(kept) == 123


def test_a_sheet_is_refused_when_somebody_left_while_it_was_typeset(owner, ruth):
    sheet = slips.prepare(owner, Selection(frozenset({ruth.id})), days=14)
    with transaction():
        joining.withdraw(owner, ruth.id)
    with pytest.raises(Conflict, match="Something changed for Ruth Adeyemi"), transaction():
        slips.keep(owner, sheet)
    assert joining_slips.of(ruth.person_id) is None


def test_a_slip_printed_before_opens_no_account_that_belongs_to_another_organisation_by_now(owner, ruth, make_person):
    [(user_name, pin)] = printed(owner, ruth).items()
    eve = make_person("Eve", "eve@example.org", "St Peter")
    with transaction():
        memberships.add(memberships.places_of(eve)[0].organisation, people.known(ruth.person_id), {Role.LEARNER})
    with pytest.raises(Conflict, match="belongs to another organisation as well"):
        use(user_name, pin)
    db.session.expire_all()
    assert people.known(ruth.person_id).password_hash == ""
    assert joining_slips.of(ruth.person_id) is not None


def test_somebody_whose_account_was_deleted_gets_no_slip_and_is_not_invited_by_one(owner, ruth):
    with transaction():
        joining.withdraw(owner, ruth.id)
        db.session.get_one(Membership, ruth.id).user_name = None
    plan = slips.plan(owner, Selection(frozenset({ruth.id})))
    assert plan.reasons == [("had their account deleted", 1)]
    with pytest.raises(Conflict, match="is not somebody whose slip is over"), transaction():
        slips.invite_again(owner, ruth.id, days=14)


@pytest.mark.parametrize("is_many", [False, True])
def test_a_slip_of_an_invitation_that_was_withdrawn_opens_nothing_also_once_they_are_invited_again(owner, ruth, is_many):
    [(user_name, pin)] = printed(owner, ruth).items()
    with transaction():
        if is_many:
            crowd.do(owner, Change.WITHDRAW, Selection(frozenset({ruth.id})), days=14)
        else:
            joining.withdraw(owner, ruth.id)
    with transaction():
        slips.invite_again(owner, ruth.id, days=14)
    with pytest.raises(Invalid):
        use(user_name, pin)
    assert joining_slips.of(ruth.person_id) is None
    assert use(user_name, printed(owner, ruth)[user_name])


def test_somebody_invited_again_who_waits_has_no_slip_until_a_seat_is_theirs(owner, ruth):
    [(user_name, pin)] = printed(owner, ruth).items()
    with transaction():
        joining.withdraw(owner, ruth.id)
        others = people_making.add(owner.organisation.id, 3)
        seats.assign_each(owner.organisation.id, others, seats.State.IN_USE, by=None)
        waiting_places.switch(owner, to=True)
    with transaction():
        slips.invite_again(owner, ruth.id, days=14)
    assert waiting_places.among(owner.organisation.id, [ruth.id]) == {ruth.id}
    assert joining_slips.of(ruth.person_id) is None
    with pytest.raises(Conflict, match="nobody among them"):
        printed(owner, ruth)
    with pytest.raises(Conflict, match="is not somebody whose slip is over"), transaction():
        slips.invite_again(owner, ruth.id, days=14)
    with transaction():
        joining.archive(owner, others[0])
    assert waiting_list.fill_due(14) == 1
    with pytest.raises(Invalid):
        use(user_name, pin)
    assert use(user_name, printed(owner, ruth)[user_name])
