"""Disputes: payments that a cardholder has told the bank to take back, as the provider tells of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel import clock, journal
from app.kernel.db import Model, db
from billing import notices, subscriptions
from billing.invoices import Invoice

if TYPE_CHECKING:
    from billing.gateway import ProviderDispute

log = structlog.get_logger(__name__)
MOST_SHOWN = 50


class State(StrEnum):
    """Where a dispute stands; a copy of what the provider says, so that no move is refused."""

    OPEN = "open"
    ANSWERED = "answered"
    WON = "won"
    LOST = "lost"


OPEN = (State.OPEN, State.ANSWERED)
TOLD = {State.OPEN: "payment_disputed", State.WON: "dispute_won", State.LOST: "dispute_lost"}
STATES = {
    **dict.fromkeys(("needs_response", "warning_needs_response", "appeal_needs_response"), State.OPEN),
    **dict.fromkeys(("under_review", "warning_under_review", "appeal_under_review"), State.ANSWERED),
    **dict.fromkeys(("won", "warning_closed", "prevented"), State.WON),
    "lost": State.LOST,
}


class Dispute(Model):
    """A disputed payment. `answer_by` is when the bank decides without us; `ended_at` is when a lost one has ended access."""

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    subscription_id: Mapped[UUID] = mapped_column(sa.ForeignKey("subscription.id"))
    provider_subscription_id: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    opened_at: Mapped[datetime]
    answer_by: Mapped[datetime | None]
    url: Mapped[str]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'answered', 'won', 'lost')", name="state"),
        sa.Index(None, "organisation_id"),
        sa.Index(None, "subscription_id"),
    )

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided yet."""
        return self.state in OPEN


def record(found: ProviderDispute) -> Dispute | None:
    """Copy what the provider says about a dispute, and tell of what is new; None for a payment that is none of ours."""
    dispute = _locked(found.id) or _begun(found)
    if dispute is None:
        log.error("dispute about a payment we do not know", dispute=found.id)
        return None
    state = STATES.get(found.status, State.OPEN)
    dispute.answer_by, dispute.url = found.answer_by, found.url
    if dispute.state != state:
        _move(dispute, state)
    return dispute


def mark_ended(dispute_id: str) -> None:
    """Note that a lost dispute has had its consequence."""
    dispute = _locked(dispute_id)
    if dispute is not None and dispute.ended_at is None:
        dispute.ended_at = clock.now()


def open_of(organisation_id: UUID) -> Dispute | None:
    """Give the newest dispute of an organisation that the bank has not decided, if there is one."""
    query = sa.select(Dispute).where(Dispute.organisation_id == organisation_id, Dispute.state.in_(OPEN))
    return db.session.scalar(query.order_by(Dispute.opened_at.desc(), Dispute.id).limit(1))


def known_ids() -> set[str]:
    """Give the ids of the disputes that are kept."""
    return set(db.session.scalars(sa.select(Dispute.id)))


def newest() -> list[tuple[Dispute, str]]:
    """Give the newest disputes with the names of their organisations, those that are open first."""
    open_first = sa.case((Dispute.state.in_(OPEN), 0), else_=1)
    query = sa.select(Dispute, Organisation.name).join(Organisation, Organisation.id == Dispute.organisation_id)
    rows = db.session.execute(query.order_by(open_first, Dispute.opened_at.desc(), Dispute.id).limit(MOST_SHOWN))
    return [(dispute, name) for dispute, name in rows]


def _locked(dispute_id: str) -> Dispute | None:
    return db.session.scalar(sa.select(Dispute).where(Dispute.id == dispute_id).with_for_update())


def _begun(found: ProviderDispute) -> Dispute | None:
    """Keep a dispute that is new to us; whoever comes second finds it."""
    subscription = None if found.subscription_id is None else subscriptions.with_provider_id(found.subscription_id)
    if subscription is None and found.invoice_id is not None:
        invoice = db.session.get(Invoice, found.invoice_id)
        subscription = None if invoice is None else subscriptions.known(invoice.subscription_id)
    if subscription is None:
        return None
    dispute = Dispute(
        id=found.id,
        organisation_id=subscription.organisation_id,
        subscription_id=subscription.id,
        provider_subscription_id=found.subscription_id or subscription.provider_id,
        state=State.OPEN,
        reason=found.reason,
        amount_minor=found.amount_minor,
        currency=found.currency,
        opened_at=found.opened_at,
        answer_by=found.answer_by,
        url=found.url,
    )
    try:
        with db.session.begin_nested():
            db.session.add(dispute)
    except sa.exc.IntegrityError:
        return _locked(found.id)
    _tell(dispute)
    return dispute


def _move(dispute: Dispute, state: State) -> None:
    """Move a dispute to where the provider has it."""
    dispute.state = state
    _tell(dispute)


def _tell(dispute: Dispute) -> None:
    """Write the journal and, to those who pay, a mail about where a dispute stands."""
    state = State(dispute.state)
    journal.write(
        f"dispute.{state}",
        organisation_id=dispute.organisation_id,
        about=dispute.subscription_id,
        dispute=dispute.id,
        amount_minor=dispute.amount_minor,
    )
    if state in TOLD:
        subscription = subscriptions.known(dispute.subscription_id)
        notices.tell(subscription, TOLD[state], gross_minor=dispute.amount_minor)
