"""People: everyone with an account, who sign in with an e-mail address, kept as typed and compared by its key, or a user name."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import journal, signs
from app.kernel.db import PLAIN_ORDER, Model, db, uuid7
from app.kernel.errors import Conflict, Invalid

LONGEST_NAME = 120
# More than any address that mail can reach (RFC 5321): 64 before the sign and 255 behind it.
LONGEST_ADDRESS = 320


class Person(Model):
    """Someone with an account; the password hash is empty until somebody without an address has used their joining slip."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str]
    address: Mapped[str | None]
    address_key: Mapped[str | None] = mapped_column(unique=True)
    user_name: Mapped[str | None] = mapped_column(PLAIN_ORDER, unique=True)
    password_hash: Mapped[str]
    is_operator: Mapped[bool] = mapped_column(default=False)
    joined_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("(address IS NULL) = (address_key IS NULL)", name="address_has_key"),
        sa.CheckConstraint("erased_at IS NOT NULL OR address IS NOT NULL OR user_name IS NOT NULL", name="can_sign_in"),
    )

    @property
    def login(self) -> str:
        """What they sign in with: their address or, without one, their user name."""
        return self.address or self.user_name or ""


def plain_title(title: str) -> str:
    """Give a title by its letters alone, as those of the columns of lists are compared."""
    return re.sub(r"[\W_]", "", name_key(title))


def read_name(typed: str, field: str = "name", longest: int = LONGEST_NAME) -> str:
    """Give a name as typed, on one line with single spaces; raises Invalid when it is empty, too long or not text."""
    name = " ".join(signs.composed(typed).split())
    if not name:
        message = "Give a name."
        raise Invalid(message, field=field)
    if len(name) > longest:
        message = f"Give a name of at most {longest} characters."
        raise Invalid(message, field=field)
    if any(unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"} for character in name):
        message = "Give a name in letters. This one holds a sign that cannot be shown."
        raise Invalid(message, field=field)
    return name


def read_address(typed: str) -> str:
    """Give the address as typed, trimmed; raises Invalid when no mail could be sent to it."""
    address = signs.composed(typed.strip())
    message = "Give an e-mail address in full, such as ruth@example.org."
    if len(address) > LONGEST_ADDRESS:
        raise Invalid(message, field="address")
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=True)
        address_key(address)
    except (EmailNotValidError, UnicodeError) as error:
        raise Invalid(message, field="address") from error
    return address


def address_key(address: str) -> str:
    """Give the key under which an address is unique: case-folded, with the domain in its ASCII form."""
    local, _, domain = signs.composed(address.strip()).rpartition("@")
    return f"{local.casefold()}@{domain.casefold().encode('idna').decode('ascii')}"


def name_key(name: str) -> str:
    """Give the key by which names are sorted and searched: without capitals and accents."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def with_address(address: str) -> Person | None:
    """Give the person who has this address."""
    return db.session.scalar(sa.select(Person).where(Person.address_key == address_key(address)))


def read_login(typed: str) -> str:
    """Give what somebody signs in with, as typed; raises Invalid for what is neither an address nor could be a user name."""
    if "@" in typed:
        return read_address(typed)
    login = signs.composed(typed.strip())
    if not login or not login.isprintable() or len(login) > LONGEST_ADDRESS:
        raise Invalid("Give your e-mail address, such as ruth@example.org, or the user name on your slip.", field="address")
    return login


def login_key(login: str) -> str:
    """Give the key of what somebody signs in with; a user name holds no @, so that it is never taken for an address."""
    return address_key(login) if "@" in login else signs.composed(login.strip()).casefold()


def with_login(login: str) -> Person | None:
    """Give the person who signs in with this address or user name."""
    key = login_key(login)
    return db.session.scalar(sa.select(Person).where(Person.address_key == key if "@" in key else Person.user_name == key))


def address_of(person: Person) -> str:
    """Give the address of somebody who needs one for what they do; raises Conflict without one."""
    if person.address is None:
        raise Conflict("This needs an e-mail address. Add yours on your profile first.")
    return person.address


def known(person_id: UUID) -> Person:
    """Give a person who is known to exist."""
    return db.session.get_one(Person, person_id)


def rename(person_id: UUID, name: str) -> None:
    """Change the name a person goes by; organisations keep the one they know. Raises Invalid for a name that cannot be used."""
    person = db.session.get_one(Person, person_id)
    person.name = read_name(name)
    journal.write("person.renamed", by=person_id, about=person_id)
