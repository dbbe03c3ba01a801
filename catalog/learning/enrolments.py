"""Enrolments: a person on a course, in an organisation; whoever begins a version of a course finishes that one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import mergers
from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from catalog.shelf.courses import CourseVersion


class Enrolment(Model):
    """Somebody on a version of a course, from the moment they began until they passed."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("course_version.id"))
    slug: Mapped[str]
    begun_at: Mapped[datetime]
    passed_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_enrolment_one_open",
            "membership_id",
            "slug",
            unique=True,
            sqlite_where=sa.text("passed_at IS NULL"),
            postgresql_where=sa.text("passed_at IS NULL"),
        ),
        sa.Index(None, "organisation_id"),
        sa.Index(None, "membership_id"),
        sa.Index(None, "version_id"),
    )

    @property
    def is_open(self) -> bool:
        """Whether the course is not passed yet."""
        return self.passed_at is None


def begin(actor: Actor, version: CourseVersion) -> Enrolment:
    """Put a member on a version of a course, or give the enrolment they have open, whatever its version."""
    found = newest(actor.membership.id, version.slug)
    if found is not None and found.is_open:
        return found
    left = _left_open(actor.membership.id, version.slug)
    if left is not None:
        left.begun_at = clock.now()
        db.session.flush()
        return left
    if not version.is_current:
        raise Conflict("This course is no longer on the shelf, so nobody can begin it. What you have earned in it stays yours.")
    enrolment = Enrolment(
        id=uuid7(),
        organisation_id=actor.organisation.id,
        membership_id=actor.membership.id,
        version_id=version.id,
        slug=version.slug,
        begun_at=clock.now(),
    )
    db.session.add(enrolment)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict("You have just begun this course in another window. Go on there, or reload this page.") from error
    about = actor.membership.id
    journal.write("enrolment.begun", organisation_id=actor.organisation.id, by=actor.person.id, about=about, course=version.title)
    return enrolment


def newest(membership_id: UUID, slug: str) -> Enrolment | None:
    """Give the newest enrolment of a member on a course, which is the open one if there is one in the record it is in."""
    query = sa.select(Enrolment).where(Enrolment.membership_id.in_(mergers.records_of(membership_id)), Enrolment.slug == slug)
    return db.session.scalar(query.order_by(Enrolment.begun_at.desc(), Enrolment.id.desc()).limit(1))


def _left_open(membership_id: UUID, slug: str) -> Enrolment | None:
    """Give, locked, what a member left open before another record of theirs with a later pass was merged into this one."""
    query = sa.select(Enrolment).where(
        Enrolment.membership_id == membership_id, Enrolment.slug == slug, Enrolment.passed_at.is_(None)
    )
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True))


def of_member(membership_id: UUID) -> list[Enrolment]:
    """Give the newest enrolment of a member on each of their courses, newest first."""
    query = sa.select(Enrolment).where(Enrolment.membership_id.in_(mergers.records_of(membership_id)))
    found: dict[str, Enrolment] = {}
    for enrolment in db.session.scalars(query.order_by(Enrolment.begun_at.desc(), Enrolment.id.desc())):
        found.setdefault(enrolment.slug, enrolment)
    return list(found.values())


def lock(enrolment_id: UUID) -> Enrolment:
    """Give an enrolment that is not passed yet, locked until the transaction ends; raises Conflict once it is passed."""
    query = sa.select(Enrolment).where(Enrolment.id == enrolment_id).with_for_update()
    enrolment = db.session.scalar(query.execution_options(populate_existing=True))
    if enrolment is None:
        raise Missing
    if not enrolment.is_open:
        raise Conflict("You have passed this course already. Reload the page to see your result.")
    return enrolment
