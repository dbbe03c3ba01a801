"""Mails I get: a switch for each kind, a link in each mail that needs no account, and what an admin sees of it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
import time_machine

from app import letters, mail
from app.accounts import mail_choices, memberships
from app.accounts.mail_choices import Choice, Topic
from app.accounts.memberships import Role, State
from app.kernel import links, outbox
from app.kernel.db import db
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from tests.page_reader import PageReader

NIGHT, NEXT = "2026-11-26T23:30:00+00:00", "2026-11-27T07:00:00+00:00"


@pytest.fixture
def write(parish):
    """Give a way to write a mail to somebody; it gives the path of the link that stops such mails."""

    def one(address="ben@example.org", kind="seat_given"):
        facts = {"at": str(parish.id), "organisation": "St Mary", "name": "Ben", "has_seat": True}
        with parish.app.app_context(), transaction():
            return f"/mails/{links.token(letters.UNSUBSCRIBING, outbox.write(kind, address, organisation_id=parish.id, **facts))}"

    return one


def choices(parish, key):
    with parish.app.app_context():
        return mail_choices.of_address(key)


def test_each_kind_has_a_switch_and_what_was_chosen_holds_for_every_address_of_the_person(parish):
    ben = parish.member("ben@example.org", Role.LEARNER)
    with parish.app.app_context(), transaction():
        db.session.execute(sa.text("UPDATE membership SET address_key = 'b@work.example' WHERE name = 'Ben' AND NOT is_owner"))
    ben.get("/profile")
    ben.click("Mails I get")
    ben.submit("Save", {"courses": "never", "notices": "at_once"})
    assert "Saved." in ben.words
    for key in ("ben@example.org", "b@work.example"):
        assert choices(parish, key) == {
            Topic.NOTICES: Choice.AT_ONCE,
            Topic.COURSES: Choice.NEVER,
            Topic.REMINDERS: Choice.AT_ONCE,
        }
    assert ben.page.select_one("#courses option[selected]")["value"] == "never"
    ben.post("/profile/mails", {"courses": "hourly", "notices": "daily", "reminders": "daily"}, 422)
    assert choices(parish, "ben@example.org")[Topic.NOTICES] == Choice.AT_ONCE


def test_the_link_in_a_mail_shows_a_button_that_needs_no_account_and_opening_it_changes_nothing(parish, write):
    link, visitor = write("Ben@example.org"), PageReader(parish.app)
    visitor.get(link)
    assert "Get no more of these mails?" in visitor.words
    assert choices(parish, "ben@example.org")[Topic.COURSES] == Choice.AT_ONCE
    visitor.submit("Stop these mails")
    assert "You get no more of these mails" in visitor.words
    assert choices(parish, "ben@example.org") == mail_choices.USUAL | {Topic.COURSES: Choice.NEVER}


def test_a_program_stops_mails_with_one_press_without_cookies_or_a_page(parish, write):
    answer = parish.app.test_client().post(write(), data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert choices(parish, "ben@example.org")[Topic.COURSES] == Choice.NEVER


def test_a_link_that_is_not_ours_or_of_a_necessary_mail_stops_nothing(parish, write):
    visitor = PageReader(parish.app)
    for path in ("/mails/forged", write()[:-2], write(kind="welcome_back")):
        visitor.get(path, 404)
        visitor.post(path, {}, 404)
    with parish.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(mail_choices.MailChoice)) == 0


def test_what_was_chosen_goes_along_to_a_new_address(parish, link_to):
    ben = parish.member("ben@example.org", Role.LEARNER)
    ben.get("/profile/mails")
    ben.submit("Save", {"courses": "never"})
    ben.get("/profile/address")
    ben.submit("Send the link", {"address": "ben@example.net", "current": parish.password})
    ben.get(link_to("ben@example.net"))
    ben.submit("Use this address")
    assert choices(parish, "ben@example.net")[Topic.COURSES] == Choice.NEVER


def test_a_persons_page_says_what_became_of_each_mail(parish, write):
    parish.member("ben@example.org", Role.LEARNER)
    with time_machine.travel(NIGHT, tick=False):
        write()
        with parish.app.app_context():
            mail.send_due()
    parish.owner.get(parish.page_of("ben@example.org"))
    assert "A seat (waits until 27 November 2026 at 07:00) Because they were given a seat." in parish.owner.words
    with time_machine.travel(NEXT, tick=False):
        write()
        with parish.app.app_context():
            mail.send_due()
    parish.owner.get(parish.page_of("ben@example.org"))
    assert "A seat (went into one mail with others)" in parish.owner.words
    assert "Several mails in one (sent)" in parish.owner.words
    parish.app.test_client().post(write(), data={"List-Unsubscribe": "One-Click"})
    with parish.app.app_context():
        mail.send_due()
    parish.owner.get(parish.page_of("ben@example.org"))
    assert "A seat (not sent: they want no such mails)" in parish.owner.words


def test_quiet_hours_are_set_and_what_makes_no_sense_comes_back(parish):
    parish.owner.get(f"{parish.home}quiet-hours")
    parish.owner.submit("Save", {"begins": "18:30", "ends": "08:00", "holds_invitations": "y"})
    assert "Saved. Mails that can wait rest like this from now on." in parish.owner.words
    assert parish.owner.page.select_one("#begins")["value"] == "18:30"
    every = {"is_on": "y", "begins": "18:30", "ends": "08:00", "days_off": [str(day) for day in range(7)]}
    parish.owner.post(f"{parish.home}quiet-hours", every, 422)
    assert "Leave at least one day of the week" in parish.owner.words
    parish.owner.post(f"{parish.home}quiet-hours", every | {"begins": "late", "days_off": []}, 422)
    assert "Give a time of day, such as 20:00." in parish.owner.words
    parish.owner.post(f"{parish.home}quiet-hours", {"begins": "18:30", "ends": "08:00"})
    parish.owner.get(f"{parish.home}quiet-hours")
    assert "It is not quiet" in parish.owner.words


def test_everybody_of_a_mail_finds_why_it_was_sent_in_its_foot(parish, write):
    write()
    with parish.app.app_context():
        written = db.session.scalars(sa.select(OutboxMail)).one()
        rendered = letters.render_mail(written.id, written.kind, written.facts, written.organisation_id)
    assert "You get this mail because you were given a seat." in rendered.text
    assert re.search(r"You get this mail because you were given a seat\..*Sent by Lanyard for St Mary", rendered.html, re.DOTALL)


def test_a_persons_page_says_of_a_mail_that_it_was_no_longer_true(parish, write):
    parish.member("ben@example.org", Role.LEARNER)
    write()
    with parish.app.app_context():
        with transaction():
            memberships.move(memberships.with_address(parish.id, "ben@example.org"), State.ARCHIVED)
        mail.send_due()
    parish.owner.get(parish.page_of("ben@example.org"))
    assert "A seat (not sent: it was no longer true by then)" in parish.owner.words
