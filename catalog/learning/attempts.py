"""Attempts: a draw from the question bank and one person's answers to it, kept whole for ever."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import mergers
from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.transaction import transaction
from catalog.learning import certificates, enrolments, progress
from catalog.learning.enrolments import Enrolment
from catalog.shelf import courses, question_banks
from catalog.shelf.courses import CourseVersion
from catalog.shelf.question_banks import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.accounts.memberships import Actor
    from catalog.shelf.courses import Course

PASS_PERCENT = 80
FAST_SECONDS = 5
STALE_AFTER = timedelta(days=30)
SWEEP = "attempts"
TRUE_AND_FALSE = 2
chance = SystemRandom()


class State(StrEnum):
    """Where an attempt stands."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    ABANDONED = "abandoned"


MOVES: dict[State, frozenset[State]] = {State.OPEN: frozenset({State.PASSED, State.FAILED, State.ABANDONED})}


class Attempt(Model):
    """One go at the test of a course; `right_count` stays empty until it is graded."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    enrolment_id: Mapped[UUID] = mapped_column(sa.ForeignKey("enrolment.id"))
    number: Mapped[int]
    state: Mapped[str]
    drawn: Mapped[int]
    right_count: Mapped[int | None]
    is_fast: Mapped[bool]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("enrolment_id", "number"),
        sa.CheckConstraint("state IN ('open', 'passed', 'failed', 'abandoned')", name="state"),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
        sa.Index(
            "ix_attempt_one_open",
            "enrolment_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
    )

    @property
    def score_percent(self) -> int:
        """The share of right answers, rounded down."""
        return (self.right_count or 0) * 100 // self.drawn

    @property
    def needed(self) -> int:
        """How many right answers pass."""
        return -(-self.drawn * PASS_PERCENT // 100)


class AttemptQuestion(Model):
    """A question as it was put to somebody: its options in the order shown, what they chose, and whether that was right."""

    attempt_id: Mapped[UUID] = mapped_column(sa.ForeignKey("attempt.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    order: Mapped[list[Any]]
    chosen: Mapped[list[Any]]
    answered_at: Mapped[datetime | None]
    is_right: Mapped[bool | None]

    __table_args__ = (sa.UniqueConstraint("attempt_id", "key"),)


@dataclass(frozen=True, slots=True)
class Put:
    """A question put to somebody, with what the bank says about it."""

    row: AttemptQuestion
    question: Question

    @property
    def options(self) -> list[tuple[int, dict[str, Any]]]:
        """The options in the order shown, each with its number in the bank."""
        return [(number, self.question.options[number]) for number in self.row.order]


def begin(actor: Actor, enrolment_id: UUID, course: Course) -> Attempt:
    """Draw a test for somebody who has said who they are, or give the one they have open; raises Conflict once it is passed."""
    enrolment = enrolments.lock(enrolment_id)
    earlier = of_enrolment(enrolment.id)
    for attempt in earlier:
        if attempt.state == State.OPEN:
            return attempt
    drawn = draw(question_banks.of_version(enrolment.version_id), course.drawn, _seen(enrolment.id))
    attempt = Attempt(
        id=uuid7(),
        enrolment_id=enrolment.id,
        number=len(earlier) + 1,
        state=State.OPEN,
        drawn=len(drawn),
        is_fast=False,
        begun_at=clock.now(),
    )
    db.session.add(attempt)
    db.session.flush()
    db.session.add_all(
        AttemptQuestion(attempt_id=attempt.id, position=position, key=question.key, order=_order(question), chosen=[])
        for position, question in enumerate(drawn, start=1)
    )
    _note("attempt.begun", enrolment, attempt, by=actor.person.id)
    db.session.flush()
    return attempt


def draw(bank: Sequence[Question], count: int, seen: Counter[str]) -> list[Question]:
    """Draw so many questions that every lesson is asked about, as evenly as can be and those seen least often first."""
    by_lesson: dict[int, list[Question]] = defaultdict(list)
    mixed = sorted(chance.sample(list(bank), len(bank)), key=lambda question: seen[question.key], reverse=True)
    for question in mixed:
        by_lesson[question.lesson].append(question)
    drawn: list[Question] = []
    while len(drawn) < min(count, len(bank)):
        lessons = [lesson for lesson, questions in by_lesson.items() if questions]
        drawn += [by_lesson[lesson].pop() for lesson in chance.sample(lessons, min(len(lessons), count - len(drawn)))]
    return chance.sample(drawn, len(drawn))


def answer(membership_id: UUID, attempt_id: UUID, position: int, chosen: Sequence[str]) -> None:
    """Save what somebody chose, as it is given; raises Invalid when it is nothing, Conflict when the test is handed in."""
    attempt = _lock_open(membership_id, attempt_id)
    put = _put(attempt, position)
    sent = [value for value in chosen if value.isascii() and value.isdecimal()]
    numbers = sorted({int(value) for value in sent if int(value[:4]) in put.row.order})
    if not numbers:
        raise Invalid("Choose an answer first.", field="choice")
    if not put.question.has_several and len(numbers) > 1:
        raise Invalid("Choose one answer; only one of them is right.", field="choice")
    put.row.chosen = numbers
    put.row.answered_at = clock.now()
    db.session.flush()


def hand_in(actor: Actor, attempt_id: UUID) -> Attempt:
    """Grade a test and, when it is passed, issue the certificate; one that is handed in already stays as it is.

    Raises Invalid naming the questions that wait for an answer, Missing for somebody else's attempt.
    """
    attempt = _lock(actor.membership.id, attempt_id)
    if attempt.state != State.OPEN:
        return attempt
    put = questions_of(attempt)
    waiting = [str(one.row.position) for one in put if not one.row.chosen]
    if waiting:
        word = "Question" if len(waiting) == 1 else "Questions"
        raise Invalid(f"{word} {', '.join(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for an answer.")
    for one in put:
        one.row.is_right = one.row.chosen == one.question.right
    attempt.right_count = sum(bool(one.row.is_right) for one in put)
    _move(attempt, State.PASSED if attempt.right_count >= attempt.needed else State.FAILED)
    attempt.is_fast = clock.now() - attempt.begun_at < timedelta(seconds=FAST_SECONDS) * attempt.drawn
    enrolment = enrolment_of(attempt)
    _note(f"attempt.{attempt.state}", enrolment, attempt, by=actor.person.id, score=attempt.score_percent, fast=attempt.is_fast)
    if attempt.state == State.PASSED:
        _certify(actor, enrolment, attempt)
    db.session.flush()
    return attempt


def of_enrolment(enrolment_id: UUID) -> list[Attempt]:
    """Give the attempts of an enrolment, oldest first."""
    return list(db.session.scalars(sa.select(Attempt).where(Attempt.enrolment_id == enrolment_id).order_by(Attempt.number)))


def of_course(membership_id: UUID, slug: str) -> list[Attempt]:
    """Give every attempt of a member at the test of a course, in whichever enrolment, oldest first."""
    query = sa.select(Attempt).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
    query = query.where(Enrolment.membership_id.in_(mergers.records_of(membership_id)), Enrolment.slug == slug)
    return list(db.session.scalars(query.order_by(Attempt.begun_at, Attempt.number)))


def of_member(membership_id: UUID, attempt_id: UUID) -> Attempt:
    """Give an attempt of a member; raises Missing for anybody else's."""
    query = sa.select(Attempt).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
    attempt = db.session.scalar(
        query.where(Attempt.id == attempt_id, Enrolment.membership_id.in_(mergers.records_of(membership_id)))
    )
    if attempt is None:
        raise Missing
    return attempt


