"""Notices: what happened that those who run things here are told, one row for each of them; their mails are made from these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import mail_choices
from app.accounts.mail_choices import Choice, MailChoice, Topic
from app.accounts.memberships import Membership, State
from app.accounts.organisations import Organisation
from app.accounts.teams import Team, TeamManager, TeamMember
from app.kernel import batches, clock
from app.kernel.db import Model, UtcDateTime, db, uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = timedelta(days=60)


class What(StrEnum):
    """What happened."""

    ACCEPTED = "accepted"
    EXPIRED = "expired"
    LIST_DONE = "list_done"
    LIST_REFUSED = "list_refused"


class Notice(Model):
    """That something happened, for one person who is to be told; `about` is the membership or the list it is about.

    Neither is a foreign key: its check would lock those who are told, after the row of whom it is about. Memberships stay.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    recipient_id: Mapped[UUID]
    what: Mapped[str]
    about: Mapped[UUID]
    number: Mapped[int]
    at: Mapped[datetime]
    told_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_notice_untold",
            "recipient_id",
            "at",
            sqlite_where=sa.text("told_at IS NULL"),
            postgresql_where=sa.text("told_at IS NULL"),
        ),
        sa.Index(None, "told_at"),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who has not been told of something yet: since when, how often they want to be, and where they are."""

    recipient_id: UUID
    since: datetime
    choice: Choice
    zone: str


def of_person(organisation_id: UUID, what: What, membership_id: UUID) -> None:
    """Note what happened about somebody, for the owners and admins and for those who manage them, in one statement."""
    of_people(organisation_id, what, [membership_id])


def of_people(organisation_id: UUID, what: What, membership_ids: Iterable[UUID]) -> None:
    """Note the same about each of some people, for the owners and admins and for those who manage them, in one statement."""
    about = _things(membership_ids)
    above = (
        sa.select(TeamMember.membership_id.label("about"), TeamMember.team_id)
        .where(TeamMember.membership_id.in_(sa.select(about.c.id)))
        .cte("above", recursive=True)
    )
    parents = sa.select(above.c.about, Team.parent_id).join(Team, Team.id == above.c.team_id)
    above = above.union(parents.where(Team.parent_id.is_not(None)))
    of_theirs = sa.and_(TeamManager.team_id == above.c.team_id, above.c.about == about.c.id)
    manages = sa.exists().where(TeamManager.membership_id == Membership.id, of_theirs).correlate(Membership, about)
    is_told = sa.or_(Membership.is_owner, Membership.is_admin, Membership.is_manager & manages)
    _note(organisation_id, what, about, 1, sa.and_(is_told, Membership.id != about.c.id))


def of_list(organisation_id: UUID, what: What, import_id: UUID, number: int) -> None:
    """Note what became of a list of so many people, for the owners and admins, in one statement."""
    _note(organisation_id, what, _things([import_id]), number, sa.or_(Membership.is_owner, Membership.is_admin))


def waiting() -> list[Waiting]:
    """Give everybody who has not been told of something yet."""
    wants = sa.and_(MailChoice.address_key == Membership.address_key, MailChoice.topic == Topic.NOTICES)
    query = (
        sa.select(Notice.recipient_id, sa.func.min(Notice.at, type_=UtcDateTime()), MailChoice.choice, Organisation.zone)
        .join(Membership, Membership.id == Notice.recipient_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(MailChoice, wants)
        .where(Notice.told_at.is_(None))
        .group_by(Notice.recipient_id, MailChoice.choice, Organisation.zone)
    )
    usual = mail_choices.USUAL[Topic.NOTICES]
    return [Waiting(who, since, Choice(choice or usual), zone) for who, since, choice, zone in db.session.execute(query)]


def take(recipient_id: UUID) -> list[Notice]:
    """Take what somebody has not been told yet, to tell them in this transaction; nothing is taken twice."""
    untold = sa.and_(Notice.recipient_id == recipient_id, Notice.told_at.is_(None))
    taken = sa.update(Notice).where(untold).values(told_at=clock.now()).returning(Notice)
    return sorted(db.session.scalars(taken), key=lambda notice: (notice.at, notice.id))


def forget_old() -> int:
    """Remove what was told long ago, and give how much it was."""
    old = sa.delete(Notice).where(Notice.told_at <= clock.now() - KEPT).returning(Notice.id)
    return len(db.session.execute(old).all())


def seen_of(which: sa.ColumnElement[bool], ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names of those of some people whom a condition lets somebody see."""
    query = sa.select(Membership.id, Membership.name).where(which, Membership.id.in_(batches.ids(ids)))
    return dict(db.session.execute(query).all())


def _things(ids: Iterable[UUID]) -> sa.Subquery:
    return batches.of(((one,) for one in ids), id=sa.Uuid())


def _note(organisation_id: UUID, what: What, about: sa.Subquery, number: int, which: sa.ColumnElement[bool]) -> None:
    is_here = sa.and_(Membership.organisation_id == organisation_id, Membership.state == State.ACTIVE)
    values: tuple[Any, ...] = (
        batches.random_id(),
        Membership.id,
        sa.literal(str(what)),
        about.c.id,
        sa.literal(number),
        sa.literal(clock.now(), UtcDateTime()),
    )
    rows = sa.select(*values).select_from(sa.join(Membership, about, sa.true())).where(is_here, which)
    batches.insert(Notice, ("id", "recipient_id", "what", "about", "number", "at"), rows)
