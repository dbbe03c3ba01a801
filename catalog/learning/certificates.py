"""Certificates: frozen evidence of a pass; a new pass adds one and never touches the old one."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, aliased, mapped_column

from app.accounts import mergers
from app.accounts.memberships import Membership
from app.kernel import batches, clock, journal, limits, nudges, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from catalog.learning import certificate_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.accounts.organisations import Organisation
    from catalog.learning.attempts import Attempt
    from catalog.learning.enrolments import Enrolment
    from catalog.shelf.courses import CourseVersion

SWEEP = "certificates"
MONTHS_A_YEAR = 12
LONGEST_REASON = 500
GUESSES = 30
GUESS_WINDOW = timedelta(minutes=15)
REVOCATION = frozenset({"revoked_at", "revoked_because"})
ERASES = "erases_holder"
UNKNOWN = "We have no certificate with this number."


class Certificate(Model):
    """What was true at the pass, word for word; `minutes` is 0 when the test was passed without the lessons."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    number: Mapped[str] = mapped_column(unique=True)
    attempt_id: Mapped[UUID] = mapped_column(sa.ForeignKey("attempt.id"), unique=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    name: Mapped[str]
    organisation_name: Mapped[str]
    slug: Mapped[str]
    title: Mapped[str]
    category: Mapped[str]
    version: Mapped[int]
    score_percent: Mapped[int]
    minutes: Mapped[int]
    outcomes: Mapped[list[Any]]
    nations: Mapped[str]
    theory_only: Mapped[str]
    issued_at: Mapped[datetime]
    issued_on: Mapped[date]
    refresh_by: Mapped[date]
    revoked_at: Mapped[datetime | None] = mapped_column(active_history=True)
    revoked_because: Mapped[str | None] = mapped_column(active_history=True)
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_because IS NULL)", name="revoked_with_reason"),
        sa.Index(None, "membership_id", "slug"),
        sa.Index(None, "organisation_id", "issued_at"),
        sa.Index(None, "person_id"),
    )

    @property
    def issued_by(self) -> str:
        """Who stands behind it: with an organisation, or alone for somebody who bought a seat for themselves."""
        return "Lanyard" if self.organisation_name == self.name else f"Lanyard for {self.organisation_name}"


class CertificateDocument(Model):
    """The PDF of a certificate, made once and the same for ever."""

    certificate_id: Mapped[UUID] = mapped_column(sa.ForeignKey("certificate.id"), primary_key=True)
    made_at: Mapped[datetime]
    pdf: Mapped[bytes]


class State(StrEnum):
    """What a certificate is worth today: it stays genuine when a newer one exists, and not when it was revoked."""

    ISSUED = "issued"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate with its state and whether its document has been made."""

    certificate: Certificate
    state: State
    has_document: bool


def state_of(certificate: Certificate, *, is_followed: bool) -> State:
    """Give the state of a certificate, which is followed when the same member has a later one of the course that counts."""
    if certificate.revoked_at is not None:
        return State.REVOKED
    return State.SUPERSEDED if is_followed else State.ISSUED


def issue(
    attempt: Attempt,
    enrolment: Enrolment,
    version: CourseVersion,
    *,
    membership: Membership,
    organisation: Organisation,
    all_lessons_done: bool,
) -> Certificate:
    """Issue the certificate of a passed attempt, inside the transaction that grades it, and tell its holder by mail.

    It copies what it says, so that nothing that changes later changes it. Minutes count only when the lessons were done. Raises
    ValueError for an attempt that was not passed or a member who never joined.
    """
    if attempt.state != "passed" or attempt.right_count is None or membership.person_id is None:
        message = "only a passed attempt of somebody who has joined earns a certificate"
        raise ValueError(message)
    now = clock.now()
    issued_on = now.astimezone(ZoneInfo(organisation.zone)).date()
    certificate = Certificate(
        id=uuid7(),
        # Of 2 to the power of 60 numbers a shop uses a few millions. If one ever came twice, the test is sent in once more.
        number=certificate_numbers.draw(),
        attempt_id=attempt.id,
        organisation_id=organisation.id,
        membership_id=membership.id,
        person_id=membership.person_id,
        name=membership.name,
        organisation_name=organisation.name,
        slug=enrolment.slug,
        title=version.title,
        category=version.category,
        version=version.number,
        score_percent=attempt.right_count * 100 // attempt.drawn,
        minutes=version.minutes if all_lessons_done else 0,
        outcomes=list(version.outcomes),
        nations=version.nations,
        theory_only=version.theory_only,
        issued_at=now,
        issued_on=issued_on,
        refresh_by=months_later(issued_on, version.refresh_months),
        revoked_at=None,
        revoked_because=None,
    )
    db.session.add(certificate)
    db.session.flush()
    _note("certificate.issued", certificate, membership.person_id)
    outbox.write("certificate", membership.address, organisation_id=organisation.id, certificate_id=str(certificate.id))
    nudges.ask(SWEEP)
    return certificate


def revoke(number: str, because: str, *, by: UUID) -> Certificate:
    """Revoke a certificate for a reason, as the operator may.

    Raises Missing for an unknown number, Invalid without a reason, Conflict when it was revoked before.
    """
    reason = " ".join(because.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise Invalid(f"Say in at most {LONGEST_REASON} characters why it is revoked. The reason is kept.", field="because")
    query = sa.select(Certificate).where(Certificate.number == number).with_for_update()
    certificate = db.session.scalar(query.execution_options(populate_existing=True))
    if certificate is None:
        raise Missing(UNKNOWN)
    if certificate.revoked_at is not None:
        raise Conflict("This certificate is revoked already. Its first reason stays.")
    certificate.revoked_at = clock.now()
    certificate.revoked_because = reason
    db.session.flush()
    _note("certificate.revoked", certificate, by)
    return certificate


def erase_holder(membership_ids: Sequence[UUID], pseudonym: str) -> int:
    """Put a pseudonym in the place of a name and withdraw the PDFs that show it; the rest stays as evidence. Gives how many.

    It is the one change of what was frozen, made when a person has their account deleted.
    """
    theirs = sa.and_(Certificate.membership_id.in_(batches.ids(membership_ids)), Certificate.erased_at.is_(None))
    ids = batches.ids(db.session.scalars(sa.select(Certificate.id).where(theirs)).all())
    options = {"synchronize_session": False, ERASES: True}
    db.session.execute(
        sa.delete(CertificateDocument).where(CertificateDocument.certificate_id.in_(ids)).execution_options(**options)
    )
    # Somebody who bought for themselves is named twice.
    issuer = sa.case((Certificate.organisation_name == Certificate.name, pseudonym), else_=Certificate.organisation_name)
    values = {"name": pseudonym, "organisation_name": issuer, "erased_at": clock.now()}
    statement = sa.update(Certificate).where(Certificate.id.in_(ids)).values(**values).returning(Certificate.id)
    erased = db.session.scalars(statement.execution_options(**options)).all()
    db.session.expire_all()
    return len(erased)


def known(certificate_id: UUID) -> Certificate:
    """Give a certificate that is known to exist."""
    return db.session.get_one(Certificate, certificate_id)


def of_number(number: str) -> Held:
    """Give the certificate with a number, whoever holds it; raises Missing."""
    return _one(Certificate.number == number)


def of_organisation_number(organisation_id: UUID, number: str) -> Held:
    """Give a certificate of an organisation's people by its number; raises Missing for any other."""
    return _one(Certificate.organisation_id == organisation_id, Certificate.number == number)


