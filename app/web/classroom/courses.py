"""What a learner has begun, finished and could begin, and the way into each course."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, url_for

from app import access
from app.kernel.errors import NotAllowed
from app.kernel.transaction import transaction
from app.permissions import LEARN
from app.web import navigation, wiring
from app.web.classroom.routes import area
from catalog.learning import attempts, certificates, enrolments, progress, records
from catalog.shelf import courses as shelf
from catalog.shelf import guides

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from catalog.learning.enrolments import Enrolment
    from catalog.learning.progress import Place


@area.page("/<uuid:organisation>/", allow=LEARN)
def my_learning(actor: Actor) -> ResponseReturnValue:
    """Show what is under way, what is done and what else a seat opens, or why nothing is open."""
    begun = records.of_member(actor.organisation.id, actor.membership.id)
    slugs = {record.course.slug for record in begun}
    return render_template(
        "classroom/my_learning.html",
        actor=actor,
        nav=navigation.workspace(actor),
        decision=access.to_courses(actor, wiring.grace()),
        under_way=[record for record in begun if record.enrolment.is_open],
        done=[record for record in begun if record.certificates],
        others=[course for course in shelf.published() if course.slug not in slugs],
    )


@area.page("/<uuid:organisation>/<slug>", allow=LEARN)
def course(actor: Actor, slug: str) -> ResponseReturnValue:
    """Show the lessons of a course, how far somebody is, their test and what they have to show for it."""
    admission = access.to_course(actor, slug, wiring.grace())
    enrolment = admission.enrolment
    earlier = certificates.of_membership(actor.organisation.id, actor.membership.id)
    return render_template(
        "classroom/course.html",
        actor=actor,
        nav=navigation.workspace(actor),
        admission=admission,
        course=admission.course,
        progress=progress.of(enrolment.id, admission.course.lessons) if enrolment else None,
        attempts=attempts.of_course(actor.membership.id, slug),
        certificates=[held for held in earlier if held.certificate.slug == slug],
        guides=guides.of_course(slug),
    )


@area.action("/<uuid:organisation>/<slug>/begin", allow=LEARN)
def begin(actor: Actor, slug: str) -> ResponseReturnValue:
    """Put somebody on a course, for the first time or to refresh it, and lead them to where they go on."""
    with transaction():
        admission = access.to_course(actor, slug, wiring.grace())
        if admission.decision.is_preview:
            raise NotAllowed("To take a course you need a seat yourself. Until then you can look at every lesson.")
        enrolment = enrolments.begin(actor, admission.course.version)
    return redirect(_going_on(actor, enrolment), 303)


def _going_on(actor: Actor, enrolment: Enrolment) -> str:
    """Give the address at which somebody goes on with a course."""
    place = progress.of(enrolment.id, shelf.of_version(enrolment.version_id).lessons).next_place
    return address_of(actor, enrolment.slug, place)


def address_of(actor: Actor, slug: str, place: Place | None) -> str:
    """Give the address of a place in a course; without a place, that of its test."""
    if place is None:
        return url_for("classroom.test", organisation=actor.organisation.id, slug=slug)
    return url_for("classroom.lesson", organisation=actor.organisation.id, slug=slug, number=place[0], block=place[1])
