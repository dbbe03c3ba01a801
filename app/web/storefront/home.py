"""The front door, the shelves beside it, and what search engines read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, current_app, render_template

from app.permissions import ANYONE
from app.web.storefront import prices
from app.web.storefront.routes import area
from catalog.shelf import articles, courses, guides

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from catalog.shelf.courses import CourseCard

COVERS_SHOWN = 4
PAGES = ("/", "/courses", "/prices", "/library", "/articles")
ROBOTS = """User-agent: *
Disallow: /workspace/
Disallow: /learn/
Disallow: /office/
Disallow: /sandbox/
Disallow: /buy
Disallow: /prices/figure

Sitemap: {site_url}/sitemap.xml
"""


@area.page("/", allow=ANYONE)
def home() -> ResponseReturnValue:
    """Say what this is, for whom and what it costs."""
    shelf = courses.published()
    answer = prices.answer("25", "year")
    return render_template("storefront/home.html", courses=shelf, shown=_one_of_each(shelf), answer=answer, entry=prices.entry())


@area.page("/sitemap.xml", allow=ANYONE)
def sitemap() -> ResponseReturnValue:
    """List the public pages for search engines."""
    paths = [
        *PAGES,
        *(f"/courses/{course.slug}{part}" for course in courses.published() for part in ("", "/sample/1")),
        *(f"/library/{guide.slug}" for guide in guides.published()),
        *(f"/articles/{article.slug}" for article in articles.published()),
    ]
    text = render_template("storefront/sitemap.xml", paths=paths)
    return Response(text, mimetype="application/xml")


@area.page("/robots.txt", allow=ANYONE)
def robots() -> ResponseReturnValue:
    """Tell search engines which pages are for people with an account."""
    return Response(ROBOTS.format(site_url=current_app.config["SETTINGS"].url), mimetype="text/plain")


def _one_of_each(shelf: list[CourseCard]) -> list[CourseCard]:
    """Choose a few courses to show, of as many categories as there are."""
    firsts = {course.category: course for course in reversed(shelf)}
    others = [course for course in shelf if course not in firsts.values()]
    return [*sorted(firsts.values(), key=shelf.index), *others][:COVERS_SHOWN]
