"""Credit: how much an organisation may owe and still be given its seats at once; nothing, until the operator sets it.

What is owed counts every invoice that is not paid, also one that has not got its number yet. The rules are pure: they look at
what the provider says about the invoices, newest first.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal
from app.kernel.db import Model, db
from app.kernel.errors import Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.gateway import ProviderInvoice

MOST_MINOR = 1_000_000_00
RENEWAL = "subscription_cycle"
# What somebody asked for and is given only when it is paid or within the limit; a renewal has until it is overdue.
ASKED_FOR = frozenset({"subscription_create", "subscription_update"})
UNPAID = frozenset({"open", "uncollectible"})


class CreditLimit(Model):
    """How much an organisation may owe, in pence."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    limit_minor: Mapped[int]
    set_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("limit_minor >= 0", name="limit"),)


def limit_of(organisation_id: UUID) -> int:
    """Give how much an organisation may owe, in pence; nothing unless the operator has said so."""
    query = sa.select(CreditLimit.limit_minor).where(CreditLimit.organisation_id == organisation_id)
    return db.session.scalar(query) or 0


def limits_of(organisation_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Give the limits of some organisations that have one, in one query."""
    query = sa.select(CreditLimit.organisation_id, CreditLimit.limit_minor)
    return dict(db.session.execute(query.where(CreditLimit.organisation_id.in_(set(organisation_ids)))).all())


def set_limit(organisation_id: UUID, limit_minor: int, *, by: UUID) -> None:
    """Say how much an organisation may owe, in pence; raises Invalid for more than can be meant."""
    if not 0 <= limit_minor <= MOST_MINOR:
        message = f"Give an amount from £0 to £{MOST_MINOR // 100:,}."
        raise Invalid(message, field="limit")
    now, row = clock.now(), db.session.get(CreditLimit, organisation_id, with_for_update=True)
    was = 0 if row is None else row.limit_minor
    if row is None:
        row = CreditLimit(organisation_id=organisation_id, limit_minor=limit_minor, set_at=now)
        db.session.add(row)
    row.limit_minor, row.set_at = limit_minor, now
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Missing from error
    journal.write(
        "credit.limit_set", organisation_id=organisation_id, by=by, about=organisation_id, was_minor=was, limit_minor=limit_minor
    )


def owed(found: Iterable[ProviderInvoice]) -> int:
    """Add up what is still to be paid, in pence; the draft of a renewal is not asked for yet."""
    return sum(invoice.remaining_minor for invoice in found if _is_owed(invoice))


def due_at(found: Sequence[ProviderInvoice], held: int) -> datetime | None:
    """Give by when the oldest unpaid invoice was or is to be paid; None when nothing is unpaid.

    While seats are `held` back, the invoice that asks for them is left out: what was never given cannot close what is paid for.
    So it is once a renewal that bills those seats is paid, for the day that gives them must not be the day that closes all.
    """
    last = _asked_for_last(found)
    left_out = last if held or (last is not None and _is_renewed_since(found, last)) else None
    unpaid = [invoice for invoice in found if invoice.status in UNPAID and invoice is not left_out]
    return min((invoice.due_at for invoice in unpaid if invoice.due_at is not None), default=None)


def is_covered(found: Sequence[ProviderInvoice], limit_minor: int) -> bool:
    """Whether what was asked for last is paid, or all that is owed is within the limit; what was taken back covers nothing.

    A renewal that has billed it since and is paid has paid it too.
    """
    newest = _asked_for_last(found)
    if newest is None:
        return False
    is_paid = _is_paid(newest) or _is_renewed_since(found, newest)
    return is_paid or (_is_owed(newest) and owed(found) <= limit_minor)


def withheld(before: tuple[int, int], quantity: int, found: Sequence[ProviderInvoice], limit_minor: int) -> int:
    """Give how many seats of a quantity cannot be given yet; `before` is the quantity and how many of it were withheld.

    Seats that were once given stay given, whatever is owed later: only those that are added can be withheld.
    """
    had, held = before
    given = min(had - held, quantity)
    return 0 if given == quantity or is_covered(found, limit_minor) else quantity - given


def _is_paid(invoice: ProviderInvoice) -> bool:
    """Whether money came for an invoice: the provider calls one paid that was taken back as a whole, too."""
    taken_back = sum(note.gross_minor for note in invoice.credit_notes)
    return invoice.status == "paid" and (invoice.gross_minor == 0 or taken_back < invoice.gross_minor)


def _is_renewed_since(found: Sequence[ProviderInvoice], invoice: ProviderInvoice) -> bool:
    """Whether a renewal that came after an invoice is paid."""
    return any(later.why == RENEWAL and _is_paid(later) for later in found[: found.index(invoice)])


def _asked_for_last(found: Iterable[ProviderInvoice]) -> ProviderInvoice | None:
    return next((invoice for invoice in found if invoice.why in ASKED_FOR), None)


def _is_owed(invoice: ProviderInvoice) -> bool:
    return invoice.status in UNPAID or (invoice.status == "draft" and invoice.why != RENEWAL)
