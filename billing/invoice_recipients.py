"""Invoice recipients: addresses, with or without an account, to which an organisation has its invoices sent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import people
from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Invalid, Missing
from billing import notices

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.accounts.memberships import Actor

MOST = 10


class InvoiceRecipient(Model):
    """An address that gets every invoice and credit note of an organisation."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    address: Mapped[str]
    address_key: Mapped[str]
    added_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("organisation_id", "address_key"),)


def of_organisation(organisation_id: UUID) -> list[InvoiceRecipient]:
    """Give the recipients of an organisation in the order in which they were added."""
    query = sa.select(InvoiceRecipient).where(InvoiceRecipient.organisation_id == organisation_id)
    return list(db.session.scalars(query.order_by(InvoiceRecipient.id)))


def addresses(organisation_id: UUID) -> list[str]:
    """Give every address that gets the invoices: owners, billing contacts and recipients, each once."""
    recipients = [recipient.address for recipient in of_organisation(organisation_id)]
    return list({people.address_key(address): address for address in [*recipients, *notices.payers(organisation_id)]}.values())


def add(actor: Actor, typed: str) -> InvoiceRecipient:
    """Have the invoices sent to one more address; raises Invalid for one that is none or is there, or beyond ten."""
    address = people.read_address(typed)
    key = people.address_key(address)
    there = of_organisation(actor.organisation.id)
    if any(recipient.address_key == key for recipient in there):
        message = f"{address} gets the invoices already."
        raise Invalid(message, field="address")
    if len(there) >= MOST:
        message = f"Invoices go to at most {MOST} further addresses. Remove one of them first."
        raise Invalid(message, field="address")
    recipient = InvoiceRecipient(
        id=uuid7(), organisation_id=actor.organisation.id, address=address, address_key=key, added_at=clock.now()
    )
    db.session.add(recipient)
    db.session.flush()
    journal.write("invoice_recipient.added", organisation_id=actor.organisation.id, by=actor.person.id, about=recipient.id)
    return recipient


def add_finance_contact(organisation_id: UUID, address: str) -> None:
    """Have the invoices sent to the finance contact of a quote that was accepted, unless they get them anyway."""
    key = people.address_key(address)
    if (
        key in {people.address_key(known) for known in addresses(organisation_id)}
        or len(of_organisation(organisation_id)) >= MOST
    ):
        return
    recipient = InvoiceRecipient(
        id=uuid7(), organisation_id=organisation_id, address=address, address_key=key, added_at=clock.now()
    )
    db.session.add(recipient)
    db.session.flush()
    journal.write("invoice_recipient.added", organisation_id=organisation_id, about=recipient.id)


def remove(actor: Actor, recipient_id: UUID) -> None:
    """Send no more invoices to an address and forget it; raises Missing for one that this organisation does not have."""
    recipient = db.session.get(InvoiceRecipient, recipient_id)
    if recipient is None or recipient.organisation_id != actor.organisation.id:
        raise Missing
    db.session.delete(recipient)
    journal.write("invoice_recipient.removed", organisation_id=actor.organisation.id, by=actor.person.id, about=recipient_id)


def forget(addresses: Collection[str]) -> None:
    """Send no more invoices to some addresses, in any organisation, because the account of somebody goes."""
    statement = sa.delete(InvoiceRecipient).where(InvoiceRecipient.address_key.in_(addresses))
    gone = statement.returning(InvoiceRecipient.id, InvoiceRecipient.organisation_id)
    for recipient_id, organisation_id in db.session.execute(gone.execution_options(synchronize_session=False)).all():
        journal.write("invoice_recipient.removed", organisation_id=organisation_id, about=recipient_id)
