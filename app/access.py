"""May this person open this course? The one question that needs what was bought, who sits on it and what is on the shelf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.errors import Missing, NotAllowed
from billing import entitlements
from billing.entitlements import Access
from catalog.learning import enrolments
from catalog.shelf import courses

if TYPE_CHECKING:
    from datetime import timedelta

    from app.accounts.memberships import Actor
    from catalog.learning.enrolments import Enrolment
    from catalog.shelf.courses import Course

LOOKING_AROUND = "You are looking around without a seat, so nothing is saved. Give yourself a seat to take the course."
PREVIEWERS = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the courses are open to someone, whether only as a preview, and otherwise why not."""

    may_open: bool
    is_preview: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """A course as it is open to somebody: in which version, and under which enrolment what they do is saved, if under any."""

    decision: Decision
    course: Course
    enrolment: Enrolment | None


def to_courses(actor: Actor, grace: timedelta) -> Decision:
    """Decide whether courses are open: with a seat in use while the subscription runs, or as an owner's or admin's preview."""
    now = clock.now()
    if entitlements.of_seat(actor.membership.id, grace, now).access is Access.FULL:
        return Decision(may_open=True)
    if entitlements.of_organisation(actor.organisation.id, grace, now).access is not Access.FULL:
        why_not = f"{actor.organisation.name} has no running subscription, so the courses are closed. Ask an owner there."
        return Decision(may_open=False, why_not=why_not)
    if actor.roles & PREVIEWERS:
        return Decision(may_open=True, is_preview=True)
    return Decision(may_open=False, why_not=f"You have no seat at {actor.organisation.name}. Ask an admin there to give you one.")


def demand_courses(actor: Actor, grace: timedelta) -> Decision:
    """Give the decision, or raise NotAllowed with the reason when the courses are not open."""
    decision = to_courses(actor, grace)
    if not decision.may_open:
        raise NotAllowed(decision.why_not)
    return decision


def to_course(actor: Actor, slug: str, grace: timedelta) -> Admission:
    """Let somebody into a course: in the version they are in the middle of, else in the one on the shelf.

    A course that was taken off the shelf stays open to those who have begun it. Raises Missing for one that is not there for
    them, NotAllowed with the reason when courses are closed to them.
    """
    enrolment = enrolments.newest(actor.membership.id, slug)
    course = _course(slug, enrolment)
    decision = demand_courses(actor, grace)
    is_saved = enrolment is not None and enrolment.is_open and not decision.is_preview
    return Admission(decision, course, enrolment if is_saved else None)


def demand_enrolment(actor: Actor, slug: str, grace: timedelta) -> tuple[Course, Enrolment]:
    """Give the course that somebody is in the middle of; raises NotAllowed when nothing they do there can be saved."""
    admission = to_course(actor, slug, grace)
    if admission.enrolment is None:
        if admission.decision.is_preview:
            raise NotAllowed(LOOKING_AROUND)
        if enrolments.newest(actor.membership.id, slug) is not None:
            raise NotAllowed("You have passed this course, so nothing more is saved. You can take it again under My learning.")
        raise NotAllowed("Begin the course first. You find it under My learning.")
    return admission.course, admission.enrolment


def _course(slug: str, enrolment: Enrolment | None) -> Course:
    if enrolment is not None and enrolment.is_open:
        return courses.of_version(enrolment.version_id)
    try:
        return courses.current(slug)
    except Missing:
        if enrolment is None:
            raise
        return courses.of_version(enrolment.version_id)
