"""What the running shop teaches, read from its files: which answers are right and where a story leads."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup

from app.cli.content import FOLDER
from catalog.shelf import importing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.shelf.course_files import CourseFile, QuestionFile

FIRST_RESPONSE = "when-a-child-tells-you-first-response"
Place = tuple[int, int]


@cache
def courses() -> tuple[CourseFile, ...]:
    """Give every course of ours."""
    return importing.read(FOLDER).courses


def course(slug: str = FIRST_RESPONSE) -> CourseFile:
    """Give a course of ours."""
    return next(file for file in courses() if file.slug == slug)


def block(lesson: int, number: int, slug: str = FIRST_RESPONSE) -> dict[str, Any]:
    """Give the block at a place of a course."""
    return course(slug).lessons[lesson - 1].blocks[number - 1].content


def blocks(slug: str = FIRST_RESPONSE) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Give every block of a course with its place, in order."""
    for number, lesson in enumerate(course(slug).lessons, start=1):
        for position, written in enumerate(lesson.blocks, start=1):
            yield (number, position), written.content


def place_of(kind: str, slug: str = FIRST_RESPONSE) -> Place:
    """Give the first place of a course with an exercise of a kind."""
    return next(place for place, content in blocks(slug) if content["kind"] == kind)


def question(asked: str, slug: str = FIRST_RESPONSE) -> QuestionFile:
    """Give the question of a course's bank that reads so."""
    return next(found for found in course(slug).questions if text(found.html) == squeezed(asked))


def text(html: str) -> str:
    """Give what somebody reads of a piece of HTML."""
    return squeezed(BeautifulSoup(html, "html5lib").get_text())


def squeezed(words: str) -> str:
    """Give words without the space between them that nobody sees."""
    return " ".join(words.split())
