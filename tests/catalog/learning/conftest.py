"""A learner with a seat at an organisation whose shelf is the small one of the tests."""

from __future__ import annotations

import pytest

from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from billing import seats
from catalog.shelf import importing
from tests.shelf import SHELF


@pytest.fixture
def learner(owner, subscribe, make_person):
    """Give somebody who holds a seat, as an actor."""
    subscribe(owner.organisation.id, 5)
    person = people.known(make_person("Leo Grant", "leo@example.org", "Elsewhere"))
    with transaction():
        importing.load(SHELF)
        member = memberships.add(owner.organisation, person, {Role.LEARNER})
        seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
    return memberships.actor(person, owner.organisation.id)
