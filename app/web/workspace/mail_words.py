"""The mails that were sent to somebody, and why each was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import mail_kinds
from app.web import context

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from app.kernel.outbox import OutboxMail


@dataclass(frozen=True, slots=True)
class Line:
    """One mail in words."""

    at: datetime
    title: str
    why: str
    state: str


def describe(mails: Iterable[OutboxMail]) -> list[Line]:
    """Put mails into words, without what they said."""
    told = ((mail, mail_kinds.of(mail.kind)) for mail in mails)
    return [Line(mail.written_at, kind.title, kind.why, _state(mail)) for mail, kind in told]


def _state(mail: OutboxMail) -> str:
    if mail.sent_at is not None:
        return "sent"
    if mail.held_until is not None:
        return f"waits until {context.moment(mail.held_until)}"
    if mail.bundled_in is not None:
        return "went into one mail with others"
    if mail.unwanted_at is not None:
        return "not sent: they want no such mails"
    if mail.outdated_at is not None:
        return "not sent: it was no longer true by then"
    return "not delivered so far" if mail.last_error else "on its way"