def enrolment_of(attempt: Attempt) -> Enrolment:
    """Give the enrolment to which an attempt belongs."""
    return db.session.get_one(Enrolment, attempt.enrolment_id)


def questions_of(attempt: Attempt) -> list[Put]:
    """Give the questions of an attempt in the order in which they were put."""
    is_asked = sa.and_(Question.key == AttemptQuestion.key, Question.version_id == enrolment_of(attempt).version_id)
    rows = sa.select(AttemptQuestion, Question).join(Question, is_asked).where(AttemptQuestion.attempt_id == attempt.id)
    return [Put(row, question) for row, question in db.session.execute(rows.order_by(AttemptQuestion.position))]


def abandon_stale() -> int:
    """Close the attempts that nobody has touched for a month, and give how many. A sweep."""
    before = clock.now() - STALE_AFTER
    touched = sa.select(AttemptQuestion.attempt_id).where(AttemptQuestion.answered_at >= before)
    query = sa.select(Attempt).where(Attempt.state == State.OPEN, Attempt.begun_at < before, Attempt.id.not_in(touched))
    with transaction():
        stale = list(db.session.scalars(query.order_by(Attempt.id).with_for_update()))
        for attempt in stale:
            _move(attempt, State.ABANDONED)
            _note("attempt.abandoned", enrolment_of(attempt), attempt, by=None)
    return len(stale)


