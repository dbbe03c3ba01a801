"""The provider's messages may come in any order, twice, or not at all: the end is the same."""

from __future__ import annotations

import itertools
import random
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from app.accounts import memberships, people
from app.kernel import clock
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import changes, changing, events, invoices, price_cards, reactions, reconciliation, seats, stripe_objects
from billing.changes import Kind
from billing.checkouts import Checkout
from billing.gateway import Wish
from billing.price_cards import Interval
from billing.subscriptions import Subscription
from tests import buying
from tests import changing as acts
from tests.journeys import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What tells of something that the shop acts on; the rest is stored and does nothing.
FAMILIES = ("checkout.session.", "customer.subscription.", "invoice.")
# Of more messages than this, not every order is tried: there are too many.
MOST_MESSAGES = 5


@dataclass
class Stage:
    """A shop whose database can be put back to how it was, while the provider goes on knowing what it knows."""

    app: Any
    gateway: Any
    person_id: Any
    organisation_id: Any
    keep: Callable[[], None]
    restore: Callable[[], None]

    def actor(self) -> Any:
        return memberships.actor(people.known(self.person_id), self.organisation_id)

    def events(self) -> list[Any]:
        """Give the messages that there are so far, oldest first."""
        found = steps.provider_has(self.app.config["SETTINGS"].data, "event")
        return [event for event in found if event["type"].startswith(FAMILIES)][::-1]

    def tell(self, message: Any) -> None:
        """Have a message arrive and be applied."""
        with transaction():
            events.store(stripe_objects.event(message))
        reactions.apply_due(self.gateway)

    def come_to_rest(self) -> None:
        """Do what the jobs do by themselves after a while, and reconcile."""
        with transaction():
            clock.advance(timedelta(minutes=2))
        reactions.serve_paid(self.gateway)
        changing.finish_left_alone(self.gateway)
        assert reconciliation.run(self.gateway).differences == ()

    def end(self) -> dict[str, Any]:
        """Say how everything stands."""
        db.session.rollback()
        db.session.expire_all()
        rows = db.session.scalars(sa.select(Subscription))
        count = seats.count(self.organisation_id)
        journal = sa.select(JournalEntry.what).where(JournalEntry.organisation_id == self.organisation_id)
        return {
            "subscriptions": [(row.status, row.bought, row.interval, row.period_end, row.cancel_at, row.is_live) for row in rows],
            "seats": (count.bought, count.held, count.in_use),
            "orders": sorted(db.session.scalars(sa.select(Checkout.state))),
            "changes": sorted(db.session.scalars(sa.select(changes.Change.state))),
            "bills": sorted((bill.why, bill.status, bill.gross_minor) for bill in invoices.of_organisation(self.organisation_id)),
            "mails": sorted(db.session.scalars(sa.select(OutboxMail.kind))),
            "journal": sorted(db.session.scalars(journal)),
            "failed": [event.last_error for event in events.newest() if event.state == events.State.FAILED],
        }


