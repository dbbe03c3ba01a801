"""Same names: which lines of a list without an address mean somebody who is known by name alone.

A list that is sent twice must not bring the same people in twice. So the first line of a name means the first person of that name
here, the second line the second. Somebody who never came in, as their invitation was withdrawn or expired, is taken up again;
somebody who learned here and left is not: two people may have one name, and evidence must not change hands by it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from app.accounts import people
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.kernel import batches
from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

HERE = (MembershipState.INVITED, MembershipState.ACTIVE)


class NamedLine(Protocol):
    """A line of a list that names somebody."""

    @property
    def number(self) -> int:
        """Which line it is."""

    @property
    def name(self) -> str:
        """The name in it."""


def of_lines(organisation_id: UUID, lines: Sequence[NamedLine], *, lock: bool = False) -> dict[int, tuple[UUID, str]]:
    """Give who is meant by each line that means somebody known, with their state, in one query; one list at a time if locked."""
    if not lines:
        return {}
    if lock:
        one = sa.select(Organisation.id).where(Organisation.id == organisation_id)
        db.session.execute(one.with_for_update(key_share=True))
    keys = sa.select(batches.of(((people.name_key(line.name),) for line in lines), key=sa.String()).c.key)
    may_be_meant = sa.or_(
        Membership.state.in_(HERE), sa.and_(Membership.state == MembershipState.WITHDRAWN, Membership.joined_at.is_(None))
    )
    query = sa.select(Membership.name_key, Membership.id, Membership.state).where(
        Membership.organisation_id == organisation_id, Membership.address.is_(None), may_be_meant, Membership.name_key.in_(keys)
    )
    known: dict[str, list[tuple[UUID, str]]] = defaultdict(list)
    for key, member_id, state in db.session.execute(query.order_by(Membership.id)):
        known[key].append((member_id, state))
    for found in known.values():
        found.sort(key=lambda one: one[1] not in HERE)
    return _in_turn(lines, known)


def _in_turn(lines: Sequence[NamedLine], known: dict[str, list[tuple[UUID, str]]]) -> dict[int, tuple[UUID, str]]:
    meant = {}
    for line in lines:
        waiting = known[people.name_key(line.name)]
        if waiting:
            meant[line.number] = waiting.pop(0)
    return meant
