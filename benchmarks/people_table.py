"""The people table at a hundred and at a hundred thousand members, first page and last. `python -m benchmarks.people_table`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app import roster
from app.accounts import profile_fields, profile_values
from app.accounts.profile_fields import Kind, Wish
from app.accounts.profile_values import Asked
from app.kernel.db import db, uuid7
from app.kernel.transaction import transaction
from app.roster import Show, Sort, Turn, Wanted
from benchmarks import shop
from tests import people_making
from tests.house.statements import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.accounts.memberships import Actor

SIZES = (100, 100_000)
TIMES = 20
# How many times the CPU of the small table the large one may take.
MOST_RATIO = 3.0
ASKED = {
    "by name": Wanted(),
    "by address": Wanted(sort=Sort.ADDRESS),
    "added last": Wanted(sort=Sort.NEWEST),
    "who joined": Wanted(show=Show.ACTIVE),
    "by a field": Wanted(fields=(Asked(uuid7(), Kind.CHOICE, choice="Volunteer"),)),
}
# As many in the small organisation as in the large one.
VOLUNTEERS = 50


def volunteers(owner: Actor, members: Sequence[UUID]) -> UUID:
    """Give a field in which some of the people have a choice."""
    with transaction():
        field = profile_fields.add(owner.organisation.id, Wish("Contract", Kind.CHOICE, "Paid\nVolunteer"), by=owner.person.id)
        profile_values.set_each(owner, members, field.id, "Volunteer")
    return field.id


def main() -> int:
    """Measure every page on both databases and give 1 when a large table costs more than we claim."""
    is_red = False
    for kind in shop.DATABASES:
        with shop.shop(kind):
            owners, fields = {}, {}
            for size in SIZES:
                owners[size] = shop.organisation(size, f"Trust{size}")
                for start in range(0, size, 10_000):
                    with transaction():
                        number = min(10_000, size)
                        added = people_making.add(owners[size].organisation.id, number, start=size * 10 + start)
                fields[size] = volunteers(owners[size], added[:VOLUNTEERS])
            with db.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
            for name, asked in ASKED.items():
                for turn in (Turn(), Turn(is_last=True)):
                    cpu, queries = {}, {}
                    for size in SIZES:
                        wanted = replace(asked, fields=tuple(replace(one, field=fields[size]) for one in asked.fields))
                        roster.page(owners[size], wanted, turn)
                        with Recorder(db.engine) as recorder, shop.measured() as spent:
                            for _ in range(TIMES):
                                roster.page(owners[size], wanted, turn)
                                roster.count(owners[size], wanted)
                        cpu[size], queries[size] = spent.cpu / TIMES * 1000, len(recorder.statements) // TIMES
                    where = "last page" if turn.is_last else "page 1"
                    few, many = cpu[SIZES[0]], cpu[SIZES[1]]
                    print(f"{kind:<11}{name:<12}{where:<10}{queries[SIZES[1]]} queries  {few:.1f} ms and {many:.1f} ms of CPU")
                    is_red = is_red or queries[SIZES[0]] != queries[SIZES[1]] or many > MOST_RATIO * max(few, 2.0)
    return int(is_red)


if __name__ == "__main__":
    raise SystemExit(main())
