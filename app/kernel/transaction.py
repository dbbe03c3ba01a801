"""One way to write: `with transaction():` around one operation, opened only by edges.

The lock rule, in prose. A writing transaction first ends the read that is open and forgets what was loaded, because a row
read before it began may be stale. On SQLite it then waits for the turn of its process (a thread lock) and of its data folder
(a file lock), and begins IMMEDIATE; on PostgreSQL it begins. The rows that decide are loaded inside it or, better, decided by
one conditional statement. Several rows are locked in id order. Nothing slow happens inside: no provider, no hash, no PDF.
"""

from __future__ import annotations

import fcntl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
        except BaseException:
            session.rollback()
            nudges.forget()
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
    if not _turn.acquire(timeout=TURN_SECONDS):
        message = "The shop is very busy. Please try again in a minute."
        raise Unavailable(message)
    try:
        path: Path = current_app.config["WRITE_LOCK"]
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    finally:
        _turn.release()


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
