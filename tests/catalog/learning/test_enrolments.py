"""Enrolments of somebody whose records were merged: what they left open in their own is gone on with."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app.accounts import memberships, mergers
from app.accounts.memberships import Membership, Role
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from catalog.learning import enrolments
from catalog.learning.enrolments import Enrolment
from tests import learning


def test_what_was_left_open_before_a_merger_is_begun_again_after_a_later_pass(owner, learner):
    with transaction():
        left_open = learning.enrol(learner)
        left_id, version_id = left_open.id, left_open.version_id
    with transaction():
        clock.advance(timedelta(days=1))
        other = memberships.invite(owner.organisation.id, "Leo", "leo.old@example.org", {Role.LEARNER})
        now = clock.now()
        passed = Enrolment(
            organisation_id=owner.organisation.id,
            membership_id=other.id,
            version_id=version_id,
            slug=learning.SLUG,
            begun_at=now,
            passed_at=now,
        )
        db.session.add(passed)
        mergers.point_at(db.session.get_one(Membership, learner.membership.id), other, by=owner.person.id)
        clock.advance(timedelta(days=1))
    assert enrolments.newest(learner.membership.id, learning.SLUG).id == passed.id
    with transaction():
        assert learning.enrol(learner).id == left_id
    found = enrolments.newest(learner.membership.id, learning.SLUG)
    assert (found.id, found.is_open) == (left_id, True)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 2
