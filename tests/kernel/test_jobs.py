"""Jobs: a nudge is only a nudge, a turn is taken once, and what is due is found however it was lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.kernel import jobs, nudges, outbox
from app.kernel.jobs import Jobs, Sweep
from app.kernel.transaction import transaction


def test_a_turn_that_many_workers_want_is_taken_once(app):
    sweep = Sweep("counted", lambda: 0)

    def take(_):
        with app.app_context():
            return jobs._take_turn(sweep)  # noqa: SLF001 - the decision itself is what is raced for

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_a_sweep_that_fails_does_not_stop_the_others(app):
    done = []

    def fail():
        message = "broken"
        raise RuntimeError(message)

    made = Jobs(app, app.config["SETTINGS"], [Sweep("broken", fail), Sweep("good", lambda: done.append(1) or 0)])
    made.run_due_turns()
    assert done == [1]


def test_sweeps_run_until_nothing_is_left(app):
    left = [3]

    def work():
        left[0] = max(0, left[0] - 1)
        return left[0]

    Jobs(app, app.config["SETTINGS"], [Sweep("work", work)]).run_until_quiet()
    assert left == [0]
    with pytest.raises(RuntimeError, match="never come to rest"):
        Jobs(app, app.config["SETTINGS"], [Sweep("endless", lambda: 1)]).run_until_quiet()


def _ask_and_fail():
    with transaction():
        nudges.ask("unknown")
        1 / 0  # noqa: B018 - anything that goes wrong


# huey leaves the connection on which a worker listens to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*psycopg.Connection:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:.*psycopg.Connection:ResourceWarning")
def test_a_consumer_runs_what_a_committed_transaction_asked_for(app):
    ran = []
    made = Jobs(app, app.config["SETTINGS"], [Sweep("asked", lambda: ran.append(1) or 0, every=timedelta(hours=1))])
    app.extensions["jobs"] = made
    consumer = made.consumer()
    consumer.start()
    try:
        with app.app_context():
            with transaction():
                nudges.ask("asked")
            with pytest.raises(ZeroDivisionError):
                _ask_and_fail()
        until = time.monotonic() + 20
        while not ran and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        consumer.stop(graceful=True)
        made.close()
    assert ran


def test_a_lost_nudge_is_only_a_delay(app, monkeypatch):
    made = app.extensions["jobs"]
    monkeypatch.setattr(made, "_make_queue", lambda: 1 / 0)
    with app.app_context(), transaction():
        outbox.write("no_account", "ruth@example.org")
    assert made.run("mail") == 1
