"""Course files: a folder for each course, with its lessons, question bank and pictures; docs/authoring.md is the format."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.shelf import exercises, front_matter, markup, sources
from catalog.shelf.categories import CATEGORIES
from catalog.shelf.sources import Mistake, Mistakes, numbered, parts, under_headings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from catalog.shelf.sources import Line

FRONT = {
    "title": front_matter.TEXT,
    "summary": front_matter.TEXT,
    "category": front_matter.one_of(*CATEGORIES),
    "audience": front_matter.TEXT,
    "minutes": front_matter.NUMBER,
    "refresh_months": front_matter.MONTHS,
    "minimum_age": front_matter.NUMBER,
    "nations": front_matter.TEXT,
    "outcomes": front_matter.TEXTS,
    "sources": front_matter.TEXTS,
    "reviewed_on": front_matter.DATE,
    "sample": front_matter.NUMBER,
    "lead": front_matter.FLAG,
    "renews": front_matter.LOOSE_TEXTS,
    "content_note": front_matter.LOOSE_TEXT,
    "support": front_matter.CONTACTS,
    "theory_only": front_matter.LOOSE_TEXT,
}
DEFAULTS = {"lead": False, "renews": [], "content_note": "", "support": [], "theory_only": ""}
PICTURES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
WORDS_A_MINUTE = 130
EXERCISE_MINUTES = 2


@dataclass(frozen=True, slots=True)
class BlockFile:
    """A block as written: the line where it begins and what the classroom shows."""

    line: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LessonFile:
    """A lesson as written."""

    line: int
    title: str
    blocks: tuple[BlockFile, ...]

    @property
    def words(self) -> int:
        """The words outside exercises."""
        return sum(markup.count_words(block.content["html"]) for block in self.blocks if block.content["kind"] == "reading")

    @property
    def exercises(self) -> int:
        """The number of exercises."""
        return sum(block.content["kind"] != "reading" for block in self.blocks)

    @property
    def minutes(self) -> int:
        """Whole minutes, at least one, that the words and the exercises take."""
        return max(1, round_half_up(self.words, WORDS_A_MINUTE) + EXERCISE_MINUTES * self.exercises)


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A question of the bank as written."""

    line: int
    key: str
    lesson: int
    html: str
    options: list[dict[str, Any]]
    why: str


@dataclass(frozen=True, slots=True)
class CourseFile:
    """A course as written, with the digest by which a change is noticed."""

    path: Path
    slug: str
    digest: str
    front: dict[str, Any]
    lessons: tuple[LessonFile, ...]
    questions: tuple[QuestionFile, ...]
    pictures: dict[str, bytes]
    references: tuple[tuple[Path, int, str, str], ...]

    @property
    def bank(self) -> Path:
        """The file of the question bank."""
        return self.path.with_name("questions.md")

    def line_of(self, key: str) -> int:
        """Give the line on which a key of the front matter stands."""
        return front_matter.line_of(sources.read(self.path), key)


def media_type(name: str) -> str:
    """Give the media type of a picture by its name."""
    return next(kind for ending, kind in PICTURES.items() if name.endswith(ending))


def round_half_up(number: int, by: int) -> int:
    """Divide whole numbers and round to the nearest, halves up."""
    return (2 * number + by) // (2 * by)


