"""Courses: what is taught, in versions that never change once they are published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Missing


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
    theory_only: Mapped[str]
    reviewed_on: Mapped[date]
    sample: Mapped[int]
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
    """A page of a course version, as HTML made from its Markdown when it was loaded."""

    version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("course_version.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    minutes: Mapped[int]
    html: Mapped[str]


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
    """A lesson as the list of contents names it."""

    number: int
    title: str
    minutes: int


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson to read."""

    number: int
    title: str
    minutes: int
    html: str


@dataclass(frozen=True, slots=True)
class CoursePage:
    """A course with everything that a visitor may know before buying."""

    slug: str
    title: str
    summary: str
    category: str
    audience: str
    minutes: int
    refresh_months: int
    minimum_age: int
    nations: str
    outcomes: list[str]
    sources: list[str]
    content_note: str
    theory_only: str
    reviewed_on: date
    version: int
    lessons: list[LessonHead]
    sample: LessonPage


def published(category: str | None = None, words: str = "") -> list[CourseCard]:
    """Give the courses on the shelf by title, of one category and with all these words in title, summary or audience."""
    query = sa.select(CourseVersion).where(CourseVersion.is_current)
    if category:
        query = query.where(CourseVersion.category == category)
    text = sa.func.lower(CourseVersion.title + " " + CourseVersion.summary + " " + CourseVersion.audience)
    for word in words.lower().split():
        query = query.where(text.contains(word, autoescape=True))
    return [_card(version) for version in db.session.scalars(query.order_by(CourseVersion.title))]


def page(slug: str) -> CoursePage:
    """Give a course of the shelf; raises Missing."""
    version = _current(slug)
    query = sa.select(Lesson).where(Lesson.version_id == version.id).order_by(Lesson.number)
    lessons = list(db.session.scalars(query))
    sample = next(lesson for lesson in lessons if lesson.number == version.sample)
    return CoursePage(
        slug=version.slug,
        title=version.title,
        summary=version.summary,
        category=version.category,
        audience=version.audience,
        minutes=version.minutes,
        refresh_months=version.refresh_months,
        minimum_age=version.minimum_age,
        nations=version.nations,
        outcomes=version.outcomes,
        sources=version.sources,
        content_note=version.content_note,
        theory_only=version.theory_only,
        reviewed_on=version.reviewed_on,
        version=version.number,
        lessons=[LessonHead(lesson.number, lesson.title, lesson.minutes) for lesson in lessons],
        sample=_page(sample),
    )


def lesson(slug: str, number: int) -> LessonPage:
    """Give a lesson of a course on the shelf; raises Missing."""
    found = db.session.get(Lesson, (_current(slug).id, number))
    if found is None:
        raise Missing
    return _page(found)


def _current(slug: str) -> CourseVersion:
    version = db.session.scalar(sa.select(CourseVersion).where(CourseVersion.slug == slug, CourseVersion.is_current))
    if version is None:
        raise Missing
    return version


def _card(version: CourseVersion) -> CourseCard:
    return CourseCard(
        version.slug,
        version.title,
        version.summary,
        version.category,
        version.audience,
        version.minutes,
        version.refresh_months,
    )


def _page(lesson: Lesson) -> LessonPage:
    return LessonPage(lesson.number, lesson.title, lesson.minutes, lesson.html)
