"""Every order of seat operations: a state machine looks for one that breaks the count."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app import arrivals, crowd, factory, joining, roster, settings
from app.accounts import invitations, memberships, organisations, people, registrations
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing, NotAllowed
from app.kernel.transaction import transaction
from app.roster import Show, Wanted
from billing import price_cards, seats, subscriptions
from tests.provider import snapshot

# Who is meant, as a place in the list sorted by address, counted round. What is drawn never depends on what is in the database,
# where ids made in the same millisecond stand in any order: the same draws must always tell the same tale.
PLACES = st.integers(0, 11)


class SeatMachine(RuleBasedStateMachine):
    """An organisation whose owner invites, withdraws and archives while the provider changes what was bought."""

    template: Path
    published: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lanyard-machine-"))
        for kept in self.published.iterdir():
            if kept.is_dir():
                (self.folder / kept.name).symlink_to(kept)
        shutil.copy(self.template, self.folder / "lanyard.sqlite3")
        self.app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(self.folder)}))
        self.context = self.app.app_context()
        self.context.push()
        with transaction():
            price_cards.publish_seed()
            person = registrations.open_account("Ruth", "ruth@example.org", "-")
            founded = organisations.found("St Mary", Kind.ORGANISATION, by=person.id)
            memberships.add(founded, person, {Role.OWNER})
            self.subscription = subscriptions.begin(founded.id, snapshot(quantity=3)).id
        self.person, self.organisation = person.id, founded.id
        self.released = 0
        self.lists: list[object] = []

    def teardown(self) -> None:
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.app.extensions["jobs"].close()
        shutil.rmtree(self.folder)

    def actor(self):
        return memberships.actor(people.known(self.person), self.organisation)

    def members(self, *states):
        here = memberships.people_of(self.organisation) + memberships.people_of(self.organisation, archived=True)
        return [member.id for member in sorted(here, key=lambda member: member.address_key) if member.state in states]

    def one_of(self, place, *states, but=()):
        found = [member_id for member_id in self.members(*states) if member_id not in but]
        return found[place % len(found)] if found else None

    @rule(number=st.integers(0, 7))
    def invite(self, number):
        before = seats.count(self.organisation)
        try:
            with transaction():
                joining.invite(self.actor(), f"Person {number}", f"p{number}@example.org", {Role.LEARNER}, days=14)
        except (Conflict, NotAllowed):
            assert seats.count(self.organisation) == before

    @rule(place=PLACES)
    def accept(self, place):
        member_id = self.one_of(place, "invited")
        if member_id is None:
            return
        invitation = invitations.open_of(member_id)
        with transaction():
            address = memberships.of_organisation(self.organisation, member_id).address
            person = people.with_address(address) or registrations.open_account("Guest", address, "-")
            joining.accept(invitations.opened(invitations.token(invitation.link_id)), person)

    @rule(place=PLACES, again=st.booleans())
    def withdraw_or_send_again(self, place, again):
        member_id = self.one_of(place, "invited")
        if member_id is None:
            return
        old = invitations.token(invitations.open_of(member_id).link_id)
        try:
            with transaction():
                if again:
                    joining.invite_again(self.actor(), member_id, days=14)
                else:
                    joining.withdraw(self.actor(), member_id)
        except NotAllowed:
            assert invitations.opened(old)
            return
        with pytest.raises(Missing):
            invitations.opened(old)

    @rule(place=PLACES)
    def archive(self, place):
        member_id = self.one_of(place, "active", but={self.actor().membership.id})
        if member_id is None:
            return
        with transaction():
            joining.archive(self.actor(), member_id)

    @rule(places=st.sets(PLACES), change=st.sampled_from(list(Change)))
    def change_many(self, places, change):
        everybody = self.members("invited", "active", "archived")
        assert set(everybody) == set(roster.ids(self.actor(), Wanted()) + roster.ids(self.actor(), Wanted(show=Show.ARCHIVED)))
        chosen = [member_id for place, member_id in enumerate(everybody) if place in places]
        before = seats.count(self.organisation)
        try:
            with transaction():
                plan = crowd.do(self.actor(), change, Selection(frozenset(chosen)), days=14)
        except (Conflict, NotAllowed):
            assert seats.count(self.organisation) == before
            return
        with transaction():
            again = crowd.plan(self.actor(), change, Selection(frozenset(chosen)))
        assert not {one.id for one in again.able} & {one.id for one in plan.able}

    @rule(numbers=st.lists(st.integers(0, 9), min_size=1, max_size=5))
    def bring_in_a_list(self, numbers):
        before = seats.count(self.organisation)
        with transaction():
            text = "\n".join(f"p{number}@example.org" for number in numbers)
            sent = arrivals.send(self.actor(), text.encode(), is_pasted=True).id
        arrivals.read(sent)
        try:
            with transaction():
                arrivals.want(self.actor(), sent)
        except Conflict:
            assert seats.count(self.organisation) == before
            return
        arrivals.bring_in(sent, days=14)
        self.lists.append(sent)

    @rule(place=PLACES)
    def undo_a_list(self, place):
        if not self.lists:
            return
        sent = self.lists[place % len(self.lists)]
        before = seats.count(self.organisation)
        try:
            with transaction():
                arrivals.undo(self.actor(), sent)
        except Conflict:
            assert seats.count(self.organisation) == before

    @rule(hours=st.sampled_from([30, 24 * 15]))
    def time_passes(self, hours):
        with transaction():
            clock.advance(timedelta(hours=hours))
        joining.expire_due()
        joining.remind_due()

    @rule(quantity=st.integers(1, 6))
    def change_what_is_bought(self, quantity):
        with transaction():
            token = subscriptions.lease(self.subscription)
            subscriptions.refresh(self.subscription, snapshot(quantity=quantity), token)

    @invariant()
    def the_count_is_right_and_within_what_was_bought(self):
        assert seats.miscounted() == []
        row = db.session.get_one(subscriptions.Subscription, self.subscription)
        assert row.taken <= row.bought or row.is_over
        assert row.is_over == (row.taken > row.bought)

    @invariant()
    def whoever_has_a_seat_is_here_and_learns(self):
        for member in memberships.people_of(self.organisation, archived=True):
            assert not seats.has_one(member.id)
        for member in memberships.people_of(self.organisation):
            assert member.is_learner or not seats.has_one(member.id)
        assert memberships.owners(self.organisation) == 1

    @invariant()
    def history_only_grows(self):
        query = db.select(db.func.count()).where(seats.SeatAssignment.released_at.is_not(None))
        released = db.session.scalar(query)
        assert released >= self.released
        self.released = released


# The full search takes minutes, and on a busy machine several times as many; its length decides nothing.
@pytest.mark.timeout(1800)
def test_no_order_of_operations_breaks_the_count(sqlite_template, published):
    SeatMachine.template, SeatMachine.published = sqlite_template, published
    run_state_machine_as_test(SeatMachine)
