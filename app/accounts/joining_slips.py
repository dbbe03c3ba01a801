"""Joining slips: a user name and a one-time PIN on paper, with which somebody without an e-mail address chooses a password.

The PIN is kept sealed, so a slip can be printed only when its PIN is new; printing one again ends the one before. A slip is used
once, expires, and is locked after some wrong tries.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import people
from app.accounts.people import Person
from app.kernel import batches, clock, journal, limits, seals
from app.kernel.db import Model, UtcDateTime, db
from app.kernel.errors import Conflict, Invalid, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PURPOSE = "joining slip"
DIGITS = 8
MOST_TRIES = 5
TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_NETWORK = 100
UNKNOWN = (
    "We do not know this user name with this PIN, or the slip is over: used, replaced by a newer one, expired, tried too often. "
    "Check both, or ask the person who gave it to you for a new one."
)


class JoiningSlip(Model):
    """The slip of a person that counts, if any; the row goes when it is used."""

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    pin_seal: Mapped[str]
    printed_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    printed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.CheckConstraint(f"tries BETWEEN 0 AND {MOST_TRIES}", name="tries"),
        sa.Index(None, "membership_id"),
    )

    @property
    def is_locked(self) -> bool:
        """Whether it was tried too often."""
        return self.tries >= MOST_TRIES


@dataclass(frozen=True, slots=True)
class Printed:
    """A slip as it is printed; the PIN is nowhere else."""

    membership_id: UUID
    person_id: UUID
    name: str
    user_name: str
    pin: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A slip whose PIN somebody knew."""

    person_id: UUID
    organisation_id: UUID
    membership_id: UUID
    pin_seal: str


def draw_pin() -> str:
    """Give a PIN of eight digits that nobody can guess."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def keep_each(organisation_id: UUID, printed: Sequence[Printed], *, by: UUID, expires_at: datetime) -> None:
    """Keep the slips that were printed in place of those before, in three statements however many they are."""
    void_each(slip.person_id for slip in printed)
    given = ((slip.person_id, slip.membership_id, seals.of(PURPOSE, slip.person_id.hex, slip.pin)) for slip in printed)
    rows = batches.of(given, person_id=sa.Uuid(), membership_id=sa.Uuid(), pin_seal=sa.String())
    values = {
        "organisation_id": sa.literal(organisation_id, sa.Uuid()),
        "printed_by": sa.literal(by, sa.Uuid()),
        "printed_at": sa.literal(clock.now(), UtcDateTime()),
        "expires_at": sa.literal(expires_at, UtcDateTime()),
        "tries": sa.literal(0),
    }
    batches.insert(JoiningSlip, (*rows.c.keys(), *values), sa.select(*rows.c, *values.values()))
    journal.write_all("slip.printed", ((slip.membership_id, {}) for slip in printed), organisation_id=organisation_id, by=by)


def void_each(person_ids: Iterable[UUID]) -> None:
    """Make the slips of some people worthless."""
    statement = sa.delete(JoiningSlip).where(JoiningSlip.person_id.in_(batches.ids(person_ids)))
    db.session.execute(statement.execution_options(synchronize_session=False))


def void_each_of(membership_ids: Iterable[UUID]) -> None:
    """Make the slips worthless that were printed for some memberships, because what they lead to is over."""
    statement = sa.delete(JoiningSlip).where(JoiningSlip.membership_id.in_(batches.ids(membership_ids)))
    db.session.execute(statement.execution_options(synchronize_session=False))


def of(person_id: UUID | None) -> JoiningSlip | None:
    """Give the slip of a person that counts, also one that is over."""
    query = sa.select(JoiningSlip).where(JoiningSlip.person_id == person_id)
    return db.session.scalar(query.execution_options(populate_existing=True)) if person_id else None


def count_try(user_name: str, network: str) -> Claim | None:
    """Count a try at a PIN before it is compared, and give the slip it is tried at, if one counts.

    Its transaction is committed before, so that tries made at the same moment count as well. Raises NotAllowed when a network
    tried too often.
    """
    if not limits.spend(f"slip:network:{network}", TRIES_PER_NETWORK, TRY_WINDOW):
        message = "Too many tries from here. Wait 15 minutes."
        raise NotAllowed(message)
    whose = sa.select(Person.id).where(Person.user_name == people.login_key(user_name), Person.address.is_(None))
    statement = sa.update(JoiningSlip).where(
        JoiningSlip.person_id.in_(whose), JoiningSlip.tries < MOST_TRIES, JoiningSlip.expires_at > clock.now()
    )
    parts = (JoiningSlip.person_id, JoiningSlip.organisation_id, JoiningSlip.membership_id, JoiningSlip.pin_seal)
    tried = statement.values(tries=JoiningSlip.tries + 1).returning(*parts).execution_options(synchronize_session=False)
    row = db.session.execute(tried).first()
    return Claim(*row) if row else None


def demand_pin(claim: Claim | None, typed: str) -> Claim:
    """Give the slip whose PIN this is; raises Invalid in the same words whatever is wrong."""
    pin = "".join(typed.split())
    if claim is None or not seals.fits(claim.pin_seal, PURPOSE, claim.person_id.hex, pin):
        raise Invalid(UNKNOWN)
    return claim


def spend(claim: Claim) -> None:
    """Use a slip up, once whoever tries at the same time; raises Conflict when it was used or replaced meanwhile."""
    statement = sa.delete(JoiningSlip).where(
        JoiningSlip.person_id == claim.person_id, JoiningSlip.pin_seal == claim.pin_seal, JoiningSlip.expires_at > clock.now()
    )
    if db.session.scalar(statement.returning(JoiningSlip.person_id).execution_options(synchronize_session=False)) is None:
        raise Conflict(UNKNOWN)
    journal.write("slip.used", organisation_id=claim.organisation_id, by=claim.person_id, about=claim.membership_id)
