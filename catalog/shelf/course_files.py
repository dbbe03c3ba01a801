"""Course files: one Markdown file for each course, with front matter and its lessons under headings of the first rank.

A file reads:

    ---
    title: When a Child Tells You
    …
    ---

    # The title of the first lesson

    Prose, lists and quotations.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import nh3
import yaml
from markdown_it import MarkdownIt

from app.kernel.errors import Invalid
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from pathlib import Path

WORDS_A_MINUTE = 130
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
TEXTS = ("title", "summary", "category", "audience", "nations", "content_note", "theory_only")
OPTIONAL = {"content_note": "", "theory_only": "", "sample": 1}
NUMBERS = ("minutes", "refresh_months", "minimum_age", "sample")
LISTS = ("outcomes", "sources")


@dataclass(frozen=True, slots=True)
class LessonFile:
    """A lesson as written."""

    title: str
    minutes: int
    html: str


@dataclass(frozen=True, slots=True)
class CourseFile:
    """A course as written, with the digest by which a change is noticed."""

    slug: str
    digest: str
    front: dict[str, Any]
    lessons: tuple[LessonFile, ...]


def read(path: Path) -> CourseFile:
    """Read a course file; raises Invalid naming the file and the line to mend."""
    text = path.read_text(encoding="utf-8")
    match = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    if match is None:
        raise Invalid(f"{path}:1: begin with front matter between two lines of ---")
    front = _front(path, match[1])
    lessons = _lessons(path, text[match.end() :], text.count("\n", 0, match.end()))
    if not 1 <= front["sample"] <= len(lessons):
        raise Invalid(f"{path}:{_line_of(match[1], 'sample')}: sample names a lesson from 1 to {len(lessons)}")
    return CourseFile(path.parent.name, hashlib.sha256(text.encode()).hexdigest(), front, lessons)


def _front(path: Path, source: str) -> dict[str, Any]:
    """Read the front matter; every key is known and of its kind."""
    try:
        found = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise Invalid(f"{path}:{line}: {error.problem}") from error
    if not isinstance(found, dict):
        raise Invalid(f"{path}:2: write the front matter as lines of key: value")
    front = {**OPTIONAL, **found}
    for key in (*TEXTS, *NUMBERS, *LISTS, "reviewed_on"):
        if key not in front:
            raise Invalid(f"{path}:2: {key} is missing")
    for key, value in front.items():
        if problem := _problem(key, value):
            raise Invalid(f"{path}:{_line_of(source, key)}: {key} {problem}")
    return front


def _problem(key: str, value: object) -> str:
    """Say what is wrong with a value of the front matter; nothing when it is right."""
    if key in TEXTS:
        right, problem = isinstance(value, str), "is a text"
    elif key in NUMBERS:
        right, problem = isinstance(value, int) and not isinstance(value, bool) and value > 0, "is a whole number above 0"
    elif key in LISTS:
        right = isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
        problem = "is a list of texts"
    elif key == "reviewed_on":
        right, problem = isinstance(value, date), "is a date such as 2026-11-01"
    else:
        right, problem = False, "is not known here"
    if right and key == "category" and value not in CATEGORIES:
        right, problem = False, f"is one of {', '.join(CATEGORIES)}"
    return "" if right else problem


def _line_of(source: str, key: str) -> int:
    """Give the line of the file on which a key of the front matter stands."""
    for number, line in enumerate(source.splitlines(), start=2):
        if line.startswith(f"{key}:"):
            return number
    return 2


def _lessons(path: Path, body: str, lines_before: int) -> tuple[LessonFile, ...]:
    """Split the body at its headings of the first rank."""
    parts = re.split(r"^# (.+)\n", body, flags=re.MULTILINE)
    if parts[0].strip() or len(parts) == 1:
        raise Invalid(f"{path}:{lines_before + 1}: begin the first lesson with a line such as # What to notice")
    lessons = []
    for title, source in zip(parts[1::2], parts[2::2], strict=True):
        if not source.strip():
            line = lines_before + body[: body.index(f"# {title}\n")].count("\n") + 1
            raise Invalid(f"{path}:{line}: the lesson {title!r} is empty")
        minutes = max(1, math.ceil(len(source.split()) / WORDS_A_MINUTE))
        lessons.append(LessonFile(title.strip(), minutes, nh3.clean(MARKDOWN.render(source))))
    return tuple(lessons)
