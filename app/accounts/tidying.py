"""Tidying: what was kept for a while and is no longer needed goes by itself."""

from __future__ import annotations

from app.accounts import notices, person_exports, registrations, sign_ins
from app.kernel import limits
from app.kernel.transaction import transaction


def tidy() -> int:
    """Remove what is over and need not be kept: registrations, sign-ins, exports, notices, counters. Gives how many. A sweep."""
    with transaction():
        forgotten = registrations.forget_expired() + sign_ins.forget_ended() + limits.forget_closed()
        return forgotten + person_exports.forget_old() + notices.forget_old()
