"""Forgotten quotes: those made out to somebody whose account goes end, and say neither who nor where they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel.db import db
from billing import quotes
from billing.quotes import Quote, State

if TYPE_CHECKING:
    from collections.abc import Collection

# What was bought stays as it was bought.
KEPT = (State.ACCEPTED, State.INVOICED)
OPEN = (State.DRAFT, State.SENT)


def forget(addresses: Collection[str], pseudonym: str) -> None:
    """End the open quotes to some addresses, telling nobody, and take name and address out of all that came to nothing."""
    to_them, paid_by_them = _is_among(Quote.for_address, addresses), _is_among(Quote.finance_address, addresses)
    query = sa.select(Quote).where(Quote.state.not_in(KEPT), sa.or_(to_them, paid_by_them)).order_by(Quote.id)
    locked = query.with_for_update(of=Quote).execution_options(populate_existing=True)
    for quote in db.session.scalars(locked).all():
        if quote.for_address in addresses or quote.for_address.lower() in addresses:
            quote.for_name, quote.for_address = pseudonym, ""
        if quote.finance_address is not None and (
            quote.finance_address in addresses or quote.finance_address.lower() in addresses
        ):
            quote.finance_name, quote.finance_address = pseudonym, None
        if quote.state in OPEN:
            quotes.move(quote, State.EXPIRED)
    db.session.flush()


def _is_among(
    column: sa.orm.InstrumentedAttribute[str] | sa.orm.InstrumentedAttribute[str | None], addresses: Collection[str]
) -> sa.ColumnElement[bool]:
    return column.in_(addresses) | sa.func.lower(column).in_(addresses)
