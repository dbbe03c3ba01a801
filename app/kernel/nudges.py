"""Nudges: asked for inside a transaction, sent to the jobs once it is committed."""

from __future__ import annotations

from flask import current_app

from app.kernel.db import db

ASKED = "nudges"


def ask(sweep: str) -> None:
    """Ask, inside a transaction, for a sweep as soon as the transaction is committed."""
    db.session().info.setdefault(ASKED, set()).add(sweep)


def send() -> None:
    """Send the nudges that the committed transaction asked for."""
    names: set[str] = db.session().info.pop(ASKED, set())
    jobs = current_app.extensions.get("jobs")
    if jobs is not None:
        for name in sorted(names):
            jobs.nudge(name)


def forget() -> None:
    """Drop the nudges of a transaction that was rolled back."""
    db.session().info.pop(ASKED, None)
