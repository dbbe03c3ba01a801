"""Retention: what somebody learned is evidence until its date, and goes then if its holder had asked to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel import batches
from app.kernel.db import db
from catalog.learning.attempts import Attempt, AttemptQuestion
from catalog.learning.certificates import ERASES, Certificate, CertificateDocument
from catalog.learning.enrolments import Enrolment
from catalog.learning.progress import BlockProgress

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID


def holders(membership_ids: sa.Select[UUID]) -> list[UUID]:
    """Give those of some memberships of whom something is kept."""
    query = sa.select(Enrolment.membership_id).where(Enrolment.membership_id.in_(membership_ids)).distinct()
    return sorted(db.session.scalars(query))


def forget(membership_ids: Collection[UUID]) -> int:
    """Remove certificates, attempts, answers and progress of some memberships, in six statements; gives how many enrolments."""
    enrolments = sa.select(Enrolment.id).where(Enrolment.membership_id.in_(batches.ids(membership_ids)))
    attempts = sa.select(Attempt.id).where(Attempt.enrolment_id.in_(enrolments))
    theirs = sa.select(Certificate.id).where(Certificate.attempt_id.in_(attempts))
    for model, which in (
        (CertificateDocument, CertificateDocument.certificate_id.in_(theirs)),
        (Certificate, Certificate.attempt_id.in_(attempts)),
        (AttemptQuestion, AttemptQuestion.attempt_id.in_(attempts)),
        (Attempt, Attempt.enrolment_id.in_(enrolments)),
        (BlockProgress, BlockProgress.enrolment_id.in_(enrolments)),
    ):
        options = {"synchronize_session": False, ERASES: True}
        db.session.execute(sa.delete(model).where(which).execution_options(**options))
    gone = sa.delete(Enrolment).where(Enrolment.membership_id.in_(batches.ids(membership_ids))).returning(Enrolment.id)
    return len(db.session.scalars(gone.execution_options(synchronize_session=False)).all())
