"""Progress: which blocks of a course somebody has done and what they answered, saved as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import batches, clock
from app.kernel.db import Model, UtcDateTime, db
from app.kernel.errors import Invalid, Missing
from catalog.learning import answers, enrolments
from catalog.learning.enrolments import Enrolment
from catalog.shelf import courses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import InstrumentedAttribute

    from catalog.shelf.courses import LessonHead

Place = tuple[int, int]


class BlockProgress(Model):
    """A block to which somebody gave an answer or from which they went on."""

    enrolment_id: Mapped[UUID] = mapped_column(sa.ForeignKey("enrolment.id"), primary_key=True)
    lesson: Mapped[int] = mapped_column(primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True)
    answer: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is in the lessons of a course: places are a lesson and a block of it, both from 1."""

    lessons: tuple[LessonHead, ...]
    done: frozenset[Place]
    last: Place | None

    @property
    def places(self) -> list[Place]:
        """Every place of the course in order."""
        return [(lesson.number, block) for lesson in self.lessons for block in range(1, lesson.blocks + 1)]

    @property
    def is_complete(self) -> bool:
        """Whether every block of every lesson is done."""
        return self.done.issuperset(self.places)

    @property
    def next_place(self) -> Place | None:
        """Where to go on: the place last touched unless it is done, else the first after it that is not done; None at the end."""
        places = self.places
        if self.last is not None and self.last in places:
            begin = places.index(self.last)
            places = places[begin:] + places[:begin]
        return next((place for place in places if place not in self.done), None)

    @property
    def done_count(self) -> int:
        """How many places are done."""
        return len(self.done)

    def done_in(self, lesson: LessonHead) -> int:
        """Count the blocks of a lesson that are done."""
        return sum(number == lesson.number for number, _ in self.done)

    def is_done(self, lesson: LessonHead) -> bool:
        """Whether every block of a lesson is done."""
        return self.done_in(lesson) == lesson.blocks


def of(enrolment_id: UUID, lessons: Iterable[LessonHead]) -> Progress:
    """Give how far an enrolment is."""
    return of_all({enrolment_id: lessons})[enrolment_id]


def of_all(wanted: Mapping[UUID, Iterable[LessonHead]]) -> dict[UUID, Progress]:
    """Give how far each of some enrolments is, in one query."""
    query = sa.select(BlockProgress).where(BlockProgress.enrolment_id.in_(wanted)).order_by(BlockProgress.saved_at)
    rows: dict[UUID, list[BlockProgress]] = {enrolment_id: [] for enrolment_id in wanted}
    for row in db.session.scalars(query):
        rows[row.enrolment_id].append(row)
    return {enrolment_id: _progress(lessons, rows[enrolment_id]) for enrolment_id, lessons in wanted.items()}


def newest(membership_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Give when each of some people last did something in a course, in one query; those who never did are left out."""
    query = (
        sa.select(Enrolment.membership_id, sa.func.max(BlockProgress.saved_at, type_=UtcDateTime()))
        .join(Enrolment, Enrolment.id == BlockProgress.enrolment_id)
        .where(Enrolment.membership_id.in_(batches.ids(membership_ids)))
    )
    return dict(db.session.execute(query.group_by(Enrolment.membership_id)).all())


def has_learnt_since(membership_id: InstrumentedAttribute[UUID], since: datetime) -> sa.ColumnElement[bool]:
    """Give the condition under which somebody has begun, gone on with or passed a course since a moment."""
    has_gone_on = sa.exists().where(BlockProgress.enrolment_id == Enrolment.id, BlockProgress.saved_at > since)
    is_recent = sa.or_(Enrolment.begun_at > since, Enrolment.passed_at > since, has_gone_on)
    return sa.exists().where(Enrolment.membership_id == membership_id, is_recent)


def answer_to(enrolment_id: UUID, place: Place) -> dict[str, Any]:
    """Give the answer that was saved for a place; empty when there is none."""
    row = db.session.get(BlockProgress, (enrolment_id, *place))
    return row.answer if row else {}


def save_answer(enrolment_id: UUID, place: Place, sent: Mapping[str, list[str]]) -> dict[str, Any]:
    """Save the answer to a block and give it; raises Invalid when it is none, Conflict once the course is passed."""
    enrolment = enrolments.lock(enrolment_id)
    answer = answers.read(_block(enrolment.version_id, place), sent)
    _row(enrolment_id, place).answer = answer
    db.session.flush()
    return answer


def finish(enrolment_id: UUID, place: Place) -> None:
    """Note that a block is done; raises Invalid while its exercise waits for an answer, Conflict once the course is passed."""
    enrolment = enrolments.lock(enrolment_id)
    row = _row(enrolment_id, place)
    if not answers.is_complete(_block(enrolment.version_id, place), row.answer):
        raise Invalid("Answer first, then go on. There is no mark for it, and you can change your answer.")
    row.done_at = row.done_at or clock.now()
    db.session.flush()


def _row(enrolment_id: UUID, place: Place) -> BlockProgress:
    row = db.session.get(BlockProgress, (enrolment_id, *place))
    if row is None:
        row = BlockProgress(enrolment_id=enrolment_id, lesson=place[0], block=place[1], answer={}, saved_at=clock.now())
        db.session.add(row)
    row.saved_at = clock.now()
    return row


def _block(version_id: UUID, place: Place) -> dict[str, Any]:
    return block_of(courses.lesson(version_id, place[0]).blocks, place[1])


def block_of(blocks: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """Give a block of a lesson by its number, from 1; raises Missing."""
    if not 1 <= number <= len(blocks):
        raise Missing
    return blocks[number - 1]


def _progress(lessons: Iterable[LessonHead], rows: list[BlockProgress]) -> Progress:
    done = frozenset((row.lesson, row.block) for row in rows if row.done_at is not None)
    return Progress(tuple(lessons), done, (rows[-1].lesson, rows[-1].block) if rows else None)
