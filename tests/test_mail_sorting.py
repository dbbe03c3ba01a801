"""Sorting mails: what can wait rests until the morning, what nobody wants stays, several become one, and none gets lost."""

from __future__ import annotations

from datetime import time

import pytest
import sqlalchemy as sa
import time_machine

from app import crowd, letters, mail, mail_kinds, mail_sorting
from app.accounts import mail_choices, people, quiet_hours
from app.accounts.mail_choices import Choice, Topic
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
    facts = {"link_id": str(owner.person.id), "organisation": "St Mary", "name": "Ben", "expires_at": NOON, "has_seat": True}
    with time_machine.travel(NIGHT, tick=False), transaction():
        outbox.write("invitation", "ben@example.org", organisation_id=owner.organisation.id, **facts)
    assert sweep(NIGHT) == 1
    with time_machine.travel(NIGHT, tick=False), transaction():
        quiet_hours.save(owner.organisation.id, rule, by=owner.person.id)
        outbox.write("invitation", "eve@example.org", organisation_id=owner.organisation.id, **facts)
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
