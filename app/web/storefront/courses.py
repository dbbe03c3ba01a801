"""The shelf as visitors see it: the catalogue, each course and its open sample lesson."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, render_template, request

from app.permissions import ANYONE
from app.web.storefront.prices import answer
from app.web.storefront.routes import area
from catalog.shelf import courses as shelf
from catalog.shelf import covers
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_SEARCH = 80


@area.page("/courses", allow=ANYONE)
def courses() -> ResponseReturnValue:
    """Show the courses of a category, or those in which the words are found."""
    asked = request.args.get("category", "")
    category = asked if asked in CATEGORIES else None
    words = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = shelf.published(category, words)
    return render_template("storefront/courses.html", found=found, shelf=shelf.published(), category=category, words=words)


@area.page("/courses/<slug>", allow=ANYONE)
def course(slug: str) -> ResponseReturnValue:
    """Show what a course is about and what it is not."""
    return render_template("storefront/course.html", course=shelf.page(slug), answer=answer("1", "month"))


@area.page("/courses/<slug>/sample", allow=ANYONE)
def sample(slug: str) -> ResponseReturnValue:
    """Open the sample lesson of a course to everyone."""
    return render_template("storefront/sample.html", course=shelf.page(slug))


@area.page("/courses/<slug>/cover.svg", allow=ANYONE)
def cover(slug: str) -> ResponseReturnValue:
    """Draw the cover of a course."""
    response = Response(covers.svg(shelf.page(slug).category, slug), mimetype="image/svg+xml")
    response.cache_control.public = True
    response.cache_control.max_age = 86_400
    response.add_etag()
    return response.make_conditional(request)
