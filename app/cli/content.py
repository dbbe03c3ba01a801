"""`content check`: whether the files of the shelf are what docs/authoring.md asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.kernel import clock
from app.kernel.errors import Invalid
from catalog.shelf import checking, importing, standing_pages

if TYPE_CHECKING:
    import argparse

FOLDER = Path(__file__).parents[2] / "catalog" / "content"


def add_commands(commands: Any) -> None:
    """Add the subcommand that checks content."""
    content = commands.add_parser("content", help="check the courses, guides and articles of catalog/content")
    content.add_argument("what", choices=["check"], help="measure every file and name what is to be mended, with its line")
    content.add_argument("--folder", type=Path, default=FOLDER, help="another folder than catalog/content")
    content.set_defaults(do=check)


def check(options: argparse.Namespace) -> int:
    """Measure the content; exit status 1 when something is to be mended."""
    try:
        today = clock.real_now().date()
        found = checking.check(importing.read(options.folder), today)
        problems = [*found.problems, *(standing_pages.to_mend(today) if options.folder == FOLDER else ())]
    except Invalid as refusal:
        print(refusal.message, file=sys.stderr)
        return 1
    for course in found.measures:
        print(
            f"{course.slug}: {course.stated} minutes stated, {course.counted} counted "
            f"({course.words} words, {course.exercises} exercises), {course.questions} questions, "
            f"right one longest in {course.longest_percent}%, reading age {course.reading_age}"
        )
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(found.measures)} courses measured, {len(problems)} things to mend.")
    return 1 if problems else 0
