"""Loading the shelf: from content files into the database, whole or not at all, and without change when nothing changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from app.kernel import clock, journal
from app.kernel.db import db, uuid7
from app.kernel.errors import Invalid
from catalog.shelf import course_files, page_files
from catalog.shelf.articles import Article
from catalog.shelf.courses import CourseVersion, Lesson, Picture
from catalog.shelf.guides import GuideVersion
from catalog.shelf.question_banks import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from catalog.shelf.course_files import CourseFile
    from catalog.shelf.page_files import PageFile

File = TypeVar("File")
Version = TypeVar("Version", CourseVersion, GuideVersion)
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# A course is learned at /learn/<organisation>/<slug>, beside these pages.
TAKEN = frozenset({"certificates", "guides", "worried"})


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that the files hold."""

    courses: tuple[CourseFile, ...]
    guides: tuple[PageFile, ...] = ()
    articles: tuple[PageFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What loading changed: what was published anew, how much was left as it was, and what was taken off the shelf."""

    published: tuple[str, ...]
    unchanged: int
    withdrawn: tuple[str, ...]


def read(folder: Path) -> Content:
    """Read every file below a folder; raises Invalid with a line for each mistake in any of them."""
    problems: list[str] = []
    content = Content(
        _read_all(sorted((folder / "courses").glob("*/course.md")), course_files.read, problems),
        _read_all(sorted((folder / "guides").glob("*.md")), page_files.guide, problems),
        _read_all(sorted((folder / "articles").glob("*.md")), page_files.article, problems),
    )
    if not problems:
        problems += _strange_names(content) + _broken_references(content)
    if problems:
        raise Invalid("\n".join(problems))
    return content


def load(content: Content) -> Report:
    """Put everything on the shelf: what changed as a new version; what has no file any more is taken off, never deleted."""
    reports = (
        _load_versions(CourseVersion, content.courses, _publish_course, "course"),
        _load_versions(GuideVersion, content.guides, _publish_guide, "guide"),
        _load_articles(content.articles),
    )
    return Report(
        tuple(slug for report in reports for slug in report.published),
        sum(report.unchanged for report in reports),
        tuple(slug for report in reports for slug in report.withdrawn),
    )


def _read_all(paths: Iterable[Path], reader: Callable[[Path], File], problems: list[str]) -> tuple[File, ...]:
    files = []
    for path in paths:
        try:
            files.append(reader(path))
        except Invalid as refusal:
            problems.append(refusal.message)
    return tuple(files)


def _strange_names(content: Content) -> list[str]:
    """Find files and folders whose names make no address, or that of another page."""
    files: tuple[CourseFile | PageFile, ...] = (*content.courses, *content.guides, *content.articles)
    words = "the name makes an address: use lower-case letters, digits and single hyphens"
    strange = [f"{file.path}:1: {words}" for file in files if not SLUG.fullmatch(file.slug)]
    taken = [course for course in content.courses if course.slug in TAKEN]
    return strange + [f"{course.path}:1: {course.slug} is the address of another page; choose another name" for course in taken]


def _broken_references(content: Content) -> list[str]:
    """Find references to courses and guides that are not on the shelf."""
    known = {("course", file.slug) for file in content.courses} | {("guide", file.slug) for file in content.guides}
    files: tuple[CourseFile | PageFile, ...] = (*content.courses, *content.guides, *content.articles)
    found = [reference for file in files for reference in file.references]
    found += [
        (course.path, course.line_of("renews"), "course", slug) for course in content.courses for slug in course.front["renews"]
    ]
    return [f"{path}:{line}: there is no {kind} {slug}" for path, line, kind, slug in found if (kind, slug) not in known]


def _load_versions(
    model: type[Version],
    files: Iterable[CourseFile] | Iterable[PageFile],
    publish: Callable[..., None],
    kind: str,
) -> Report:
    current = {version.slug: version for version in db.session.scalars(sa.select(model).where(model.is_current))}
    newest = sa.select(model.slug, sa.func.max(model.number)).group_by(model.slug)
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
        version_id, number = uuid7(), numbers.get(file.slug, 0) + 1
        publish(file, version_id, number)
        journal.write(f"{kind}.published", about=version_id, slug=file.slug, version=number)
        published.append(file.slug)
    for version in current.values():
        version.is_current = False
        journal.write(f"{kind}.withdrawn", about=version.id, slug=version.slug)
    return Report(tuple(published), unchanged, tuple(current))


def _publish_course(file: CourseFile, version_id: object, number: int) -> None:
    db.session.add(
        CourseVersion(
            id=version_id,
            slug=file.slug,
            number=number,
            digest=file.digest,
            published_at=clock.now(),
            is_current=True,
            **file.front,
        )
    )
    db.session.flush()
    db.session.add_all(
        Lesson(
            version_id=version_id,
            number=position,
            title=lesson.title,
            minutes=lesson.minutes,
            blocks=[block.content for block in lesson.blocks],
        )
        for position, lesson in enumerate(file.lessons, start=1)
    )
    db.session.add_all(
        Question(
            version_id=version_id,
            key=question.key,
            lesson=question.lesson,
            html=question.html,
            options=question.options,
            why=question.why,
        )
        for question in file.questions
    )
    db.session.add_all(
        Picture(version_id=version_id, name=name, media_type=course_files.media_type(name), content=content)
        for name, content in file.pictures.items()
    )


def _publish_guide(file: PageFile, version_id: object, number: int) -> None:
    db.session.add(
        GuideVersion(
            id=version_id,
            slug=file.slug,
            number=number,
            digest=file.digest,
            html=file.html,
            blocks=file.blocks,
            published_at=clock.now(),
            is_current=True,
            **file.front,
        )
    )


def _load_articles(files: Iterable[PageFile]) -> Report:
    known = {article.slug: article for article in db.session.scalars(sa.select(Article))}
    published, unchanged = [], 0
    for file in files:
        before = known.pop(file.slug, None)
        if before is not None and before.digest == file.digest and before.is_current:
            unchanged += 1
            continue
        db.session.merge(Article(slug=file.slug, digest=file.digest, html=file.html, is_current=True, **file.front))
        published.append(file.slug)
    gone = [article for article in known.values() if article.is_current]
    for article in gone:
        article.is_current = False
    return Report(tuple(published), unchanged, tuple(article.slug for article in gone))
