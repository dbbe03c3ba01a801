"""Tidying: what was kept for a while and is no longer needed goes by itself."""

from __future__ import annotations

from app.accounts import notices, registrations, sign_ins
from app.kernel import limits
from app.kernel.transaction import transaction


def tidy() -> int:
    """Remove expired registrations, long-ended sign-ins, closed counters and old notices, and give how many; a sweep."""
    with transaction():
        forgotten = registrations.forget_expired() + sign_ins.forget_ended() + limits.forget_closed()
        return forgotten + notices.forget_old()
