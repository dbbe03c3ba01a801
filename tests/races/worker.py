"""Another process that takes part in a race: it assigns seats in the shop it is told about, as fast as it can.

Usage: python -m tests.races.worker ORGANISATION MEMBERSHIP… with the shop's environment; prints how many it was given.
Memberships with commas between them are given seats together.
"""

from __future__ import annotations

import sys
from uuid import UUID

from app import factory, settings
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from billing import seats


def main(organisation: str, *members: str) -> None:
    app = factory.create_app(settings.from_environment())
    given = 0
    print("ready", flush=True)
    sys.stdin.readline()
    for member in members:
        with app.app_context():
            try:
                with transaction():
                    ids = [UUID(one) for one in member.split(",")]
                    if len(ids) == 1:
                        seats.assign(UUID(organisation), ids[0], seats.State.HELD, by=None)
                    else:
                        seats.assign_each(UUID(organisation), ids, seats.State.HELD, by=None)
            except Conflict:
                continue
            given += len(ids)
    print(given, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
