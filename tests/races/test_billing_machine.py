"""Every order of what can happen to a subscription: a state machine looks for one that breaks an invariant.

It buys, changes, ends and disputes, with cards that pay and cards that do not, with messages that arrive twice, never or in any
order, and with a kill at any call of the provider and at any commit. After each step the shop is brought to rest, as its jobs and
one reconciliation would, and everything that must hold is looked at.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import factory
from app import settings as app_settings
from app.accounts import memberships, organisations, people, registrations
from app.accounts.memberships import Role
from app.accounts.organisations import Kind as OrganisationKind
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Refusal
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import (
    changes,
    changing,
    checkouts,
    disputes,
    events,
    figures,
    price_cards,
    reactions,
    reconciliation,
    seats,
    stripe_objects,
    subscriptions,
)
from billing.changes import Kind
from billing.checkouts import Checkout
from billing.invoices import Invoice
from billing.price_cards import Interval
from billing.seats import SeatAssignment
from billing.subscriptions import Subscription
from tests import buying
from tests.conftest import DATABASES
from tests.journeys import steps

# How many lives, and how many steps of each; PostgreSQL, which is slower to begin, sees fewer of them.
BUDGETS = {("sqlite", False): (8, 14), ("postgresql", False): (3, 12), ("sqlite", True): (30, 30), ("postgresql", True): (10, 25)}
CARDS = st.sampled_from(["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
# At so many calls of the provider and commits the process dies: before the call or the commit, or right after the call.
CUTS = st.none() | st.tuples(st.integers(1, 20), st.booleans())
INTERVALS = st.sampled_from(Interval)
FEW = st.integers(1, 12)
IS_OVER = "more seats are taken than are paid for"
_numbers = itertools.count()


class Cut(BaseException):
    """The end of a process, which nothing in the shop may catch."""


class Death:
    """Counts the calls and commits that something comes by, and ends it at one of them."""

    def __init__(self, cut: tuple[int, bool] | None) -> None:
        self._left, self._is_after = cut or (0, False)

    def before(self, _session: Any = None) -> None:
        self._left -= 1
        if self._left == 0 and not self._is_after:
            raise Cut

    def after(self) -> None:
        if self._left == 0 and self._is_after:
            self._left = -1
            raise Cut


class Mortal:
    """A gateway during whose calls the process may die."""

    def __init__(self, gateway: Any, death: Death) -> None:
        self._gateway, self._death = gateway, death

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gateway, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._death.before()
            answer = found(*arguments, **named)
            self._death.after()
            return answer

        return call


class BillingMachine(RuleBasedStateMachine):
    """An organisation of three people through everything that can happen to what it pays."""

    published: Path
    make_database: Any
    drop_database: Any

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lanyard-billing-"))
        for kept in self.published.iterdir():
            if kept.is_dir():
                (self.folder / kept.name).symlink_to(kept)
        environment = {"LANYARD_DATA": str(self.folder), "DATABASE_URL": self.make_database(self.folder)}
        self.app = factory.create_app(app_settings.from_environment(environment))
        self.context = self.app.app_context()
        self.context.push()
        factory.open_gateway(self.app, self.app.config["SETTINGS"])
        self.gateway, self.sandbox = self.app.extensions["gateway"], self.app.extensions["sandbox"]
        self.v1 = self.gateway.client.v1
        with transaction():
            price_cards.publish_seed()
            person = registrations.open_account("Ruth", "ruth@example.org", "-")
            founded = organisations.found("St Mary", OrganisationKind.ORGANISATION, by=person.id)
            memberships.add(founded, person, {Role.OWNER})
            invited = [memberships.invite(founded.id, f"P {n}", f"p{n}@example.org", {Role.LEARNER}).id for n in range(3)]
        self.person, self.organisation, self.members = person.id, founded.id, invited
        # Who was given which assignment, and has not given it back.
        self.given: dict[Any, Any] = {}
        self.told: set[str] = set()
        self.released = 0

    def teardown(self) -> None:
        url = self.app.config["SETTINGS"].database_url
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.sandbox.close()
        self.app.extensions["jobs"].close()
        type(self).drop_database(url)
        shutil.rmtree(self.folder)

    # What somebody does, or what happens.

    @initialize(number=FEW, interval=INTERVALS, cut=CUTS)
    def buy_first(self, number, interval, cut):
        """Begin with a purchase, because without one there is little to do."""
        self.buy_seats(number, interval, cut, pays=True)

    @rule(number=FEW, interval=INTERVALS, cut=CUTS, pays=st.booleans())
    def buy(self, number, interval, cut, pays):
        self.buy_seats(number, interval, cut, pays=pays)

    def buy_seats(self, number, interval, cut, *, pays):
        def act(gateway):
            order = buying.order(self.actor(), number, interval)
            buying.open_page(gateway, order)
            if pays:
                buying.pay(self.app, order)
                reactions.serve(gateway, order)

        self.play(act, cut)

    @rule(number=FEW, cut=CUTS)
    def add_seats(self, number, cut):
        def act(gateway):
            offer = changing.offer_seats(gateway, self.organisation, number)
            self.carry_out(gateway, lambda: changes.accept(self.actor(), offer, Kind.MORE_SEATS))

        self.play(act, cut)

    @rule(cut=CUTS)
    def pay_by_the_year(self, cut):
        def act(gateway):
            offer = changing.offer_year(gateway, self.organisation)
            self.carry_out(gateway, lambda: changes.accept(self.actor(), offer, Kind.YEARLY))

        self.play(act, cut)

    @rule(number=FEW, cut=CUTS, what=st.sampled_from(["fewer", "monthly", "drop", "end", "go on"]))
    def plan(self, number, cut, what):
        asked = {
            "fewer": lambda: changes.fewer_seats(self.actor(), number),
            "monthly": lambda: changes.monthly(self.actor()),
            "drop": lambda: changes.drop_plan(self.actor()),
            "end": lambda: changes.end(self.actor(), "unused"),
            "go on": lambda: changes.go_on(self.actor()),
        }
        self.play(lambda gateway: self.carry_out(gateway, asked[what]), cut)

    @rule(card=CARDS)
    def use_card(self, card):
        running = self.running()
        if running is not None:
            customer = self.v1.subscriptions.retrieve(running).customer
            attached = self.v1.payment_methods.attach(card, {"customer": customer})
            self.v1.subscriptions.update(running, {"default_payment_method": attached.id})

    @rule(days=st.sampled_from([1, 4, 31, 366]))
    def time_passes(self, days):
        self.wait(timedelta(days=days))

    def wait(self, step):
        with transaction():
            clock.advance(step + timedelta(hours=2))
        self.sandbox.catch_up()

    @rule(and_time=st.booleans())
    def next_payment_fails(self, and_time):
        for payer in self.sandbox.controls.payers():
            self.sandbox.controls.fail_next_payment(payer.id)
        row = self.live()
        if and_time and row is not None:
            self.wait(max(row.period_end - clock.now(), timedelta()))

    @rule()
    def pay_what_is_owed(self):
        running = self.running()
        for invoice in self.v1.invoices.list({"subscription": running, "status": "open"}).data if running else []:
            good = self.v1.payment_methods.attach("pm_card_visa", {"customer": invoice.customer})
            self.v1.invoices.pay(invoice.id, {"payment_method": good.id})

    @rule(data=st.data())
    def refund(self, data):
        charges = [found for found in self.v1.charges.list().data if not found.disputed and not found.refunded]
        if charges:
            charge = data.draw(st.sampled_from(range(len(charges))))
            left = charges[charge].amount - charges[charge].amount_refunded
            self.v1.refunds.create({"charge": charges[charge].id, "amount": min(left, 100)})

    @rule(outcome=st.sampled_from(["opened", "won", "lost"]))
    def dispute(self, outcome):
        controls = self.sandbox.controls
        for payment in controls.payments():
            if outcome == "opened" and payment.can_be_disputed:
                return controls.open_dispute(payment.id)
            if outcome != "opened" and payment.dispute is not None:
                return controls.close_dispute(payment.dispute, is_won=outcome == "won")
        return None

    @rule(data=st.data(), gives=st.booleans())
    def give_or_take_a_seat(self, data, gives):
        member = data.draw(st.sampled_from(range(len(self.members))))
        member_id = self.members[member]
        with suppress(Refusal), transaction():
            if gives:
                self.given[member_id] = seats.assign(self.organisation, member_id, seats.State.HELD, by=None).id
            elif seats.release(self.organisation, member_id, "withdrawn", by=None):
                self.given.pop(member_id, None)
        db.session.rollback()

    @rule(data=st.data(), cut=CUTS)
    def messages_arrive(self, data, cut):
        """Let some of the messages that did not come yet arrive, in any order and some of them twice; the others never do."""
        waiting = [event for event in steps.provider_has(self.folder, "event") if event["id"] not in self.told]
        self.told |= {event["id"] for event in waiting}
        order = data.draw(st.permutations(range(len(waiting)))) if waiting else []
        coming = data.draw(st.sets(st.sampled_from(order))) if order else set()
        twice = data.draw(st.sets(st.sampled_from(sorted(coming)))) if coming else set()
        for place in [place for place in order if place in coming] + sorted(twice):
            with transaction():
                events.store(stripe_objects.event(waiting[place]))
        self.play(reactions.apply_due, cut)

    # How it is done, and what a process that starts again finds.

    def play(self, act, cut) -> None:
        """Do something during which the process may die; whatever is refused is as good as not asked."""
        db.session.rollback()
        death = Death(cut)
        sa.event.listen(db.session, "before_commit", death.before)
        try:
            with suppress(Cut, Refusal):
                act(Mortal(self.gateway, death))
        finally:
            sa.event.remove(db.session, "before_commit", death.before)
        db.session.remove()
        db.session.expire_all()

    def carry_out(self, gateway, asked) -> None:
        with transaction():
            change = asked().id
        changing.carry_out(gateway, change)

    def actor(self):
        return memberships.actor(people.known(self.person), self.organisation)

    def live(self) -> Subscription | None:
        db.session.rollback()
        db.session.expire_all()
        return subscriptions.live(self.organisation)

    def running(self) -> str | None:
        row = self.live()
        return None if row is None or row.status in {"canceled", "incomplete_expired"} else row.provider_id

    def come_to_rest(self) -> None:
        """Let the leases of a killed process run out, then do what the jobs do, and reconcile."""
        with transaction():
            clock.advance(timedelta(minutes=5))
            db.session.execute(sa.update(Subscription).values(lease_until=None, lease_token=None))
            late = clock.real_now() - timedelta(minutes=5)
            db.session.execute(
                sa.update(events.ProviderEvent).where(events.ProviderEvent.due_at.is_not(None)).values(due_at=late)
            )
        self.sandbox.catch_up()
        reactions.serve_paid(self.gateway)
        while reactions.apply_due(self.gateway):
            pass
        changing.finish_left_alone(self.gateway)
        differences = [found for found in reconciliation.run(self.gateway).differences if IS_OVER not in found]
        assert differences == []
        db.session.rollback()
        db.session.expire_all()

    # What must hold.

    @invariant()
    def everything_holds_at_rest(self):
        self.seats_are_within_what_was_bought()
        self.come_to_rest()
        self.seats_are_within_what_was_bought()
        self.the_shop_and_the_provider_agree()
        self.figures_are_those_of_the_card()
        self.nothing_was_charged_or_told_twice()
        self.assignments_outlast_whatever_is_not_paid()

    def seats_are_within_what_was_bought(self):
        """Invariants 1 to 3, which hold at every instant."""
        db.session.rollback()
        db.session.expire_all()
        assert seats.miscounted() == []
        rows = list(db.session.scalars(sa.select(Subscription)))
        assert sum(row.is_live for row in rows) <= 1
        for row in rows:
            assert row.taken <= row.bought or row.is_over
            assert row.is_over == (row.taken > row.bought)
        open_ones = sa.select(SeatAssignment.membership_id).where(SeatAssignment.released_at.is_(None))
        seated = list(db.session.scalars(open_ones))
        assert len(seated) == len(set(seated))

    def the_shop_and_the_provider_agree(self):
        """Invariants 5 and 6: whatever arrived, what is paid for is there, and what is there is paid for."""
        row = self.live()
        theirs = [
            found for found in self.v1.subscriptions.list({"status": "all", "limit": 100}).data if found.status != "canceled"
        ]
        alive = [found for found in theirs if found.status != "incomplete_expired"]
        assert len(alive) <= 1
        if alive:
            assert row is not None
            assert row.provider_id == alive[0].id
            assert row.bought == alive[0].items.data[0].quantity
            assert row.interval == alive[0].items.data[0].price.recurring.interval
            assert row.status == alive[0].status
            assert int(row.period_end.timestamp()) == alive[0].items.data[0].current_period_end
        elif row is not None:
            assert row.status == "canceled"
        assert [change.id for change in changes.left_alone() if change.state == changes.State.ASKED] == []
        paid = {checkouts.State.PAID, checkouts.State.STUCK, checkouts.State.PROCESSING}
        assert [found.state for found in db.session.scalars(sa.select(Checkout)) if found.state in paid] == []
        assert all(event.state == events.State.APPLIED or event.last_error for event in events.newest())

    def figures_are_those_of_the_card(self):
        """Invariant 4: the first invoice is what was ordered."""
        for order in db.session.scalars(sa.select(Checkout).where(Checkout.state == checkouts.State.SERVED)):
            card = price_cards.of_version(order.card_version)
            assert order.gross_minor == figures.figure(card, order.seats, order.paid_interval, order.vat_percent).gross_minor
        firsts = list(db.session.scalars(sa.select(Invoice).where(Invoice.why == "subscription_create")))
        served = db.session.scalars(sa.select(Checkout.gross_minor).where(Checkout.state == checkouts.State.SERVED)).all()
        assert sorted(found.gross_minor for found in firsts) == sorted(served)

    def nothing_was_charged_or_told_twice(self):
        """Invariant 6: one charge for each paid invoice, one mail for each purchase and each step of a dispute."""
        bills = self.v1.invoices.list({"limit": 100, "status": "paid"}).auto_paging_iter()
        charges = self.v1.charges.list({"limit": 100}).auto_paging_iter()
        assert sum(1 for _ in charges) == sum(1 for bill in bills if bill.amount_due)
        told = list(db.session.scalars(sa.select(OutboxMail.kind)))
        served = db.session.scalar(sa.select(sa.func.count()).where(Checkout.state == checkouts.State.SERVED))
        assert told.count("seats_bought") == served
        known = list(db.session.scalars(sa.select(disputes.Dispute)))
        assert told.count("payment_disputed") == len(known) == len(self.v1.disputes.list({"limit": 100}).data)
        for state, kind in ((disputes.State.WON, "dispute_won"), (disputes.State.LOST, "dispute_lost")):
            assert told.count(kind) == sum(dispute.state == state for dispute in known)

    def assignments_outlast_whatever_is_not_paid(self):
        """Invariants 7 and 8: as long as a subscription has not ended, everybody keeps the very same assignment."""
        row = self.live()
        if row is None:
            self.given = {}
        for member, assignment in self.given.items():
            assert seats.has_one(member)
            assert db.session.get_one(SeatAssignment, assignment).released_at is None
        released = db.session.scalar(sa.select(sa.func.count()).where(SeatAssignment.released_at.is_not(None)))
        assert released >= self.released
        self.released = released


# The full search takes many minutes, and on a busy machine several times as many; its length decides nothing.
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", DATABASES)
def test_no_order_of_events_breaks_an_invariant(database, published, request, pytestconfig):
    template = request.getfixturevalue(f"{'sqlite' if database == 'sqlite' else 'postgres'}_template")
    server = None if database == "sqlite" else request.getfixturevalue("postgres_server")

    def make(folder: Path) -> str:
        if server is None:
            return f"sqlite:///{shutil.copy(template, folder / 'lanyard.sqlite3')}"
        return str(server.create(f"machine_{os.getpid()}_{next(_numbers)}", template))

    def drop(url: str) -> None:
        if server is not None:
            server.drop(url.partition("@/")[2].partition("?")[0])

    BillingMachine.published = published
    BillingMachine.make_database, BillingMachine.drop_database = staticmethod(make), staticmethod(drop)
    lives, steps = BUDGETS[database, pytestconfig.getoption("--full")]
    budget = settings(
        max_examples=lives,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(BillingMachine, settings=budget)