def _certify(actor: Actor, enrolment: Enrolment, attempt: Attempt) -> None:
    """Note the pass and issue the certificate; learning time counts only when the lessons were done."""
    course = courses.of_version(enrolment.version_id)
    enrolment.passed_at = attempt.ended_at
    certificates.issue(
        attempt,
        enrolment,
        course.version,
        membership=actor.membership,
        organisation=actor.organisation,
        all_lessons_done=progress.of(enrolment.id, course.lessons).is_complete,
    )


def _lock(membership_id: UUID, attempt_id: UUID) -> Attempt:
    """Give an attempt of a member, locked until the transaction ends; raises Missing."""
    of_member(membership_id, attempt_id)
    query = sa.select(Attempt).where(Attempt.id == attempt_id).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def _lock_open(membership_id: UUID, attempt_id: UUID) -> Attempt:
    attempt = _lock(membership_id, attempt_id)
    if attempt.state != State.OPEN:
        raise Conflict("This test is closed, so its answers stay as they are. Begin another one whenever you like.")
    return attempt


def _put(attempt: Attempt, position: int) -> Put:
    for put in questions_of(attempt):
        if put.row.position == position:
            return put
    raise Missing


def _move(attempt: Attempt, to: State) -> None:
    """Move an attempt along its life; raises Conflict where there is no such way."""
    if to not in MOVES.get(State(attempt.state), frozenset()):
        raise Conflict("This test is closed.")
    # Asking for the time may write what is pending, and a state without its end is not allowed.
    now = clock.now()
    attempt.state, attempt.ended_at = to, now


def _seen(enrolment_id: UUID) -> Counter[str]:
    """Count how often each question was put in an enrolment."""
    query = sa.select(AttemptQuestion.key).join(Attempt, Attempt.id == AttemptQuestion.attempt_id)
    return Counter(db.session.scalars(query.where(Attempt.enrolment_id == enrolment_id)))


def _order(question: Question) -> list[int]:
    """Mix the options of a question, unless they are true and false."""
    numbers = list(range(len(question.options)))
    return numbers if len(numbers) == TRUE_AND_FALSE else chance.sample(numbers, len(numbers))


def _note(what: str, enrolment: Enrolment, attempt: Attempt, *, by: UUID | None, **facts: object) -> None:
    about = enrolment.membership_id
    course = db.session.get_one(CourseVersion, enrolment.version_id).title
    facts = {"course": course, "attempt": str(attempt.id), **facts}
    journal.write(what, organisation_id=enrolment.organisation_id, by=by, about=about, **facts)
