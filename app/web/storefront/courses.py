"""The shelf as visitors see it: the catalogue, each course and its open sample lesson."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, redirect, render_template, request, url_for

from app.permissions import ANYONE
from app.web.classroom.lessons import screen
from app.web.storefront.prices import answer
from app.web.storefront.routes import area
from catalog.shelf import courses as shelf
from catalog.shelf import covers, guides
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

LONGEST_SEARCH = 80
YEAR = 31_536_000


@area.page("/courses", allow=ANYONE)
def courses() -> ResponseReturnValue:
    """Show the courses of a category, or those in which the words are found."""
    category, words = asked_for()
    found = shelf.published(category, words)
    return render_template("storefront/courses.html", found=found, shelf=shelf.published(), category=category, words=words)


@area.page("/courses/<slug>", allow=ANYONE)
def course(slug: str) -> ResponseReturnValue:
    """Show what a course is about and what it is not."""
    found = shelf.current(slug)
    return render_template("storefront/course.html", course=found, guides=guides.of_course(slug), answer=answer("1", "month"))


@area.page("/courses/<slug>/sample", allow=ANYONE)
def sample(slug: str) -> ResponseReturnValue:
    """Lead to the sample lesson of a course, which is open to everyone."""
    return redirect(url_for("storefront.sample_block", slug=shelf.current(slug).version.slug, block=1))


@area.page("/courses/<slug>/sample/<int(max=999):block>", allow=ANYONE)
def sample_block(slug: str, block: int) -> ResponseReturnValue:
    """Show a block of the sample lesson; what one answers stands in the address and is kept nowhere."""
    course = shelf.current(slug)
    return render_template("storefront/sample_block.html", course=course, shown=screen(course, (course.version.sample, block)))


@area.page("/courses/<slug>/cover.svg", allow=ANYONE)
def cover(slug: str) -> ResponseReturnValue:
    """Draw the cover of a course."""
    response = Response(covers.svg(shelf.newest(slug).category, slug), mimetype="image/svg+xml")
    response.cache_control.public = True
    response.cache_control.max_age = 86_400
    response.add_etag()
    return response.make_conditional(request)


@area.page("/pictures/<uuid:version>/<name>", allow=ANYONE)
def picture(version: UUID, name: str) -> ResponseReturnValue:
    """Show a picture of a course; a version never changes, so browsers may keep it for ever."""
    found = shelf.picture(version, name)
    response = Response(found.content, mimetype=found.media_type)
    response.cache_control.public = True
    response.cache_control.max_age = YEAR
    response.cache_control.immutable = True
    return response


def asked_for() -> tuple[str | None, str]:
    """Give the category and the words that a visitor looks for; a category that we do not have is none."""
    asked = request.args.get("category", "")
    return asked if asked in CATEGORIES else None, request.args.get("q", "").strip()[:LONGEST_SEARCH]
