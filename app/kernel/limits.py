"""Limits on how often something may be tried, counted in the database so that every worker counts together."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import Model, UtcDateTime, db

WIDTHS = {4: 24, 6: 64}


class LimitCounter(Model):
    """How often something was tried since its window opened; the key is hashed, so no address stands here in clear."""

    key: Mapped[str] = mapped_column(primary_key=True)
    spent: Mapped[int]
    ends_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "ends_at"),)


def spend(key: str, limit: int, window: timedelta, number: int = 1) -> bool:
    """Count tries and say whether all are within the limit; one statement decides, whoever else tries at the same moment.

    The window opens with the first try and closes by itself. Times are real ones: whoever guesses passwords does not wait for
    the sandbox's clock.
    """
    if number > limit:
        return False
    now = clock.real_now()
    is_over = LimitCounter.ends_at <= sa.literal(now, UtcDateTime())
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = insert(LimitCounter).values(key=_hashed(key), spent=number, ends_at=now + window)
    statement = fresh.on_conflict_do_update(
        index_elements=[LimitCounter.key],
        set_={
            "spent": sa.case((is_over, number), else_=LimitCounter.spent + number),
            "ends_at": sa.case((is_over, fresh.excluded.ends_at), else_=LimitCounter.ends_at),
        },
        where=sa.or_(is_over, LimitCounter.spent + number <= limit),
    )
    return db.session.execute(statement.returning(LimitCounter.spent)).first() is not None


def clear(key: str) -> None:
    """Forget the tries counted under a key."""
    db.session.execute(sa.delete(LimitCounter).where(LimitCounter.key == _hashed(key)))


def forget_closed() -> int:
    """Remove the counters whose window has closed and give how many there were."""
    closed = sa.delete(LimitCounter).where(LimitCounter.ends_at <= clock.real_now()).returning(LimitCounter.key)
    return len(db.session.execute(closed).all())


def network_of(remote_address: str | None) -> str:
    """Give the network that a visitor's IP address belongs to: its /24, or /64 for IPv6."""
    try:
        address = ipaddress.ip_address(remote_address or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network(f"{address}/{WIDTHS[address.version]}", strict=False))


def _hashed(key: str) -> str:
    """Give the key as it is kept; with the shop's secret, because a plain hash of so few networks could be reversed."""
    secret: str = current_app.config["SECRET_KEY"]
    return hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()
