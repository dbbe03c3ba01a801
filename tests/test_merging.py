"""Merging: two records of one human become one, with one seat, every record kept, and never somebody's account without them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import arrivals, joining, merging, roster
from app.accounts import (
    invitations,
    memberships,
    mergers,
    people,
    people_imports,
    profile_fields,
    profile_values,
    teams,
    waiting_places,
)
from app.accounts.memberships import Membership, Role
from app.accounts.mergers import Merger
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.roster import Show, Wanted
from billing import seats, subscriptions
from catalog.learning import attempts, certificates, records
from tests import passing
from tests.provider import snapshot


@pytest.fixture
def join(owner, subscribe, make_person):
    """Give a maker of people who learn here with an account and a seat of their own."""
    subscribe(owner.organisation.id, 4)

    def make(name, address, *roles):
        person = make_person(name, address, "Elsewhere")
        with transaction():
            member = memberships.add(owner.organisation, people.known(person), roles or {Role.LEARNER})
            seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
        return member

    return make


def invite(owner, name, address):
    with transaction():
        return joining.invite(owner, name, address, {Role.LEARNER}, days=14)


def merge(actor, stays, goes, *, takes_name=False):
    with transaction():
        asked = merging.merge(actor, stays.id, goes.id, takes_name=takes_name)
    db.session.expire_all()
    return asked


def count(organisation_id):
    return seats.count(organisation_id)


def test_an_open_invitation_goes_into_somebody_who_is_here_and_its_seat_is_free(owner, join):
    here, invited = join("Leo", "leo@example.org"), invite(owner, "Leo Grant", "leo.grant@example.org")
    with transaction():
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
        teams.put(owner.organisation.id, team.id, [invited.id], by=owner.person.id)
    assert merge(owner, here, invited, takes_name=True) is None
    assert (invited.state, invited.merged_into_id, here.name) == ("merged", here.id, "Leo Grant")
    assert count(owner.organisation.id) == seats.Count(4, 1, 0)
    assert invitations.open_of(invited.id) is None
    assert [found.name for found in teams.of_people([here.id])[here.id]] == ["Kitchen"]
    whats = set(db.session.scalars(sa.select(JournalEntry.what).where(JournalEntry.about.in_([here.id, invited.id]))))
    assert {"membership.merged", "membership.merged_into", "seat.released"} <= whats


def test_the_seat_moves_to_the_one_who_stays_without_a_seat(owner, join):
    here, by_name = join("Leo", "leo@example.org"), invite(owner, "Leo", None)
    with transaction():
        seats.release(owner.organisation.id, here.id, "taken back", by=None)
    merge(owner, here, by_name)
    assert seats.has_one(here.id)
    assert count(owner.organisation.id) == seats.Count(4, 1, 0)
    assert seats.miscounted() == []


def test_the_seat_moves_also_where_fewer_are_bought_than_are_taken(owner, join):
    here, by_name, other = join("Leo", "leo@example.org"), invite(owner, "Leo", None), join("Mei", "mei@example.org")
    with transaction():
        seats.release(owner.organisation.id, here.id, "taken back", by=None)
        subscription = subscriptions.live(owner.organisation.id).id
        subscriptions.refresh(subscription, snapshot(quantity=1), subscriptions.lease(subscription))
    merge(owner, here, by_name)
    assert [seats.has_one(one.id) for one in (here, by_name, other)] == [True, False, True]
    assert (count(owner.organisation.id).taken, seats.miscounted()) == (2, [])
    assert [row.state for row in seats.history(here.id)] == ["in_use", "released", "released"]


def test_the_one_who_stays_waits_in_the_place_of_the_other(owner, join, make_person):
    seated = join("Leo", "leo@example.org")
    waits = []
    for name in ("Mei", "Tom", "Ann"):
        person = people.known(make_person(name, f"{name.lower()}@example.org", "Elsewhere"))
        with transaction():
            waits.append(memberships.add(owner.organisation, person, {Role.LEARNER}))
    invited = [invite(owner, name, f"{name.lower()}.b@example.org") for name in ("Mei", "Leo")]
    with transaction():
        for member in invited:
            joining.withdraw(owner, member.id)
        waiting_places.add(owner.organisation.id, [invited[0].id, waits[1].id, invited[1].id], by=owner.person.id)
    merge(owner, waits[0], invited[0])
    merge(owner, seated, invited[1])
    assert [one.member.id for one in waiting_places.waiting(owner)] == [waits[0].id, waits[1].id]


def test_what_is_known_of_both_stays_and_a_place_on_the_waiting_list_goes_along(owner, join):
    here, other = join("Leo", "leo@example.org"), invite(owner, "Leo", None)
    with transaction():
        fields = [profile_fields.Wish("Badge"), profile_fields.Wish("Shift")]
        badge, shift = (profile_fields.add(owner.organisation.id, wish, by=owner.person.id) for wish in fields)
        profile_values.save(owner, here.id, {badge.id: "17"})
        profile_values.save(owner, other.id, {badge.id: "99", shift.id: "late"})
        seats.release(owner.organisation.id, here.id, "taken back", by=None)
        seats.release(owner.organisation.id, other.id, "taken back", by=None)
        waiting_places.add(owner.organisation.id, [other.id], by=owner.person.id)
    merge(owner, here, other)
    assert profile_values.of_people([here.id])[here.id] == {badge.id: "17", shift.id: "late"}
    assert profile_values.of_people([other.id])[other.id] == {badge.id: "99", shift.id: "late"}
    assert waiting_places.among(owner.organisation.id, {here.id, other.id}) == {here.id}


def test_whoever_is_here_stays_whichever_is_asked_for(owner, join):
    here, invited = join("Leo", "leo@example.org"), invite(owner, "Leo", "leo2@example.org")
    assert merging.preview(owner, invited.id, here.id).stays.id == here.id
    with pytest.raises(Conflict, match="the other record stays"):
        merge(owner, invited, here)


def test_an_account_that_somebody_signs_in_with_is_merged_only_when_they_confirm(owner, join):
    stays, goes = join("Leo", "leo@example.org"), join("Leo", "leo.old@example.org")
    asked = merge(owner, stays, goes)
    assert asked is not None
    assert (goes.state, count(owner.organisation.id).in_use) == ("active", 2)
    [mail] = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "merger_asked"))
    assert mail.address == "leo.old@example.org"
    assert mail.facts["other"] == "le…@example.org"
    link = mergers.token(asked.id)
    with transaction():
        merging.confirm(mergers.opened(link))
    assert (goes.state, goes.merged_into_id) == ("merged", stays.id)
    assert count(owner.organisation.id) == seats.Count(4, 1, 0)
    with pytest.raises(Missing):
        mergers.opened(link)
    with pytest.raises(Missing):
        memberships.actor(people.known(goes.person_id), owner.organisation.id, also_former=True)


def test_whoever_signs_in_with_a_user_name_is_asked_on_their_profile(owner, join):
    stays, goes = join("Leo", "leo@example.org"), invite(owner, "Leo", None)
    with transaction():
        joining.accept(invitations.open_of(goes.id), people.known(goes.person_id))
        people.known(goes.person_id).password_hash = "-"  # noqa: S105 - of nobody
    asked = merge(owner, stays, goes)
    assert db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "merger_asked")) == 0
    assert mergers.open_for(goes.person_id) == [(mergers.token(asked.id), "St Mary")]
    with transaction():
        merging.confirm(mergers.opened(mergers.token(asked.id)))
    assert mergers.open_for(goes.person_id) == []
    assert goes.merged_into_id == stays.id


def test_a_question_that_is_declined_or_too_old_changes_nothing(owner, join):
    stays, goes = join("Leo", "leo@example.org"), join("Leo", "leo.old@example.org")
    first = mergers.token(merge(owner, stays, goes).id)
    second = mergers.token(merge(owner, stays, goes).id)
    with pytest.raises(Missing, match="a newer one took its place"):
        mergers.opened(first)
    with transaction():
        merging.decline(mergers.opened(second))
    third = mergers.token(merge(owner, stays, goes).id)
    with transaction():
        clock.advance(timedelta(days=15))
    with pytest.raises(Missing):
        mergers.opened(third)
    assert goes.state == "active"


def test_a_confirmation_that_comes_after_things_have_changed_is_refused(owner, join):
    stays, goes = join("Leo", "leo@example.org"), join("Leo", "leo.old@example.org")
    link = mergers.token(merge(owner, stays, goes).id)
    with transaction():
        joining.archive(owner, stays.id)
    with pytest.raises(Conflict, match="Things have changed"), transaction():
        merging.confirm(mergers.opened(link))
    assert db.session.scalar(sa.select(Merger.state)) == "open"


@pytest.mark.parametrize("whose", [0, 1])
def test_a_confirmation_is_refused_once_one_of_the_accounts_was_deleted(owner, join, whose):
    both = join("Leo", "leo@example.org"), join("Leo", "leo.old@example.org")
    link = mergers.token(merge(owner, *both).id)
    with transaction(), db.session.no_autoflush:
        gone = db.session.get_one(Membership, both[whose].id)
        gone.address = gone.address_key = None
    with pytest.raises(Conflict, match="Things have changed"), transaction():
        merging.confirm(mergers.opened(link))
    assert both[1].state == "active"


def test_what_was_learned_under_either_record_is_read_under_the_one_that_stays(owner, join):
    stays, goes = join("Leo", "leo@example.org"), join("Leo Grant", "leo.old@example.org")
    with transaction():
        old, new = passing.certify(goes), passing.certify(stays, "first-aid")
    with transaction():
        clock.advance(timedelta(days=1))
        again = passing.certify(stays)
    frozen = {name: getattr(old, name) for name in ("name", "number", "membership_id", "person_id", "issued_at")}
    with transaction():
        merging.confirm(mergers.opened(mergers.token(_asked(owner, stays, goes))))
    organisation_id = owner.organisation.id
    states = {held.certificate.id: held.state for held in certificates.of_membership(organisation_id, stays.id)}
    assert states == {old.id: "superseded", again.id: "issued", new.id: "issued"}
    assert certificates.of_number(old.number).state == "superseded"
    assert certificates.of_membership_number(organisation_id, stays.id, old.number).certificate.id == old.id
    found = {record.course.slug: len(record.attempts) for record in records.of_member(organisation_id, stays.id)}
    assert found == {passing.SLUG: 2, "first-aid": 1}
    assert len(attempts.of_course(stays.id, passing.SLUG)) == 2
    assert {name: getattr(certificates.known(old.id), name) for name in frozen} == frozen
    assert len(seats.history(stays.id)) == 2


def _asked(owner, stays, goes):
    return merging.merge(owner, stays.id, goes.id, takes_name=False).id


def test_roles_of_both_are_kept_and_an_owner_has_to_do_it(owner, join):
    stays, goes = join("Fran", "fran@example.org"), join("Fran", "fran.d@example.org", Role.BILLING, Role.LEARNER)
    admin = join("Ann", "ann@example.org", Role.ADMIN, Role.LEARNER)
    acting = memberships.actor(people.known(admin.person_id), owner.organisation.id)
    with pytest.raises(NotAllowed, match="an owner merges"):
        merging.preview(acting, stays.id, goes.id)
    link = mergers.token(merge(owner, stays, goes).id)
    with transaction():
        merging.confirm(mergers.opened(link))
    assert stays.roles == {Role.LEARNER, Role.BILLING}
    assert goes.roles == {Role.LEARNER}


def test_what_somebody_is_invited_to_is_kept_and_only_who_may_give_it_merges(owner, join):
    here = join("Fran", "fran@example.org")
    with transaction():
        invited = joining.invite(owner, "Fran", "fran.d@example.org", {Role.ADMIN, Role.BILLING}, days=14)
    admin = join("Ann", "ann@example.org", Role.ADMIN, Role.LEARNER)
    acting = memberships.actor(people.known(admin.person_id), owner.organisation.id)
    with pytest.raises(NotAllowed, match="is invited to more than learning, so an owner merges"):
        merge(acting, here, invited)
    assert (here.roles, invitations.open_of(invited.id) is not None) == ({Role.LEARNER}, True)
    assert merging.preview(owner, here.id, invited.id).roles_added == ["admin", "billing"]
    merge(owner, here, invited)
    assert (here.roles, invited.roles) == ({Role.LEARNER, Role.ADMIN, Role.BILLING}, {Role.LEARNER})
    is_noted = sa.and_(JournalEntry.about == here.id, JournalEntry.what == "membership.roles_changed")
    assert [entry.facts for entry in db.session.scalars(sa.select(JournalEntry).where(is_noted))] == [
        {"roles": ["admin", "billing", "learner"]}
    ]


def test_an_invitation_into_another_open_one_keeps_the_roles_of_both(owner, join):
    join("Ann", "ann@example.org")
    with transaction():
        stays = joining.invite(owner, "Fran", "fran@example.org", {Role.LEARNER}, days=14)
        goes = joining.invite(owner, "Fran", "fran.d@example.org", {Role.ADMIN}, days=14)
    merge(owner, stays, goes)
    assert (stays.state, stays.roles) == ("invited", {Role.ADMIN, Role.LEARNER})


def test_roles_that_need_an_address_do_not_go_into_a_record_without_one(owner, join):
    by_name = invite(owner, "Fran", None)
    join("Ann", "ann@example.org")
    with transaction():
        joining.accept(invitations.open_of(by_name.id), people.known(by_name.person_id))
        invited = joining.invite(owner, "Fran", "fran@example.org", {Role.ADMIN}, days=14)
    with pytest.raises(Conflict, match="the record that stays has none"):
        merge(owner, by_name, invited)
    assert (by_name.roles, invited.state) == ({Role.LEARNER}, "invited")


def test_a_confirmation_is_refused_once_the_record_has_roles_that_only_an_owner_hands_on(owner, join):
    stays, goes = join("Leo", "leo@example.org"), join("Leo", "leo.old@example.org")
    admin = join("Ada", "ada@example.org", Role.ADMIN)
    link = mergers.token(merge(memberships.acting_as(admin.id), stays, goes).id)
    with transaction():
        memberships.of_organisation(owner.organisation.id, goes.id, lock=True).is_billing = True
    with pytest.raises(Conflict, match="Things have changed"), transaction():
        merging.confirm(mergers.opened(link))
    with transaction():
        memberships.of_organisation(owner.organisation.id, goes.id, lock=True).is_billing = False
    with transaction():
        merging.confirm(mergers.opened(link))


def test_what_somebody_manages_goes_with_them_and_the_last_owner_stays_one(owner, join):
    stays, goes = join("Mei", "mei@example.org"), join("Mei", "mei.c@example.org")
    with transaction():
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
        teams.appoint(
            owner.organisation.id, team.id, memberships.of_organisation(owner.organisation.id, goes.id), by=owner.person.id
        )
    link = mergers.token(merge(owner, stays, goes).id)
    with transaction():
        merging.confirm(mergers.opened(link))
    assert teams.managed_by(stays.id) == {team.id}
    assert teams.managed_by(goes.id) == set()
    with pytest.raises(Conflict, match="merge yourself away"):
        merging.preview(owner, stays.id, owner.membership.id)
    assert memberships.owners(owner.organisation.id) == 1


def test_a_manager_merges_nobody_and_nobody_merges_across_organisations(owner, join, make_person):
    here, other = join("Leo", "leo@example.org"), invite(owner, "Leo", None)
    stranger_id = make_person("Eve", "eve@example.org", "St Peter")
    stranger = memberships.actor(people.known(stranger_id), memberships.places_of(stranger_id)[0].organisation.id)
    for one, two in ((here.id, stranger.membership.id), (stranger.membership.id, here.id)):
        with pytest.raises(Missing):
            merging.preview(owner, one, two)
    with pytest.raises(Invalid, match="another record"):
        merging.preview(owner, here.id, here.id)
    with transaction():
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
        teams.put(owner.organisation.id, team.id, [here.id, other.id], by=owner.person.id)
        manager = memberships.add(owner.organisation, people.known(stranger_id), {Role.LEARNER})
        teams.appoint(owner.organisation.id, team.id, manager, by=owner.person.id)
    acting = memberships.actor(people.known(stranger_id), owner.organisation.id)
    with pytest.raises(NotAllowed, match="cannot merge records"):
        merging.preview(acting, here.id, other.id)


def test_a_merged_record_is_in_no_list_and_its_address_means_the_one_that_stayed(owner, join):
    here, invited = join("Leo", "leo@example.org"), invite(owner, "Leo", "leo2@example.org")
    merge(owner, here, invited)
    for show in Show:
        assert invited.id not in roster.ids(owner, Wanted(show=show))
    with pytest.raises(Conflict, match="is here already"):
        invite(owner, "Leo", "leo2@example.org")
    with transaction():
        sent = arrivals.send(owner, b"Leo <leo2@example.org>", is_pasted=True).id
    arrivals.read(sent)
    assert [line.fate for line in people_imports.lines(sent)] == ["here"]
    with pytest.raises(Conflict, match="merged already"):
        merge(owner, here, invited)


def test_records_that_were_merged_before_follow_the_one_that_stays(owner, join):
    first, second, third = join("Leo", "leo@example.org"), invite(owner, "Leo", "l2@example.org"), invite(owner, "Leo", None)
    merge(owner, second, third)
    merge(owner, first, second)
    assert set(mergers.ids_of(first.id)) == {first.id, second.id, third.id}


def test_candidates_are_namesakes_first_and_only_those_one_may_see(owner, join):
    here = join("Leo Grant", "leo@example.org")
    invite(owner, "Leonie", "leonie@example.org")
    invite(owner, "Leo Grant", "zz@example.org")
    assert [member.name for member in merging.candidates(owner, here.id, "leo")] == ["Leo Grant", "Leonie"]
    assert merging.candidates(owner, here.id, "nobody") == []
