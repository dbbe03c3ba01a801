"""Registrations: how an account comes to be, once its address is proved by a link that was mailed there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import memberships, one_time_links, organisations, people
from app.accounts.memberships import Role
from app.accounts.one_time_links import Purpose
from app.accounts.organisations import Kind
from app.accounts.people import Person
from app.kernel import clock, journal, limits, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

PURPOSE = "register"
LIFETIME = timedelta(days=3)
FIRST_OPERATOR_LIFETIME = timedelta(hours=24)


class Registration(Model):
    """What a visitor asked for; nothing comes of it until they open the link. Without a kind they found no organisation.

    The hash goes when they did, or when a newer registration of the same address takes its place.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str]
    address: Mapped[str]
    address_key: Mapped[str]
    password_hash: Mapped[str]
    kind: Mapped[str | None]
    organisation_name: Mapped[str]
    next_path: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('organisation', 'individual')", name="kind"),
        sa.Index(None, "address_key"),
        sa.Index(None, "expires_at"),
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """What a visitor wants to register, read and found good."""

    name: str
    address: str
    kind: Kind | None
    organisation_name: str


def read(*, name: str, address: str, kind: Kind, organisation_name: str) -> Wish:
    """Read what a visitor wants to register; raises Invalid with the field to mend. An individual is an organisation of one."""
    person_name = people.read_name(name)
    read_address = people.read_address(address)
    if kind is Kind.ORGANISATION:
        called = people.read_name(organisation_name, "organisation_name", organisations.LONGEST_NAME)
    else:
        called = person_name
    return Wish(person_name, read_address, kind, called)


def read_joiner(*, name: str, address: str) -> Wish:
    """Read what somebody gives who comes to join an organisation and founds none; raises Invalid with the field to mend."""
    return Wish(people.read_name(name), people.read_address(address), None, "")


def count_try(network: str) -> bool:
    """Count a form that a network sent, before its password is hashed; False when it has sent enough of them for now."""
    return limits.spend(f"{PURPOSE}:try:{network}", one_time_links.MAILS_PER_NETWORK, one_time_links.MAIL_WINDOW)


def ask(wish: Wish, password_hash: str, *, network: str, next_path: str | None = None) -> None:
    """Mail a link to the address that is to be registered, or the news that it already has an account.

    Whoever asked learns neither; when this address or network has asked too often, nothing is mailed. Older links to this address
    are void from now on: what is confirmed is what was asked for last.
    """
    key = people.address_key(wish.address)
    if not one_time_links.may_mail(PURPOSE, key, network):
        return
    person = people.with_address(wish.address)
    if person is not None:
        outbox.write("already_registered", person.address)
        return
    now = clock.now()
    _void_open(key)
    registration = Registration(
        id=uuid7(),
        name=wish.name,
        address=wish.address,
        address_key=key,
        password_hash=password_hash,
        kind=wish.kind,
        organisation_name=wish.organisation_name,
        next_path=next_path,
        created_at=now,
        expires_at=now + LIFETIME,
        completed_at=None,
    )
    db.session.add(registration)
    outbox.write("confirm_registration", wish.address, registration_id=str(registration.id))


def token(registration_id: UUID) -> str:
    """Give the part of the address that stands for a registration."""
    return links.token(PURPOSE, registration_id)


def opened(given: str) -> Registration:
    """Give the registration whose link was opened, leaving it as it is.

    Raises Missing when we do not know the link, Conflict when it was used or has expired.
    """
    registration = db.session.get(Registration, links.read(PURPOSE, given))
    if registration is None:
        message = "We no longer know this link. If you have confirmed your address, sign in; if not, register again."
        raise Missing(message)
    if registration.completed_at is not None:
        raise _used()
    if not registration.password_hash:
        message = "A newer link has taken the place of this one. Use the newest mail, or register again."
        raise Conflict(message)
    if registration.expires_at <= clock.now():
        message = "This link has expired. Register again and we send you a new one."
        raise Conflict(message)
    return registration


def confirm(given: str) -> tuple[Person, Registration]:
    """Make the person, and their organisation, which they own, where they asked for one; raises what `opened` does.

    Raises Conflict, too, when somebody else has confirmed the same address first.
    """
    registration = opened(given)
    password_hash = registration.password_hash
    is_open = sa.and_(Registration.completed_at.is_(None), Registration.password_hash != "")
    statement = sa.update(Registration).where(Registration.id == registration.id, is_open)
    if db.session.scalar(statement.values(completed_at=clock.now(), password_hash="").returning(Registration.id)) is None:
        raise _used()
    person = open_account(registration.name, registration.address, password_hash)
    if registration.kind is not None:
        organisation = organisations.found(registration.organisation_name, Kind(registration.kind), by=person.id)
        memberships.add(organisation, person, {Role.OWNER})
    return person, registration


def open_account(name: str, address: str, password_hash: str) -> Person:
    """Make an account for someone whose address is proved; raises Conflict when the address already has one.

    The hash is that of `credentials.choose` or `credentials.hash_password`, made outside of the transaction.
    """
    person = Person(
        id=uuid7(),
        name=name,
        address=address,
        address_key=people.address_key(address),
        password_hash=password_hash,
        joined_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(person)
    except sa.exc.IntegrityError as error:
        message = "This e-mail address already has an account. Sign in, or reset your password."
        raise Conflict(message) from error
    journal.write("person.registered", by=person.id, about=person.id)
    return person


def invite_first_operator() -> str:
    """Give the path of a link with which the first operator opens their account within a day; older ones are void.

    Raises Conflict when the shop has an operator.
    """
    _refuse_second_operator()
    link = one_time_links.issue(Purpose.FIRST_OPERATOR, FIRST_OPERATOR_LIFETIME)
    return f"/first-operator/{one_time_links.token(link)}"


def open_first_operator(given: str, name: str, address: str, password_hash: str) -> Person:
    """Make the account of the first operator; raises Missing or Conflict for a link that is not good, Conflict for a second."""
    one_time_links.spend(Purpose.FIRST_OPERATOR, given)
    _refuse_second_operator()
    person = open_account(name, address, password_hash)
    person.is_operator = True
    journal.write("operator.appointed", by=person.id, about=person.id)
    return person


def forget_expired() -> int:
    """Remove the registrations whose link no longer works and give how many there were."""
    expired = sa.delete(Registration).where(Registration.expires_at <= clock.now())
    return len(db.session.execute(expired.returning(Registration.id)).all())


def _void_open(address_key: str) -> None:
    """Make the older links to an address worthless, whoever asked for them; their hash goes."""
    is_open = sa.and_(Registration.completed_at.is_(None), Registration.password_hash != "")
    statement = sa.update(Registration).where(Registration.address_key == address_key, is_open)
    db.session.execute(statement.values(password_hash=""))


def _refuse_second_operator() -> None:
    if db.session.scalar(sa.select(Person.id).where(Person.is_operator).limit(1)) is not None:
        message = "This shop has an operator. Sign in with the operator's account."
        raise Conflict(message)


def _used() -> Conflict:
    message = "This address is confirmed already. Sign in with it."
    return Conflict(message)
