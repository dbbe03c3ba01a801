"""Somebody passes a course, as the classroom would record it; for tests about what comes after a pass."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import organisations
from app.kernel import clock
from app.kernel.db import db
from catalog.learning import certificates
from catalog.learning.attempts import Attempt, State
from catalog.learning.enrolments import Enrolment
from catalog.shelf.courses import CourseVersion

if TYPE_CHECKING:
    from app.accounts.memberships import Membership
    from catalog.learning.certificates import Certificate

SLUG = "fire-marshal-duties-theory"
OUTCOMES = ["Sweep a floor and know what you have seen", "Say who is missing, and stay out", "Hand over to the fire service"]


def version_of(slug: str = SLUG, **changes: object) -> CourseVersion:
    """Give the newest version of a course, put on the shelf when there is none."""
    found = db.session.scalar(sa.select(CourseVersion).where(CourseVersion.slug == slug, CourseVersion.is_current))
    if found is not None and not changes:
        return found
    if found is not None:
        found.is_current = False
        db.session.flush()
    facts = {
        "slug": slug,
        "number": found.number + 1 if found else 1,
        "digest": f"digest of {slug}",
        "title": "Fire Marshal Duties: Theory",
        "summary": "What to do in the first minutes.",
        "category": "health",
        "audience": "Fire marshals",
        "minutes": 45,
        "refresh_months": 12,
        "minimum_age": 16,
        "nations": "Written for England.",
        "outcomes": OUTCOMES,
        "sources": [],
        "content_note": "",
        "support": [],
        "theory_only": "This course is theory: practice is assessed separately.",
        "reviewed_on": date(2026, 11, 1),
        "sample": 1,
        "lead": False,
        "renews": [],
        "published_at": clock.now(),
        "is_current": True,
    }
    version = CourseVersion(**{**facts, **changes})
    db.session.add(version)
    db.session.flush()
    return version


def attempt_of(membership: Membership, version: CourseVersion, *, right: int | None = 18, drawn: int = 20) -> Attempt:
    """Give the graded attempt of somebody at the test of a course."""
    now = clock.now()
    enrolment = Enrolment(
        organisation_id=membership.organisation_id,
        membership_id=membership.id,
        version_id=version.id,
        slug=version.slug,
        begun_at=now,
        passed_at=now,
    )
    db.session.add(enrolment)
    db.session.flush()
    state = State.OPEN if right is None else State.PASSED
    attempt = Attempt(
        enrolment_id=enrolment.id,
        number=1,
        state=state,
        drawn=drawn,
        right_count=right,
        is_fast=False,
        begun_at=now,
        ended_at=None if right is None else now,
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt


def certify(membership: Membership, slug: str = SLUG, *, right: int = 18, all_lessons_done: bool = True) -> Certificate:
    """Have somebody pass a course and be given their certificate, inside the transaction that is open."""
    version = version_of(slug)
    attempt = attempt_of(membership, version, right=right)
    return certificates.issue(
        attempt,
        db.session.get_one(Enrolment, attempt.enrolment_id),
        version,
        membership=membership,
        organisation=organisations.known(membership.organisation_id),
        all_lessons_done=all_lessons_done,
    )
