"""One-time links: what a mail carries so that its reader can do one thing, once, for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, limits, links
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

MAIL_WINDOW = timedelta(hours=1)
MAILS_PER_ADDRESS = 3
MAILS_PER_NETWORK = 30


class Purpose(StrEnum):
    """What a link is good for."""

    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose, not a secret
    CHANGE_ADDRESS = "change_address"
    FIRST_OPERATOR = "first_operator"


class OneTimeLink(Model):
    """A link that was given out; spent when it was used, or when a newer one took its place."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purpose: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    address: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("purpose IN ('reset_password', 'change_address', 'first_operator')", name="purpose"),
        sa.CheckConstraint("purpose = 'first_operator' OR person_id IS NOT NULL", name="has_person"),
        sa.CheckConstraint("purpose != 'change_address' OR address IS NOT NULL", name="has_address"),
        sa.Index(None, "person_id", "purpose"),
    )


def issue(purpose: Purpose, lifetime: timedelta, *, person_id: UUID | None = None, address: str | None = None) -> OneTimeLink:
    """Make a link for a person; the older ones for the same purpose are void from now on."""
    now = clock.now()
    _close(purpose, person_id)
    link = OneTimeLink(
        id=uuid7(),
        purpose=purpose,
        person_id=person_id,
        address=address,
        created_at=now,
        expires_at=now + lifetime,
        spent_at=None,
    )
    db.session.add(link)
    db.session.flush()
    return link


def token(link: OneTimeLink) -> str:
    """Give the part of the address that stands for this link."""
    return links.token(link.purpose, link.id)


def opened(purpose: Purpose, given: str) -> OneTimeLink:
    """Give the link that somebody opened, leaving it as it is; raises Missing when we never made it, Conflict when it is over."""
    link = db.session.get(OneTimeLink, links.read(purpose, given))
    if link is None:
        message = "We no longer know this link. Ask for a new one."
        raise Missing(message)
    if link.spent_at is not None:
        raise _over()
    if link.expires_at <= clock.now():
        message = "This link has expired. Ask for a new one."
        raise Conflict(message)
    return link


def spend(purpose: Purpose, given: str) -> OneTimeLink:
    """Use a link up, and with it every other one for the same purpose; raises Missing or Conflict as `opened` does.

    One statement decides, so of two people who use it at the same moment one is refused.
    """
    link = opened(purpose, given)
    if link.id not in _close(purpose, link.person_id):
        raise _over()
    return link


def void_all(person_id: UUID) -> None:
    """Make every link of a person worthless, as when their password changes."""
    for purpose in Purpose:
        _close(purpose, person_id)


def may_mail(purpose: str, address_key: str, network: str) -> bool:
    """Count a mail that a visitor asked for; False when this address or this network has asked often enough for now."""
    is_within = limits.spend(f"mail:{purpose}:network:{network}", MAILS_PER_NETWORK, MAIL_WINDOW)
    return is_within and limits.spend(f"mail:{purpose}:address:{address_key}", MAILS_PER_ADDRESS, MAIL_WINDOW)


def _close(purpose: Purpose, person_id: UUID | None) -> set[UUID]:
    """Close the open links of a person for a purpose and give their ids."""
    statement = sa.update(OneTimeLink).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.person_id.is_not_distinct_from(person_id),
        OneTimeLink.spent_at.is_(None),
    )
    return set(db.session.scalars(statement.values(spent_at=clock.now()).returning(OneTimeLink.id)))


def _over() -> Conflict:
    message = "This link was used already, or a newer one has taken its place. Use the newest mail, or ask for another."
    return Conflict(message)
