"""Another process that takes part in a race: people come by a join link, one after the other, and a waiting list is filled.

Usage: python -m tests.races.comer LINK PERSON… with the shop's environment; prints how many have joined, and fills the waiting
list after each. With a number in DIES_AT it kills itself just before that statement or commit.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import factory, settings, waiting_list, ways_in
from app.accounts import people
from app.accounts.join_links import JoinLink
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from app.ways_in import Outcome


def die_at(number: int) -> None:
    """Kill this process just before so many more statements or commits."""
    left = number

    def come_by(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(db.engine, "before_cursor_execute", come_by)
    sa.event.listen(db.engine, "commit", come_by)


def main(link_id: str, *person_ids: str) -> None:
    app = factory.create_app(settings.from_environment())
    joined = 0
    print("ready", flush=True)
    sys.stdin.readline()
    with app.app_context():
        if "DIES_AT" in os.environ:
            die_at(int(os.environ["DIES_AT"]))
    for person_id in person_ids:
        with app.app_context():
            link = db.session.get_one(JoinLink, UUID(link_id))
            organisation_id = link.organisation_id
            try:
                with transaction():
                    joined += ways_in.join(ways_in.by_link(link), people.known(UUID(person_id))) is Outcome.JOINED
            except Conflict:
                continue
            waiting_list.fill(organisation_id, days=14)
    print(joined, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
