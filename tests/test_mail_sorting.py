"""Sorting mails: what can wait rests until the morning, what nobody wants stays, several become one, and none gets lost."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app import crowd, letters, mail, mail_kinds, mail_sorting
from app.accounts import invitations, mail_choices, memberships, one_time_links, people, quiet_hours
from app.accounts.mail_choices import Choice, Topic
from app.accounts.memberships import Role, State
from app.accounts.one_time_links import Purpose
from app.accounts.organisations import Organisation
from app.accounts.quiet_hours import Rule
from app.crowd import Change, Selection
from app.kernel import outbox
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from tests import people_making

# In winter London is on UTC; 26 November 2026 is a Thursday.
NOON, EVENING, NIGHT, MORNING = (f"2026-11-26T{at}:00+00:00" for at in ("12:00", "20:00", "23:30", "06:59"))
NEXT = "2026-11-27T07:00:00+00:00"
NEXT_EIGHT = "2026-11-27T08:00:00+00:00"


@pytest.fixture
def seat_given(owner):
    """Give a way to write that somebody was given a seat."""

    def write(address="ben@example.org", kind="seat_given"):
        facts = {"at": str(owner.organisation.id), "organisation": "St Mary", "name": "Ben", "has_seat": True}
        with transaction():
            return outbox.write(kind, address, organisation_id=owner.organisation.id, **facts)

    return write


def sweep(at):
    with time_machine.travel(at, tick=False):
        db.session.rollback()
        return mail.send_due()


def delivered():
    db.session.rollback()
    query = sa.select(DeliveredMail.address, DeliveredMail.subject).order_by(DeliveredMail.sent_at, DeliveredMail.address)
    return [tuple(row) for row in db.session.execute(query)]


def held(mail_id):
    db.session.rollback()
    return db.session.get_one(OutboxMail, mail_id).held_until


def invite(owner, address):
    """Invite somebody and give their membership's id."""
    with transaction():
        member = memberships.invite(owner.organisation.id, "Guest", address, {Role.LEARNER})
        db.session.flush()
        invitations.send(member, by=owner.person.id, days=14)
        return member.id


def sorted_at(moment):
    """Sort the mails that are due and give those that would go out."""
    db.session.rollback()
    with time_machine.travel(moment, tick=False), transaction():
        return [one.id for one in mail_sorting.sort(outbox.lease_due())]


def killed_after(step):
    """Do something in a transaction that does not come to its end."""
    with transaction():
        step()
        message = "killed"
        raise RuntimeError(message)


def choose(topic, choice, address="ben@example.org"):
    with transaction():
        mail_choices.choose(people.address_key(address), {topic: choice})


def test_every_kind_of_mail_says_why_it_was_sent():
    assert set(mail_kinds.KINDS) == set(letters.CONTEXTS)
    for kind in mail_kinds.KINDS.values():
        assert kind.title
        assert not kind.why.endswith(".")
        assert "they" not in kind.why_you.split()


def test_a_mail_that_can_wait_rests_over_the_night_and_leaves_in_the_morning_once(shop, seat_given):
    with time_machine.travel(NIGHT, tick=False):
        written = seat_given()
    assert sweep(NIGHT) == 0
    assert held(written).isoformat() == NEXT
    assert sweep("2026-11-27T06:59:59+00:00") == 0
    assert delivered() == []
    assert [sweep(NEXT), sweep(NEXT)] == [1, 0]
    assert delivered() == [("ben@example.org", "A seat for you at St Mary")]


def test_in_the_day_it_leaves_at_once_and_what_is_necessary_leaves_at_any_time(shop, seat_given, owner):
    with time_machine.travel(NOON, tick=False):
        seat_given()
    assert sweep(NOON) == 1
    with time_machine.travel(NIGHT, tick=False):
        seat_given("eve@example.org", "welcome_back")
        with transaction():
            outbox.write("no_account", "una@example.org")
    assert sweep(NIGHT) == 2


def test_invitations_rest_only_where_that_was_chosen(shop, owner, subscribe):
    subscribe(owner.organisation.id, 5)
    rule = Rule(holds_invitations=True)
    with time_machine.travel(NIGHT, tick=False):
        invite(owner, "ben@example.org")
    assert sweep(NIGHT) == 1
    with time_machine.travel(NIGHT, tick=False):
        with transaction():
            quiet_hours.save(owner.organisation.id, rule, by=owner.person.id)
        invite(owner, "eve@example.org")
    assert sweep(NIGHT) == 0
    assert sweep(NEXT) == 1


