"""Limits: the database counts, whoever tries at the same moment, and never learns who tried."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.kernel import limits
from app.kernel.db import db
from app.kernel.limits import LimitCounter
from app.kernel.transaction import transaction

WINDOW = timedelta(minutes=15)


def spend(app, key="sign-in:ruth@example.org", limit=5):
    with app.app_context(), transaction():
        return limits.spend(key, limit, WINDOW)


def test_tries_are_allowed_up_to_the_limit_and_not_beyond(app):
    assert [spend(app) for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_refused_try_is_not_counted(app):
    for _ in range(9):
        spend(app)
    with app.app_context():
        assert db.session.scalar(sa.select(LimitCounter.spent)) == 5


def test_one_key_does_not_use_up_another(app):
    assert spend(app, "a", 1)
    assert spend(app, "b", 1)
    assert not spend(app, "a", 1)


def test_of_twenty_tries_at_once_five_are_allowed(app):
    with ThreadPoolExecutor(20) as pool:
        allowed = list(pool.map(lambda _: spend(app), range(20)))
    assert sum(allowed) == 5


def test_the_window_closes_fifteen_minutes_after_the_first_try(app):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        for _ in range(6):
            spend(app)
        traveller.shift(timedelta(minutes=14, seconds=59))
        assert not spend(app)
        traveller.shift(timedelta(seconds=1))
        assert [spend(app) for _ in range(6)] == [True] * 5 + [False]


def test_clearing_forgets_the_tries_of_one_key(app):
    for key in ("a", "b"):
        spend(app, key, 1)
    with app.app_context(), transaction():
        limits.clear("a")
    assert spend(app, "a", 1)
    assert not spend(app, "b", 1)


def test_closed_windows_are_forgotten_and_open_ones_kept(app):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        spend(app, "old")
        traveller.shift(timedelta(minutes=16))
        spend(app, "new")
        with app.app_context(), transaction():
            assert limits.forget_closed() == 1
        with app.app_context():
            assert db.session.scalar(sa.select(sa.func.count()).select_from(LimitCounter)) == 1


def test_no_address_stands_in_the_database_in_clear(app):
    spend(app, "sign-in:address:ruth@example.org:203.0.113.0/24")
    with app.app_context():
        key = db.session.scalars(sa.select(LimitCounter.key)).one()
    assert len(key) == 64
    assert "ruth" not in key
    assert "203.0.113" not in key


@pytest.mark.parametrize(
    ("remote_address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("", "unknown"),
        (None, "unknown"),
        ("somewhere", "unknown"),
    ],
)
def test_neighbours_share_a_network(remote_address, network):
    assert limits.network_of(remote_address) == network