def of_membership_number(organisation_id: UUID, membership_id: UUID, number: str) -> Held:
    """Give a certificate of one member by its number; raises Missing for any other."""
    return _one(
        Certificate.organisation_id == organisation_id,
        Certificate.membership_id.in_(mergers.records_of(membership_id)),
        Certificate.number == number,
    )


def of_membership(organisation_id: UUID, membership_id: UUID) -> list[Held]:
    """Give the certificates of a member, newest first."""
    theirs = Certificate.membership_id.in_(mergers.records_of(membership_id))
    return _held(Certificate.organisation_id == organisation_id, theirs)


def count_guess(network: str) -> None:
    """Count that somebody asked for a number that does not exist; raises NotAllowed when they asked for too many."""
    if not limits.spend(f"verify:network:{network}", GUESSES, GUESS_WINDOW):
        raise NotAllowed("That is a lot of numbers that we do not know. Check the certificate, and try again in 15 minutes.")


def months_later(day: date, months: int) -> date:
    """Give the same day so many months later, or the last of a month that is too short for it."""
    years, month = divmod(day.month - 1 + months, MONTHS_A_YEAR)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _one(*which: sa.ColumnElement[bool]) -> Held:
    found = _held(*which)
    if not found:
        raise Missing(UNKNOWN)
    return found[0]


def _held(*which: sa.ColumnElement[bool]) -> list[Held]:
    """Give certificates with what decides their state, in one query that loads no PDF."""
    later, record = aliased(Certificate), aliased(Membership)
    root = mergers.whose(Certificate.membership_id)
    # Asked from the certificate outwards, so that an index finds the later ones however many there are.
    records = sa.select(record.id).where(sa.or_(record.id == root, record.merged_into_id == root)).correlate(Certificate)
    is_followed = sa.exists().where(
        later.membership_id.in_(records),
        later.slug == Certificate.slug,
        later.revoked_at.is_(None),
        sa.or_(
            later.issued_at > Certificate.issued_at, sa.and_(later.issued_at == Certificate.issued_at, later.id > Certificate.id)
        ),
    )
    has_document = sa.exists().where(CertificateDocument.certificate_id == Certificate.id)
    query = sa.select(Certificate, is_followed, has_document).where(*which)
    rows = db.session.execute(query.order_by(Certificate.issued_at.desc(), Certificate.id.desc()))
    return [Held(found, state_of(found, is_followed=followed), made) for found, followed, made in rows]


def _note(what: str, certificate: Certificate, by: UUID) -> None:
    journal.write(
        what,
        organisation_id=certificate.organisation_id,
        by=by,
        about=certificate.membership_id,
        certificate=str(certificate.id),
        number=certificate.number,
        course=certificate.slug,
    )


def _refuse_change(_mapper: object, _connection: object, certificate: Certificate) -> None:
    """Refuse every change of a certificate but its one revocation."""
    attributes = sa.inspect(certificate).attrs
    changed = {attribute.key for attribute in attributes if attribute.history.has_changes()}
    if changed - REVOCATION or any(value is not None for key in changed for value in attributes[key].history.deleted):
        _refuse()


def _refuse_always(_mapper: object, _connection: object, _row: object) -> None:
    _refuse()


def _refuse_statement(state: ORMExecuteState) -> None:
    frozen = (sa.inspect(Certificate), sa.inspect(CertificateDocument))
    if state.execution_options.get(ERASES):
        return
    if (state.is_update or state.is_delete) and state.bind_mapper in frozen:
        _refuse()


def _refuse() -> None:
    message = "certificates only grow"
    raise RuntimeError(message)


sa.event.listen(Session, "do_orm_execute", _refuse_statement)
sa.event.listen(Certificate, "before_update", _refuse_change)
sa.event.listen(Certificate, "before_delete", _refuse_always)
sa.event.listen(CertificateDocument, "before_update", _refuse_always)
sa.event.listen(CertificateDocument, "before_delete", _refuse_always)
