"""Certificates: frozen at the pass, replaced by newer ones without being touched, revoked once and with a reason."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.accounts import memberships, organisations, people, registrations
from app.accounts.memberships import Role
from app.kernel import clock, journal
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from catalog.learning import certificates
from catalog.learning.certificates import Certificate, CertificateDocument, State
from catalog.learning.enrolments import Enrolment
from tests import passing
from tests.house.statements import Recorder

BECAUSE = "The test was taken by somebody else."


def certify(actor, **how):
    with transaction():
        return passing.certify(memberships.of_organisation(actor.organisation.id, actor.membership.id), **how).number


def state(number):
    db.session.rollback()
    return certificates.of_number(number).state


def later(days=1):
    with transaction():
        clock.advance(timedelta(days=days))


def document(number):
    """Keep something as the document of a certificate."""
    with transaction():
        found = certificates.of_number(number).certificate
        db.session.add(CertificateDocument(certificate_id=found.id, made_at=clock.now(), pdf=b"%PDF"))


def test_a_certificate_says_what_was_true_at_the_pass(owner):
    found = certificates.of_number(certify(owner, right=18)).certificate
    version = passing.version_of()
    assert (found.name, found.organisation_name) == ("Ruth Amadi", "St Mary")
    assert (found.slug, found.title, found.category, found.version) == (version.slug, version.title, "health", 1)
    assert (found.score_percent, found.minutes, found.outcomes) == (90, 45, passing.OUTCOMES)
    assert (found.nations, found.theory_only) == (version.nations, version.theory_only)
    assert (found.person_id, found.membership_id) == (owner.person.id, owner.membership.id)
    assert found.refresh_by == certificates.months_later(found.issued_on, 12)


def test_nothing_that_changes_later_changes_it(owner):
    number = certify(owner)
    with transaction():
        people.rename(owner.person.id, "Ruth Lim")
        memberships.of_organisation(owner.organisation.id, owner.membership.id).name = "Ruth Lim"
        organisations.known(owner.organisation.id).name = "St Martha"
        passing.version_of(title="Something else", outcomes=[], minutes=5)
    found = certificates.of_number(number).certificate
    assert (found.name, found.organisation_name, found.title) == ("Ruth Amadi", "St Mary", "Fire Marshal Duties: Theory")
    assert (found.minutes, found.outcomes) == (45, passing.OUTCOMES)


def test_without_the_lessons_no_minutes_are_certified(owner):
    assert certificates.of_number(certify(owner, all_lessons_done=False)).certificate.minutes == 0


def test_the_score_is_rounded_down(owner):
    with transaction():
        version = passing.version_of()
        membership = memberships.of_organisation(owner.organisation.id, owner.membership.id)
        attempt = passing.attempt_of(membership, version, right=11, drawn=12)
        enrolment = db.session.get_one(Enrolment, attempt.enrolment_id)
        facts = {"membership": membership, "organisation": owner.organisation, "all_lessons_done": True}
        assert certificates.issue(attempt, enrolment, version, **facts).score_percent == 91


def test_the_day_of_issue_is_that_of_the_organisation(owner):
    with transaction():
        organisations.known(owner.organisation.id).zone = "Pacific/Kiritimati"
    east = certificates.of_number(certify(owner)).certificate.issued_on
    with transaction():
        organisations.known(owner.organisation.id).zone = "Pacific/Pago_Pago"
    west = certificates.of_number(certify(owner)).certificate.issued_on
    # These two are 25 hours apart, so that it is never the same day in both.
    assert east > west


def test_an_attempt_that_was_not_passed_earns_none(owner):
    with transaction():
        version = passing.version_of()
        membership = memberships.of_organisation(owner.organisation.id, owner.membership.id)
        attempt = passing.attempt_of(membership, version, right=None)
        enrolment = db.session.get_one(Enrolment, attempt.enrolment_id)
        facts = {"membership": membership, "organisation": owner.organisation, "all_lessons_done": True}
        with pytest.raises(ValueError, match="only a passed attempt"):
            certificates.issue(attempt, enrolment, version, **facts)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 0


def test_an_attempt_earns_one_certificate(owner):
    with transaction():
        version = passing.version_of()
        membership = memberships.of_organisation(owner.organisation.id, owner.membership.id)
        attempt = passing.attempt_of(membership, version)
        enrolment = db.session.get_one(Enrolment, attempt.enrolment_id)
        facts = {"membership": membership, "organisation": owner.organisation, "all_lessons_done": True}
        certificates.issue(attempt, enrolment, version, **facts)
        with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
            certificates.issue(attempt, enrolment, version, **facts)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 1


def test_a_pass_writes_one_mail_and_a_line_of_the_journal_without_names(owner):
    number = certify(owner)
    mail = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "certificate")).one()
    found = certificates.of_number(number).certificate
    assert (mail.address, mail.facts) == ("ruth@example.org", {"certificate_id": str(found.id)})
    line = db.session.scalars(sa.select(JournalEntry).where(JournalEntry.what == "certificate.issued")).one()
    assert (line.organisation_id, line.person_id, line.about) == (owner.organisation.id, owner.person.id, owner.membership.id)
    assert line.facts == {"certificate": str(found.id), "number": number, "course": found.slug}
    assert "Ruth" not in json.dumps(line.facts)


def test_a_pass_that_is_rolled_back_leaves_no_certificate_and_no_mail(owner):
    def fail():
        with transaction():
            passing.certify(memberships.of_organisation(owner.organisation.id, owner.membership.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    for table in (Certificate, OutboxMail):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_a_new_pass_supersedes_the_old_one_and_does_not_touch_it(owner):
    old = certify(owner)
    before = {column: getattr(certificates.of_number(old).certificate, column) for column in Certificate.__table__.columns.keys()}  # noqa: SIM118 - a collection of columns is no dict
    later()
    new = certify(owner)
    assert (state(old), state(new)) == (State.SUPERSEDED, State.ISSUED)
    after = certificates.of_number(old).certificate
    assert {column: getattr(after, column) for column in before} == before


def test_two_passes_at_the_same_moment_supersede_one_way(owner):
    with transaction():
        membership = memberships.of_organisation(owner.organisation.id, owner.membership.id)
        numbers = [passing.certify(membership).number for _ in range(2)]
        moment = clock.now()
        db.session.connection().execute(sa.update(Certificate.__table__).values(issued_at=moment))
    assert sorted(state(number) for number in numbers) == [State.ISSUED, State.SUPERSEDED]


def test_another_course_or_another_member_supersedes_nothing(owner, make_person):
    first = certify(owner)
    later()
    certify(owner, slug="another-course")
    other = people.known(make_person(name="Tom", address="tom@example.org", organisation="St Luke"))
    certify(memberships.actor(other, memberships.places_of(other.id)[0].organisation.id))
    assert state(first) is State.ISSUED


def test_a_newer_one_that_was_revoked_does_not_count(owner):
    old = certify(owner)
    later()
    new = certify(owner)
    with transaction():
        certificates.revoke(new, BECAUSE, by=owner.person.id)
    assert (state(old), state(new)) == (State.ISSUED, State.REVOKED)


def test_a_revoked_one_stays_revoked_when_a_newer_one_comes(owner):
    old = certify(owner)
    with transaction():
        certificates.revoke(old, BECAUSE, by=owner.person.id)
    later()
    certify(owner)
    assert state(old) is State.REVOKED


def test_revoking_keeps_when_and_why_and_who(owner):
    number = certify(owner)
    with transaction():
        certificates.revoke(number, f"  {BECAUSE}\n", by=owner.person.id)
    found = certificates.of_number(number).certificate
    assert (found.revoked_because, found.revoked_at is not None) == (BECAUSE, True)
    line = journal.about(owner.organisation.id, owner.membership.id)[0]
    assert (line.what, line.person_id, line.facts["number"]) == ("certificate.revoked", owner.person.id, number)


@pytest.mark.parametrize("because", ["", "  \n", "x" * 501])
def test_revoking_needs_a_reason(owner, because):
    number = certify(owner)
    with pytest.raises(Invalid) as refusal, transaction():
        certificates.revoke(number, because, by=owner.person.id)
    assert refusal.value.field == "because"
    assert state(number) is State.ISSUED


def test_a_certificate_is_revoked_once(owner):
    number = certify(owner)
    with transaction():
        certificates.revoke(number, BECAUSE, by=owner.person.id)
    with pytest.raises(Conflict), transaction():
        certificates.revoke(number, "Another reason.", by=owner.person.id)
    assert certificates.of_number(number).certificate.revoked_because == BECAUSE


def test_what_does_not_exist_is_not_revoked(owner):
    with pytest.raises(Missing), transaction():
        certificates.revoke("LY-0000-0000-00000", BECAUSE, by=owner.person.id)


@pytest.mark.parametrize(
    ("name", "value"), [("name", "Another"), ("score_percent", 100), ("minutes", 60), ("refresh_by", date(2040, 1, 1))]
)
def test_what_a_certificate_says_cannot_be_changed(owner, name, value):
    number = certify(owner)
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        setattr(certificates.of_number(number).certificate, name, value)
    assert getattr(certificates.of_number(number).certificate, name) != value


def test_a_revocation_cannot_be_taken_back_or_rewritten(owner):
    number = certify(owner)
    with transaction():
        certificates.revoke(number, BECAUSE, by=owner.person.id)
    found = certificates.of_number(number).certificate
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        found.revoked_at = found.revoked_because = None
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        found.revoked_because = "Another reason."
    assert state(number) is State.REVOKED


def test_neither_certificate_nor_document_can_be_deleted_or_a_document_changed(owner):
    number = certify(owner)
    document(number)
    kept = db.session.scalars(sa.select(CertificateDocument)).one()
    for row in (certificates.of_number(number).certificate, kept):
        with pytest.raises(RuntimeError, match="only grow"), transaction():
            db.session.delete(row)
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        kept.pdf = b"another"
    assert db.session.scalar(sa.select(CertificateDocument.pdf)) == b"%PDF"


@pytest.mark.parametrize(
    "statement",
    [
        sa.delete(Certificate),
        sa.update(Certificate).values(name="X"),
        sa.update(Certificate).values(revoked_because=None, revoked_at=None),
        sa.delete(CertificateDocument),
        sa.update(CertificateDocument).values(pdf=b"another"),
    ],
)
def test_no_statement_changes_what_only_grows(owner, statement):
    document(certify(owner))
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        db.session.execute(statement)
    assert db.session.scalar(sa.select(Certificate.name)) == "Ruth Amadi"


def test_a_certificate_is_found_only_where_it_belongs(owner, make_person):
    number = certify(owner)
    here = owner.organisation.id
    with transaction():
        person = registrations.open_account("Leo", "leo@example.org", "hash")
        leo = memberships.add(owner.organisation, person, {Role.LEARNER})
    other = people.known(make_person(name="Tom", address="tom@example.org", organisation="St Luke"))
    there = memberships.places_of(other.id)[0].organisation.id
    assert certificates.of_organisation_number(here, number).certificate.number == number
    assert certificates.of_membership_number(here, owner.membership.id, number).certificate.number == number
    for find in (
        lambda: certificates.of_organisation_number(there, number),
        lambda: certificates.of_membership_number(here, leo.id, number),
        lambda: certificates.of_membership_number(there, owner.membership.id, number),
        lambda: certificates.of_number("LY-0000-0000-00000"),
    ):
        with pytest.raises(Missing):
            find()
    assert certificates.of_membership(there, owner.membership.id) == []


def test_those_of_a_member_come_newest_first_with_one_query(owner):
    numbers = []
    for slug in ("one", "two", "one", "three"):
        numbers.append(certify(owner, slug=slug))
        later()
    document(numbers[0])
    here, member = owner.organisation.id, owner.membership.id
    db.session.rollback()
    with Recorder(db.engine) as recorder:
        found = certificates.of_membership(here, member)
    assert len(recorder.reads) == 1
    assert [held.certificate.number for held in found] == numbers[::-1]
    assert [held.state for held in found] == [State.ISSUED, State.ISSUED, State.ISSUED, State.SUPERSEDED]
    assert [held.has_document for held in found] == [False, False, False, True]


def test_whether_a_later_certificate_counts_is_found_by_an_index(owner):
    number = certify(owner)
    db.session.rollback()
    with Recorder(db.engine) as recorder:
        assert certificates.of_number(number).state is State.ISSUED
    [asked] = recorder.reads
    assert "merged_into_id" in asked
    if db.engine.dialect.name == "sqlite":
        marks = asked.count("?")
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("x",) * marks).all()
        assert not [row for row in plan if "SCAN" in row[3]]


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 11, 24), 36, date(2029, 11, 24)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 12, 1), 0, date(2026, 12, 1)),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_a_shorter_month(day, months, then):
    assert certificates.months_later(day, months) == then


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(min_value=0, max_value=120))
def test_months_later_never_leaves_its_month(day, months):
    then = certificates.months_later(day, months)
    assert (then.year * 12 + then.month) - (day.year * 12 + day.month) == months
    assert then.day == day.day or (then.day < day.day and (then + timedelta(days=1)).day == 1)
