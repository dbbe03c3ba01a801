"""Somebody takes a course, as the classroom would have them do it; for tests about what happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.demo_learning import answer_all, do_lessons, forms_of, take_test
from catalog.learning import enrolments
from catalog.shelf import courses

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from catalog.learning.enrolments import Enrolment
    from catalog.shelf.courses import Course

__all__ = ["SLUG", "answer_all", "course_of", "do_lessons", "enrol", "forms_of", "take_test"]

SLUG = "first-response"


def enrol(actor: Actor, slug: str = SLUG) -> Enrolment:
    """Put somebody on the course of the test shelf, inside the transaction that is open."""
    return enrolments.begin(actor, courses.current(slug).version)


def course_of(enrolment: Enrolment) -> Course:
    """Give the course that an enrolment is for."""
    return courses.of_version(enrolment.version_id)
