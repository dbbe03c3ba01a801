"""Who sits where: what tests compare before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.kernel.db import db
from billing.seats import SeatAssignment

if TYPE_CHECKING:
    from uuid import UUID


def states(organisation_id: UUID) -> dict[UUID, str]:
    """Give the state of each open seat assignment of an organisation, by membership."""
    query = sa.select(SeatAssignment.membership_id, SeatAssignment.state).where(
        SeatAssignment.organisation_id == organisation_id, SeatAssignment.released_at.is_(None)
    )
    return dict(db.session.execute(query).all())
