"""Lessons: one block on a screen, an answer judged at once, and a place that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import redirect, render_template, request, url_for

from app import access
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import LEARN
from app.web import wiring
from app.web.classroom.courses import address_of
from app.web.classroom.routes import area
from catalog.learning import answers, enrolments, progress
from catalog.shelf import courses as shelf

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.access import Admission
    from app.accounts.memberships import Actor
    from catalog.learning.progress import Place
    from catalog.shelf.courses import Course, Lesson


@dataclass(frozen=True, slots=True)
class Screen:
    """A block as it is shown: where it stands, what was answered, and what is wrong with what was sent, if anything is."""

    course: Course
    lesson: Lesson
    place: Place
    block: dict[str, Any]
    answer: dict[str, Any]
    sent: dict[str, list[str]]
    problem: str

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to do here."""
        return answers.is_complete(self.block, self.answer)

    @property
    def right_count(self) -> int:
        """How much of the answer is right."""
        return answers.right_count(self.block, self.answer)

    @property
    def step(self) -> dict[str, Any]:
        """Where the story of a scenario stands."""
        return answers.step(self.block, self.answer)

    @property
    def chosen(self) -> dict[str, Any] | None:
        """What was chosen there, if anything was."""
        return answers.chosen(self.block, self.answer)

    @property
    def before(self) -> Place | None:
        """The place before this one."""
        return self._beside(-1)

    @property
    def after(self) -> Place | None:
        """The place after this one; None where the lessons end."""
        return self._beside(1)

    @property
    def is_last_of_lesson(self) -> bool:
        """Whether the lesson ends here."""
        return self.place[1] == len(self.lesson.blocks)

    def _beside(self, step: int) -> Place | None:
        places = [(head.number, block) for head in self.course.lessons for block in range(1, head.blocks + 1)]
        number = places.index(self.place) + step
        return places[number] if 0 <= number < len(places) else None


def screen(course: Course, place: Place, answer: dict[str, Any] | None = None) -> Screen:
    """Give a block with the answer that is kept for it or, where nothing is kept, with the one in the address.

    Raises Missing for a place that is not there.
    """
    lesson = shelf.lesson(course.version.id, place[0])
    block = progress.block_of(lesson.blocks, place[1])
    sent = request.values.to_dict(flat=False)
    problem = ""
    if answer is None:
        answer = {}
        if sent:
            try:
                answer = answers.read(block, sent)
            except Invalid as refusal:
                problem = refusal.message
    return Screen(course, lesson, place, block, answer, sent, problem)


@area.page("/<uuid:organisation>/<slug>/<int(max=999):number>/<int(max=999):block>", allow=LEARN)
def lesson(actor: Actor, slug: str, number: int, block: int) -> ResponseReturnValue:
    """Show a block of a lesson to someone who may open the course."""
    admission = access.to_course(actor, slug, wiring.grace())
    return _page(actor, admission, (number, block))


@area.action("/<uuid:organisation>/<slug>/<int(max=999):number>/<int(max=999):block>", allow=LEARN)
def answer_block(actor: Actor, slug: str, number: int, block: int) -> ResponseReturnValue:
    """Save the answer to a block and show what follows from it."""
    place = (number, block)
    try:
        with transaction():
            _, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
            progress.save_answer(enrolment.id, place, request.form.to_dict(flat=False))
    except Invalid as refusal:
        return _page(actor, access.to_course(actor, slug, wiring.grace()), place, refusal.message), 422
    return redirect(f"{address_of(actor, slug, place)}#feedback", 303)


@area.action("/<uuid:organisation>/<slug>/<int(max=999):number>/<int(max=999):block>/done", allow=LEARN)
def finish_block(actor: Actor, slug: str, number: int, block: int) -> ResponseReturnValue:
    """Go on from a block: it is done, and the next one opens."""
    place = (number, block)
    try:
        with transaction():
            course, enrolment = access.demand_enrolment(actor, slug, wiring.grace())
            progress.finish(enrolment.id, place)
    except Invalid as refusal:
        return _page(actor, access.to_course(actor, slug, wiring.grace()), place, refusal.message), 422
    shown = screen(course, place, {})
    if shown.after is None:
        return redirect(url_for("classroom.course", organisation=actor.organisation.id, slug=slug), 303)
    return redirect(address_of(actor, slug, shown.after), 303)


def _page(actor: Actor, admission: Admission, place: Place, problem: str = "") -> str:
    enrolment = admission.enrolment
    shown = screen(admission.course, place, progress.answer_to(enrolment.id, place) if enrolment else None)
    return render_template(
        "classroom/lesson.html",
        actor=actor,
        admission=admission,
        course=admission.course,
        shown=shown,
        problem=problem or shown.problem,
        progress=progress.of(enrolment.id, admission.course.lessons) if enrolment else None,
        is_again=enrolments.newest(actor.membership.id, admission.course.version.slug) is not None,
    )
