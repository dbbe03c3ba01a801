"""Loading the shelf: from course files into the database, whole or not at all, and without change when nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel import clock, journal
from app.kernel.db import db, uuid7
from app.kernel.errors import Invalid
from catalog.shelf import course_files
from catalog.shelf.courses import CourseVersion, Lesson

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.shelf.course_files import CourseFile


@dataclass(frozen=True, slots=True)
class Report:
    """What loading changed: courses published in a new version, left as they were, and taken off the shelf."""

    published: tuple[str, ...]
    unchanged: int
    withdrawn: tuple[str, ...]


def read(content: Path) -> list[CourseFile]:
    """Read every course file below a folder; raises Invalid with one line for each file that cannot be used."""
    files, problems = [], []
    for path in sorted((content / "courses").glob("*/course.md")):
        try:
            files.append(course_files.read(path))
        except Invalid as refusal:
            problems.append(refusal.message)
    if problems:
        raise Invalid("\n".join(problems))
    return files


def load(files: list[CourseFile]) -> Report:
    """Put courses on the shelf: a changed one as a new version; one whose file is gone is taken off, and nothing is deleted."""
    current = {version.slug: version for version in db.session.scalars(sa.select(CourseVersion).where(CourseVersion.is_current))}
    newest = sa.select(CourseVersion.slug, sa.func.max(CourseVersion.number)).group_by(CourseVersion.slug)
    numbers = dict(db.session.execute(newest).all())
    published, unchanged = [], 0
    for file in files:
        before = current.pop(file.slug, None)
        if before is not None and before.digest == file.digest:
            unchanged += 1
            continue
        if before is not None:
            before.is_current = False
            db.session.flush()
        _publish(file, numbers.get(file.slug, 0) + 1)
        published.append(file.slug)
    for version in current.values():
        version.is_current = False
        journal.write("course.withdrawn", about=version.id, slug=version.slug)
    return Report(tuple(published), unchanged, tuple(current))


def _publish(file: CourseFile, number: int) -> None:
    version = CourseVersion(
        id=uuid7(),
        slug=file.slug,
        number=number,
        digest=file.digest,
        published_at=clock.now(),
        is_current=True,
        **file.front,
    )
    db.session.add(version)
    db.session.flush()
    db.session.add_all(
        Lesson(version_id=version.id, number=position, title=lesson.title, minutes=lesson.minutes, html=lesson.html)
        for position, lesson in enumerate(file.lessons, start=1)
    )
    journal.write("course.published", about=version.id, slug=file.slug, version=number)
