"""Tidying: what was kept for a while and is no longer needed goes by itself."""

from __future__ import annotations

from app.accounts import registrations, sign_ins
from app.kernel import limits
from app.kernel.transaction import transaction


def tidy() -> int:
    """Remove expired registrations, long-ended sign-ins and closed counters, and give how many there were; a sweep."""
    with transaction():
        return registrations.forget_expired() + sign_ins.forget_ended() + limits.forget_closed()
