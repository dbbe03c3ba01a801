"""Records: everything that one member has learned in an organisation, course by course."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import mergers
from app.kernel.db import db
from catalog.learning import certificates, enrolments, progress
from catalog.learning.attempts import Attempt
from catalog.learning.certificates import State
from catalog.learning.enrolments import Enrolment
from catalog.shelf import courses

if TYPE_CHECKING:
    from uuid import UUID

    from catalog.learning.certificates import Held
    from catalog.learning.progress import Progress
    from catalog.shelf.courses import CourseCard


@dataclass(frozen=True, slots=True)
class Record:
    """A course and how far a member is in it: the newest enrolment, and all attempts and certificates, earlier ones too."""

    course: CourseCard
    enrolment: Enrolment
    progress: Progress
    attempts: tuple[Attempt, ...]
    certificates: tuple[Held, ...]

    @property
    def held(self) -> Held | None:
        """The newest certificate that was not revoked."""
        return next((held for held in self.certificates if held.state != State.REVOKED), None)


def of_member(organisation_id: UUID, membership_id: UUID) -> list[Record]:
    """Give the courses that a member has begun, the one begun last first, in as many queries however many there are."""
    begun = enrolments.of_member(membership_id)
    versions = courses.of_versions([enrolment.version_id for enrolment in begun])
    steps = progress.of_all({enrolment.id: versions[enrolment.version_id].lessons for enrolment in begun})
    held: dict[str, list[Held]] = defaultdict(list)
    for one in certificates.of_membership(organisation_id, membership_id):
        held[one.certificate.slug].append(one)
    tried: dict[str, list[Attempt]] = defaultdict(list)
    query = sa.select(Enrolment.slug, Attempt).join(Attempt, Attempt.enrolment_id == Enrolment.id)
    for slug, attempt in db.session.execute(
        query.where(Enrolment.membership_id.in_(mergers.records_of(membership_id))).order_by(Attempt.begun_at)
    ):
        tried[slug].append(attempt)
    return [
        Record(
            courses.card(versions[enrolment.version_id].version),
            enrolment,
            steps[enrolment.id],
            tuple(tried[enrolment.slug]),
            tuple(held[enrolment.slug]),
        )
        for enrolment in begun
    ]
