"""Refunds: money that went back to a card, and refunds that the bank has sent back to us."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel import journal
from app.kernel.db import Model, db
from billing import subscriptions
from billing.invoices import Invoice

if TYPE_CHECKING:
    from billing.gateway import ProviderRefund

log = structlog.get_logger(__name__)
MOST_SHOWN = 50
FAILED = "failed"


class Refund(Model):
    """Money given back; its status is the provider's word."""

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"))
    status: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    made_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "organisation_id"), sa.Index(None, "subscription_id"))

    @property
    def has_failed(self) -> bool:
        """Whether the bank has sent the money back to us."""
        return self.status == FAILED


def record(found: ProviderRefund) -> Refund | None:
    """Copy what the provider says about a refund; None for one that is none of ours, such as of an order that was not served."""
    refund = db.session.scalar(sa.select(Refund).where(Refund.id == found.id).with_for_update())
    if refund is None:
        refund = _begun(found)
    elif refund.status != found.status:
        refund.status = found.status
        _tell(refund)
    return refund


def known_ids() -> set[str]:
    """Give the ids of the refunds that are kept."""
    return set(db.session.scalars(sa.select(Refund.id)))


def newest() -> list[tuple[Refund, str]]:
    """Give the newest refunds with the names of their organisations, those that failed first."""
    failed_first = sa.case((Refund.status == FAILED, 0), else_=1)
    query = sa.select(Refund, Organisation.name).join(Organisation, Organisation.id == Refund.organisation_id)
    rows = db.session.execute(query.order_by(failed_first, Refund.made_at.desc(), Refund.id).limit(MOST_SHOWN))
    return [(refund, name) for refund, name in rows]


def _begun(found: ProviderRefund) -> Refund | None:
    """Keep a refund that is new to us; whoever comes second finds it."""
    invoice = None if found.invoice_id is None else db.session.get(Invoice, found.invoice_id)
    subscription = None if invoice is None else subscriptions.known(invoice.subscription_id)
    if subscription is None and found.subscription_id is not None:
        subscription = subscriptions.with_provider_id(found.subscription_id)
    if subscription is None:
        return None
    refund = Refund(
        id=found.id,
        organisation_id=subscription.organisation_id,
        subscription_id=subscription.id,
        status=found.status,
        amount_minor=found.amount_minor,
        currency=found.currency,
        made_at=found.made_at,
    )
    try:
        with db.session.begin_nested():
            db.session.add(refund)
    except sa.exc.IntegrityError:
        return db.session.get_one(Refund, found.id)
    _tell(refund)
    return refund


def _tell(refund: Refund) -> None:
    """Write the journal about a refund, and the log when it came back."""
    journal.write(
        "refund.failed" if refund.has_failed else "refund.made",
        organisation_id=refund.organisation_id,
        about=refund.subscription_id,
        refund=refund.id,
        amount_minor=refund.amount_minor,
    )
    if refund.has_failed:
        log.error("refund came back", refund=refund.id, organisation=str(refund.organisation_id))
