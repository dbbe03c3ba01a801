"""How far erasing reaches: to everything that was proved to be somebody's, and to nothing that is somebody else's."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import arrivals, erasing, joining, merging, shortfalls
from app.accounts import (
    address_changes,
    invitations,
    mail_choices,
    memberships,
    one_time_links,
    people,
    people_views,
    roles,
    sign_ins,
)
from app.accounts.mail_choices import Choice, Topic
from app.accounts.memberships import Membership, Role
from app.accounts.mergers import Merger
from app.accounts.one_time_links import OneTimeLink
from app.accounts.people_imports import PeopleImport, PeopleImportLine
from app.accounts.people_views import PeopleView
from app.accounts.sign_ins import SignIn
from app.kernel import clock, outbox
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from billing import changes, invoice_recipients, quotes, seats
from billing.quotes import Quote, Wanted
from tests import quoting

NAME, ADDRESS, OFFICE, VICTIM = "Leonora Quill-Zimmer", "leonora.qz@example.org", "office@example.org", "victim@example.org"
NETWORK = "192.0.2.0/24"


@pytest.fixture
def leonora(owner, subscribe, make_person):
    """Give somebody who learns at St Mary, beside an organisation of their own."""
    subscribe(owner.organisation.id, 5)
    person = people.known(make_person(NAME, ADDRESS, "Elsewhere"))
    with transaction():
        member = memberships.add(owner.organisation, person, {Role.LEARNER})
        seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
    return memberships.actor(person, owner.organisation.id)


@pytest.fixture
def eve(owner, make_person):
    """Give the owner of another organisation."""
    person_id = make_person("Eve", "eve@example.org", "St Peter")
    return memberships.actor(people.known(person_id), memberships.places_of(person_id)[0].organisation.id)


def prove(person):
    return sign_ins.prove_again(people.known(person.id), "three odd words")


def erase(person):
    proof = prove(person)
    with transaction():
        erasing.ask(proof)
    with transaction():
        clock.advance(timedelta(days=7))
    assert erasing.erase_due() == 1
    db.session.rollback()
    db.session.expire_all()


def ask_to_move(person, address):
    proof = prove(person)
    with transaction():
        address_changes.ask(proof, address, network=NETWORK)


def kinds_to(address):
    return sorted(db.session.scalars(sa.select(OutboxMail.kind).where(OutboxMail.address == address)))


def know_by_another_address(member):
    """Have an organisation know somebody by the address at which they were invited, which is not that of their account."""
    with transaction():
        found = db.session.get_one(Membership, member.id)
        found.address = found.address_key = OFFICE


def test_whoever_asks_for_the_address_of_somebody_else_reaches_nothing_of_theirs(owner, leonora):
    with transaction():
        victim = joining.invite(owner, "Vic", VICTIM, {Role.LEARNER}, days=14)
        mail_choices.choose(VICTIM, {Topic.COURSES: Choice.NEVER})
    ask_to_move(leonora.person, VICTIM)
    erase(leonora.person)
    assert (victim.state, victim.name, victim.address) == ("invited", "Vic", VICTIM)
    assert invitations.open_of(victim.id) is not None
    assert seats.count(owner.organisation.id) == seats.Count(5, 0, 1)
    assert kinds_to(VICTIM) == ["confirm_address", "invitation"]
    assert mail_choices.of([VICTIM]) == {(VICTIM, Topic.COURSES): Choice.NEVER}


def test_mails_about_them_go_and_those_about_somebody_of_their_name_stay(shop, owner, leonora, make_person):
    namesake, tom, ann = (
        people.known(make_person(name, address, address))
        for name, address in ((NAME, "namesake@example.org"), ("Tom", "tom@example.org"), ("Ann", "ann@example.org"))
    )
    with transaction():
        for person, role in ((namesake, Role.OWNER), (tom, Role.LEARNER), (ann, Role.LEARNER)):
            memberships.add(owner.organisation, person, {role})
        db.session.get_one(Membership, leonora.membership.id).is_owner = True
    for giver, taker in ((namesake, tom), (leonora.person, ann)):
        with transaction():
            member = memberships.actor(taker, owner.organisation.id).membership
            roles.offer_ownership(memberships.actor(giver, owner.organisation.id), member.id, steps_down=False)
    shop.extensions["jobs"].run("mail")
    erase(leonora.person)
    assert (kinds_to("tom@example.org"), kinds_to("ann@example.org")) == (["ownership_offered"], [])
    delivered = db.session.execute(sa.select(DeliveredMail.address, DeliveredMail.text)).all()
    assert [address for address, text in delivered if NAME in text] == ["tom@example.org"]


def test_a_mail_about_several_that_rests_over_quiet_hours_still_comes_when_one_of_them_is_erased(owner, leonora):
    about = [str(leonora.membership.id)]
    for number, held in enumerate((clock.now() + timedelta(days=9), None)):
        with transaction():
            outbox.write("news", f"a{number}@example.org", organisation_id=owner.organisation.id, about=about)
            db.session.execute(
                sa.update(OutboxMail).where(OutboxMail.address == f"a{number}@example.org").values(held_until=held)
            )
    erase(leonora.person)
    assert [len(kinds_to(f"a{number}@example.org")) for number in range(2)] == [1, 0]


def test_a_former_address_that_somebody_else_has_by_now_is_theirs(leonora, make_person):
    ask_to_move(leonora.person, "leonora.new@example.org")
    token = one_time_links.token(db.session.scalars(sa.select(OneTimeLink)).one())
    with transaction():
        address_changes.confirm(token)
    make_person("Nora", ADDRESS, "St Luke")
    with transaction():
        mail_choices.choose(ADDRESS, {Topic.COURSES: Choice.NEVER})
        outbox.write("password_changed", ADDRESS)
    erase(leonora.person)
    assert mail_choices.of([ADDRESS]) == {(ADDRESS, Topic.COURSES): Choice.NEVER}
    assert "password_changed" in kinds_to(ADDRESS)
    assert people.with_address("leonora.new@example.org") is None


def test_an_address_by_which_one_organisation_knew_them_is_forgotten_there_alone(owner, leonora, eve):
    know_by_another_address(leonora.membership)
    sent = []
    for actor in (owner, eve):
        with transaction():
            outbox.write("news", OFFICE, organisation_id=actor.organisation.id, lines=[])
            sent.append(arrivals.send(actor, f"Office <{OFFICE}>".encode(), is_pasted=True).id)
        arrivals.read(sent[-1])
    erase(leonora.person)
    left = db.session.scalars(sa.select(OutboxMail.organisation_id).where(OutboxMail.address == OFFICE))
    assert list(left) == [eve.organisation.id]
    lines = sa.select(PeopleImport.organisation_id, PeopleImportLine.address).join(
        PeopleImport, PeopleImport.id == PeopleImportLine.import_id
    )
    assert dict(db.session.execute(lines).all()) == {owner.organisation.id: "", eve.organisation.id: OFFICE}


def test_an_address_that_another_record_there_has_is_left_alone(owner, leonora):
    with transaction():
        other = joining.invite(owner, "The office", OFFICE, {Role.LEARNER}, days=14)
        joining.withdraw(owner, other.id)
    know_by_another_address(leonora.membership)
    with transaction():
        outbox.write("news", OFFICE, organisation_id=owner.organisation.id, lines=[])
    erase(leonora.person)
    assert "news" in kinds_to(OFFICE)
    assert (other.name, other.address) == ("The office", OFFICE)


def merge_by_name(owner, into, name):
    """Merge somebody who was invited by name into another record, and give their account."""
    with transaction():
        other = joining.invite(owner, name, None, {Role.LEARNER}, days=14)
        merging.merge(owner, into.id, other.id, takes_name=False)
        return other.person_id


def test_a_merged_account_that_belongs_to_another_organisation_stays(owner, leonora, eve):
    gone, stays = (merge_by_name(owner, leonora.membership, name) for name in ("Leo Quill", "Lea Zimmer"))
    with transaction():
        memberships.add(eve.organisation, people.known(stays), {Role.LEARNER})
        for person_id in (gone, stays):
            sign_ins.begin(people.known(person_id), agent="Firefox")
    erase(leonora.person)
    assert (people.known(stays).user_name, people.known(stays).erased_at) == ("lea.zimmer", None)
    assert (people.known(gone).user_name, people.known(gone).erased_at is None) == (None, False)
    assert set(db.session.scalars(sa.select(SignIn.person_id))) == {stays}


def test_what_was_asked_about_a_merger_with_them_is_withdrawn(owner, leonora, make_person):
    person = people.known(make_person("Leonora Q", "lq@example.org", "Third"))
    with transaction():
        other = memberships.add(owner.organisation, person, {Role.LEARNER})
    with transaction():
        merging.merge(owner, leonora.membership.id, other.id, takes_name=False)
    erase(leonora.person)
    assert db.session.scalars(sa.select(Merger.state)).all() == ["withdrawn"]
    told = db.session.scalars(sa.select(JournalEntry.about).where(JournalEntry.what == "merger.withdrawn"))
    assert list(told) == [other.id]
    assert other.state == "active"


def test_quotes_that_came_to_nothing_name_them_no_more_and_what_was_accepted_stays(owner, leonora):
    ids = []
    for name, address in ((NAME, ADDRESS), (NAME, ADDRESS.upper()), ("Ben", "ben@example.org")):
        with transaction():
            wanted = Wanted(seats=5, organisation="St Bede", name=name, address=address)
            ids.append(quotes.prepare(wanted, by=owner.person.id, organisation_id=None, vat_percent=20).id)
    for quote_id in ids[1:]:
        with transaction():
            quotes.send(quote_id, by=owner.person.id, days=30)
    quoting.accept(ids[2], dataclasses.replace(quoting.TYPED, finance_name=NAME, finance_address=ADDRESS))
    erase(leonora.person)
    pseudonym = people.known(leonora.person.id).name
    for quote_id in ids[:2]:
        quote = quotes.known(quote_id)
        assert (quote.state, quote.for_name, quote.for_address) == ("expired", pseudonym, "")
    accepted = quotes.known(ids[2])
    assert (accepted.state, accepted.finance_name, accepted.finance_address) == ("accepted", NAME, ADDRESS)
    assert db.session.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "quote_expired")) == 0
    assert db.session.scalar(sa.select(sa.func.count()).where(Quote.for_name == NAME)) == 0


def test_invoices_no_longer_go_to_them_and_their_views_of_people_are_gone(owner, leonora):
    with transaction():
        invoice_recipients.add(owner, ADDRESS)
        invoice_recipients.add(owner, "accounts@example.org")
        for actor in (owner, leonora):
            people_views.save(actor, "Mine", {"q": "Zimmer"}, for_everybody=False, is_default=False)
    erase(leonora.person)
    left = [recipient.address for recipient in invoice_recipients.of_organisation(owner.organisation.id)]
    assert left == ["accounts@example.org"]
    assert list(db.session.scalars(sa.select(PeopleView.membership_id))) == [owner.membership.id]


@pytest.mark.parametrize(
    ("fields", "is_here", "is_kept"),
    [
        ([("name", "Tom"), ("address", " Leonora.QZ@Example.org ")], False, False),
        ([("name", NAME), ("address", "other@example.org")], True, False),
        ([("name", NAME), ("address", "other@example.org")], False, True),
        ([("name", "Tom"), ("address", OFFICE.upper())], True, False),
        ([("name", "Tom"), ("address", OFFICE)], False, True),
        ([("name", "Tom"), ("note", NAME), ("team", ADDRESS)], True, True),
    ],
)
def test_what_was_to_be_done_goes_only_when_it_was_for_them(owner, subscribe, eve, fields, is_here, is_kept):
    subscribe(owner.organisation.id, 2)
    with transaction():
        shortfalls.keep(owner, changes.end(owner, None).id, shortfalls.Kind.INVITATION, fields)
    place = owner if is_here else eve
    with transaction():
        shortfalls.forget_about({ADDRESS}, {place.organisation.id: {OFFICE}}, {NAME})
    assert (db.session.scalar(sa.select(sa.func.count()).select_from(shortfalls.Shortfall)) == 1) is is_kept
