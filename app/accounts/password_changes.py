"""Password changes: with the present password from the profile, or with a mailed link when it is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.accounts import credentials, one_time_links, people, sign_ins
from app.accounts.one_time_links import Purpose
from app.accounts.people import Person
from app.kernel import journal, outbox
from app.kernel.db import db

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.sign_ins import Proof

LIFETIME = timedelta(hours=1)


def ask_for_reset(address: str, *, network: str) -> None:
    """Mail a link to choose a new password, good for an hour, or the news that the address has no account.

    Whoever asked learns neither; when this address or network has asked too often, nothing is mailed.
    """
    if not one_time_links.may_mail(Purpose.RESET_PASSWORD, people.address_key(address), network):
        return
    person = people.with_address(address)
    if person is None:
        outbox.write("no_account", address)
        return
    link = one_time_links.issue(Purpose.RESET_PASSWORD, LIFETIME, person_id=person.id)
    outbox.write("reset_password", person.address, link_id=str(link.id))


def choose_for(given: str, password: str) -> str:
    """Give the hash of the new password for the person of a reset link, outside of any transaction.

    Raises Invalid when the password is not good enough, Missing or Conflict when the link is not.
    """
    link = one_time_links.opened(Purpose.RESET_PASSWORD, given)
    person = db.session.get_one(Person, link.person_id)
    return credentials.choose(password, name=person.name, address=person.login)


def reset(given: str, password_hash: str) -> None:
    """Give the person of a reset link their new password and end all their sign-ins; raises as `opened` does."""
    link = one_time_links.spend(Purpose.RESET_PASSWORD, given)
    person = db.session.get_one(Person, link.person_id)
    _replace(person, password_hash, keep_id=None)


def change(proof: Proof, password_hash: str, *, keep_id: UUID) -> None:
    """Give someone who proved their present password a new one, and end their other sign-ins.

    Raises Conflict when the password was changed elsewhere in the meantime.
    """
    sign_ins.hold(proof)
    _replace(db.session.get_one(Person, proof.person_id), password_hash, keep_id=keep_id)


def choose_by_slip(person: Person, password_hash: str) -> None:
    """Give somebody who showed their joining slip the password they chose, and end whatever was open with the old one."""
    _replace(person, password_hash, keep_id=None)


def _replace(person: Person, password_hash: str, *, keep_id: UUID | None) -> None:
    """Set a new password; whatever could still be done with the old one ends, and the person is told."""
    person.password_hash = password_hash
    db.session.flush()
    sign_ins.revoke_others(person.id, keep_id)
    one_time_links.void_all(person.id)
    journal.write("person.password_changed", by=person.id, about=person.id)
    outbox.write("password_changed", person.address, person_id=str(person.id))
