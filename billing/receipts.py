"""Receipts: money that came by bank for an invoice, noted by the operator before the provider is told, and kept for ever."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel import clock, journal, money
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from billing import credit
from billing.invoices import Invoice

if TYPE_CHECKING:
    from collections.abc import Iterable

SWEEP = "bank_receipts"
LONGEST_REFERENCE = 60
LONGEST_AGO = timedelta(days=400)


class State(StrEnum):
    """Where a receipt stands: `noted` here, `told` to the provider, or `refused` by it."""

    NOTED = "noted"
    TOLD = "told"
    REFUSED = "refused"


MOVES: dict[State, frozenset[State]] = {
    State.NOTED: frozenset({State.TOLD, State.REFUSED}),
    State.TOLD: frozenset(),
    State.REFUSED: frozenset(),
}


class BankReceipt(Model):
    """What came for an invoice, on which day and under which reference; amounts in pence."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[str] = mapped_column(sa.ForeignKey("invoice.id"))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    received_on: Mapped[date]
    reference: Mapped[str]
    amount_minor: Mapped[int]
    state: Mapped[str]
    refusal: Mapped[str | None]
    noted_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('noted', 'told', 'refused')", name="state"),
        sa.CheckConstraint("(state = 'noted') = (settled_at IS NULL) AND amount_minor > 0", name="settled_at"),
        sa.Index(
            "ix_bank_receipt_one_of_invoice",
            "invoice_id",
            unique=True,
            sqlite_where=sa.text("state != 'refused'"),
            postgresql_where=sa.text("state != 'refused'"),
        ),
        sa.Index(None, "state"),
        sa.Index(None, "organisation_id"),
    )


def note(invoice_id: str, received_on: date, reference: str, amount_minor: int, *, by: UUID) -> BankReceipt:
    """Note that an invoice was paid by bank; the provider is told afterwards.

    Raises Invalid for another amount than is owed, a day to come or no reference, Conflict for an invoice that is not to be paid
    or was noted before.
    """
    invoice = _invoice(invoice_id)
    if invoice.status not in credit.UNPAID:
        message = f"Invoice {invoice.number} is {invoice.status}, so nothing can be received for it."
        raise Conflict(message)
    if amount_minor != invoice.remaining_minor:
        message = f"{money.pounds(invoice.remaining_minor)} is to be paid. Note it when the whole amount has come."
        raise Invalid(message, field="amount")
    today = clock.now().date()
    if not today - LONGEST_AGO <= received_on <= today:
        message = "Give the day on which the money came: not one to come, and none more than a year ago."
        raise Invalid(message, field="received_on")
    words = " ".join(reference.split())
    if not words or len(words) > LONGEST_REFERENCE or not words.isprintable():
        message = f"Give the reference on the bank statement, at most {LONGEST_REFERENCE} characters."
        raise Invalid(message, field="reference")
    receipt = BankReceipt(
        id=uuid7(),
        invoice_id=invoice.id,
        organisation_id=invoice.organisation_id,
        by_id=by,
        received_on=received_on,
        reference=words,
        amount_minor=amount_minor,
        state=State.NOTED,
        noted_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(receipt)
    except sa.exc.IntegrityError as error:
        message = f"Invoice {invoice.number} is marked as received already."
        raise Conflict(message) from error
    journal.write(
        "receipt.noted",
        organisation_id=invoice.organisation_id,
        by=by,
        about=receipt.id,
        number=invoice.number,
        amount_minor=amount_minor,
    )
    return receipt


def settle(receipt_id: UUID, to: State, refusal: str | None = None) -> State:
    """Note what the provider said about a receipt, unless that is known; gives where it stands."""
    query = sa.select(BankReceipt).where(BankReceipt.id == receipt_id).with_for_update()
    receipt = db.session.execute(query.execution_options(populate_existing=True)).scalar_one()
    if to not in MOVES[State(receipt.state)]:
        return State(receipt.state)
    receipt.state, receipt.settled_at = to, clock.now()
    receipt.refusal = None if refusal is None else refusal[:500]
    db.session.flush()
    journal.write(f"receipt.{to}", organisation_id=receipt.organisation_id, about=receipt.id)
    return to


def known(receipt_id: UUID) -> BankReceipt:
    """Give a receipt that is known to exist."""
    return db.session.get_one(BankReceipt, receipt_id)


def waiting() -> list[BankReceipt]:
    """Give the receipts of which the provider has not been told, oldest first."""
    query = sa.select(BankReceipt).where(BankReceipt.state == State.NOTED)
    return list(db.session.scalars(query.order_by(BankReceipt.noted_at)))


def refused(limit: int = 50) -> list[tuple[BankReceipt, Invoice, Organisation]]:
    """Give the newest receipts that came for nothing, with their invoices and whose those are; in one query."""
    query = (
        sa.select(BankReceipt, Invoice, Organisation)
        .join(Invoice, Invoice.id == BankReceipt.invoice_id)
        .join(Organisation, Organisation.id == BankReceipt.organisation_id)
        .where(BankReceipt.state == State.REFUSED)
    )
    rows = db.session.execute(query.order_by(BankReceipt.settled_at.desc(), BankReceipt.id).limit(limit))
    return [(receipt, invoice, organisation) for receipt, invoice, organisation in rows]


def of_invoices(invoice_ids: Iterable[str]) -> dict[str, BankReceipt]:
    """Give the receipts of some invoices that were not refused, in one query."""
    query = sa.select(BankReceipt).where(BankReceipt.invoice_id.in_(set(invoice_ids)), BankReceipt.state != State.REFUSED)
    return {receipt.invoice_id: receipt for receipt in db.session.scalars(query)}


def _invoice(invoice_id: str) -> Invoice:
    query = sa.select(Invoice).where(Invoice.id == invoice_id).with_for_update()
    invoice = db.session.scalar(query.execution_options(populate_existing=True))
    if invoice is None:
        raise Missing
    return invoice
