"""The test of a course: who is taking it, one question on a screen, and what each answer was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import redirect, render_template, request, url_for
from wtforms import BooleanField

from app import access
from app.kernel.errors import Invalid, Missing, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import LEARN
from app.web import navigation, wiring
from app.web.classroom.routes import area
from app.web.forms import Form
from catalog.learning import attempts, certificates, enrolments, progress
from catalog.learning.attempts import State
from catalog.shelf import courses as shelf

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from catalog.learning.attempts import Attempt
    from catalog.learning.enrolments import Enrolment
    from catalog.shelf.courses import Course


class ConfirmationForm(Form):
    """Who takes the test."""

    confirmed = BooleanField()


@area.page("/<uuid:organisation>/<slug>/test", allow=LEARN)
def test(actor: Actor, slug: str) -> ResponseReturnValue:
    """Say how the test works and ask who takes it, or lead back into the one that is open."""
    if ended := _ended(actor, slug, or_enrolled=True):
        return ended
    course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
    return _test_page(actor, course, enrolment, ConfirmationForm(formdata=None))


@area.action("/<uuid:organisation>/<slug>/test", allow=LEARN)
def begin_test(actor: Actor, slug: str) -> ResponseReturnValue:
    """Draw a test for somebody who has said who they are."""
    form = ConfirmationForm()
    if not form.confirmed.data:
        form.refuse(Invalid("Confirm that it is you who answers.", field="confirmed"))
        course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
        return _test_page(actor, course, enrolment, form), 422
    with transaction():
        course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
        attempt = attempts.begin(actor, enrolment.id, course)
    return _to_next(actor, slug, attempt)


@area.page("/<uuid:organisation>/<slug>/test/<int(max=999):position>", allow=LEARN)
def question(actor: Actor, slug: str, position: int) -> ResponseReturnValue:
    """Put a question of the open test; once it is handed in, lead to how it went."""
    return _ended(actor, slug) or _question_page(actor, slug, position)


@area.action("/<uuid:organisation>/<slug>/test/<int(max=999):position>", allow=LEARN)
def answer_question(actor: Actor, slug: str, position: int) -> ResponseReturnValue:
    """Save an answer and go on to the next question that waits for one."""
    try:
        with transaction():
            access.demand_enrolment(actor, slug, wiring.grace())
            # The page says which test it belongs to: an old page must not answer a question of another one.
            attempt = attempts.of_member(actor.membership.id, _named(request.form.get("attempt", "")))
            attempts.answer(actor.membership.id, attempt.id, position, request.form.getlist("choice"))
    except Invalid as refusal:
        return _question_page(actor, slug, position, refusal.message), 422
    return _to_next(actor, slug, attempt, position)


@area.page("/<uuid:organisation>/<slug>/test/answers", allow=LEARN)
def test_answers(actor: Actor, slug: str) -> ResponseReturnValue:
    """Show what was answered so far, before it is handed in; afterwards, lead to how it went."""
    return _ended(actor, slug) or _answers_page(actor, slug)


@area.action("/<uuid:organisation>/<slug>/test/answers", allow=LEARN)
def hand_in(actor: Actor, slug: str) -> ResponseReturnValue:
    """Hand the test in; it is graded at once."""
    try:
        with transaction():
            admission = access.to_course(actor, slug, wiring.grace())
            if admission.decision.is_preview:
                raise NotAllowed(access.LOOKING_AROUND)
            attempt = attempts.hand_in(actor, _named(request.form.get("attempt", "")))
    except Invalid as refusal:
        return _answers_page(actor, slug, refusal.message), 422
    return redirect(url_for("classroom.result", organisation=actor.organisation.id, slug=slug, attempt=attempt.id), 303)


@area.page("/<uuid:organisation>/<slug>/results/<uuid:attempt>", allow=LEARN)
def result(actor: Actor, slug: str, attempt: UUID) -> ResponseReturnValue:
    """Show how a test ended, question by question; open without a seat, because it is one's own record."""
    found = attempts.of_member(actor.membership.id, attempt)
    enrolment = attempts.enrolment_of(found)
    if enrolment.slug != slug or found.state == State.OPEN:
        raise Missing
    held = certificates.of_membership(actor.organisation.id, actor.membership.id)
    return render_template(
        "classroom/result.html",
        actor=actor,
        nav=navigation.workspace(actor),
        course=shelf.of_version(enrolment.version_id),
        attempt=found,
        enrolment=enrolment,
        questions=attempts.questions_of(found),
        certificate=next((one.certificate for one in held if one.certificate.attempt_id == found.id), None),
    )


def _open(enrolment: Enrolment) -> Attempt:
    """Give the test that is open; raises Missing when there is none."""
    for attempt in attempts.of_enrolment(enrolment.id):
        if attempt.state == State.OPEN:
            return attempt
    raise Missing("There is no open test here. Begin one whenever you like.")


def _ended(actor: Actor, slug: str, *, or_enrolled: bool = False) -> ResponseReturnValue | None:
    """Lead back from a test that is over to its result; None while one is open, or (if asked) while one may begin another."""
    enrolment = enrolments.newest(actor.membership.id, slug)
    taken = attempts.of_enrolment(enrolment.id) if enrolment else []
    if not taken or taken[-1].state == State.OPEN or (or_enrolled and enrolment and enrolment.is_open):
        return None
    return redirect(url_for("classroom.result", organisation=actor.organisation.id, slug=slug, attempt=taken[-1].id), 303)


def _named(attempt_id: str) -> UUID:
    """Read which test is handed in, so that handing it in twice is the same as once; raises Missing for what is no id."""
    try:
        return UUID(attempt_id)
    except ValueError as error:
        raise Missing from error


def _to_next(actor: Actor, slug: str, attempt: Attempt, position: int = 0) -> ResponseReturnValue:
    """Lead to the first question after a position that waits for an answer, to an earlier one, or to all the answers."""
    waiting = [put.row.position for put in attempts.questions_of(attempt) if not put.row.chosen]
    ahead = [place for place in waiting if place > position] or waiting
    if not ahead:
        return redirect(url_for("classroom.test_answers", organisation=actor.organisation.id, slug=slug), 303)
    return redirect(url_for("classroom.question", organisation=actor.organisation.id, slug=slug, position=ahead[0]), 303)


def _test_page(actor: Actor, course: Course, enrolment: Enrolment, form: Form) -> str:
    return render_template(
        "classroom/test.html",
        actor=actor,
        course=course,
        form=form,
        attempts=attempts.of_enrolment(enrolment.id),
        progress=progress.of(enrolment.id, course.lessons),
        pass_percent=attempts.PASS_PERCENT,
    )


def _question_page(actor: Actor, slug: str, position: int, problem: str = "") -> str:
    course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
    attempt = _open(enrolment)
    put = attempts.questions_of(attempt)
    if not 1 <= position <= len(put):
        raise Missing
    return render_template(
        "classroom/question.html",
        actor=actor,
        course=course,
        attempt=attempt,
        questions=put,
        shown=put[position - 1],
        problem=problem,
    )


def _answers_page(actor: Actor, slug: str, problem: str = "") -> str:
    course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
    attempt = _open(enrolment)
    questions = attempts.questions_of(attempt)
    return render_template(
        "classroom/test_answers.html", actor=actor, course=course, attempt=attempt, questions=questions, problem=problem
    )
