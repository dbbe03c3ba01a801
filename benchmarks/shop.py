"""A shop for benchmarks on either database, and the CPU that it and its database have used."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app import factory, settings
from app.accounts import memberships, organisations, registrations
from app.accounts.memberships import Actor, Role
from app.accounts.organisations import Kind
from app.kernel import schema
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import price_cards, subscriptions
from tests import postgres
from tests.provider import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKS = os.sysconf("SC_CLK_TCK")
DATABASES = ("sqlite", "postgresql")


@dataclass
class Spent:
    """Seconds that a piece of work took: on the wall, and of CPU in this process and in the database's own."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def shop(kind: str) -> Iterator[None]:
    """Give an empty shop on a database of its own, inside its context."""
    server = postgres.Server() if kind == "postgresql" else None
    with tempfile.TemporaryDirectory() as folder:
        url = server.create("benchmark") if server else f"sqlite:///{folder}/lanyard.sqlite3"
        app = factory.create_app(settings.from_environment({"LANYARD_DATA": folder, "DATABASE_URL": url}))
        try:
            with app.app_context():
                schema.bring_up_to_date()
                with transaction():
                    price_cards.publish_seed()
                yield
                db.session.remove()
                db.engine.dispose()
        finally:
            app.extensions["jobs"].close()
            if server:
                server.stop()


def organisation(seats: int, name: str = "Harbourside") -> Actor:
    """Found an organisation that has bought seats, and give its owner."""
    with transaction():
        address = f"owner@{name.lower()}.example"
        person = registrations.open_account("Ruth", address, "-")
        founded = organisations.found(name, Kind.ORGANISATION, by=person.id)
        member = memberships.add(founded, person, {Role.OWNER})
        subscriptions.begin(founded.id, snapshot(id=f"sub_{name}", quantity=seats))
    return Actor(person, founded, member)


@contextmanager
def measured() -> Iterator[Spent]:
    """Measure a block, the processes that this one has started, such as the database's, included."""
    spent = Spent()
    began, own, others = time.monotonic(), time.process_time(), _descendants_cpu()
    yield spent
    spent.wall = time.monotonic() - began
    spent.cpu = time.process_time() - own + _descendants_cpu() - others


def _descendants_cpu() -> float:
    """Give the seconds of CPU that the processes under this one have used; those that have ended are not counted."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(used[pid] for pid in family - {os.getpid()}) / TICKS
