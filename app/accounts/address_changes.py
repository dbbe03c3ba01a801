"""Address changes: a person moves to another e-mail address, once they have opened a link that was mailed to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import mail_choices, one_time_links, people, sign_ins
from app.accounts.memberships import Membership
from app.accounts.one_time_links import Purpose
from app.accounts.people import Person
from app.kernel import journal, outbox
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.sign_ins import Proof

LIFETIME = timedelta(hours=24)


def ask(proof: Proof, address: str, *, network: str) -> None:
    """Mail a link to the new address, or the news that it already has an account; whoever asked learns neither.

    Raises Invalid when it is the address they have, Conflict when their password was changed in the meantime.
    """
    sign_ins.hold(proof)
    person = db.session.get_one(Person, proof.person_id)
    if address == person.address:
        message = "This is the address you have already. Give the new one."
        raise Invalid(message, field="address")
    if not one_time_links.may_mail(Purpose.CHANGE_ADDRESS, people.address_key(address), network):
        return
    other = people.with_address(address)
    if other is not None and other.id != person.id:
        outbox.write("address_taken", other.address)
        return
    link = one_time_links.issue(Purpose.CHANGE_ADDRESS, LIFETIME, person_id=person.id, address=address)
    outbox.write("confirm_address", address, link_id=str(link.id))


def confirm(given: str) -> None:
    """Move the person of a link to their new address and tell the old one.

    Raises Missing or Conflict when the link is not good, Conflict when somebody else took the address in the meantime.
    """
    link = one_time_links.spend(Purpose.CHANGE_ADDRESS, given)
    person = db.session.get_one(Person, link.person_id)
    old_key = person.address_key
    old_address, new_address = person.address, link.address or ""
    try:
        with db.session.begin_nested():
            person.address = new_address
            person.address_key = people.address_key(new_address)
    except sa.exc.IntegrityError as error:
        message = "This e-mail address has an account of its own by now. Your account keeps the address it had."
        raise Conflict(message) from error
    _tell_organisations(person)
    if old_key is not None:
        mail_choices.move_along(old_key, people.address_key(new_address))
    one_time_links.void_all(person.id)
    journal.write("person.address_changed", by=person.id, about=person.id)
    outbox.write("address_changed", old_address, person_id=str(person.id))


def _tell_organisations(person: Person) -> None:
    """Give the person's memberships the new address, except where somebody else is known by it, and the mails that wait."""
    moved: list[tuple[UUID, str]] = []
    query = sa.select(Membership).where(Membership.person_id == person.id).order_by(Membership.id)
    for membership in db.session.scalars(query).all():
        had = membership.address
        try:
            with db.session.begin_nested():
                membership.address = person.address
                membership.address_key = person.address_key
        except sa.exc.IntegrityError:
            db.session.refresh(membership)
        else:
            moved += [(membership.organisation_id, had)] if had else []
    if moved and person.address:
        outbox.redirect(moved, person.address)
