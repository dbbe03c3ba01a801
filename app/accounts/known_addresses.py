"""Known addresses: who in an organisation is meant by each of thousands of them, as where a list of people is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts.memberships import Membership, State
from app.kernel import batches
from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

HERE = frozenset({State.INVITED, State.ACTIVE})


def known(organisation_id: UUID, keys: Iterable[str], *, lock: bool = False) -> dict[str, tuple[UUID, str]]:
    """Give who is known by each of some addresses: who is here, else the record with most history, in one query.

    The address of a record that was merged stands for the one that stayed.
    """
    wanted = sa.select(batches.of(((key,) for key in keys), key=sa.String()).c.key)
    one = sa.orm.aliased(Membership)
    stayed = sa.func.coalesce(one.merged_into_id, one.id) == Membership.id
    query = sa.select(one.address_key, Membership.id, Membership.state, Membership.person_id, Membership.added_at).where(
        one.organisation_id == organisation_id, one.address_key.in_(wanted), stayed
    )
    query = query.order_by(Membership.id)
    rows = db.session.execute(query.with_for_update(of=Membership) if lock else query).all()
    ranked = sorted(rows, key=lambda row: (row[2] in HERE, row[3] is not None, row[4]))
    return {key: (member_id, state) for key, member_id, state, _, _ in ranked if key}
