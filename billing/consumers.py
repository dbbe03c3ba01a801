"""Consumers: whoever buys for themselves asks to start at once, and is told of the 14 days in which they can cancel.

A wording keeps its number for ever, and the number is kept with the order; the newest one is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts.organisations import Kind
from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from app.accounts.organisations import Organisation

WORDINGS = {
    "1": (
        "I want to start at once. I know that I can still cancel within 14 days, and that I then pay for the days I have used, "
        "where the shop does not give all of it back."
    ),
}
NEWEST = "1"


def asked_for(organisation: Organisation, *, starts_at_once: bool) -> str | None:
    """Give the number of the wording that was agreed to; None for an organisation, which has no such right.

    Raises Invalid when somebody who buys for themselves does not ask to start at once.
    """
    if organisation.kind != Kind.INDIVIDUAL:
        return None
    if not starts_at_once:
        message = "Tick that you want to start at once. Without it we could give you your seats only after the 14 days are over."
        raise Invalid(message, field="starts_at_once")
    return NEWEST
