"""What every test may have: an application of its own, on a real database of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest
from flask import has_app_context
from hypothesis import settings as hypothesis_settings

from app import factory, settings
from app.accounts import credentials, memberships, organisations, people, registrations
from app.accounts.memberships import Actor, Role
from app.accounts.organisations import Kind
from app.kernel import schema
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import kept_pages
from billing import price_cards, subscriptions
from billing.stripe_gateway import StripeGateway
from catalog.shelf import importing
from tests import on_one, postgres
from tests.groups import InGroups
from tests.postgres import TEMPLATE
from tests.provider import snapshot
from tests.shelf import SHELF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

    from flask import Flask
    from xdist.remote import Producer

    from billing.gateway import Gateway

DATABASES = ("sqlite", "postgresql")

# The same examples at each run: a gate that is red is red for everybody. The full one looks at ten times as many.
hypothesis_settings.register_profile("quick", max_examples=30, deadline=None, derandomize=True)
hypothesis_settings.register_profile("full", max_examples=300, deadline=None, derandomize=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="every page in every scheme and the full Hypothesis budgets")
    parser.addoption("--quick", action="store_true", help="most tests on one of the two databases only")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InGroups:
    return InGroups(config, log)


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("full" if config.getoption("--full") else "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to the full gate, and in the quick one the other database of what takes one at a time."""
    is_quick, is_full = config.getoption("--quick"), config.getoption("--full")
    left_out = {
        item
        for item in items
        if (item.get_closest_marker("full") and not is_full) or (is_quick and not on_one.has_turn(item.nodeid))
    }
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    """Let no test speak to another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "localhost", "::1"}:
            message = f"a test tried to reach {address}"
            raise RuntimeError(message)
        connect(self, address)  # type: ignore[arg-type]  # whatever socket.connect takes

    socket.socket.connect = guarded  # type: ignore[method-assign,assignment]  # that is the point
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]  # as it was


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """Hash passwords at a cost that tests can pay."""
    credentials.configure("cheap")


@pytest.fixture(scope="session", autouse=True)
def _see_at_once_what_is_published() -> None:
    """Look at each request whether kept pages are still right, because tests publish and read within the same second."""
    kept_pages.look_again_after(0)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    server = postgres.Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder whose static files are published, because making the fonts takes a second."""
    folder = tmp_path_factory.mktemp("published")
    factory.create_app(settings.from_environment({"LANYARD_DATA": str(folder)}))
    return folder


@pytest.fixture
def data(tmp_path: Path, published: Path) -> Path:
    """Give a data folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    for kept in published.iterdir():
        if kept.is_dir():
            (folder / kept.name).symlink_to(kept)
    return folder


def _migrated(environment: dict[str, str]) -> None:
    """Run every migration on an empty database."""
    app = factory.create_app(settings.from_environment(environment))
    with app.app_context():
        schema.bring_up_to_date()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    _migrated({"LANYARD_DATA": str(published), "DATABASE_URL": f"sqlite:///{path}"})
    return path


@pytest.fixture(scope="session")
def postgres_template(published: Path, postgres_server: postgres.Server) -> str:
    _migrated({"LANYARD_DATA": str(published), "DATABASE_URL": postgres_server.create(TEMPLATE)})
    return TEMPLATE


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, data: Path) -> Iterator[str]:
    """Give the address of an empty, migrated database: the test runs once on each kind."""
    if request.param == "sqlite":
        path = data / "lanyard.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    name = server.lend(template)
    yield server.url(name)
    server.take_back(name, template)


@pytest.fixture
def environment(data: Path, database_url: str) -> dict[str, str]:
    """Give the environment of a shop of its own."""
    return {"LANYARD_DATA": str(data), "DATABASE_URL": database_url}


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    """Give an application with an empty database of its own."""
    made = factory.create_app(settings.from_environment(environment))
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()
    made.extensions["jobs"].close()


@pytest.fixture
def shop(app: Flask) -> Iterator[Flask]:
    """Give an application inside its context."""
    with app.app_context():
        yield app


@pytest.fixture
def shelf(shop: Flask) -> None:
    """Put the small shelf of the tests in the shop."""
    with transaction():
        importing.load(SHELF)


@pytest.fixture
def password() -> str:
    """Give the password of everyone whom `make_person` makes."""
    return "three odd words"


@pytest.fixture
def make_person(app: Flask, password: str) -> Callable[..., UUID]:
    """Give a maker of people by name and address, each the owner of an organisation."""

    def make(name: str = "Ruth Amadi", address: str = "ruth@example.org", organisation: str = "St Mary") -> UUID:
        with app.app_context():
            password_hash = credentials.hash_password(password)
            with transaction():
                person = registrations.open_account(name, address, password_hash)
                founded = organisations.found(organisation, Kind.ORGANISATION, by=person.id)
                memberships.add(founded, person, {Role.OWNER})
                made = person.id
        if has_app_context():
            # What the surrounding context has read so far does not hold the new person yet.
            db.session.rollback()
        return made

    return make


@pytest.fixture
def owner(shop: Flask, make_person: Callable[..., UUID]) -> Actor:
    """Give the owner of an organisation without a subscription."""
    person = people.known(make_person())
    return memberships.actor(person, memberships.places_of(person.id)[0].organisation.id)


@pytest.fixture
def subscribe(shop: Flask) -> Callable[..., UUID]:
    """Give a way to have an organisation pay for seats, as the provider would tell it; gives the subscription's id."""

    def begin(organisation_id: UUID, number: int = 5, **changes: object) -> UUID:
        with transaction():
            price_cards.publish_seed()
            return subscriptions.begin(organisation_id, snapshot(quantity=number, **changes)).id

    return begin


@pytest.fixture
def connect(app: Flask) -> Iterator[Callable[..., Gateway]]:
    """Give a way to connect with the sandbox, over HTTP, or with whatever else listens at an address."""

    def to(address: str | None = None) -> Gateway:
        chosen = app.config["SETTINGS"]
        if address is not None:
            return StripeGateway(chosen.stripe_secret_key, chosen.stripe_webhook_secret, address=address)
        if "sandbox" not in app.extensions:
            factory.open_gateway(app, chosen)
        gateway: Gateway = app.extensions["gateway"]
        return gateway

    yield to
    if "sandbox" in app.extensions:
        app.extensions["sandbox"].close()
