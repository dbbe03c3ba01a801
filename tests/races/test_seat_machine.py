"""Every order of seat operations: a state machine looks for one that breaks the count."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app import arrivals, crowd, factory, joining, roster, settings, waiting_list, ways_in
from app.accounts import (
    invitations,
    join_links,
    join_requests,
    memberships,
    organisations,
    people,
    registrations,
    teams,
    waiting_places,
)
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing, NotAllowed
from app.kernel.transaction import transaction
from app.roster import Show, Wanted
from app.ways_in import Outcome
from billing import allotting, price_cards, seats, subscriptions
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
        with transaction():
            self.teams = [teams.make(self.organisation, name, None, by=self.person).id for name in ("North", "South")]
        self.lists: list[object] = []
        with transaction():
            made = {
                needs: join_links.make(self.actor(), team_id=None, most=4, days=365, needs_approval=needs)
                for needs in (False, True)
            }
            self.links = {needs: link.id for needs, link in made.items()}

    def teardown(self) -> None:
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.app.extensions["jobs"].close()
        shutil.rmtree(self.folder)

    def actor(self):
        return memberships.actor(people.known(self.person), self.organisation)

    def used(self, link_id):
        db.session.rollback()
        return db.session.scalar(db.select(join_links.JoinLink.used).where(join_links.JoinLink.id == link_id))

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
        if invitation is None:
            assert waiting_places.among(self.organisation, [member_id])
            return
        with transaction():
            address = memberships.of_organisation(self.organisation, member_id).address
            person = people.with_address(address) or registrations.open_account("Guest", address, "-")
            joining.accept(invitations.opened(invitations.token(invitation.link_id)), person)

    @rule(place=PLACES, again=st.booleans())
    def withdraw_or_send_again(self, place, again):
        member_id = self.one_of(place, "invited")
        if member_id is None:
            return
        invitation = invitations.open_of(member_id)
        if invitation is None:
            return
        old = invitations.token(invitation.link_id)
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

    @rule(place=PLACES, team=st.integers(0, 1))
    def put_into_a_team(self, place, team):
        member_id = self.one_of(place, "invited", "active")
        with transaction():
            teams.put(self.organisation, self.teams[team], [member_id], by=self.person)

    @rule(team=st.integers(0, 1), number=st.integers(0, 5))
    def set_seats_aside(self, team, number):
        before, set_aside = seats.allowances_of(self.organisation), seats.count(self.organisation).set_aside
        try:
            with transaction():
                allotting.allot(self.organisation, self.teams[team], number, by=self.person)
        except Conflict:
            db.session.rollback()
            assert seats.allowances_of(self.organisation) == before
            return
        counted = seats.count(self.organisation)
        assert counted.set_aside <= max(set_aside, counted.free)

    @rule(team=st.integers(0, 1))
    def take_back_unused_seats(self, team):
        with transaction():
            number = allotting.reclaim(self.organisation, self.teams[team], by=self.person)
        found = seats.allowances_of(self.organisation).get(self.teams[team])
        assert not number or found is None or found.unused == 0

    @rule(place=PLACES, other_place=PLACES)
    def give_a_seat_on(self, place, other_place):
        goes, comes = self.one_of(place, "invited", "active"), self.one_of(other_place, "invited", "active", "archived")
        before = seats.count(self.organisation).taken
        has_one_to_give = goes in self.members("active") and seats.has_one(goes)
        can_have_it = comes in self.members("invited", "active") and not seats.has_one(comes)
        try:
            with transaction():
                crowd.swap(self.actor(), goes, comes, days=14)
        except (Conflict, Missing):
            db.session.rollback()
            assert not (has_one_to_give and can_have_it) or seats.allowances_of(self.organisation)
            assert seats.count(self.organisation).taken == before
            return
        assert (seats.has_one(goes), seats.has_one(comes)) == (False, True)
        assert seats.count(self.organisation).taken == before

    @rule(kept=st.booleans())
    def keep_a_waiting_list(self, kept):
        with transaction():
            waiting_places.switch(self.actor(), to=kept)

    @rule(number=st.integers(0, 9), needs_approval=st.booleans())
    def come_by_a_link(self, number, needs_approval):
        link_id = self.links[needs_approval]
        address = f"p{number}@example.org"
        before = seats.count(self.organisation), self.used(link_id)
        try:
            with transaction():
                person = people.with_address(address) or registrations.open_account("Guest", address, "-")
                link = db.session.get_one(join_links.JoinLink, link_id)
                outcome = ways_in.join(ways_in.by_link(link), person)
        except (Conflict, NotAllowed):
            assert (seats.count(self.organisation), self.used(link_id)) == before
            return
        if outcome is Outcome.NO_SEAT:
            assert (seats.count(self.organisation), self.used(link_id)) == before

    @rule(places=st.sets(PLACES), approves=st.booleans())
    def answer_requests(self, places, approves):
        asking = sorted(join_requests.asking(self.actor()), key=lambda one: one.person.address_key)
        ids = [one.request.id for place, one in enumerate(asking) if place in places]
        before = seats.count(self.organisation)
        try:
            with transaction():
                (ways_in.approve if approves else ways_in.decline)(self.actor(), ids)
        except Conflict:
            assert seats.count(self.organisation) == before
            assert join_requests.number_asking(self.actor()) == len(asking)

    @rule()
    def fill_the_waiting_list(self):
        before = seats.count(self.organisation).taken
        waiting_list.fill_due(14)
        if not waiting_places.is_kept(self.organisation):
            assert seats.count(self.organisation).taken == before
            return
        counted, found = seats.count(self.organisation), seats.allowances_of(self.organisation)
        theirs = teams.of_people(waiting_places.in_order(self.organisation))
        for waiting in waiting_places.in_order(self.organisation):
            drawn = [found[team.id] for team in theirs.get(waiting, []) if team.id in found]
            assert not counted.free or (not any(one.unused for one in drawn) if drawn else not counted.common)

    @rule(place=PLACES, first=st.booleans())
    def change_the_waiting_list(self, place, first):
        waiting = sorted(waiting_places.waiting(self.actor()), key=lambda one: one.member.address_key)
        if not waiting:
            return
        member_id = waiting[place % len(waiting)].member.id
        with transaction():
            if first:
                waiting_places.to_the_front(self.actor(), member_id)
            else:
                waiting_list.take_off(self.actor(), member_id)

    @rule(hours=st.sampled_from([30, 24 * 15]))
    def time_passes(self, hours):
        with transaction():
            clock.advance(timedelta(hours=hours))
        joining.expire_due()
        joining.remind_due()
        ways_in.sweep()

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
    def no_team_has_more_than_what_is_set_aside_for_it(self):
        assert all(found.taken <= found.allotted for found in seats.allowances_of(self.organisation).values())

    @invariant()
    def whoever_has_a_seat_is_here_and_learns(self):
        for member in memberships.people_of(self.organisation, archived=True):
            assert not seats.has_one(member.id)
        for member in memberships.people_of(self.organisation):
            assert member.is_learner or not seats.has_one(member.id)
        assert memberships.owners(self.organisation) == 1

    @invariant()
    def whoever_waits_has_no_seat_and_whoever_is_invited_waits_or_has_an_invitation(self):
        db.session.rollback()
        here = memberships.people_of(self.organisation)
        waits = waiting_places.among(self.organisation, [member.id for member in here])
        assert not waits & seats.seated_among(self.organisation, [member.id for member in here])
        for member in here:
            assert member.state != "invited" or member.id in waits or invitations.open_of(member.id) is not None

    @invariant()
    def a_link_counts_those_who_ask_by_it_and_never_more_than_its_limit(self):
        assert self.used(self.links[False]) <= 4
        asking = join_requests.number_asking(self.actor())
        assert self.used(self.links[True]) >= asking - self.used(self.links[False])

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
