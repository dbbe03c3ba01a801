"""Every order of seat operations: a state machine looks for one that breaks the count."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app import factory, joining, settings
from app.accounts import invitations, memberships, organisations, people, registrations
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing, NotAllowed
from app.kernel.transaction import transaction
from billing import price_cards, seats, subscriptions
from tests.provider import snapshot


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

    def teardown(self) -> None:
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.app.extensions["jobs"].close()
        shutil.rmtree(self.folder)

    def actor(self):
        return memberships.actor(people.known(self.person), self.organisation)

    def members(self, state):
        return [member.id for member in memberships.people_of(self.organisation) if member.state == state]

    @rule(number=st.integers(0, 7))
    def invite(self, number):
        before = seats.count(self.organisation)
        try:
            with transaction():
                joining.invite(self.actor(), f"Person {number}", f"p{number}@example.org", {Role.LEARNER}, days=14)
        except (Conflict, NotAllowed):
            assert seats.count(self.organisation) == before

    @precondition(lambda self: self.members("invited"))
    @rule(data=st.data())
    def accept(self, data):
        member_id = data.draw(st.sampled_from(self.members("invited")))
        invitation = invitations.open_of(member_id)
        with transaction():
            address = memberships.of_organisation(self.organisation, member_id).address
            person = people.with_address(address) or registrations.open_account("Guest", address, "-")
            joining.accept(invitations.opened(invitations.token(invitation.link_id)), person)

    @precondition(lambda self: self.members("invited"))
    @rule(data=st.data(), again=st.booleans())
    def withdraw_or_send_again(self, data, again):
        member_id = data.draw(st.sampled_from(self.members("invited")))
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

    @precondition(lambda self: len(self.members("active")) > 1)
    @rule(data=st.data())
    def archive(self, data):
        own = self.actor().membership.id
        member_id = data.draw(st.sampled_from([found for found in self.members("active") if found != own]))
        with transaction():
            joining.archive(self.actor(), member_id)

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
