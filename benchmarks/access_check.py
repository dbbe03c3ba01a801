"""May this person open the courses? What the question costs where 100,000 have a seat. `python -m benchmarks.access_check`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app import access
from app.accounts.memberships import Actor, Membership
from app.accounts.people import Person
from app.kernel.db import db
from app.kernel.transaction import transaction
from benchmarks import shop
from billing import seats
from tests import people_making
from tests.house.statements import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

SEATS = 100_000
ASKED = 1_000
GRACE = timedelta(days=14)
MOST_CPU_MILLISECONDS = 1.0


def main() -> int:
    """Ask for people all over the organisation on both databases, and give 1 when one question costs more than we claim."""
    is_red = False
    for kind in shop.DATABASES:
        with shop.shop(kind):
            owner = shop.organisation(SEATS)
            with transaction():
                ids = people_making.add(owner.organisation.id, SEATS)
                seats.assign_each(owner.organisation.id, ids, seats.State.IN_USE, by=owner.person.id)
            db.session.execute(sa.text("ANALYZE"))
            actors = _actors(owner, ids[:: SEATS // ASKED])
            with Recorder(db.engine) as recorder, shop.measured() as spent:
                opened = sum(access.to_courses(actor, GRACE).may_open for actor in actors)
            number, cost = len(recorder.statements) / len(actors), spent.cpu / len(actors) * 1000
            print(f"{kind:<11}{SEATS:,} seats  {number:.3f} statements and {cost:.2f} ms of CPU for each question")
            is_red = is_red or opened != len(actors) or round(number) != 1 or cost > MOST_CPU_MILLISECONDS
    return int(is_red)


def _actors(owner: Actor, ids: Sequence[UUID]) -> list[Actor]:
    """Give some people as they would ask."""
    query = sa.select(Person, Membership).join(Membership, Membership.person_id == Person.id).where(Membership.id.in_(ids))
    return [Actor(person, owner.organisation, membership) for person, membership in db.session.execute(query)]


if __name__ == "__main__":
    raise SystemExit(main())
