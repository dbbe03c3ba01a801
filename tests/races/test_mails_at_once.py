"""Mails at once: however many workers sort and send, each thing is told once, and nothing gets lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
import time_machine

from app import digests, mail
from app.accounts import mail_choices, notices
from app.accounts.mail_choices import Choice, Topic
from app.accounts.notices import What
from app.kernel import outbox
from app.kernel.db import db, uuid7
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction

NOON = "2026-11-26T12:00:00+00:00"


def at_once(app, number, work):
    """Have so many workers do something until there is nothing to do, all at the same moment."""
    barrier = threading.Barrier(number)

    def run(_worker):
        with app.app_context():
            barrier.wait()
            done = 0
            while did := work():
                done += did
            return done

    with ThreadPoolExecutor(number) as pool:
        return sum(pool.map(run, range(number)))


def test_six_workers_send_each_mail_once_by_itself_or_with_others(shop, owner):
    facts = {"at": str(owner.organisation.id), "organisation": "St Mary", "name": "Ben", "has_seat": True}
    with time_machine.travel(NOON, tick=True):
        with transaction():
            for _ in range(4):
                mails = ((f"reader{n}@example.org", facts) for n in range(40))
                outbox.write_all("seat_given", mails, organisation_id=owner.organisation.id)
        at_once(shop, 6, mail.send_due)
    db.session.rollback()
    written = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "seat_given")).all()
    bundles = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "course_digest")).all()
    assert len(written) == 160
    assert all((one.sent_at is None) != (one.bundled_in is None) for one in written)
    assert all(one.sent_at is not None for one in bundles)
    told = [told for bundle in bundles for told in bundle.facts["mails"]]
    assert sorted(told) == sorted(str(one.id) for one in written if one.bundled_in)
    delivered = db.session.scalar(sa.select(sa.func.count()).select_from(DeliveredMail))
    assert delivered == len(bundles) + sum(one.sent_at is not None for one in written)


def test_six_workers_tell_what_happened_once(shop, owner):
    with transaction():
        mail_choices.choose(owner.person.address_key, {Topic.NOTICES: Choice.AT_ONCE})
        for _ in range(20):
            notices.of_list(owner.organisation.id, What.LIST_DONE, uuid7(), 3)
    assert at_once(shop, 6, digests.tell_due) == 20
    db.session.rollback()
    mails = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "news")).all()
    assert sum(line["number"] for mail in mails for line in mail.facts["lines"]) == 60
