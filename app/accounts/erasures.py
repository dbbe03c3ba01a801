"""Erasures: a person asks that their account goes; after a week in which they can undo it, their contact data is gone everywhere.

Life: open → undone | done. What they learned stays as evidence under a pseudonym, which `erasing` sees to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import joining_slips, people, person_exports, sign_ins
from app.accounts.invitations import Invitation
from app.accounts.mail_choices import MailChoice
from app.accounts.memberships import Membership
from app.accounts.one_time_links import OneTimeLink
from app.accounts.people import Person
from app.accounts.people_imports import PeopleImport, PeopleImportLine
from app.accounts.people_views import PeopleView
from app.accounts.profile_values import ProfileValue
from app.accounts.registrations import Registration
from app.accounts.sign_ins import SignIn
from app.accounts.waiting_places import WaitingPlace
from app.kernel import batches, clock, journal, nudges, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.accounts.sign_ins import Proof

SWEEP = "erasures"
MAIL = "erasure_asked"
WAIT = timedelta(days=7)


class State(StrEnum):
    """Where an erasure stands."""

    OPEN = "open"
    UNDONE = "undone"
    DONE = "done"


class Erasure(Model):
    """That a person asked for their account to go, and when it does."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    state: Mapped[str]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'undone', 'done')", name="state"),
        sa.Index(
            "ix_erasure_one_open",
            "person_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "state", "due_at"),
    )


def ask(proof: Proof) -> Erasure:
    """Ask that the account of somebody who proved their password goes; raises Conflict when that was asked, or changed since."""
    sign_ins.hold(proof)
    person = people.known(proof.person_id)
    now = clock.now()
    asked = Erasure(id=uuid7(), person_id=person.id, state=State.OPEN, asked_at=now, due_at=now + WAIT)
    try:
        with db.session.begin_nested():
            db.session.add(asked)
    except sa.exc.IntegrityError as error:
        message = "You have asked for this already. Reload the page to see until when you can undo it."
        raise Conflict(message) from error
    journal.write("person.erasure_asked", by=person.id, about=person.id)
    outbox.write(MAIL, person.address, person_id=str(person.id), due_at=asked.due_at.isoformat())
    nudges.ask(SWEEP)
    return asked


def open_of(person_id: UUID) -> Erasure | None:
    """Give the erasure that a person can undo, if they asked for one."""
    return db.session.scalar(sa.select(Erasure).where(Erasure.person_id == person_id, Erasure.state == State.OPEN))


def undo(person_id: UUID) -> None:
    """Keep the account after all; raises Conflict when there is nothing to undo."""
    if not _settle(sa.and_(Erasure.person_id == person_id, Erasure.state == State.OPEN), State.UNDONE):
        message = "There is nothing to undo. Reload the page to see where things stand."
        raise Conflict(message)
    journal.write("person.erasure_undone", by=person_id, about=person_id)


def due() -> list[UUID]:
    """Give the erasures whose time to undo is over, oldest first."""
    query = sa.select(Erasure.id).where(Erasure.state == State.OPEN, Erasure.due_at <= clock.now())
    return list(db.session.scalars(query.order_by(Erasure.due_at, Erasure.id)))


def take(erasure_id: UUID) -> UUID | None:
    """Mark an erasure as done, at the beginning of the transaction that does it; None when it was undone or done meanwhile."""
    is_due = sa.and_(Erasure.id == erasure_id, Erasure.state == State.OPEN, Erasure.due_at <= clock.now())
    return next(iter(_settle(is_due, State.DONE)), None)


def pseudonym_of(person_id: UUID) -> str:
    """Give the words that stand for somebody who is gone: the same everywhere, so that evidence of one human stays together."""
    return f"Removed person {person_id.hex[-6:]}"


def proved_addresses(person: Person) -> set[str]:
    """Give every address that was proved to be a person's, as typed and in the form in which addresses are compared.

    An address that belongs to the account of somebody else by now is not among them.
    """
    typed = {address for address in (person.address, *outbox.addresses_about(person.id)) if address}
    keys = {address: people.address_key(address) for address in typed}
    is_others = sa.and_(Person.id != person.id, Person.address_key.in_(set(keys.values())))
    others = set(db.session.scalars(sa.select(Person.address_key).where(is_others)))
    return {form for address, key in keys.items() if key not in others for form in (address, key)}


