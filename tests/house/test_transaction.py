"""The one way to write, and the journal that only grows."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.people import Person
from app.kernel import clock, journal, nudges, outbox
from app.kernel.clock import ClockOffset
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction

STEPS = 60


def entries():
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(JournalEntry))


def nudged(shop):
    return shop.extensions["jobs"].queue.pending_count()


def seconds():
    db.session.rollback()
    return db.session.scalar(sa.select(ClockOffset.seconds))


def test_what_is_written_stays(shop):
    with transaction():
        journal.write("tried")
    assert entries() == 1


def test_transactions_do_not_nest(shop):
    def nest():
        with transaction():
            journal.write("tried")
            with transaction():
                pass

    with pytest.raises(RuntimeError, match="do not nest"):
        nest()
    assert entries() == 0
    with transaction():
        journal.write("tried")
    assert entries() == 1


def test_a_row_cannot_be_written_outside(shop):
    journal.write("tried")
    with pytest.raises(RuntimeError, match="outside transaction"):
        db.session.flush()
    db.session.rollback()
    assert entries() == 0


@pytest.mark.parametrize(
    "statement", [sa.delete(Person), sa.update(Person).values(name="X"), sa.insert(ClockOffset).values(id=1)]
)
def test_a_statement_cannot_write_outside(shop, statement):
    with pytest.raises(RuntimeError, match="outside transaction"):
        db.session.execute(statement)


def test_a_change_to_a_loaded_row_cannot_be_written_outside(shop, make_person):
    person = db.session.get_one(Person, make_person())
    person.name = "Another"
    with pytest.raises(RuntimeError, match="outside transaction"):
        db.session.flush()
    db.session.rollback()


def test_an_error_leaves_nothing_and_nudges_nobody(shop):
    before = nudged(shop)

    def fail():
        with transaction():
            outbox.write("no_account", "ruth@example.org")
            journal.write("tried")
            db.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (entries(), nudged(shop)) == (0, before)
    with transaction():
        journal.write("tried")
    assert nudged(shop) == before


def test_a_nudge_leaves_once_and_only_after_the_commit(shop):
    before = nudged(shop)
    with transaction():
        for _ in range(3):
            nudges.ask(outbox.SWEEP)
        assert nudged(shop) == before
    assert nudged(shop) == before + 1


def test_a_row_that_was_read_before_is_read_again_inside(shop, make_person):
    person = db.session.get_one(Person, make_person())
    assert person.name == "Ruth Amadi"

    def rename():
        with shop.app_context(), transaction():
            db.session.get_one(Person, person_id).name = "Ruth Lim"

    person_id = person.id
    other = threading.Thread(target=rename)
    other.start()
    other.join()
    assert person.name == "Ruth Amadi"
    with transaction():
        assert person.name == "Ruth Lim"


def test_two_processes_that_count_at_the_same_time_lose_nothing(shop, environment):
    with transaction():
        clock.advance(timedelta(seconds=1))
    command = [sys.executable, "-m", "tests.house.counter", str(STEPS)]
    counters = [
        subprocess.Popen(command, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for counter in counters:
        assert counter.stdout.readline() == "ready\n"
    for counter in counters:
        counter.stdin.write("go\n")
        counter.stdin.flush()
    for counter in counters:
        counter.communicate(timeout=60)
        assert counter.returncode == 0
    assert seconds() == 1 + 2 * STEPS


def test_an_entry_of_the_journal_cannot_be_changed(shop):
    with transaction():
        journal.write("tried")
    entry = db.session.scalars(sa.select(JournalEntry)).one()
    with pytest.raises(RuntimeError, match="only grows"), transaction():
        entry.what = "done"
    assert db.session.scalar(sa.select(JournalEntry.what)) == "tried"


def test_an_entry_of_the_journal_cannot_be_deleted(shop):
    with transaction():
        journal.write("tried")
    entry = db.session.scalars(sa.select(JournalEntry)).one()
    with pytest.raises(RuntimeError, match="only grows"), transaction():
        db.session.delete(entry)
    assert entries() == 1


@pytest.mark.parametrize("statement", [sa.delete(JournalEntry), sa.update(JournalEntry).values(what="done")])
def test_no_statement_changes_the_journal(shop, statement):
    with transaction():
        journal.write("tried")
    with pytest.raises(RuntimeError, match="only grows"), transaction():
        db.session.execute(statement)
    assert db.session.scalar(sa.select(JournalEntry.what)) == "tried"