def test_an_organisation_without_quiet_hours_holds_nothing(shop, owner, seat_given):
    with time_machine.travel(NIGHT, tick=False):
        with transaction():
            quiet_hours.save(owner.organisation.id, Rule(is_on=False, begins=time(20)), by=owner.person.id)
        seat_given()
    assert sweep(NIGHT) == 1


def test_hundreds_that_rest_do_not_keep_what_is_necessary_waiting(shop, owner, subscribe):
    subscribe(owner.organisation.id, 150)
    with time_machine.travel(NIGHT, tick=False):
        with transaction():
            chosen = people_making.add(owner.organisation.id, 150)
        with transaction():
            crowd.do(owner, Change.GIVE, Selection(frozenset(chosen)), days=14)
            outbox.write("no_account", "una@example.org")
    assert [sweep(NIGHT), sweep(NIGHT)] == [1, 0]
    assert db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.held_until.is_not(None))) == 150
    assert sum(sweep(NEXT) for _ in range(4)) == 150


def test_several_about_courses_that_are_due_at_once_come_as_one(shop, seat_given):
    with time_machine.travel(NIGHT, tick=False):
        first, second = seat_given(), seat_given()
        seat_given("eve@example.org")
        sweep(NIGHT)
        third = seat_given()
    assert sweep(NEXT) + sweep(NEXT) == 2
    assert delivered() == [("ben@example.org", "3 things about your courses"), ("eve@example.org", "A seat for you at St Mary")]
    bundles = {db.session.get_one(OutboxMail, one).bundled_in for one in (first, second, third)}
    assert len(bundles) == 1
    text = db.session.scalar(sa.select(DeliveredMail.text).where(DeliveredMail.id == bundles.pop()))
    assert text.count("A seat for you at St Mary") == 3
    assert sweep(NEXT) == 0


def test_who_wants_them_once_a_day_gets_them_in_the_morning(shop, seat_given):
    choose(Topic.COURSES, Choice.DAILY)
    with time_machine.travel(NOON, tick=False):
        seat_given()
        seat_given()
    assert sweep(NOON) == 0
    assert sweep(NEXT) == 0
    assert sweep(NEXT_EIGHT) == 1
    assert delivered() == [("ben@example.org", "2 things about your courses")]


def test_who_wants_none_gets_none_and_what_is_necessary_all_the_same(shop, seat_given):
    choose(Topic.COURSES, Choice.NEVER, "BEN@example.org")
    with time_machine.travel(NOON, tick=False):
        unwanted = seat_given()
        seat_given(kind="welcome_back")
    assert sweep(NOON) == 1
    assert delivered() == [("ben@example.org", "You are back at St Mary")]
    assert db.session.get_one(OutboxMail, unwanted).unwanted_at is not None
    assert sweep(NOON) == 0


def test_a_worker_that_is_killed_between_taking_and_sending_loses_nothing(shop, seat_given):
    with time_machine.travel(NIGHT, tick=False):
        written = seat_given()
        with pytest.raises(RuntimeError, match="killed"):
            killed_after(lambda: mail_sorting.sort(outbox.lease_due()))
    assert held(written) is None
    sweep(NIGHT)
    assert held(written) is not None
    with pytest.raises(RuntimeError, match="killed"), time_machine.travel(NEXT, tick=False):
        killed_after(outbox.release)
    assert sweep(NEXT) == 1


def test_a_mail_that_can_be_stopped_carries_the_link_in_its_head_and_foot(shop, seat_given):
    with time_machine.travel(NOON, tick=False):
        written = db.session.get_one(OutboxMail, seat_given())
        rendered = letters.render_mail(written.id, written.kind, written.facts, written.organisation_id)
        letter = mail.Letter(written.id, written.kind, written.address, written.facts, written.organisation_id)
        sent = mail.compose(letter, rendered, shop.config["SETTINGS"])
    url = str(sent["List-Unsubscribe"])[1:-1]
    assert url.startswith("http://127.0.0.1:8000/mails/")
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in rendered.text
    assert f'href="{url}"' in rendered.html
    necessary = letters.render_mail(written.id, "no_account", {}, None)
    assert (necessary.unsubscribe_url, "/mails/" in necessary.text) == ("", False)


