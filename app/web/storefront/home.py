"""The front door: what this is, for whom, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from app.permissions import ANYONE
from app.web.storefront import prices, structured
from app.web.storefront.routes import area
from catalog.shelf import articles, courses, guides, standing_pages
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from catalog.shelf.courses import CourseCard

COVERS_SHOWN = 4
ARTICLES_SHOWN = 3


@area.page("/", allow=ANYONE)
def home() -> ResponseReturnValue:
    """Say what this is, for whom and what it costs."""
    shelf = courses.published()
    return render_template(
        "storefront/home.html",
        courses=shelf,
        shown=_one_of_each(shelf),
        by_category=_by_category(shelf),
        guides=len(guides.published()),
        articles=articles.published()[:ARTICLES_SHOWN],
        answer=prices.answer("25", "year"),
        entry=prices.entry(),
        sectors=standing_pages.sectors(),
        questions=standing_pages.questions(),
        structured=[structured.questions(), structured.site()],
    )


def _by_category(shelf: list[CourseCard]) -> list[tuple[str, list[CourseCard]]]:
    """Give the categories that have courses, each with its own, in the order of the shelf."""
    kept = {key: [course for course in shelf if course.category == key] for key in CATEGORIES}
    return [(key, found) for key, found in kept.items() if found]


def _one_of_each(shelf: list[CourseCard]) -> list[CourseCard]:
    """Choose a few courses to show, of as many categories as there are."""
    firsts = {course.category: course for course in reversed(shelf)}
    others = [course for course in shelf if course not in firsts.values()]
    return [*sorted(firsts.values(), key=shelf.index), *others][:COVERS_SHOWN]
