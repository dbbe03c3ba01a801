"""Every order of what happens to people: in without an address, twice, out and gone; never a seat or a record too many."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app import arrivals, crowd, erasing, factory, joining, merging, settings, slips
from app.accounts import erasures, joining_slips, memberships, mergers, organisations, people, registrations, sign_ins
from app.accounts.memberships import Membership, Role
from app.accounts.organisations import Kind
from app.crowd import Change, Selection
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from billing import price_cards, seats, subscriptions
from catalog.learning.certificates import Certificate
from tests import passing
from tests.provider import snapshot

NETWORK = "192.0.2.0/24"

# Who is meant, as a place in a list in a fixed order, counted round: what is drawn never depends on what is in the database.
PLACES = st.integers(0, 11)


class PeopleMachine(RuleBasedStateMachine):
    """An organisation of four seats whose owner adds people by name and address, merges them, and loses some again."""

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
            self.subscription = subscriptions.begin(founded.id, snapshot(quantity=4)).id
        self.person, self.organisation = person.id, founded.id
        self.pins: dict[str, str] = {}
        self.evidence = 0

    def teardown(self) -> None:
        db.session.remove()
        db.engine.dispose()
        self.context.pop()
        self.app.extensions["jobs"].close()
        shutil.rmtree(self.folder)

    def actor(self):
        return memberships.actor(people.known(self.person), self.organisation)

    def known(self, *states, by_name=None):
        """Give those who are in some state and not gone, but the owner, by what they sign in with."""
        query = sa.select(Membership).where(
            Membership.organisation_id == self.organisation, Membership.login_key != "", ~Membership.is_owner
        )
        if states:
            query = query.where(Membership.state.in_(states))
        if by_name is not None:
            query = query.where(Membership.address.is_(None) if by_name else Membership.address.is_not(None))
        db.session.rollback()
        return list(db.session.scalars(query.order_by(Membership.login_key, Membership.added_at)))

    def one_of(self, place, found):
        return found[place % len(found)] if found else None

    @rule(number=st.integers(0, 3), by_name=st.booleans())
    def invite(self, number, by_name):
        before = seats.count(self.organisation)
        try:
            with transaction():
                address = None if by_name else f"p{number}@example.org"
                joining.invite(self.actor(), f"Person Nr{number}", address, {Role.LEARNER}, days=14)
        except (Conflict, NotAllowed):
            assert seats.count(self.organisation) == before

    @rule(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def bring_in_names(self, numbers):
        with transaction():
            text = "\n".join(f"Person Nr{number}" for number in numbers)
            sent = arrivals.send(self.actor(), text.encode(), is_pasted=True, gives_user_names=True).id
        arrivals.read(sent)
        try:
            with transaction():
                arrivals.want(self.actor(), sent)
        except Conflict:
            return
        arrivals.bring_in(sent, days=14)

    @rule(place=PLACES)
    def print_slip(self, place):
        member = self.one_of(place, self.known("invited", "active", by_name=True))
        if member is None:
            return
        sheet = slips.prepare(self.actor(), Selection(frozenset({member.id})), days=14)
        with transaction():
            slips.keep(self.actor(), sheet)
        self.pins[member.user_name] = sheet.printed[0].pin

    @rule(place=PLACES, is_right=st.booleans())
    def use_slip(self, place, is_right):
        user_name = self.one_of(place, sorted(self.pins))
        if user_name is None:
            return
        before = seats.count(self.organisation)
        pin = self.pins[user_name] if is_right else "no PIN"
        with transaction():
            claim = joining_slips.count_try(user_name, NETWORK)
        try:
            proved = joining_slips.demand_pin(claim, pin)
            with transaction():
                slips.open_with(proved, "-")
        except (Conflict, Invalid):
            assert seats.count(self.organisation) == before
            return
        del self.pins[user_name]
        assert seats.count(self.organisation).taken == before.taken

    @rule(place=PLACES)
    def accept(self, place):
        member = self.one_of(place, self.known("invited", by_name=False))
        if member is None:
            return
        with transaction():
            invitation = joining.invitations.open_of(member.id)
            person = people.with_address(member.address) or registrations.open_account("Guest", member.address, "-")
            joining.accept(invitation, person)

    @rule(place=PLACES, change=st.sampled_from([Change.GIVE, Change.TAKE_BACK, Change.ARCHIVE, Change.RESTORE, Change.WITHDRAW]))
    def change(self, place, change):
        member = self.one_of(place, self.known())
        if member is None:
            return
        try:
            with transaction():
                crowd.do(self.actor(), change, Selection(frozenset({member.id})), days=14)
        except (Conflict, NotAllowed):
            return

    @rule(place=PLACES)
    def invite_again(self, place):
        member = self.one_of(place, self.known("withdrawn", by_name=True))
        if member is None:
            return
        try:
            with transaction():
                slips.invite_again(self.actor(), member.id, days=14)
        except Conflict:
            return

    @rule(place=PLACES)
    def pass_a_course(self, place):
        member = self.one_of(place, self.known("active"))
        if member is None:
            return
        with transaction():
            passing.certify(member)
        self.evidence += 1

    @rule(place=PLACES, other_place=PLACES, confirms=st.booleans())
    def merge(self, place, other_place, confirms):
        found = self.known()
        one, other = self.one_of(place, found), self.one_of(other_place, found)
        if one is None or other is None:
            return
        before = seats.count(self.organisation)
        try:
            with transaction():
                asked = merging.merge(self.actor(), one.id, other.id, takes_name=False)
            if asked is not None and confirms:
                with transaction():
                    merging.confirm(mergers.opened(mergers.token(asked.id)))
        except seats.NoSeat:
            pytest.fail("merging takes no seat that was free before")
        except (Conflict, Invalid, NotAllowed):
            assert seats.count(self.organisation) == before
            return
        assert seats.count(self.organisation).taken <= before.taken

    @rule(place=PLACES, stays=st.booleans())
    def ask_to_be_deleted(self, place, stays):
        member = self.one_of(place, self.known("active"))
        if member is None:
            return
        person = people.known(member.person_id)
        try:
            with transaction():
                erasing.ask(sign_ins.Proof(person.id, person.password_hash, person.password_hash))
        except Conflict:
            return
        if stays:
            with transaction():
                erasures.undo(person.id)

    @rule(days=st.sampled_from([3, 8, 15]))
    def time_passes(self, days):
        with transaction():
            clock.advance(timedelta(days=days))
        joining.expire_due()
        erasing.erase_due()

    @invariant()
    def the_count_is_right_and_within_what_was_bought(self):
        assert seats.miscounted() == []
        row = db.session.get_one(subscriptions.Subscription, self.subscription)
        assert row.taken <= row.bought

    @invariant()
    def one_human_has_at_most_one_seat_and_only_while_they_are_here(self):
        for member in db.session.scalars(sa.select(Membership)):
            sits = sum(seats.has_one(one) for one in mergers.ids_of(member.id))
            assert sits <= (member.state in {"invited", "active"})
            assert member.merged_into_id is None or member.state == "merged"

    @invariant()
    def evidence_only_grows_and_is_found_under_whoever_stays(self):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Certificate)) == self.evidence
        roots = sa.select(Membership.id).where(Membership.merged_into_id.is_(None))
        under_root = sum(
            db.session.scalar(sa.select(sa.func.count()).where(Certificate.membership_id.in_(mergers.records_of(root)))) or 0
            for root in db.session.scalars(roots)
        )
        assert under_root == self.evidence

    @invariant()
    def whoever_is_gone_has_no_name_anywhere(self):
        for person in db.session.scalars(sa.select(people.Person).where(people.Person.erased_at.is_not(None))):
            assert (person.address, person.user_name, person.password_hash) == (None, None, "")
            for member in db.session.scalars(sa.select(Membership).where(Membership.person_id == person.id)):
                assert member.name == erasures.pseudonym_of(person.id) or member.merged_into_id is not None
                assert member.login == ""


# The full search takes minutes, and on a busy machine several times as many; its length decides nothing.
@pytest.mark.timeout(1800)
def test_no_order_of_what_happens_to_people_breaks_a_count_or_a_record(sqlite_template, published):
    PeopleMachine.template, PeopleMachine.published = sqlite_template, published
    run_state_machine_as_test(PeopleMachine)
