"""Many people at once, for tests and benchmarks about many: the rows as if they had joined or been invited one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from app.accounts import people
from app.accounts.invitations import Invitation
from app.accounts.memberships import Membership
from app.accounts.people import Person
from app.kernel import clock
from app.kernel.db import db, uuid7

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

FIRST = ("Amara", "Ben", "Carys", "Dmitri", "Esther", "Farah", "Gareth", "Hana", "Imran", "Joan")
LAST = ("Okafor", "Whitlock", "Pugh", "Vale", "Lim", "Hussain", "Brook", "Sato", "Finch", "Carter", "Mensah", "Shaw", "Dale")


def name_of(number: int) -> str:
    return f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]} {number}"


def add(organisation_id: UUID, number: int, *, state: str = "active", start: int = 0, is_learner: bool = True) -> Sequence[UUID]:
    """Add people who have joined and have no seat, inside the open transaction; gives their memberships."""
    now = clock.now()
    persons, memberships = [], []
    for n in range(start, start + number):
        address = f"crowd{n}@example.org"
        person = {"id": uuid7(), "name": name_of(n), "address": address, "address_key": address, "password_hash": "-"}
        persons.append(person | {"is_operator": False, "joined_at": now})
        memberships.append(
            {
                "id": uuid7(),
                "organisation_id": organisation_id,
                "person_id": person["id"] if state in {"active", "archived"} else None,
                "name": name_of(n),
                "name_key": people.name_key(name_of(n)),
                "address": address,
                "address_key": address,
                "login_key": address,
                "state": state,
                "is_owner": False,
                "is_admin": False,
                "is_manager": False,
                "is_billing": False,
                "is_learner": is_learner,
                "added_at": now,
                "joined_at": now if state in {"active", "archived"} else None,
                "archived_at": now if state == "archived" else None,
            }
        )
    if state in {"active", "archived"}:
        db.session.execute(sa.insert(Person), persons)
    db.session.execute(sa.insert(Membership), memberships)
    return [cast("UUID", row["id"]) for row in memberships]


def invite(organisation_id: UUID, membership_ids: Sequence[UUID], by: UUID) -> None:
    """Open an invitation for each of some memberships, sent long enough ago to be sent again."""
    sent_at = clock.now() - timedelta(days=3)
    rows = [
        {
            "id": uuid7(),
            "organisation_id": organisation_id,
            "membership_id": one,
            "invited_by": by,
            "state": "open",
            "link_id": uuid7(),
            "sent_at": sent_at,
            "expires_at": sent_at + timedelta(days=14),
            "note": "",
            "reminders": 0,
        }
        for one in membership_ids
    ]
    db.session.execute(sa.insert(Invitation), rows)
