"""Invoices: what the provider asked for and what became of it, kept with the provider's own figures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel.db import Model, db
from app.kernel.errors import Missing
from billing import credit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.gateway import ProviderInvoice
    from billing.subscriptions import Subscription


class Invoice(Model):
    """A finalised invoice of the provider; its figures never change after that, its state does."""

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"))
    number: Mapped[str]
    status: Mapped[str]
    why: Mapped[str]
    net_minor: Mapped[int]
    vat_minor: Mapped[int]
    gross_minor: Mapped[int]
    remaining_minor: Mapped[int]
    currency: Mapped[str]
    issued_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    tries_again_at: Mapped[datetime | None]
    url: Mapped[str | None]
    paid_minor: Mapped[int]
    due_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("gross_minor = net_minor + vat_minor", name="figures"),
        sa.Index(None, "organisation_id", "issued_at"),
        sa.Index(None, "subscription_id"),
    )


def keep(subscription: Subscription, found: Iterable[ProviderInvoice]) -> list[Invoice]:
    """Keep what the provider says about the invoices of a subscription; drafts have no number and are left out.

    Gives those that were known as unpaid and are paid now.
    """
    paid = []
    for given in found:
        if given.number is None:
            continue
        row = db.session.get(Invoice, given.id)
        if row is None:
            row = Invoice(
                id=given.id,
                organisation_id=subscription.organisation_id,
                subscription_id=subscription.id,
                number=given.number,
                why=given.why,
                net_minor=given.net_minor,
                vat_minor=given.vat_minor,
                gross_minor=given.gross_minor,
                currency=given.currency,
                issued_at=given.issued_at,
            )
            db.session.add(row)
        elif given.status == "paid" and row.status != "paid":
            paid.append(row)
        row.status = given.status
        row.remaining_minor = given.remaining_minor
        row.paid_at = given.paid_at
        row.tries_again_at = given.tries_again_at
        row.url = given.url
        row.paid_minor = given.paid_minor
        row.due_at = given.due_at
        row.voided_at = given.voided_at
    return paid


def known(invoice_id: str) -> Invoice:
    """Give an invoice; raises Missing."""
    invoice = db.session.get(Invoice, invoice_id)
    if invoice is None:
        raise Missing
    return invoice


def owed_besides(organisation_id: UUID, found: Iterable[ProviderInvoice]) -> int:
    """Add up what an organisation has not paid of other invoices than those found, as of an earlier subscription; in pence."""
    query = sa.select(sa.func.coalesce(sa.func.sum(Invoice.remaining_minor), 0)).where(
        Invoice.organisation_id == organisation_id,
        Invoice.status.in_(credit.UNPAID),
        Invoice.id.not_in([invoice.id for invoice in found]),
    )
    return int(db.session.scalar(query) or 0)


def unpaid_ids() -> list[str]:
    """Give the ids of all invoices that are not paid."""
    return list(db.session.scalars(sa.select(Invoice.id).where(Invoice.status.in_(credit.UNPAID)).order_by(Invoice.id)))


def is_known(invoice_id: str) -> bool:
    """Whether an invoice is one of ours."""
    return db.session.get(Invoice, invoice_id) is not None


def to_be_paid(limit: int = 200) -> list[tuple[Invoice, Organisation]]:
    """Give the invoices with a date by which they are to be paid that are not, and whose they are; the oldest date first."""
    query = sa.select(Invoice, Organisation).join(Organisation, Organisation.id == Invoice.organisation_id)
    unpaid = query.where(Invoice.status.in_(credit.UNPAID), Invoice.due_at.is_not(None))
    return [(invoice, organisation) for invoice, organisation in db.session.execute(unpaid.order_by(Invoice.due_at).limit(limit))]


def of_organisation(organisation_id: UUID, limit: int = 100) -> list[Invoice]:
    """Give the newest invoices of an organisation, newest first."""
    query = sa.select(Invoice).where(Invoice.organisation_id == organisation_id)
    return list(db.session.scalars(query.order_by(Invoice.issued_at.desc(), Invoice.number.desc()).limit(limit)))


def owed(subscription: Subscription, *, why: str | None = None) -> Invoice | None:
    """Give the invoice of a subscription to be paid first; only one for a reason when that is given.

    It is the newest where a card is charged, and the one that is due first where invoices are sent.
    """
    query = sa.select(Invoice).where(Invoice.subscription_id == subscription.id, Invoice.status == "open")
    if why is not None:
        query = query.where(Invoice.why == why)
    first = (Invoice.due_at, Invoice.number) if subscription.is_by_invoice else (Invoice.issued_at.desc(), Invoice.number.desc())
    return db.session.scalar(query.order_by(*first).limit(1))
