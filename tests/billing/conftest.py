"""Members of the owner's organisation, to give seats to."""

from __future__ import annotations

import pytest

from app.accounts import memberships
from app.accounts.memberships import Role
from app.kernel.transaction import transaction


@pytest.fixture
def members(owner):
    """Give a maker of invited members; it gives their ids."""

    def make(number: int):
        with transaction():
            return [
                memberships.invite(owner.organisation.id, f"Person {n}", f"person{n}@example.org", {Role.LEARNER}).id
                for n in range(number)
            ]

    return make