def members_of(person: Person, proved: set[str]) -> list[Membership]:
    """Give every membership of a person, merged ones too, and those invited at proved addresses, locked in id order."""
    is_theirs = Membership.person_id == person.id
    is_invited = sa.and_(Membership.person_id.is_(None), Membership.address_key.in_(proved))
    is_merged = Membership.merged_into_id.in_(sa.select(Membership.id).where(is_theirs))
    query = sa.select(Membership).where(is_theirs | is_invited | is_merged).order_by(Membership.id)
    return list(db.session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def addresses_inside(members: Sequence[Membership], proved: set[str]) -> dict[UUID, set[str]]:
    """Give, for each organisation of some memberships, by which further addresses nobody but these people is known there."""
    found: dict[UUID, set[str]] = {member.organisation_id: set() for member in members}
    further = {member.address_key for member in members if member.address_key} - proved
    accounts = set(db.session.scalars(sa.select(Person.address_key).where(Person.address_key.in_(further))))
    is_other = sa.and_(Membership.address_key.in_(further), Membership.id.not_in([member.id for member in members]))
    query = sa.select(Membership.organisation_id, Membership.address_key).where(
        is_other, Membership.organisation_id.in_(list(found))
    )
    others = {(organisation_id, key) for organisation_id, key in db.session.execute(query)}
    for member in members:
        key = member.address_key
        if key in further - accounts and (member.organisation_id, key) not in others:
            found[member.organisation_id] |= {form for form in (member.address, key) if form}
    return found


def records_erased_by(moment: datetime) -> sa.Select[UUID]:
    """Select the memberships of those who were erased at a moment or before, and those merged into them."""
    erased = sa.select(Person.id).where(Person.erased_at <= moment)
    theirs = sa.select(Membership.id).where(Membership.person_id.in_(erased), Membership.merged_into_id.is_(None))
    return sa.select(Membership.id).where(Membership.id.in_(theirs) | Membership.merged_into_id.in_(theirs))


def forget(person: Person, members: Sequence[Membership], proved: set[str], inside: Mapping[UUID, set[str]]) -> None:
    """Take name, addresses, user name and sign-ins of a person out of everything that `accounts` keeps."""
    pseudonym, names = pseudonym_of(person.id), {person.name, *(member.name for member in members)}
    _forget_lines(inside, proved, names)
    theirs = batches.ids(member.id for member in members)
    for words in (Invitation, WaitingPlace):
        notes = sa.update(words).where(words.membership_id.in_(theirs)).values(note="")
        db.session.execute(notes.execution_options(synchronize_session=False))
    accounts = _accounts_of(person, members)
    ids = [account.id for account in accounts]
    for table, which in (
        (ProfileValue, ProfileValue.membership_id.in_(theirs)),
        (PeopleView, PeopleView.membership_id.in_(theirs)),
        (MailChoice, MailChoice.address_key.in_(proved)),
        (SignIn, SignIn.person_id.in_(ids)),
        (OneTimeLink, OneTimeLink.person_id.in_(ids)),
        (Registration, Registration.address_key.in_(proved)),
    ):
        db.session.execute(sa.delete(table).where(which).execution_options(synchronize_session=False))
    joining_slips.void_each(ids)
    for member in members:
        member.name = pseudonym
        member.address = member.address_key = member.user_name = None
        member.is_owner = member.is_admin = member.is_manager = member.is_billing = False
        member.is_learner = True
        journal.write("membership.erased", organisation_id=member.organisation_id, about=member.id)
    for account in accounts:
        person_exports.forget_of(account.id)
        account.name, account.address, account.address_key, account.user_name = pseudonym, None, None, None
        account.password_hash, account.erased_at = "", clock.now()
    db.session.flush()
    journal.write("person.erased", about=person.id)


def _accounts_of(person: Person, members: Sequence[Membership]) -> list[Person]:
    """Give the account of a person, and those without an address whose every record was merged into theirs."""
    merged = {member.person_id for member in members if member.person_id} - {person.id}
    is_elsewhere = sa.and_(Membership.person_id.in_(merged), Membership.id.not_in([member.id for member in members]))
    elsewhere = set(db.session.scalars(sa.select(Membership.person_id).where(is_elsewhere)))
    others = [people.known(person_id) for person_id in sorted(merged - elsewhere)]
    return [person, *(other for other in others if other.address is None)]


def _forget_lines(inside: Mapping[UUID, set[str]], proved: set[str], names: set[str]) -> None:
    """Empty the lines of lists that were about a person: by address everywhere, by name alone where they belonged."""
    is_named = sa.and_(PeopleImportLine.address_key == "", PeopleImportLine.name.in_(names))
    which = [PeopleImportLine.address_key.in_(proved), sa.and_(_is_of(list(inside)), is_named)]
    for organisation_id, further in inside.items():
        if further:
            which.append(sa.and_(_is_of([organisation_id]), PeopleImportLine.address_key.in_(further)))
    statement = sa.update(PeopleImportLine).where(sa.or_(*which))
    db.session.execute(
        statement.values(name="", address="", address_key="", values={}).execution_options(synchronize_session=False)
    )


def _is_of(organisation_ids: list[UUID]) -> sa.ColumnElement[bool]:
    lists = sa.select(PeopleImport.id).where(PeopleImport.organisation_id.in_(organisation_ids))
    return PeopleImportLine.import_id.in_(lists)


def _settle(which: sa.ColumnElement[bool], to: State) -> list[UUID]:
    statement = sa.update(Erasure).where(which).values(state=to, settled_at=clock.now()).returning(Erasure.person_id)
    return list(db.session.scalars(statement.execution_options(synchronize_session=False)))
