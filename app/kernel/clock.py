"""The shop's clock: real time, plus an offset that only the sandbox can move, and only forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from flask import current_app, g
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db
from app.kernel.errors import Invalid, NotAllowed

LONGEST_STEP = timedelta(days=800)


class ClockOffset(Model):
    """By how many seconds the sandbox's clock runs ahead; one row at most."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seconds: Mapped[int]

    __table_args__ = (sa.CheckConstraint("id = 1 AND seconds >= 0", name="one_row_forward"),)


def now() -> datetime:
    """Give the present moment in UTC; in the sandbox, the moment its clock was moved to."""
    return real_now() + _offset()


def real_now() -> datetime:
    """Give the real moment, for signatures, leases and whatever meets other machines."""
    return datetime.now(UTC)


def advance(step: timedelta) -> None:
    """Move the sandbox's clock forward; raises NotAllowed where money moves, Invalid for a step back or one too long."""
    if not current_app.config["CLOCK_MOVES"]:
        message = "The clock can be moved only in the sandbox."
        raise NotAllowed(message)
    if not timedelta(0) < step <= LONGEST_STEP:
        message = f"Move the clock forward by at most {LONGEST_STEP.days} days."
        raise Invalid(message)
    seconds = int(step.total_seconds())
    row = db.session.get(ClockOffset, 1, with_for_update=True)
    if row is None:
        db.session.add(ClockOffset(id=1, seconds=seconds))
    else:
        row.seconds += seconds
    db.session.flush()
    g.pop("clock_offset", None)


def _offset() -> timedelta:
    """Give the offset, read once in each application context."""
    if not current_app.config["CLOCK_MOVES"]:
        return timedelta(0)
    if "clock_offset" not in g:
        seconds = db.session.scalar(sa.select(ClockOffset.seconds).where(ClockOffset.id == 1))
        g.clock_offset = timedelta(seconds=seconds or 0)
    offset: timedelta = g.clock_offset
    return offset