def test_a_reset_link_leaves_before_two_hundred_invitations_and_one_sweep_sends_them_all(shop, owner):
    with time_machine.travel(NOON, tick=False), transaction():
        ids = people_making.add(owner.organisation.id, 200, state="invited")
        guests = [invitations.Guest(one, "Guest", f"guest{n}@example.org", has_seat=True) for n, one in enumerate(ids)]
        invitations.send_each(owner.organisation, guests, by=owner.person.id, days=14)
        link = one_time_links.issue(Purpose.RESET_PASSWORD, timedelta(hours=1), person_id=owner.person.id)
        outbox.write("reset_password", "ruth@example.org", link_id=str(link.id))
    with time_machine.travel(NOON, tick=False), transaction():
        kinds = [one.kind for one in outbox.lease_due()]
    assert (kinds[0], len(kinds)) == ("reset_password", outbox.BATCH)
    assert sweep("2026-11-26T12:03:00+00:00") == 201


def test_an_invitation_that_is_over_by_the_time_it_leaves_stays_and_the_newer_one_goes(shop, owner):
    with time_machine.travel(NOON, tick=False):
        ben, eve = invite(owner, "ben@example.org"), invite(owner, "eve@example.org")
        with transaction():
            member = memberships.of_organisation(owner.organisation.id, ben)
            invitations.send_again(invitations.open_of(ben), member, by=owner.person.id, days=14)
            invitations.settle(invitations.open_of(eve), invitations.State.WITHDRAWN, by=owner.person.id)
    assert sweep(NOON) == 1
    assert [address for address, _ in delivered()] == ["ben@example.org"]
    outdated = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.outdated_at.is_not(None))).all()
    assert sorted(one.address for one in outdated) == ["ben@example.org", "eve@example.org"]
    assert {one.due_at for one in outdated} == {None}


def test_who_has_left_since_is_not_told_of_a_seat(shop, owner, seat_given):
    with time_machine.travel(NOON, tick=False):
        with transaction():
            left, _stays = people_making.add(owner.organisation.id, 2)
        to_left, _to_other = seat_given("crowd0@example.org"), seat_given("crowd1@example.org")
        with transaction():
            memberships.move(memberships.of_organisation(owner.organisation.id, left), State.ARCHIVED)
    assert sweep(NOON) == 1
    assert [address for address, _ in delivered()] == ["crowd1@example.org"]
    assert db.session.get_one(OutboxMail, to_left).outdated_at is not None


def test_what_cannot_wait_takes_nothing_along_that_rests(shop, seat_given, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 1)
    with time_machine.travel(NIGHT, tick=False):
        certificate = seat_given(kind="certificate")
    with time_machine.travel("2026-11-26T23:31:00+00:00", tick=False):
        seat = seat_given()
    assert sorted_at("2026-11-26T23:32:00+00:00") == [certificate]
    assert sorted_at("2026-11-26T23:32:00+00:00") == []
    assert held(seat).isoformat() == NEXT
    assert not mail_kinds.of(mail_sorting.BUNDLE).can_wait


def test_once_a_day_is_by_the_clock_of_the_organisation_for_what_cannot_wait_too(shop, owner, seat_given):
    choose(Topic.COURSES, Choice.DAILY)
    with time_machine.travel(NOON, tick=False):
        with transaction():
            db.session.get_one(Organisation, owner.organisation.id).zone = "America/New_York"
        written = seat_given(kind="certificate")
    assert sorted_at(NOON) == []
    assert held(written).isoformat() == "2026-11-26T13:00:00+00:00"


def test_that_people_ask_to_join_is_told_whatever_was_chosen(shop, seat_given):
    choose(Topic.NOTICES, Choice.NEVER)
    with time_machine.travel(NOON, tick=False):
        asked, _no_seat = seat_given(kind="join_requests"), seat_given(kind="no_seat_free")
    assert sorted_at(NOON) == [asked]


def test_a_mail_that_was_put_away_while_it_failed_stays_so_and_is_no_failure(shop, seat_given):
    with time_machine.travel(NOON, tick=False):
        first = seat_given()
        with transaction():
            outbox.mark_failed(first, "TimeoutError")
        assert [one.id for one in outbox.failed()] == [first]
        choose(Topic.COURSES, Choice.NEVER)
    assert sweep("2026-11-26T12:02:00+00:00") == 0
    with transaction():
        outbox.mark_failed(first, "TimeoutError")
    row = db.session.get_one(OutboxMail, first)
    assert (row.tries, row.due_at) == (1, None)
    assert outbox.failed() == []
