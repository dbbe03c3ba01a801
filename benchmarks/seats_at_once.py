"""Ten thousand seats at once: what giving, taking back, archiving and restoring cost. `python -m benchmarks.seats_at_once`."""

from __future__ import annotations

from app import crowd
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.transaction import transaction
from benchmarks import shop
from billing import seats
from tests import people_making
from tests.house.statements import Recorder

PEOPLE = 10_000
# Bringing people back is two things at once: they are here again, and they are given seats.
MOST_CPU_SECONDS = {Change.RESTORE: 2.0}
USUAL_CPU_SECONDS = 1.0
MOST_STATEMENTS = 20


def main() -> int:
    """Measure every change on both databases and give 1 when one costs more than we claim."""
    is_red = False
    for kind in shop.DATABASES:
        with shop.shop(kind):
            owner = shop.organisation(PEOPLE)
            with transaction():
                ids = people_making.add(owner.organisation.id, PEOPLE)
            for change in (Change.GIVE, Change.TAKE_BACK, Change.GIVE, Change.ARCHIVE, Change.RESTORE):
                with Recorder(db.engine) as recorder, shop.measured() as spent, transaction():
                    plan = crowd.do(owner, change, Selection(frozenset(ids)), days=14)
                number = len(recorder.statements)
                print(f"{kind:<11}{change:<10}{len(plan.able):>7,} people  {number:>3} statements  {spent.cpu:.2f} s of CPU")
                is_red = is_red or number > MOST_STATEMENTS or spent.cpu > MOST_CPU_SECONDS.get(change, USUAL_CPU_SECONDS)
            if seats.miscounted():
                is_red = True
    return int(is_red)


if __name__ == "__main__":
    raise SystemExit(main())