def read(path: Path) -> CourseFile:
    """Read the folder of a course.md; raises Invalid naming every file and line to mend."""
    pictures = {found.name: found.read_bytes() for found in sorted(path.parent.iterdir()) if found.suffix in PICTURES}
    text = sources.read(path)
    mistakes = Mistakes(path)
    front: dict[str, Any] = {}
    lessons: tuple[LessonFile, ...] = ()
    lines: list[Line] = []
    try:
        front, lines = front_matter.read(text, FRONT, DEFAULTS, mistakes)
        lessons = _lessons(lines, set(pictures), mistakes)
        if isinstance(front.get("sample"), int) and not 1 <= front["sample"] <= len(lessons):
            mistakes.add(front_matter.line_of(text, "sample"), f"sample names a lesson from 1 to {len(lessons)}")
    except Mistake as mistake:
        mistakes.found.append(mistake)
    mistakes.report()
    bank = path.with_name("questions.md")
    asked, questions, bank_lines = _bank(bank, lessons)
    references = [(path, *found) for found in markup.references(lines)] + [
        (bank, *found) for found in markup.references(bank_lines)
    ]
    digest = hashlib.sha256(f"format {markup.FORMAT}".encode())
    for name, content in (("", text.encode()), ("questions", asked.encode()), *pictures.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return CourseFile(path, path.parent.name, digest.hexdigest(), front, lessons, questions, pictures, tuple(references))


def _lessons(lines: Iterable[Line], pictures: set[str], mistakes: Mistakes) -> tuple[LessonFile, ...]:
    lessons: list[LessonFile] = []
    for heading, under in under_headings(lines, 1):
        if not heading.text:
            stray = next((line for line in under if line.text.strip()), None)
            if stray:
                mistakes.add(stray.number, "begin the first lesson with a line such as # What to notice")
            continue
        blocks = tuple(_blocks(under, pictures, mistakes))
        if not blocks:
            mistakes.add(heading.number, f"the lesson {heading.text} is empty")
        if heading.text in {lesson.title for lesson in lessons}:
            mistakes.add(heading.number, f"there are two lessons called {heading.text}")
        lessons.append(LessonFile(heading.number, heading.text, blocks))
    if not lessons:
        raise Mistake(1, "begin the first lesson with a line such as # What to notice")
    return tuple(lessons)


def _blocks(lines: Iterable[Line], pictures: set[str], mistakes: Mistakes) -> Iterable[BlockFile]:
    """Give the blocks of a lesson: what is read up to the next heading or exercise, and each exercise."""
    at, title, made = 0, "", ""
    for part in _with_headings(parts(lines, mistakes)):
        if part.kind in exercises.KINDS or part.kind == "heading":
            if made:
                yield BlockFile(at, {"kind": "reading", "title": title, "html": made})
            at, title, made = part.line, "", ""
        if part.kind == "heading":
            title = markup.inline(part.words)
        elif part.kind in exercises.KINDS:
            try:
                yield BlockFile(part.line, exercises.read(part))
            except Mistake as mistake:
                mistakes.found.append(mistake)
        else:
            at = at or part.line
            made += markup.reading(part, pictures, mistakes)
    if made:
        yield BlockFile(at, {"kind": "reading", "title": title, "html": made})


def _with_headings(found: Iterable[Any]) -> Iterable[Any]:
    """Part the text at its headings of the second rank."""
    for part in found:
        if part.kind != "text":
            yield part
            continue
        for heading, under in under_headings(part.lines, 2):
            if heading.text:
                yield type(part)(heading.number, "heading", heading.text, ())
            if any(line.text.strip() for line in under):
                yield type(part)(under[0].number, "text", "", tuple(under))


def _bank(path: Path, lessons: tuple[LessonFile, ...]) -> tuple[str, tuple[QuestionFile, ...], list[Line]]:
    """Read the question bank beside a course; raises Invalid naming every line to mend."""
    mistakes = Mistakes(path)
    if not path.exists():
        mistakes.add(1, "the question bank is missing")
        mistakes.report()
    text = sources.read(path)
    lines = numbered(text)
    by_title = {lesson.title: number for number, lesson in enumerate(lessons, start=1)}
    questions: dict[str, QuestionFile] = {}
    for heading, under in under_headings(lines, 1):
        if heading.text not in by_title:
            if heading.text or any(line.text.strip() for line in under):
                mistakes.add(
                    max(heading.number, 1), f"no lesson is called {heading.text}" if heading.text else "name a lesson first"
                )
            continue
        for question, content in under_headings(under, 2):
            if question.text:
                _add(questions, question, content, by_title[heading.text], mistakes)
            elif any(line.text.strip() for line in content):
                mistakes.add(heading.number + 1, "begin a question with a line such as ## the-promise")
    if not questions and not mistakes.found:
        mistakes.add(1, "the question bank is empty")
    mistakes.report()
    return text, tuple(questions.values()), lines


def _add(questions: dict[str, QuestionFile], heading: Line, content: list[Line], lesson: int, mistakes: Mistakes) -> None:
    """Read one question into the bank, or note why it cannot be asked."""
    if not KEY.fullmatch(heading.text) or heading.text in questions:
        mistakes.add(heading.number, "give each question a short name of its own, in small letters with hyphens")
        return
    try:
        asked, options, why = exercises.options(content)
    except Mistake as mistake:
        mistakes.add(mistake.line or heading.number, mistake.words)
        return
    if not why and not all(option["why"] for option in options):
        mistakes.add(heading.number, "explain the answer: a line after the options that begins with >, or one below each option")
    questions[heading.text] = QuestionFile(heading.number, heading.text, lesson, asked, options, why)
