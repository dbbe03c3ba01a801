"""A database that others keep busy is a matter of waiting, and then of words, never a fault."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel import limits, transaction
from app.kernel.db import db
from app.kernel.errors import Unavailable

WORDS = "The shop is very busy. Please try again in a minute."
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def spend(key):
    return limits.spend(key, 1000, timedelta(hours=1))


@on_sqlite
def test_another_process_that_keeps_the_turn_is_waited_for_and_then_named(shop, monkeypatch):
    monkeypatch.setattr(transaction, "TURN_SECONDS", 0.1)
    with shop.config["WRITE_LOCK"].open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match=WORDS), transaction.transaction():
            pytest.fail("it was not our turn")
    with transaction.transaction():
        assert spend("afterwards")


@on_sqlite
def test_a_turn_that_comes_while_waiting_is_taken(shop):
    held = shop.config["WRITE_LOCK"].open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    threading.Timer(0.1, held.close).start()
    began = time.monotonic()
    with transaction.transaction():
        assert spend("then")
    assert 0.05 < time.monotonic() - began < 5


@on_sqlite
def test_a_thread_that_keeps_the_turn_is_named_too(shop, monkeypatch):
    monkeypatch.setattr(transaction, "TURN_SECONDS", 0.05)
    with transaction._turn, pytest.raises(Unavailable, match=WORDS), transaction.transaction():  # noqa: SLF001 - held as by another
        pytest.fail("it was not our turn")


@on_sqlite
def test_a_locked_file_of_sqlite_is_told_as_busy(shop, data):
    db.session.execute(sa.text("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(data / "lanyard.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=WORDS), transaction.transaction():
        pytest.fail("the file was locked")
    other.execute("ROLLBACK")
    other.close()
    with transaction.transaction():
        assert spend("afterwards")


@on_postgresql
def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(shop):
    for key in ("one", "two"):
        with transaction.transaction():
            spend(key)
    both_hold, answers = threading.Barrier(2), []

    def cross(first, second):
        with shop.app_context():
            try:
                with transaction.transaction():
                    spend(first)
                    both_hold.wait(10)
                    spend(second)
                answers.append("done")
            except Unavailable as refusal:
                answers.append(refusal.message)

    threads = [threading.Thread(target=cross, args=keys) for keys in (("one", "two"), ("two", "one"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(["done", WORDS])


@on_postgresql
def test_a_view_that_is_out_of_date_is_told_as_busy(shop):
    with pytest.raises(Unavailable, match=WORDS), transaction.transaction():
        db.session.execute(sa.text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))


def test_any_other_trouble_of_the_database_stays_a_fault_and_names_no_values(shop):
    with pytest.raises(sa.exc.DBAPIError) as trouble, transaction.transaction():
        db.session.execute(sa.text("SELECT * FROM nothing WHERE name = :name"), {"name": "Ruth Amadi"})
    assert "Ruth" not in str(trouble.value)
