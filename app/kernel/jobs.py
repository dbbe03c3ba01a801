"""Background work: sweeps that pick up whatever is due and not done, run by huey; enqueueing one is only a nudge.

Durable rows are the truth. A sweep that is killed loses nothing, because its next run finds the same rows due, and running it
twice changes nothing.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
import structlog
from huey import PostgresHuey, SqliteHuey, crontab
from huey.consumer import Consumer
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import Model, db
from app.kernel.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Flask
    from huey import Huey

    from app.settings import Settings

log = structlog.get_logger(__name__)


class SweepTurn(Model):
    """When a sweep is next due by the clock on the wall, so that however many workers there are it runs once."""

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Work that is repeated: `run` does what is due and gives how many it did."""

    name: str
    run: Callable[[], int]
    every: timedelta = timedelta(minutes=1)


class Jobs:
    """The sweeps of one application and the queue that nudges them."""

    def __init__(self, app: Flask, settings: Settings, sweeps: Iterable[Sweep]) -> None:
        """Keep the queue beside the data: in the PostgreSQL database, or in a file of the data folder."""
        self._app = app
        self._settings = settings
        self._sweeps = {sweep.name: sweep for sweep in sweeps}
        self._queue: Huey | None = None
        self._nudged: Any = None
        self._making = threading.Lock()

    @property
    def queue(self) -> Huey:
        """The queue, made when it is first needed."""
        with self._making:
            if self._queue is None:
                self._queue = self._make_queue()
        return self._queue

    def _make_queue(self) -> Huey:
        url = self._settings.database_url
        if url.startswith("postgresql"):
            queue: Huey = PostgresHuey("lanyard", dsn=url.replace("+psycopg", ""), results=False)
        else:
            queue = SqliteHuey("lanyard", filename=str(self._settings.data / "jobs.sqlite3"), results=False)
        self._nudged = queue.task(name="nudged")(self.run)
        queue.periodic_task(crontab(minute="*"), name="every_minute")(self.run_due_turns)
        return queue

    def close(self) -> None:
        """Let go of the queue's storage."""
        if self._queue is not None:
            self._queue.storage.close()

    def nudge(self, name: str) -> None:
        """Ask for a sweep soon; a nudge that is lost is made up for within its interval."""
        try:
            self.queue.enqueue(self._nudged.s(name))
        except Exception:
            log.warning("nudge lost", sweep=name, exc_info=True)

    def run(self, name: str) -> int:
        """Run one sweep now and give how many things it did."""
        with self._app.app_context():
            return self._sweeps[name].run()

    def run_due_turns(self) -> None:
        """Run each sweep whose turn has come and that no other worker has taken."""
        for sweep in self._sweeps.values():
            with self._app.app_context():
                mine = _take_turn(sweep)
            if mine:
                try:
                    self.run(sweep.name)
                except Exception:
                    log.exception("sweep failed", sweep=sweep.name)

    def run_until_quiet(self, rounds: int = 20) -> None:
        """Run every sweep until none finds anything to do; raises RuntimeError when that does not come to an end."""
        for _ in range(rounds):
            if not sum(self.run(name) for name in self._sweeps):
                return
        message = "the sweeps never come to rest"
        raise RuntimeError(message)

    def nudge_all(self) -> None:
        """Ask for every sweep, as after a move of the clock."""
        for name in self._sweeps:
            self.nudge(name)

    def consumer(self, workers: int = 2) -> Consumer:
        """Make a consumer that leaves the signals to whoever runs it."""
        return _QuietConsumer(self.queue, workers=workers, periodic=True, initial_delay=0.05, max_delay=1.0)


class _QuietConsumer(Consumer):  # type: ignore[misc]  # huey has no types
    def _set_signal_handlers(self) -> None:
        """Leave the signals alone: the consumer may run beside a server in a thread."""


def _take_turn(sweep: Sweep) -> bool:
    """Take the turn of a sweep if it is due; one statement decides between workers."""
    now = clock.real_now()
    with transaction():
        if db.session.get(SweepTurn, sweep.name) is None:
            with contextlib.suppress(sa.exc.IntegrityError), db.session.begin_nested():
                db.session.add(SweepTurn(name=sweep.name, due_at=now))
        taken = db.session.execute(
            sa.update(SweepTurn)
            .where(SweepTurn.name == sweep.name, SweepTurn.due_at <= now)
            .values(due_at=now + sweep.every - timedelta(seconds=5))
        )
        return cast("int", cast("Any", taken).rowcount) == 1
