"""One way to write: `with transaction():` around one operation, opened only by edges.

The lock rule, in prose. A writing transaction first ends the read that is open and forgets what was loaded, because a row
read before it began may be stale. On SQLite it then waits for the turn of its process (a thread lock) and of its data folder
(a file lock), and begins IMMEDIATE; on PostgreSQL it begins. The rows that decide are loaded inside it or, better, decided by
one conditional statement. Several rows are locked in id order. Nothing slow happens inside: no provider, no hash, no PDF.
"""

from __future__ import annotations

import fcntl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from app.kernel import nudges
from app.kernel.db import WRITING, db
from app.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import ORMExecuteState

TURN_SECONDS = 30
POLL_SECONDS = 0.002
# PostgreSQL: serialization failure, deadlock, lock not available. SQLite: SQLITE_BUSY, SQLITE_LOCKED.
BUSY_STATES = {"40001", "40P01", "55P03"}
BUSY_CODES = {5, 6}
_turn = threading.Lock()


@contextmanager
def transaction() -> Iterator[None]:
    """Run the block as one writing transaction and nudge the jobs it asked for once it is committed.

    Raises RuntimeError when one is already open, Unavailable when the database stays busy.
    """
    session = db.session()
    if session.info.get(WRITING):
        message = "transactions do not nest"
        raise RuntimeError(message)
    session.rollback()
    session.expire_all()
    with _write_turn(session):
        session.info[WRITING] = True
        try:
            session.connection(execution_options={WRITING: True})
            yield
            session.commit()
        except BaseException as error:
            session.rollback()
            nudges.forget()
            if _is_busy(error):
                raise _busy() from error
            raise
        finally:
            session.info.pop(WRITING, None)
    nudges.send()


@contextmanager
def _write_turn(session: Session) -> Iterator[None]:
    """Wait for the turn to write where the database has one writer."""
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    until = time.monotonic() + TURN_SECONDS
    if not _turn.acquire(timeout=TURN_SECONDS):
        raise _busy()
    try:
        path: Path = current_app.config["WRITE_LOCK"]
        with path.open("w") as file:
            _lock(file, until)
            yield
    finally:
        _turn.release()


def _lock(file: TextIO, until: float) -> None:
    """Wait for the lock on a file; raises Unavailable when another process keeps it for too long."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise _busy() from None
            time.sleep(POLL_SECONDS)
        else:
            return


def _is_busy(error: BaseException) -> bool:
    """Whether the database refused only because others write, or hold its connections, at the same moment."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    # An extended code of SQLite holds the plain one in its lowest byte.
    code = getattr(error.orig, "sqlite_errorcode", None)
    return getattr(error.orig, "sqlstate", None) in BUSY_STATES or (code is not None and code & 0xFF in BUSY_CODES)


def _busy() -> Unavailable:
    message = "The shop is very busy. Please try again in a minute."
    return Unavailable(message)


def guard() -> None:
    """Refuse every write outside `transaction()`, so that no handler can half-write by accident."""
    for name, check in (("before_flush", _refuse_flush), ("do_orm_execute", _refuse_statement)):
        if not sa.event.contains(Session, name, check):
            sa.event.listen(Session, name, check)


def _refuse_flush(session: Session, *_rest: Any) -> None:
    if not session.info.get(WRITING) and (session.new or session.dirty or session.deleted):
        message = "a write outside transaction()"
        raise RuntimeError(message)


def _refuse_statement(state: ORMExecuteState) -> None:
    is_write = state.is_insert or state.is_update or state.is_delete
    if is_write and not state.session.info.get(WRITING):
        message = "a write outside transaction()"
        raise RuntimeError(message)
