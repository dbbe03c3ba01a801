"""Digests: one mail a day for those who run things here, about what they may see, and each thing told once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from app import arrivals, digests, joining, mail
from app.accounts import invitations, mail_choices, memberships, notices, people, teams
from app.accounts.mail_choices import Choice, Topic
from app.accounts.memberships import Membership, Role
from app.accounts.notices import Notice, What
from app.kernel import clock
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from tests import people_making

NOON, LATER, NEXT_EIGHT = "2026-11-26T12:00:00+00:00", "2026-11-26T19:00:00+00:00", "2026-11-27T08:00:00+00:00"


@pytest.fixture
def accept(owner, subscribe, make_person):
    """Give a way to have somebody accept an invitation into a team, if any; it gives their membership's id."""
    subscribe(owner.organisation.id, 20)

    def one(name, team=None):
        person = people.known(make_person(name, f"{name.lower()}@example.net", "Elsewhere"))
        with transaction():
            guest = joining.invite(owner, name, f"{name.lower()}@example.org", {Role.LEARNER}, days=14, team_id=team).id
        with transaction():
            return joining.accept(invitations.open_of(guest), person).id

    return one


def news():
    db.session.rollback()
    query = sa.select(OutboxMail).where(OutboxMail.kind == "news").order_by(OutboxMail.written_at, OutboxMail.address)
    names = dict(db.session.execute(sa.select(Membership.id, Membership.name)).all())
    return [(one.address, [_read(line, names) for line in one.facts["lines"]]) for one in db.session.scalars(query)]


def _read(line, names):
    return line["what"], line["number"], [names[UUID(one)] for one in line["about"]]


def tell(at):
    with time_machine.travel(at, tick=False):
        db.session.rollback()
        return digests.tell_due()


def killed_after(step):
    """Do something in a transaction that does not come to its end."""
    with transaction():
        assert step()
        message = "killed"
        raise RuntimeError(message)


def choose(address, choice):
    with transaction():
        mail_choices.choose(people.address_key(address), {Topic.NOTICES: choice})


def test_what_happened_in_a_day_comes_in_one_mail_the_next_morning_and_once(shop, accept):
    with time_machine.travel(NOON, tick=False):
        accept("Ben")
        accept("Ann")
    assert tell(LATER) == 0
    assert tell("2026-11-27T07:59:00+00:00") == 0
    assert tell(NEXT_EIGHT) == 2
    assert tell(NEXT_EIGHT) == 0
    assert news() == [("ruth@example.org", [("accepted", 2, ["Ann", "Ben"])])]
    with time_machine.travel(NEXT_EIGHT, tick=False):
        mail.send_due()
    text = db.session.scalar(sa.select(DeliveredMail.text).where(DeliveredMail.subject == "What happened at St Mary"))
    assert "2 people accepted the invitation: Ann and Ben." in text


def test_many_names_are_cut_and_counted(shop, accept):
    with time_machine.travel(NOON, tick=False):
        for name in ("Ann", "Ben", "Cas", "Dai", "Eve", "Fay", "Gil"):
            accept(name)
    tell(NEXT_EIGHT)
    [(_, [(_, number, names)])] = news()
    assert (number, len(names)) == (7, 5)
    with time_machine.travel(NEXT_EIGHT, tick=False):
        mail.send_due()
    text = db.session.scalar(sa.select(DeliveredMail.text).where(DeliveredMail.subject == "What happened at St Mary"))
    assert "Ann, Ben, Cas, Dai, Eve and 2 more." in " ".join(text.split())


def test_somebody_is_told_at_once_or_never_if_they_choose_so(shop, owner, make_person, accept):
    admin = people.known(make_person("Tom", "tom@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, admin, {Role.ADMIN})
    choose("ruth@example.org", Choice.AT_ONCE)
    choose("tom@example.org", Choice.NEVER)
    with time_machine.travel(NOON, tick=False):
        accept("Ben")
    assert tell(NOON) == 2
    assert news() == [("ruth@example.org", [("accepted", 1, ["Ben"])])]
    choose("tom@example.org", Choice.AT_ONCE)
    assert tell(NOON) == 0


def test_a_manager_is_told_of_their_people_and_of_nobody_else(shop, owner, make_person, accept):
    mei = people.known(make_person("Mei", "mei@example.org", "Elsewhere"))
    with transaction():
        membership = memberships.add(owner.organisation, mei, {Role.LEARNER})
        site = teams.make(owner.organisation.id, "North", None, by=owner.person.id).id
        kitchen = teams.make(owner.organisation.id, "Kitchen", site, by=owner.person.id).id
        teams.appoint(owner.organisation.id, site, membership, by=owner.person.id)
    with time_machine.travel(NOON, tick=False):
        ben = accept("Ben", kitchen)
        accept("Ann")
        accept("Eve", kitchen)
    with transaction():
        teams.take_out(owner.organisation.id, kitchen, [ben], by=owner.person.id)
    tell(NEXT_EIGHT)
    assert dict(news()) == {
        "mei@example.org": [("accepted", 1, ["Eve"])],
        "ruth@example.org": [("accepted", 3, ["Ann", "Ben", "Eve"])],
    }


def test_expired_invitations_and_lists_are_told(shop, owner, subscribe):
    subscribe(owner.organisation.id, 3)
    with transaction():
        joining.invite(owner, "Ben", "ben@example.org", {Role.LEARNER}, days=14)
        clock.advance(timedelta(days=20))
    assert joining.expire_due() == 1
    with transaction():
        sent = arrivals.send(owner, b"a@example.org\nb@example.org", is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
        people_making.add(owner.organisation.id, 1)
    arrivals.bring_in(sent, days=14)
    with transaction():
        clock.advance(timedelta(days=2))
    digests.tell_due()
    assert news() == [("ruth@example.org", [("expired", 1, ["Ben"]), ("list_done", 2, [])])]


def test_a_list_that_was_put_back_is_told(shop, owner, subscribe):
    subscription = subscribe(owner.organisation.id, 2)
    with transaction():
        sent = arrivals.send(owner, b"a@example.org\nb@example.org", is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    with transaction():
        db.session.execute(sa.text("UPDATE subscription SET bought = 1"))
    assert subscription
    arrivals.bring_in(sent, days=14)
    assert {(notice.what, notice.number) for notice in db.session.scalars(sa.select(Notice))} == {("list_refused", 2)}


def test_a_worker_that_is_killed_while_telling_tells_it_the_next_time_and_once(shop, owner, accept):
    with time_machine.travel(NOON, tick=False):
        accept("Ben")
    with pytest.raises(RuntimeError, match="killed"):
        killed_after(lambda: notices.take(owner.membership.id))
    assert tell(NEXT_EIGHT) == 1
    assert len(news()) == 1


def test_old_notices_go_and_untold_ones_stay(shop, owner):
    with transaction():
        notices.of_list(owner.organisation.id, What.LIST_DONE, owner.organisation.id, 1)
        notices.take(owner.membership.id)
        notices.of_list(owner.organisation.id, What.LIST_DONE, owner.organisation.id, 1)
        clock.advance(timedelta(days=61))
    with transaction():
        assert notices.forget_old() == 1
    assert len(notices.waiting()) == 1


def test_a_notice_locks_nobody_who_is_told():
    assert not Notice.__table__.foreign_keys
