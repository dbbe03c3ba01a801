"""User names: what people without an e-mail address sign in with; unique everywhere, and made of their names in plain letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import people
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.people import Person
from app.kernel import batches, clock, journal
from app.kernel.db import UtcDateTime, db, uuid7
from app.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

SHORTEST = 3
LONGEST = 40
LONGEST_MADE = 30
TRIES = 5
# For names without a letter from a to z, and before those that are too short.
FALLBACK = "learner"
FORM = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h", "'": None, "’": None}  # noqa: RUF001 - as names are typed
)


def stem(name: str) -> str:
    """Give what a user name is made of: the first and the last part of a name, such as ruth.adeyemi."""
    parts = re.findall(r"[a-z0-9]+", people.name_key(name).translate(LETTERS))
    made = ".".join(parts if len(parts) < 2 else (parts[0], parts[-1]))[:LONGEST_MADE].strip(".")  # noqa: PLR2004 - first and last
    return made if len(made) >= SHORTEST else f"{FALLBACK}.{made}".strip(".")


def read(typed: str) -> str:
    """Give a user name that somebody chose; raises Invalid for one that is hard to type or could be an address."""
    chosen = people.login_key(typed)
    if not SHORTEST <= len(chosen) <= LONGEST or not FORM.fullmatch(chosen):
        message = (
            f"Use {SHORTEST} to {LONGEST} letters from a to z and digits, with single dots or hyphens between: ruth.adeyemi."
        )
        raise Invalid(message, field="user_name")
    return chosen


def open_accounts(names: Sequence[str]) -> list[tuple[UUID, str]]:
    """Make an account for each of some people without an address, in two statements however many; gives ids and user names.

    Nobody can sign in with one before its joining slip was used. Raises Conflict when others kept making the same ones.
    """
    for _ in range(TRIES):
        given = [(uuid7(), name, user_name) for name, user_name in zip(names, _free(names), strict=True)]
        rows = batches.of(given, id=sa.Uuid(), name=sa.String(), user_name=sa.String())
        no, now = sa.literal(value=False), sa.literal(clock.now(), UtcDateTime())
        columns = ("id", "name", "user_name", "password_hash", "is_operator", "joined_at")
        try:
            with db.session.begin_nested():
                batches.insert(Person, columns, sa.select(*rows.c, sa.literal(""), no, now))
        except sa.exc.IntegrityError:
            continue
        return [(person_id, user_name) for person_id, _, user_name in given]
    message = "Many user names were made at the same moment. Try again."
    raise Conflict(message)


def invite(organisation_id: UUID, name: str) -> Membership:
    """Add somebody to learn who has no address: an account of a user name, and a membership that waits for their joining slip."""
    [(person_id, user_name)] = open_accounts([name])
    membership = Membership(
        id=uuid7(),
        organisation_id=organisation_id,
        person_id=person_id,
        name=name,
        user_name=user_name,
        state=MembershipState.INVITED,
        is_learner=True,
        added_at=clock.now(),
    )
    db.session.add(membership)
    db.session.flush()
    return membership


def change(membership: Membership, typed: str, *, by: UUID) -> None:
    """Give somebody another user name before they first use it.

    Raises Invalid for one that cannot be used or is taken, Conflict once they have used it or for people with an address.
    """
    chosen = read(typed)
    person = people.known(membership.person_id) if membership.person_id and membership.address is None else None
    if person is None or membership.state != MembershipState.INVITED or person.password_hash:
        message = f"{membership.name} signs in already, so the name they do it with stays."
        raise Conflict(message)
    try:
        with db.session.begin_nested():
            person.user_name = chosen
    except sa.exc.IntegrityError as error:
        message = f"Somebody has the user name {chosen} already. Choose another one."
        raise Invalid(message, field="user_name") from error
    membership.user_name = chosen
    db.session.flush()
    journal.write("membership.user_name_changed", organisation_id=membership.organisation_id, by=by, about=membership.id)


def _free(names: Iterable[str]) -> list[str]:
    """Give a free user name for each of some people, in one query; who comes second gets a number."""
    stems = [stem(name) for name in names]
    taken = _beginning_with(set(stems))
    numbers: dict[str, int] = {}
    given = []
    for one in stems:
        number = numbers.get(one, 1)
        while (candidate := one if number == 1 else f"{one}{number}") in taken:
            number += 1
        numbers[one] = number + 1
        taken.add(candidate)
        given.append(candidate)
    return given


def _beginning_with(stems: set[str]) -> set[str]:
    """Give the user names that begin with one of some stems, digits behind it or none, and a few that do not matter."""
    wanted = batches.of(((one,) for one in stems), stem=sa.String())
    after_digits = wanted.c.stem + ":"
    query = sa.select(Person.user_name).join(wanted, sa.and_(Person.user_name >= wanted.c.stem, Person.user_name < after_digits))
    return {name for name in db.session.scalars(query) if name}