@pytest.fixture
def stage(shop: Any, owner: Any, connect: Any, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Give the shop of an owner who has not bought anything yet."""
    with transaction():
        price_cards.publish_seed()
    keep, restore, forget = _keeper(shop, request)
    yield Stage(shop, connect(), owner.person.id, owner.organisation.id, keep, restore)
    forget()


def _keeper(shop: Any, request: pytest.FixtureRequest) -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    """Give how the database of a shop is kept, put back and, where it was copied, forgotten."""
    url = make_url(shop.config["SETTINGS"].database_url)

    def let_go() -> None:
        db.session.remove()
        db.engine.dispose()
        # Nudges go through the same database, on a connection of their own.
        shop.extensions["jobs"].close()

    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))

        def copy(start: Path, end: Path) -> None:
            let_go()
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copy(start, end)

        kept = path.with_suffix(".kept")
        return (lambda: copy(path, kept)), (lambda: copy(kept, path)), (lambda: None)
    server, name = request.getfixturevalue("postgres_server"), str(url.database)

    def keep() -> None:
        let_go()
        server.create(f"{name}_kept", name)

    def restore() -> None:
        let_go()
        server.drop(name)
        server.create(name, f"{name}_kept")

    def forget() -> None:
        let_go()
        server.drop(f"{name}_kept")

    return keep, restore, forget


# What happens at the provider while the shop hears nothing. Each gives the messages about it.


def a_purchase(stage: Stage) -> None:
    order = buying.order(stage.actor(), 25, Interval.YEAR)
    buying.open_page(stage.gateway, order)
    assert buying.pay(stage.app, order) == 303


def more_seats(stage: Stage) -> None:
    """Two more seats, asked for and charged by a process that dies before it has read the answer."""
    acts.buy(stage.app, stage.actor(), stage.gateway)
    acts.travel(stage.app, days=9)
    offer = changing.offer_seats(stage.gateway, stage.organisation_id, 2)
    change = acts.ask(lambda: changes.accept(stage.actor(), offer, Kind.MORE_SEATS))
    subscription = acts.row(stage.actor())
    stage.gateway.change(
        Wish(
            key=f"change-{change}",
            subscription_id=subscription.provider_id,
            card=price_cards.current(),
            interval=Interval.MONTH,
            seats=12,
            counted_at=offer.counted_at,
        )
    )


def a_renewal_that_fails_and_is_paid(stage: Stage) -> None:
    acts.buy(stage.app, stage.actor(), stage.gateway)
    controls = stage.app.extensions["sandbox"].controls
    controls.fail_next_payment(controls.payers()[0].id)
    acts.travel(stage.app, days=31, hours=2)
    acts.travel(stage.app, days=3)


def a_cancellation(stage: Stage) -> None:
    acts.buy(stage.app, stage.actor(), stage.gateway)
    with transaction():
        seats.assign(stage.organisation_id, stage.actor().membership.id, seats.State.IN_USE, by=None)
    provider_id = acts.row(stage.actor()).provider_id
    stage.gateway.end_with_term(provider_id, "from-the-portal", is_wanted=True)
    acts.travel(stage.app, days=31, hours=2)


TALES: dict[Callable[[Stage], None], dict[str, Any]] = {
    a_purchase: {
        "seats": (25, 0, 0),
        "orders": ["served"],
        "mails": ["seats_bought"],
        "journal": ["checkout.paid", "checkout.served", "checkout.started", "organisation.founded", "subscription.began"],
    },
    more_seats: {
        "seats": (12, 0, 0),
        "changes": ["done"],
        "mails": ["seats_added", "seats_bought"],
    },
    a_renewal_that_fails_and_is_paid: {
        "seats": (10, 0, 0),
        "bills": [("subscription_create", "paid", 7440), ("subscription_cycle", "paid", 7440)],
        "mails": ["seats_bought"],
    },
    a_cancellation: {
        "seats": (0, 0, 0),
        "mails": ["seats_bought", "subscription_ended"],
    },
}


@pytest.fixture(params=TALES, ids=lambda tale: tale.__name__)
def told(stage: Stage, request: pytest.FixtureRequest) -> tuple[list[Any], dict[str, Any]]:
    """Give the messages of a tale that the shop has not heard of, and how everything must stand when it has."""
    request.param(stage)
    messages = stage.events()
    if request.param is not a_purchase:
        # What was bought before was heard of on the page after payment.
        messages = messages[
            next(place for place, event in enumerate(messages) if event["type"] == "checkout.session.completed") + 1 :
        ]
    stage.keep()
    for message in messages:
        stage.tell(message)
    stage.come_to_rest()
    end = stage.end()
    assert {name: end[name] for name in TALES[request.param]} == TALES[request.param]
    assert end["failed"] == []
    return messages, end


def orders(messages: list[Any], config: pytest.Config, database: str) -> Iterator[tuple[Any, ...]]:
    """Give every order of some messages, or a spread of them where there are too many for the gate that is asked for."""
    if len(messages) <= MOST_MESSAGES:
        every = list(itertools.permutations(messages))
        return iter(every if config.getoption("--full") or database == "sqlite" else every[::10])
    dice = random.Random(1)  # noqa: S311 - nobody is kept from guessing
    number = 120 if config.getoption("--full") else 40 if database == "sqlite" else 10
    return (tuple(dice.sample(messages, len(messages))) for _ in range(number))


def test_in_every_order(stage, told, pytestconfig, database_url):
    messages, end = told
    for order in orders(messages, pytestconfig, make_url(database_url).get_backend_name()):
        stage.restore()
        for message in order:
            stage.tell(message)
        assert stage.end() == end, [message["type"] for message in order]


def test_each_one_twice(stage, told, pytestconfig, database_url):
    messages, end = told
    for order in itertools.islice(orders(messages, pytestconfig, make_url(database_url).get_backend_name()), 0, None, 7):
        stage.restore()
        for message in (*order, *reversed(order)):
            stage.tell(message)
        assert stage.end() == end, [message["type"] for message in order]


def test_some_of_them_lost(stage, told, pytestconfig, database_url):
    messages, end = told
    kept = [subset for number in range(min(len(messages), MOST_MESSAGES)) for subset in itertools.combinations(messages, number)]
    is_all = pytestconfig.getoption("--full") or make_url(database_url).get_backend_name() == "sqlite"
    for subset in kept[:: 1 if is_all else 5][:60]:
        stage.restore()
        for message in subset:
            stage.tell(message)
        stage.come_to_rest()
        assert stage.end() == end, [message["type"] for message in subset]
