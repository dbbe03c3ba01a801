"""Members of the owner's organisation, to give seats to."""

from __future__ import annotations

import pytest

from app.accounts import memberships
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from billing import price_cards


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


@pytest.fixture
def gateway(shop, connect):
    """Give the shop's way to its sandbox, with the price card published."""
    with transaction():
        price_cards.publish_seed()
    return connect()
