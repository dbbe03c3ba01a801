"""Courses: what is taught, in versions that never change once they are published."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Missing
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Collection

DRAWN, DRAWN_BY_LEADS = 10, 15


class CourseVersion(Model):
    """A course as it was published; the newest number of a slug is the one on the shelf, unless it was taken off."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    slug: Mapped[str]
    number: Mapped[int]
    digest: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    category: Mapped[str]
    audience: Mapped[str]
    minutes: Mapped[int]
    refresh_months: Mapped[int]
    minimum_age: Mapped[int]
    nations: Mapped[str]
    outcomes: Mapped[list[Any]]
    sources: Mapped[list[Any]]
    content_note: Mapped[str]
    support: Mapped[list[Any]]
    theory_only: Mapped[str]
    reviewed_on: Mapped[date]
    sample: Mapped[int]
    lead: Mapped[bool]
    renews: Mapped[list[Any]]
    published_at: Mapped[datetime]
    is_current: Mapped[bool]

    __table_args__ = (
        sa.UniqueConstraint("slug", "number"),
        sa.Index(
            "ix_course_version_one_current",
            "slug",
            unique=True,
            sqlite_where=sa.text("is_current"),
            postgresql_where=sa.text("is_current"),
        ),
    )


class Lesson(Model):
    """A lesson of a course version: its blocks, made from its Markdown when it was loaded."""

    version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("course_version.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    minutes: Mapped[int]
    blocks: Mapped[list[Any]]


class Picture(Model):
    """A picture that the lessons of a course version show."""

    version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("course_version.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    content: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class CourseCard:
    """A course as the catalogue shows it."""

    slug: str
    title: str
    summary: str
    category: str
    audience: str
    minutes: int
    refresh_months: int


@dataclass(frozen=True, slots=True)
class LessonHead:
    """A lesson as the list of contents names it, and how many blocks it has."""

    number: int
    title: str
    minutes: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Course:
    """A version of a course with its contents, but not the lessons themselves."""

    version: CourseVersion
    lessons: list[LessonHead]

    @property
    def drawn(self) -> int:
        """How many questions a test draws from the bank, if it holds that many."""
        return DRAWN_BY_LEADS if self.version.lead else DRAWN


def published(category: str | None = None, words: str = "") -> list[CourseCard]:
    """Give the courses on the shelf by title, of one category and with all these words in what the card or the outcomes say."""
    query = sa.select(CourseVersion).where(CourseVersion.is_current)
    if category:
        query = query.where(CourseVersion.category == category)
    wanted = words.casefold().split()
    versions = db.session.scalars(query.order_by(CourseVersion.title))
    return [card(version) for version in versions if all(word in _searched(version) for word in wanted)]


def current(slug: str) -> Course:
    """Give the version of a course that is on the shelf; raises Missing."""
    version = db.session.scalar(sa.select(CourseVersion).where(CourseVersion.slug == slug, CourseVersion.is_current))
    if version is None:
        raise Missing
    return _with_contents(version)


def newest(slug: str) -> CourseVersion:
    """Give the newest version of a course, on the shelf or not; raises Missing for one that never was."""
    query = sa.select(CourseVersion).where(CourseVersion.slug == slug).order_by(CourseVersion.number.desc()).limit(1)
    version = db.session.scalar(query)
    if version is None:
        raise Missing
    return version


def of_version(version_id: UUID) -> Course:
    """Give a version that is known to exist, on the shelf or not."""
    return _with_contents(db.session.get_one(CourseVersion, version_id))


def of_versions(version_ids: Collection[UUID]) -> dict[UUID, Course]:
    """Give some versions by their ids, in two queries however many there are."""
    versions = db.session.scalars(sa.select(CourseVersion).where(CourseVersion.id.in_(version_ids)))
    contents = _contents(version_ids)
    return {version.id: Course(version, contents[version.id]) for version in versions}


def lesson(version_id: UUID, number: int) -> Lesson:
    """Give a lesson of a version; raises Missing."""
    found = db.session.get(Lesson, (version_id, number))
    if found is None:
        raise Missing
    return found


def picture(version_id: UUID, name: str) -> Picture:
    """Give a picture of a version; raises Missing."""
    found = db.session.get(Picture, (version_id, name))
    if found is None:
        raise Missing
    return found


def card(version: CourseVersion) -> CourseCard:
    """Give a version as the catalogue shows it."""
    return CourseCard(
        version.slug,
        version.title,
        version.summary,
        version.category,
        version.audience,
        version.minutes,
        version.refresh_months,
    )


def _with_contents(version: CourseVersion) -> Course:
    return Course(version, _contents([version.id])[version.id])


def _contents(version_ids: Collection[UUID]) -> dict[UUID, list[LessonHead]]:
    """Give the lists of contents of some versions, without the lessons themselves."""
    blocks = sa.func.json_array_length(Lesson.blocks)
    query = sa.select(Lesson.version_id, Lesson.number, Lesson.title, Lesson.minutes, blocks)
    found: dict[UUID, list[LessonHead]] = defaultdict(list)
    for version_id, *head in db.session.execute(query.where(Lesson.version_id.in_(version_ids)).order_by(Lesson.number)):
        found[version_id].append(LessonHead(*head))
    return found


def _searched(version: CourseVersion) -> str:
    texts = (version.title, version.summary, version.audience, CATEGORIES.get(version.category, ""), *version.outcomes)
    return " ".join(texts).casefold()
