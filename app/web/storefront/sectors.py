"""For schools, churches, charities and care providers: their duties, the courses that fit, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from app.permissions import ANYONE
from app.web.storefront import prices
from app.web.storefront.routes import area
from catalog.shelf import courses, standing_pages

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from catalog.shelf.courses import CourseCard
    from catalog.shelf.standing_pages import Sector

COURSES_SHOWN = 6


@area.page("/for/<slug>", allow=ANYONE)
def sector(slug: str) -> ResponseReturnValue:
    """Speak to one kind of buyer about what they have to do and what of it this shop can help with."""
    found = standing_pages.sector(slug)
    fitting = _fitting(found, courses.published())
    answer = prices.answer(str(found.people), "year")
    return render_template("storefront/sector.html", sector=found, fitting=fitting, answer=answer, entry=prices.entry())


def _fitting(found: Sector, shelf: list[CourseCard]) -> list[CourseCard]:
    """Choose some courses: those that are named, in that order, then others of the categories, in theirs."""
    named = sorted((card for card in shelf if card.slug in found.courses), key=lambda card: found.courses.index(card.slug))
    others = [card for card in shelf if card.category in found.categories and card not in named]
    return [*named, *sorted(others, key=lambda card: found.categories.index(card.category))][:COURSES_SHOWN]
