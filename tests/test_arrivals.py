"""Arrivals: read, shown, brought in whole or not at all, safe to send twice, undone while nobody has accepted."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import arrivals, crowd, joining
from app.accounts import invitations, memberships, people, people_imports, teams
from app.accounts.invitations import Invitation
from app.accounts.memberships import Membership
from app.accounts.people_imports import Fate, State
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import seats
from tests import people_making
from tests.house.statements import Recorder

LIST = "Ruth <ann@example.org>\nBen <ben@example.org>\nCarys <carys@example.org>"


@pytest.fixture
def send(owner):
    """Give a way to send a list and have it read; gives its id."""

    def one(text=LIST, **options):
        with transaction():
            sent = arrivals.send(owner, text.encode(), is_pasted="file_name" not in options, **options).id
        arrivals.read(sent)
        return sent

    return one


@pytest.fixture
def bring_in(owner):
    """Give a way to ask for a list and have it brought in."""

    def one(sent):
        with transaction():
            arrivals.want(owner, sent)
        return arrivals.bring_in(sent, days=14)

    return one


def state(sent):
    db.session.expire_all()
    return db.session.get_one(people_imports.PeopleImport, sent).state


def fates(sent):
    return [line.fate for line in people_imports.lines(sent)]


def total(model, *where):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


def test_everybody_new_comes_in_with_seat_invitation_journal_and_mail(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 5)
    sent = send(note="See you soon")
    assert (state(sent), fates(sent)) == (State.READY, [Fate.NEW] * 3)
    assert seats.count(owner.organisation.id).held == 0
    assert bring_in(sent)
    assert state(sent) == State.DONE
    assert seats.count(owner.organisation.id) == seats.Count(5, 0, 3)
    assert total(OutboxMail, OutboxMail.kind == "invitation") == 3
    assert total(JournalEntry, JournalEntry.what == "invitation.sent") == 3
    assert {invitation.note for invitation in db.session.scalars(sa.select(Invitation))} == {"See you soon"}
    guest = memberships.with_address(owner.organisation.id, "ben@example.org")
    with transaction():
        link = invitations.token(invitations.open_of(guest.id).link_id)
        person = people.with_address("ben@example.org")
        assert person is None
        assert invitations.opened(link).membership_id == guest.id


def test_the_preview_tells_who_is_new_here_comes_back_or_cannot_come(owner, subscribe, send):
    subscribe(owner.organisation.id, 10)
    with transaction():
        people_making.add(owner.organisation.id, 1)
        people_making.add(owner.organisation.id, 1, start=1, state="archived")
        teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
    text = "Name,E-mail,Team\nA,crowd0@example.org,\nB,crowd1@example.org,\nC,c@example.org,kitchen\nD,d@example.org,Tower\nE,,\n"
    sent = send(text, file_name="people.csv")
    assert fates(sent) == [Fate.HERE, Fate.BACK, Fate.NEW, Fate.PROBLEM, Fate.PROBLEM]
    lines = people_imports.lines(sent)
    assert lines[2].team_id is not None
    assert "There is no team called Tower" in lines[3].problem
    assert people_imports.counts(sent) == {"new": 1, "back": 1, "here": 1, "problem": 2}
    assert [line.number for line in people_imports.lines(sent, Fate.PROBLEM)] == [5, 6]


def test_who_comes_back_has_the_same_record_and_teams_are_kept(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 10)
    with transaction():
        (gone,) = people_making.add(owner.organisation.id, 1, state="archived")
        kitchen = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id).id
        garden = teams.make(owner.organisation.id, "Garden", None, by=owner.person.id).id
    text = "E-mail,Team\ncrowd0@example.org,Kitchen\nnew@example.org,\n"
    assert bring_in(send(text, file_name="x.csv", team_id=garden))
    back = memberships.with_address(owner.organisation.id, "crowd0@example.org")
    assert (back.id, back.state) == (gone, "invited")
    assert teams.sizes(owner.organisation.id) == {kitchen: 1, garden: 1}


def test_the_same_list_sent_twice_changes_nothing_more(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 10)
    first, second = send(), send()
    assert bring_in(first)
    assert fates(second) == [Fate.NEW] * 3
    with transaction():
        arrivals.want(owner, second)
    arrivals.bring_in(second, days=14)
    assert state(second) == State.READY
    assert "Everybody in this list is here by now." in db.session.get_one(people_imports.PeopleImport, second).problem
    assert seats.count(owner.organisation.id).held == 3
    assert fates(send()) == [Fate.HERE] * 3
    assert not arrivals.bring_in(first, days=14)


def test_too_few_seats_and_nobody_comes_in(owner, subscribe, send):
    subscribe(owner.organisation.id, 3)
    sent = send()
    with transaction():
        arrivals.want(owner, sent)
        joining.invite(owner, "Una", "una@example.org", {memberships.Role.LEARNER}, days=14)
    arrivals.sweep(14)
    assert state(sent) == State.READY
    assert "3 seats are needed and 2 seats are free" in db.session.get_one(people_imports.PeopleImport, sent).problem
    assert total(Membership, Membership.address == "ben@example.org") == 0
    assert seats.miscounted() == []
    with pytest.raises(Conflict, match="needs 3 seats, and 2 are free"), transaction():
        arrivals.want(owner, sent)


def test_a_worker_killed_while_bringing_in_leaves_all_to_the_next(owner, subscribe, send, monkeypatch):
    subscribe(owner.organisation.id, 5)
    sent = send()
    with transaction():
        arrivals.want(owner, sent)

    def die(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(invitations, "send_each", die)
        with pytest.raises(KeyboardInterrupt):
            arrivals.bring_in(sent, days=14)
    assert state(sent) == State.WANTED
    assert seats.count(owner.organisation.id).held == 0
    assert arrivals.sweep(14) == 1
    assert arrivals.sweep(14) == 0
    assert state(sent) == State.DONE
    assert seats.count(owner.organisation.id).held == 3
    assert seats.miscounted() == []


def test_a_worker_killed_while_reading_leaves_the_list_to_the_next(owner, monkeypatch):
    with transaction():
        sent = arrivals.send(owner, LIST.encode(), is_pasted=True).id
    with monkeypatch.context() as killed:
        killed.setattr(people_imports, "keep_lines", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            arrivals.read(sent)
    assert state(sent) == State.WAITING
    assert arrivals.sweep(14) == 1
    assert fates(sent) == [Fate.NEW] * 3
    assert people_imports.whole(sent).content is None


def test_a_list_that_fails_is_moved_out_of_the_way_of_the_others(owner, subscribe, send, monkeypatch):
    subscribe(owner.organisation.id, 10)
    with transaction():
        first, second = (arrivals.send(owner, text.encode(), is_pasted=True).id for text in ("bad@example.org", LIST))
    keep, add = people_imports.keep_lines, arrivals._add  # noqa: SLF001 - where what nobody foresaw happens

    def keep_good(import_id, lines):
        if import_id == first:
            raise RuntimeError
        keep(import_id, lines)

    monkeypatch.setattr(people_imports, "keep_lines", keep_good)
    assert arrivals.sweep(14) == 2
    assert (state(first), state(second)) == (State.REFUSED, State.READY)
    assert people_imports.whole(first).problem == arrivals.NOT_READ
    assert people_imports.whole(first).content is None
    third = send("una@example.org")
    with transaction():
        arrivals.want(owner, second)
        arrivals.want(owner, third)

    def add_few(organisation_id, new):
        if len(new) > 1:
            raise RuntimeError
        add(organisation_id, new)

    monkeypatch.setattr(arrivals, "_add", add_few)
    assert arrivals.sweep(14) == 2
    assert (state(second), state(third)) == (State.READY, State.DONE)
    assert people_imports.whole(second).problem == arrivals.NOT_BROUGHT_IN
    assert seats.count(owner.organisation.id).held == 1


def test_a_list_is_left_to_the_next_sweep_while_the_database_is_busy(owner, monkeypatch):
    with transaction():
        sent = arrivals.send(owner, LIST.encode(), is_pasted=True).id

    def busy(*_args):
        raise Unavailable("Try again in a minute.")

    monkeypatch.setattr(arrivals, "NOTED_EVERY", 1)
    with monkeypatch.context() as full:
        full.setattr(people_imports, "note_progress", busy)
        assert arrivals.sweep(14) == 0
    assert state(sent) == State.WAITING
    assert arrivals.sweep(14) == 1
    assert state(sent) == State.READY


def test_a_line_that_was_emptied_because_somebody_is_gone_brings_nobody_in(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 5)
    sent = send()
    with transaction():
        line = people_imports.lines(sent)[1]
        line.name = line.address = line.address_key = ""
    assert people_imports.counts(sent)["new"] == people_imports.number_to_bring_in(sent) == 2
    assert len(people_imports.lines(sent)) == 2
    assert bring_in(sent)
    assert seats.count(owner.organisation.id) == seats.Count(5, 0, 2)
    assert "" not in {member.name for member in memberships.people_of(owner.organisation.id)}


def test_what_no_database_can_keep_is_refused_or_left_out(owner):
    with pytest.raises(Invalid, match="Take it out"), transaction():
        arrivals.send(owner, b"Ruth\0 <ruth@example.org>", is_pasted=True)
    with transaction():
        assert arrivals.send(owner, b"E-mail\nben@example.org\n", file_name="a\0b.csv").file_name == "ab.csv"


def test_it_is_undone_while_nobody_has_accepted(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 5)
    sent = send()
    bring_in(sent)
    with transaction():
        assert arrivals.undo(owner, sent) == 3
    assert state(sent) == State.UNDONE
    assert seats.count(owner.organisation.id).free == 5
    assert total(Membership, Membership.state == "withdrawn") == 3
    with pytest.raises(Conflict), transaction():
        arrivals.undo(owner, sent)
    assert fates(send()) == [Fate.BACK] * 3


def test_once_somebody_has_accepted_it_is_not_undone(owner, subscribe, send, bring_in, make_person):
    subscribe(owner.organisation.id, 5)
    sent = send()
    bring_in(sent)
    ben = make_person("Ben", "ben@example.org", "Elsewhere")
    with transaction():
        guest = memberships.with_address(owner.organisation.id, "ben@example.org")
        joining.accept(invitations.open_of(guest.id), people.known(ben))
    with pytest.raises(Conflict, match="1 of this list have accepted"), transaction():
        arrivals.undo(owner, sent)
    assert seats.count(owner.organisation.id) == seats.Count(5, 1, 2)


def test_undoing_a_list_leaves_the_invitations_that_others_sent_since(owner, subscribe, send, bring_in, make_person):
    subscribe(owner.organisation.id, 5)
    sent = send()
    bring_in(sent)
    with transaction():
        for address in ("ann@example.org", "ben@example.org"):
            joining.withdraw(owner, memberships.with_address(owner.organisation.id, address).id)
        anew = joining.invite(owner, "Ann", "ann@example.org", {memberships.Role.ADMIN}, days=14).id
        joining.invite(owner, "Ben", "ben@example.org", {memberships.Role.LEARNER}, days=14)
    ben = make_person("Ben", "ben@example.org", "Elsewhere")
    with transaction():
        guest = memberships.with_address(owner.organisation.id, "ben@example.org")
        joining.accept(invitations.open_of(guest.id), people.known(ben))
        assert arrivals.undo(owner, sent) == 1
    assert invitations.open_of(anew) is not None
    assert memberships.with_address(owner.organisation.id, "ann@example.org").state == "invited"
    assert memberships.with_address(owner.organisation.id, "ben@example.org").state == "active"
    assert seats.count(owner.organisation.id) == seats.Count(5, 1, 0)
    assert seats.miscounted() == []


def test_a_list_of_another_organisation_is_none(owner, send, make_person):
    sent = send()
    stranger = people.known(make_person("Una", "una@example.org", "Elsewhere"))
    there = memberships.actor(stranger, memberships.places_of(stranger.id)[0].organisation.id)
    for operation in (arrivals.want, arrivals.undo):
        with pytest.raises(Missing), transaction():
            operation(there, sent)


def test_lines_go_after_a_month(owner, send):
    sent = send()
    with transaction():
        clock.advance(people_imports.KEPT)
    arrivals.sweep(14)
    assert people_imports.lines(sent) == []


def test_bringing_in_takes_as_many_statements_for_many_as_for_few(owner, subscribe, send):
    subscribe(owner.organisation.id, 3000)

    def statements(number, start):
        sent = send("\n".join(f"p{n}@example.org" for n in range(start, start + number)))
        with transaction():
            arrivals.want(owner, sent)
        with Recorder(db.engine) as recorder:
            arrivals.bring_in(sent, days=14)
        return len(recorder.statements)

    assert statements(5, 0) == statements(500, 5) <= 30


def test_invitations_are_reminded_of_twice_and_no_more(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 5)
    bring_in(send())
    assert joining.remind_due() == 0
    for days, number in ((4, 3), (4, 0), (4, 3), (1, 0)):
        with transaction():
            clock.advance(timedelta(days=days))
        assert joining.remind_due() == number, days
    assert joining.remind_due() == 0
    assert total(OutboxMail, OutboxMail.kind == "invitation_reminder") == 6


def test_who_accepted_or_was_withdrawn_is_not_reminded(owner, subscribe, send, bring_in):
    subscribe(owner.organisation.id, 5)
    sent = send()
    bring_in(sent)
    with transaction():
        clock.advance(timedelta(days=5))
        arrivals.undo(owner, sent)
    assert joining.remind_due() == 0
    assert crowd.Change.RESEND
