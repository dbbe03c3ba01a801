"""What some people of the demo have learned, done through the domain in the data folder of the shop that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app import factory, settings
from app.accounts import memberships, people, registrations
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import seats
from catalog.learning import attempts, certificates, progress
from tests import learning
from tests.browser import shelf

if TYPE_CHECKING:
    from pathlib import Path

    from app.accounts.memberships import Actor
    from app.accounts.people import Person
    from catalog.learning.attempts import Attempt
    from catalog.learning.certificates import Held

PASSED = "fire-safety-awareness"
TESTED = shelf.FIRST_RESPONSE
BEGUN = "e-safety-children-online"
NEW = "data-protection-essentials"
OWNER, ADMIN, OPERATOR = "ruth.adeyemi@demo.example", "tom.barker@demo.example", "olive.marsh@demo.example"
# Whoever learns in the demo goes on as the demo has it; this one comes on top.
NAME, LEARNER = "Noor Khan", "noor.khan@demo.example"
SECONDS_TO_PRINT = 60


def make(data: Path) -> dict[str, str]:
    """Have a learner pass, be tested on and begin courses, and an admin lose a certificate; gives what leads to their pages."""
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(data)}))
    try:
        with app.app_context():
            known = _learn()
            _wait_for_documents()
            db.session.remove()
            db.engine.dispose()
    finally:
        app.extensions["jobs"].close()
    return {"passed": PASSED, "tested": TESTED, "begun": BEGUN, "new": NEW, **known}


def _learn() -> dict[str, str]:
    with transaction():
        noor = _join()
        enrolment = learning.enrol(noor, PASSED)
        learning.do_lessons(enrolment)
        failed = learning.take_test(noor, enrolment, wrong=4).id
        learning.take_test(noor, enrolment)
        _pass(_actor(ADMIN))
        superseded, revoked = _number(_actor(LEARNER)), _number(_actor(ADMIN))
        certificates.revoke(revoked, "It was issued to the wrong person.", by=_person(OPERATOR).id)
    with transaction():
        noor = _actor(LEARNER)
        passed = _pass(noor).id
        enrolment = learning.enrol(noor, TESTED)
        learning.do_lessons(enrolment)
        attempt = attempts.begin(noor, enrolment.id, learning.course_of(enrolment))
        first = attempts.questions_of(attempt)[0]
        attempts.answer(noor.membership.id, attempt.id, 1, [str(option) for option in first.question.right])
        enrolment = learning.enrol(noor, BEGUN)
        progress.finish(enrolment.id, (1, 1))
        return {
            "failed_attempt": str(failed),
            "passed_attempt": str(passed),
            "number": _number(noor),
            "superseded": superseded,
            "revoked": revoked,
            "who_learned": str(noor.membership.id),
        }


def _join() -> Actor:
    """Give a new learner a seat, with the password of everybody in the demo."""
    owner = _actor(OWNER)
    person = registrations.open_account(NAME, LEARNER, _person(OWNER).password_hash)
    member = memberships.add(owner.organisation, person, {Role.LEARNER})
    seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=owner.person.id)
    return _actor(LEARNER)


def _pass(actor: Actor) -> Attempt:
    return learning.take_test(actor, learning.enrol(actor, PASSED))


def _number(actor: Actor) -> str:
    """Give the number of somebody's newest certificate."""
    return _held(actor)[0].certificate.number


def _held(actor: Actor) -> list[Held]:
    return certificates.of_membership(actor.organisation.id, actor.membership.id)


def _actor(address: str) -> Actor:
    """Give somebody of the demo in their organisation."""
    person = _person(address)
    return memberships.actor(person, memberships.places_of(person.id)[0].organisation.id)


def _person(address: str) -> Person:
    person = people.with_address(address)
    assert person is not None
    return person


def _wait_for_documents() -> None:
    """Wait until the shop has printed every certificate, because a page that waits for one loads itself again."""
    limit = time.monotonic() + SECONDS_TO_PRINT
    while not all(held.has_document for address in (LEARNER, ADMIN) for held in _held(_actor(address))):
        assert time.monotonic() < limit, "the documents are not made"
        time.sleep(0.1)
        db.session.rollback()
