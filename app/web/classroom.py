"""The classroom: the courses that are open to a learner, and their lessons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from app import access
from app.permissions import LEARN
from app.web import navigation, wiring
from app.web.area import Area
from catalog.shelf import courses

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

area = Area("classroom", "/learn")


@area.page("/<uuid:organisation>/", allow=LEARN)
def my_learning(actor: Actor) -> ResponseReturnValue:
    """Show the courses that a seat opens, or why none is open."""
    return render_template(
        "classroom/my_learning.html",
        actor=actor,
        nav=navigation.workspace(actor),
        decision=access.to_courses(actor, wiring.grace()),
        courses=courses.published(),
    )


@area.page("/<uuid:organisation>/<slug>/<int(max=999):number>", allow=LEARN)
def lesson(actor: Actor, slug: str, number: int) -> ResponseReturnValue:
    """Show a lesson of a course to someone who may open it."""
    decision = access.demand_courses(actor, wiring.grace())
    return render_template(
        "classroom/lesson.html",
        actor=actor,
        nav=navigation.workspace(actor),
        decision=decision,
        course=courses.page(slug),
        lesson=courses.lesson(slug, number),
    )
