"""What races need: many members, and a way to start everyone at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts import memberships
from app.accounts.memberships import Role
from app.kernel.errors import Refusal
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


@pytest.fixture
def race(app):
    """Give a starter: it runs each operation in a thread and a transaction of its own, all at once, and gives who was refused."""

    def run(*operations):
        barrier = threading.Barrier(len(operations))

        def compete(operation):
            with app.app_context():
                barrier.wait()
                try:
                    with transaction():
                        operation()
                except Refusal as refusal:
                    return refusal
            return None

        with ThreadPoolExecutor(len(operations)) as pool:
            return list(pool.map(compete, operations))

    return run
