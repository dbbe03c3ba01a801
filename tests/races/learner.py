"""Another process in which a learner is busy: it does one thing again and again in the shop it is told about, as fast as it can.

Usage: python -m tests.races.learner PERSON ORGANISATION OPERATION [ID] with the shop's environment, where the operation is
`begin` (the course and its test), `hand_in` (the test with an id) or `documents`; prints how often it was refused or, of
documents, how many it made.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from uuid import UUID

from app import factory, settings
from app.accounts import memberships, people
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from catalog.learning import attempts
from tests import learning

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.accounts.memberships import Actor

TIMES = 10


def begin(actor: Actor) -> None:
    """Begin the course and its test, or go on with what is open."""
    enrolment = learning.enrol(actor)
    attempts.begin(actor, enrolment.id, learning.course_of(enrolment))


def hand_in(actor: Actor, attempt_id: str) -> None:
    """Hand a test in, or see that it is."""
    attempts.hand_in(actor, UUID(attempt_id))


OPERATIONS: dict[str, Callable[..., None]] = {"begin": begin, "hand_in": hand_in}


def main(person: str, organisation: str, operation: str, *arguments: str) -> None:
    app = factory.create_app(settings.from_environment())
    print("ready", flush=True)
    sys.stdin.readline()
    if operation == "documents":
        print(app.extensions["jobs"].run("certificates"), flush=True)
        return
    refused = 0
    for _ in range(TIMES):
        with app.app_context():
            try:
                with transaction():
                    OPERATIONS[operation](memberships.actor(people.known(UUID(person)), UUID(organisation)), *arguments)
            except Conflict:
                refused += 1
    print(refused, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
