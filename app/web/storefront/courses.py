"""The shelf as visitors see it: the catalogue, each course and its open sample lesson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, jsonify, redirect, render_template, request, url_for

from app.permissions import ANYONE
from app.web.classroom.lessons import screen
from app.web.storefront import structured
from app.web.storefront.prices import answer
from app.web.storefront.routes import area
from catalog.shelf import courses as shelf
from catalog.shelf import covers, guides, narrowing
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from flask.typing import ResponseReturnValue

LONGEST_SEARCH = 80
COURSES_NEAR = 3
YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor looks for among the courses; what we do not have is nothing in particular."""

    category: str | None
    audience: str | None
    length: str | None
    words: str

    @property
    def address(self) -> dict[str, str | None]:
        """The arguments that stand for it in an address."""
        return {"category": self.category, "audience": self.audience, "time": self.length, "q": self.words or None}

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return any(self.address.values())

    def courses(self) -> list[shelf.CourseCard]:
        """Find the courses."""
        return narrowing.narrowed(shelf.published(self.category, self.words), self.audience, self.length)


@area.page("/courses", allow=ANYONE)
def courses() -> ResponseReturnValue:
    """Show the courses that are looked for; the others stand behind them, hidden, for scripts that narrow while one types."""
    wanted = _wanted()
    found = wanted.courses()
    return render_template(
        "storefront/courses.html",
        found=found,
        others=[card for card in shelf.published() if card not in found],
        wanted=wanted,
        said=_said(len(found), wanted),
        audiences={key: label for key, (label, _) in narrowing.AUDIENCES.items()},
        lengths={key: label for key, (label, _) in narrowing.LENGTHS.items()},
        structured=[structured.breadcrumbs(("Courses", url_for("storefront.courses")))],
    )


@area.page("/courses.json", allow=ANYONE)
def courses_found() -> ResponseReturnValue:
    """Give the courses that are looked for by their slugs, and how many there are in words, to the search as one types."""
    wanted = _wanted()
    found = wanted.courses()
    return jsonify(slugs=[card.slug for card in found], said=_said(len(found), wanted))


@area.page("/courses/<slug>", allow=ANYONE)
def course(slug: str) -> ResponseReturnValue:
    """Show what a course is about and what it is not."""
    found = shelf.current(slug)
    first = answer("1", "month")
    places = (("Courses", url_for("storefront.courses")), (found.version.title, url_for("storefront.course", slug=slug)))
    return render_template(
        "storefront/course.html",
        course=found,
        guides=guides.of_course(slug),
        near=[card for card in shelf.published(found.version.category) if card.slug != slug][:COURSES_NEAR],
        answer=first,
        structured=[structured.course(found, first.figure), structured.breadcrumbs(*places)],
    )


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


def words_and_category() -> tuple[str | None, str]:
    """Give the category and the words that a visitor looks for; a category that we do not have is none."""
    return _one_of(CATEGORIES, "category"), request.args.get("q", "").strip()[:LONGEST_SEARCH]


def _wanted() -> Wanted:
    category, words = words_and_category()
    return Wanted(category, _one_of(narrowing.AUDIENCES, "audience"), _one_of(narrowing.LENGTHS, "time"), words)


def _one_of(known: Collection[str], name: str) -> str | None:
    asked = request.args.get(name, "")
    return asked if asked in known else None


def _said(number: int, wanted: Wanted) -> str:
    """Say how many courses there are and of what."""
    parts = [f"{number} course{'' if number == 1 else 's'}"]
    if wanted.words:
        parts.append(f"for “{wanted.words}”")
    if wanted.category:
        parts.append(f"in {CATEGORIES[wanted.category]}")
    if wanted.audience:
        parts.append(f"for {narrowing.AUDIENCES[wanted.audience][0][:1].lower()}{narrowing.AUDIENCES[wanted.audience][0][1:]}")
    if wanted.length:
        parts.append(f"of {narrowing.LENGTHS[wanted.length][0][:1].lower()}{narrowing.LENGTHS[wanted.length][0][1:]}")
    return f"{' '.join(parts)}."
