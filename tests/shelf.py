"""Two courses for tests, as they would be read from their files: the shelf of the shop may change, and these stay."""

from __future__ import annotations

from datetime import date

from catalog.shelf.course_files import CourseFile, LessonFile


def _course(slug: str, title: str, category: str, **front: object) -> CourseFile:
    facts = {
        "title": title,
        "summary": "What to do in the first minutes.",
        "category": category,
        "audience": "Everyone in a building",
        "minutes": 25,
        "refresh_months": 12,
        "minimum_age": 16,
        "nations": "England",
        "outcomes": ["Do the first things well"],
        "sources": ["Guidance of the government"],
        "content_note": "",
        "theory_only": "",
        "reviewed_on": date(2026, 11, 1),
        "sample": 1,
    }
    lessons = (
        LessonFile("The first minute", 5, "<p>Stay <em>calm</em>.</p><h2>Then</h2><p>Go on.</p>"),
        LessonFile("Afterwards", 6, "<p>Write it down.</p>"),
    )
    return CourseFile(slug, f"digest of {slug}", facts | front, lessons)


SHELF = [
    _course("fire-safety-awareness", "Fire Safety Awareness", "health", theory_only="Practice comes after."),
    _course("first-response", "First Response", "children", content_note="This course speaks about abuse."),
]
