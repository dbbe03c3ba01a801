"""Joining and leaving: an invitation holds a seat, accepting uses it, leaving frees it, and nobody half-joins."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import joining
from app.accounts import invitations, memberships, organisations, people
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.kernel import clock, journal
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import seats

LEARNER = frozenset({Role.LEARNER})


def invite(actor, name="Leo Grant", address="leo@example.org", roles=LEARNER):
    with transaction():
        return joining.invite(actor, name, address, roles, days=14)


def link_of(member):
    return invitations.token(invitations.open_of(member.id).link_id)


def accept(link, person):
    with transaction():
        return joining.accept(invitations.opened(link), person)


def mails_to(address):
    return db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.address == address))


@pytest.fixture
def leo(make_person):
    return people.known(make_person("Leo Grant", "leo@example.org", "Elsewhere"))


def test_an_invitation_holds_a_seat_and_writes_one_mail(owner, subscribe):
    subscribe(owner.organisation.id, 2)
    member = invite(owner)
    assert member.state == "invited"
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 1)
    assert mails_to("leo@example.org") == 1


def test_accepting_puts_the_held_seat_in_use_and_ends_the_link(owner, subscribe, leo):
    subscribe(owner.organisation.id, 2)
    link = link_of(invite(owner))
    member = accept(link, leo)
    assert (member.state, member.person_id) == ("active", leo.id)
    assert seats.count(owner.organisation.id) == seats.Count(2, 1, 0)
    with pytest.raises(Missing, match="used, withdrawn or replaced"):
        accept(link, leo)


def test_an_admin_or_billing_contact_uses_no_seat(owner):
    assert invite(owner, roles={Role.ADMIN}).is_admin
    assert invite(owner, "Fran", "fran@example.org", {Role.BILLING}).is_billing
    assert seats.count(owner.organisation.id).held == 0


def test_with_no_seat_free_nobody_is_invited_and_no_mail_is_written(owner, subscribe):
    subscribe(owner.organisation.id, 1)
    invite(owner)
    with pytest.raises(Conflict, match="All your seats are taken"):
        invite(owner, "Mei", "mei@example.org")
    assert mails_to("mei@example.org") == 0
    assert [member.name for member in memberships.people_of(owner.organisation.id)] == ["Leo Grant", "Ruth Amadi"]


@pytest.mark.parametrize(
    ("name", "address", "roles", "kind", "words"),
    [
        ("", "leo@example.org", LEARNER, Invalid, "Give a name"),
        ("Leo", "leo at example", LEARNER, Invalid, "e-mail address in full"),
        ("Leo", "leo@example.org", frozenset(), Invalid, "Choose what they will do"),
        ("Leo", "leo@example.org", {Role.OWNER}, NotAllowed, "Only an owner"),
        ("Ruth", "RUTH@example.org ", LEARNER, Conflict, "is here already"),
    ],
)
def test_an_invitation_that_cannot_be_sent_says_why(owner, subscribe, name, address, roles, kind, words):
    subscribe(owner.organisation.id, 2)
    with pytest.raises(kind, match=words):
        invite(owner, name, address, roles)
    assert seats.count(owner.organisation.id).held == 0


def test_the_same_address_is_invited_once(owner, subscribe):
    subscribe(owner.organisation.id, 5)
    invite(owner)
    with pytest.raises(Conflict, match="has an open invitation"):
        invite(owner, address="LEO@EXAMPLE.ORG")


def test_an_admin_cannot_make_an_admin(owner, leo):
    accept(link_of(invite(owner, roles={Role.ADMIN})), leo)
    admin = memberships.actor(leo, owner.organisation.id)
    with pytest.raises(NotAllowed, match="Only an owner"):
        invite(admin, "Mei", "mei@example.org", {Role.ADMIN})
    with pytest.raises(NotAllowed, match="see what is paid"):
        invite(admin, "Mei", "mei@example.org", {Role.BILLING})


def test_sending_again_makes_a_new_link_and_ends_the_old_one(owner, subscribe, leo):
    subscribe(owner.organisation.id, 2)
    member = invite(owner)
    old = link_of(member)
    with transaction():
        joining.invite_again(owner, member.id, days=14)
    with pytest.raises(Missing, match="newer one"):
        accept(old, leo)
    accept(link_of(member), leo)
    assert mails_to("leo@example.org") == 2


def test_withdrawing_frees_the_seat_and_ends_the_link(owner, subscribe, leo):
    subscribe(owner.organisation.id, 2)
    member = invite(owner)
    link = link_of(member)
    with transaction():
        joining.withdraw(owner, member.id)
    assert seats.count(owner.organisation.id).free == 2
    with pytest.raises(Missing):
        accept(link, leo)
    with pytest.raises(Conflict, match="no open invitation"), transaction():
        joining.withdraw(owner, member.id)


def test_an_invitation_ends_after_its_days_and_its_seat_is_free_again(owner, subscribe, leo):
    subscribe(owner.organisation.id, 2)
    member = invite(owner)
    link = link_of(member)
    with transaction():
        clock.advance(timedelta(days=14))
    with pytest.raises(Missing, match="expired"):
        accept(link, leo)
    assert seats.count(owner.organisation.id).held == 1
    assert joining.expire_due() == 1
    assert joining.expire_due() == 0
    assert seats.count(owner.organisation.id) == seats.Count(2, 0, 0)
    assert [row.why_released for row in seats.history(member.id)] == ["expired"]


def test_a_leaver_frees_the_seat_at_once_and_keeps_the_record(owner, subscribe, leo):
    subscribe(owner.organisation.id, 1)
    member = accept(link_of(invite(owner)), leo)
    with transaction():
        joining.archive(owner, member.id)
    assert seats.count(owner.organisation.id).free == 1
    assert memberships.people_of(owner.organisation.id, archived=True)[0].id == member.id
    with pytest.raises(Missing):
        memberships.actor(leo, owner.organisation.id)
    assert len(seats.history(member.id)) == 1


def test_who_left_and_is_invited_again_has_one_record_and_a_new_seat(owner, subscribe, leo):
    subscribe(owner.organisation.id, 1)
    member = accept(link_of(invite(owner)), leo)
    with transaction():
        joining.archive(owner, member.id)
    again = invite(owner)
    assert again.id == member.id
    accept(link_of(again), leo)
    assert [row.state for row in seats.history(member.id)] == ["in_use", "released"]


def test_the_only_owner_cannot_be_archived(owner):
    with pytest.raises(Conflict, match="the only owner"), transaction():
        joining.archive(owner, owner.membership.id)


def test_an_admin_cannot_archive_an_owner(owner, leo):
    accept(link_of(invite(owner, roles={Role.ADMIN})), leo)
    admin = memberships.actor(leo, owner.organisation.id)
    with pytest.raises(NotAllowed, match="Only an owner"), transaction():
        joining.archive(admin, owner.membership.id)


def test_somebody_elses_record_is_not_there(owner, make_person):
    other = people.known(make_person("Eve", "eve@example.org", "Elsewhere"))
    stranger = memberships.actor(other, memberships.places_of(other.id)[0].organisation.id)
    for operation in (joining.archive, joining.withdraw):
        with pytest.raises(Missing), transaction():
            operation(stranger, owner.membership.id)


def test_who_belongs_already_cannot_accept_a_second_record(owner, subscribe, leo):
    subscribe(owner.organisation.id, 5)
    accept(link_of(invite(owner)), leo)
    second = invite(owner, "Leo at work", "leo@work.example.org")
    with pytest.raises(Conflict, match="another address"):
        accept(link_of(second), leo)
    assert seats.count(owner.organisation.id) == seats.Count(5, 1, 1)


def test_accepting_with_another_address_joins_the_person_who_is_signed_in(owner, subscribe, make_person):
    subscribe(owner.organisation.id, 5)
    mei = people.known(make_person("Mei Chen", "mei@home.example.org", "Elsewhere"))
    member = accept(link_of(invite(owner, "Mei Chen", "mei@work.example.org")), mei)
    assert (member.person_id, member.address) == (mei.id, "mei@work.example.org")


@pytest.fixture
def founded(owner):
    """Found an organisation as an accepted quote does, whose owner is invited and nobody else is there; gives the membership."""
    with transaction():
        organisation = organisations.found("St Bede", Kind.ORGANISATION, by=owner.person.id)
        member = memberships.invite(organisation.id, "Leo Grant", "leo@example.org", {Role.OWNER})
        invitations.send(member, by=owner.person.id, days=14)
    return member


def later(**step):
    with transaction():
        clock.advance(timedelta(**step))


def test_the_invitation_of_the_only_owner_does_not_expire(founded, leo):
    link = link_of(founded)
    later(days=300)
    assert joining.expire_due() == 0
    assert accept(link, leo).state == "active"
    assert memberships.owners(founded.organisation_id) == 1


def test_the_invitation_of_a_further_owner_expires(owner, founded, leo):
    accept(link_of(founded), leo)
    with transaction():
        second = memberships.invite(founded.organisation_id, "Ben Hale", "ben@example.org", {Role.OWNER})
        invitations.send(second, by=owner.person.id, days=14)
    link = link_of(second)
    later(days=14)
    with pytest.raises(Missing, match="has expired"):
        invitations.opened(link)
    assert joining.expire_due() == 1


def test_whoever_is_to_own_an_organisation_is_sent_a_new_link_which_the_journal_tells(owner, founded, leo):
    old = link_of(founded)
    with transaction():
        joining.invite_owner(founded.organisation_id, by=owner.person.id, days=14)
    with pytest.raises(Missing, match="used, withdrawn or replaced"):
        invitations.opened(old)
    [entry, *_] = journal.of(founded.organisation_id, journal.Wanted(kinds=("invitation.",)))
    assert (entry.what, entry.person_id, entry.about) == ("invitation.sent_again", owner.person.id, founded.id)
    accept(link_of(founded), leo)
    with pytest.raises(Conflict, match="owns this organisation"), transaction():
        joining.invite_owner(founded.organisation_id, by=owner.person.id, days=14)


def test_an_owner_whose_invitation_expired_before_is_invited_anew(owner, founded, leo):
    with transaction():
        invitations.settle(invitations.open_of(founded.id), invitations.State.EXPIRED, by=None)
        memberships.move(memberships.of_organisation(founded.organisation_id, founded.id), memberships.State.WITHDRAWN)
    assert memberships.owner_to_come(founded.organisation_id).id == founded.id
    with transaction():
        again = joining.invite_owner(founded.organisation_id, by=owner.person.id, days=14)
    assert (again.id, again.roles, again.state) == (founded.id, {Role.OWNER}, "invited")
    assert accept(link_of(again), leo).is_owner
