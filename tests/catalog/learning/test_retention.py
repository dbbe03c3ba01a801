"""Retention: the evidence of somebody who is gone goes whole, whatever hangs on it."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import memberships
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from catalog.learning import retention
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.learning.enrolments import Enrolment
from tests import passing


def test_a_certificate_goes_together_with_its_document_and_those_of_others_stay(owner, learner):
    with transaction():
        for actor in (owner, learner):
            certificate = passing.certify(memberships.of_organisation(actor.organisation.id, actor.membership.id))
            db.session.add(CertificateDocument(certificate_id=certificate.id, made_at=clock.now(), pdf=b"%PDF"))
    with transaction():
        assert retention.forget([learner.membership.id]) == 1
    [left] = db.session.scalars(sa.select(Certificate.id).where(Certificate.membership_id == owner.membership.id))
    assert db.session.scalars(sa.select(Certificate.id)).all() == [left]
    assert db.session.scalars(sa.select(CertificateDocument.certificate_id)).all() == [left]
    assert db.session.scalars(sa.select(Enrolment.membership_id)).all() == [owner.membership.id]
