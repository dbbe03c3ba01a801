"""The mails that were sent to somebody, and why each was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from app.kernel.outbox import OutboxMail

WHY = {
    "invitation": ("Invitation", "somebody here invited them, or sent the invitation again"),
    "invitation_reminder": ("Reminder of the invitation", "they had not accepted yet"),
    "seat_given": ("A seat", "they were given a seat"),
    "welcome_back": ("Welcome back", "they were brought back"),
    "ownership_offered": ("Offer to become an owner", "an owner asked them"),
    "join_requests": ("People ask to join", "they may let them in"),
    "join_answered": ("Answer to a request", "they had asked to join"),
    "no_seat_free": ("No free seat", "somebody came by a link and found none"),
    "record_share_asked": ("Question about sharing their record", "an admin offered it to another organisation"),
    "record_offered": ("Record from elsewhere", "another organisation offers one"),
    "merger_asked": ("Question about another record", "an admin thinks that two records here are theirs"),
    "certificate": ("Certificate", "they passed a course"),
    "vat_document": ("Invoice or credit note", "they get the invoices"),
    "credit_note_void": ("Credit note taken back", "they get the invoices"),
    "seats_bought": ("Seats are ready", "seats were bought"),
}
OTHER = ("Mail", "something about their account or their seat here")


@dataclass(frozen=True, slots=True)
class Line:
    """One mail in words."""

    at: datetime
    title: str
    why: str
    state: str


def describe(mails: Iterable[OutboxMail]) -> list[Line]:
    """Put mails into words, without what they said."""
    return [Line(mail.written_at, *WHY.get(mail.kind, OTHER), _state(mail)) for mail in mails]


def _state(mail: OutboxMail) -> str:
    if mail.sent_at is not None:
        return "sent"
    return "not delivered so far" if mail.last_error else "on its way"
