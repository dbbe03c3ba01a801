"""Mergers: two records of one human become one, which is read with everything that was learned under the other.

Evidence is never moved or edited: a membership that was merged points at the one that stays, and whoever reads records reads
those of both. Where the other record has an account of its own that somebody signs in with, its holder confirms first: by mail,
or on their profile where they have no address.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import memberships
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.accounts.people import Person
from app.kernel import clock, journal, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Collection

MAIL = "merger_asked"
PURPOSE = "merger"
LASTS = timedelta(days=14)
OVER = "This question is over: it was answered, it expired, or a newer one took its place."


class State(StrEnum):
    """Where the question to the holder of the other account stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Merger(Model):
    """That the holder of an account was asked whether another record is theirs as well; it counts until its time is over."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    stays_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    goes_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    asked_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    takes_name: Mapped[bool]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'confirmed', 'declined', 'withdrawn')", name="state"),
        sa.CheckConstraint("stays_id != goes_id", name="two_records"),
        sa.Index(
            "ix_merger_one_open",
            "goes_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "stays_id"),
    )


def records_of(membership_id: UUID) -> sa.Select[UUID]:
    """Select the memberships whose records are read together: one, and those that were merged into it."""
    return sa.select(Membership.id).where(sa.or_(Membership.id == membership_id, Membership.merged_into_id == membership_id))


def ids_of(membership_id: UUID) -> list[UUID]:
    """Give the memberships whose records are read together."""
    return list(db.session.scalars(records_of(membership_id)))


def whose(membership_id: sa.orm.InstrumentedAttribute[UUID]) -> sa.ColumnElement[UUID]:
    """Give, within a statement, the membership under which the records of another are read."""
    one = sa.orm.aliased(Membership)
    into = sa.select(one.merged_into_id).where(one.id == membership_id).correlate_except(one).scalar_subquery()
    return sa.func.coalesce(into, membership_id)


def needs_consent(stays: Membership, goes: Membership) -> bool:
    """Whether the record that goes has an account of its own that somebody signs in with."""
    if goes.person_id is None or goes.person_id == stays.person_id or goes.joined_at is None:
        return False
    return bool(db.session.get_one(Person, goes.person_id).password_hash)


def ask(stays: Membership, goes: Membership, *, takes_name: bool, by: UUID) -> Merger:
    """Ask the holder of the account that goes whether both records are theirs; an earlier question to them is void."""
    holder = db.session.get_one(Person, goes.person_id)
    is_earlier = sa.and_(Merger.goes_id == goes.id, Merger.state == State.OPEN)
    db.session.execute(sa.update(Merger).where(is_earlier).values(state=State.WITHDRAWN))
    now = clock.now()
    asked = Merger(
        id=uuid7(),
        organisation_id=stays.organisation_id,
        stays_id=stays.id,
        goes_id=goes.id,
        asked_by=by,
        takes_name=takes_name,
        state=State.OPEN,
        asked_at=now,
        expires_at=now + LASTS,
    )
    db.session.add(asked)
    db.session.flush()
    journal.write("merger.asked", organisation_id=stays.organisation_id, by=by, about=goes.id, into=str(stays.id))
    outbox.write(
        MAIL,
        holder.address,
        organisation_id=stays.organisation_id,
        merger_id=str(asked.id),
        organisation=db.session.get_one(Organisation, stays.organisation_id).name,
        other=hint_of(stays),
        expires_at=asked.expires_at.isoformat(),
    )
    return asked


def hint_of(member: Membership) -> str:
    """Give as much of what somebody signs in with as they recognise themselves by, and nobody else learns by asking."""
    local, at, domain = member.login.partition("@")
    return f"{local[:2]}…{at}{domain}"


def token(merger_id: UUID) -> str:
    """Give the part of the address that stands for a question."""
    return links.token(PURPOSE, merger_id)


def opened(given: str) -> Merger:
    """Give the question whose link was opened, leaving it as it is; raises Missing when we never asked it or it is over."""
    found = db.session.get(Merger, links.read(PURPOSE, given), populate_existing=True)
    if found is None or found.state != State.OPEN or found.expires_at <= clock.now():
        raise Missing(OVER)
    return found


def open_about(membership_id: UUID) -> Merger | None:
    """Give the question that waits for the holder of a record, if one does."""
    is_open = sa.and_(Merger.goes_id == membership_id, Merger.state == State.OPEN, Merger.expires_at > clock.now())
    return db.session.scalar(sa.select(Merger).where(is_open))


def open_for(person_id: UUID) -> list[tuple[str, str]]:
    """Give the questions that wait for a person: the token of each, and the name of the organisation that asks."""
    query = (
        sa.select(Merger.id, Organisation.name)
        .join(Membership, Membership.id == Merger.goes_id)
        .join(Organisation, Organisation.id == Merger.organisation_id)
        .where(Membership.person_id == person_id, Merger.state == State.OPEN, Merger.expires_at > clock.now())
        .order_by(Merger.id)
    )
    return [(token(merger_id), name) for merger_id, name in db.session.execute(query)]


def answer(found: Merger, to: State) -> None:
    """Answer a question, once whoever answers at the same moment; raises Conflict when it is over."""
    is_open = sa.and_(Merger.id == found.id, Merger.state == State.OPEN, Merger.expires_at > clock.now())
    if db.session.scalar(sa.update(Merger).where(is_open).values(state=to).returning(Merger.id)) is None:
        raise Conflict(OVER)
    holder = db.session.get_one(Membership, found.goes_id).person_id
    journal.write(f"merger.{to}", organisation_id=found.organisation_id, by=holder, about=found.goes_id, into=str(found.stays_id))


def withdraw_about(membership_ids: Collection[UUID]) -> None:
    """Withdraw the questions about some records, because the account of one of them goes."""
    is_about = sa.or_(Merger.stays_id.in_(membership_ids), Merger.goes_id.in_(membership_ids))
    statement = sa.update(Merger).where(is_about, Merger.state == State.OPEN).values(state=State.WITHDRAWN)
    parts = (Merger.organisation_id, Merger.goes_id, Merger.stays_id)
    withdrawn = db.session.execute(statement.returning(*parts).execution_options(synchronize_session=False))
    for organisation_id, goes_id, stays_id in withdrawn.all():
        journal.write("merger.withdrawn", organisation_id=organisation_id, about=goes_id, into=str(stays_id))


def point_at(stays: Membership, goes: Membership, *, by: UUID) -> None:
    """Have a record, and those merged into it before, read under the one that stays."""
    goes.merged_into_id = stays.id
    memberships.move(goes, MembershipState.MERGED)
    db.session.flush()
    earlier = sa.update(Membership).where(Membership.merged_into_id == goes.id).values(merged_into_id=stays.id)
    db.session.execute(earlier.execution_options(synchronize_session=False))
    journal.write("membership.merged", organisation_id=stays.organisation_id, by=by, about=stays.id, other=str(goes.id))
    journal.write("membership.merged_into", organisation_id=stays.organisation_id, by=by, about=goes.id, into=str(stays.id))
