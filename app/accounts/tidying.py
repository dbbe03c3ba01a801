"""Tidying: what was kept for a while and is no longer needed goes by itself."""

from __future__ import annotations

from app.accounts import person_exports, registrations, sign_ins
from app.kernel import limits
from app.kernel.transaction import transaction


def tidy() -> int:
    """Remove expired registrations, long-ended sign-ins, old exports and closed counters, and give how many; a sweep."""
    with transaction():
        return registrations.forget_expired() + sign_ins.forget_ended() + person_exports.forget_old() + limits.forget_closed()
