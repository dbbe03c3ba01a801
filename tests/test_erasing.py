"""Erasing: a week to undo, then contact data is gone from every table, seats are free and evidence stays under a pseudonym."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import arrivals, crowd, digests, erasing, joining, letters, merging, shortfalls, ways_in
from app.accounts import (
    address_changes,
    erasures,
    join_links,
    join_requests,
    mail_choices,
    memberships,
    notices,
    one_time_links,
    people,
    profile_fields,
    profile_values,
    registrations,
    roles,
    sign_ins,
    waiting_places,
)
from app.accounts.mail_choices import Choice, Topic
from app.accounts.memberships import Membership, Role
from app.accounts.one_time_links import OneTimeLink
from app.accounts.people import Person
from app.accounts.profile_fields import Wish
from app.crowd import Change, Selection
from app.kernel import clock, outbox
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from app.kernel.journal import JournalEntry
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from billing import changes, seats
from catalog.learning import certificate_documents, certificates
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.learning.enrolments import Enrolment
from tests import passing

NAME, ADDRESS = "Leonora Quill-Zimmer", "leonora.qz@example.org"
NETWORK = "192.0.2.0/24"


@pytest.fixture
def leonora(owner, subscribe, make_person):
    """Give somebody who learns at St Mary, beside an organisation of their own."""
    subscribe(owner.organisation.id, 3)
    person = people.known(make_person(NAME, ADDRESS, "Elsewhere"))
    with transaction():
        member = memberships.add(owner.organisation, person, {Role.LEARNER})
        seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
    return memberships.actor(person, owner.organisation.id)


def ask(person, password="three odd words"):  # noqa: S107 - of people who do not exist
    proof = sign_ins.prove_again(people.known(person.id), password)
    with transaction():
        return erasing.ask(proof)


def after(days):
    with transaction():
        clock.advance(timedelta(days=days))
    return erasing.erase_due()


def holding(*texts):
    """Give the tables in which one of some texts stands, as it is or escaped as in JSON."""
    wanted = {form for text in texts for form in (text, json.dumps(text)[1:-1])}
    found = []
    with db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            rows = repr(connection.execute(sa.select(table)).all())
            found += [table.name for text in wanted if text.casefold() in rows.casefold()]
    return set(found)


def test_nothing_goes_before_its_time_and_it_can_be_undone(owner, leonora):
    ask(leonora.person)
    assert after(6) == 0
    assert people.known(leonora.person.id).address == ADDRESS
    with transaction():
        erasures.undo(leonora.person.id)
    assert after(2) == 0
    assert people.known(leonora.person.id).name == NAME
    with pytest.raises(Conflict, match="nothing to undo"), transaction():
        erasures.undo(leonora.person.id)


def test_they_are_told_by_mail_when_it_happens(leonora):
    ask(leonora.person)
    [mail] = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "erasure_asked"))
    assert mail.address == ADDRESS
    with pytest.raises(Conflict, match="asked for this already"):
        ask(leonora.person)


def test_name_and_address_stand_in_no_table_afterwards(shop, owner, leonora, make_person):
    """Everything that names them: sign-ins, links, lists, invitations, mails to them and about them, certificates."""
    person, organisation_id = leonora.person, owner.organisation.id
    stranger_id = make_person("Eve", "eve@example.org", "St Peter")
    with transaction():
        sign_ins.begin(people.known(person.id), agent="Firefox")
        other = memberships.actor(people.known(stranger_id), memberships.places_of(stranger_id)[0].organisation.id)
        memberships.invite(other.organisation.id, NAME, ADDRESS.upper(), {Role.ADMIN})
        certificate = passing.certify(db.session.get_one(Membership, leonora.membership.id))
        db.session.add(CertificateDocument(certificate_id=certificate.id, made_at=clock.now(), pdf=f"PDF of {NAME}".encode()))
        sent = arrivals.send(owner, f"{NAME} <{ADDRESS}>\n{NAME} <other@example.org>".encode(), is_pasted=True).id
    arrivals.read(sent)
    with transaction():
        registrations.ask(
            registrations.read(name=NAME, address="leonora.new@example.org", kind="individual", organisation_name=""),
            "-",
            network=NETWORK,
        )
    proof = sign_ins.prove_again(people.known(person.id), "three odd words")
    with transaction():
        address_changes.ask(proof, "leonora.new@example.org", network=NETWORK)
    token = one_time_links.token(db.session.scalars(sa.select(OneTimeLink)).one())
    with transaction():
        address_changes.confirm(token)
    shop.extensions["jobs"].run("mail")
    assert {"person", "membership", "people_import_line", "certificate", "outbox_mail", "delivered_mail"} <= holding(
        NAME, ADDRESS
    )
    ask(person)
    shop.extensions["jobs"].run("mail")
    assert after(7) == 1
    assert holding(ADDRESS, "leonora.new@example.org") == set()
    # What an admin wrote beside the address of somebody else is about somebody else.
    assert holding(NAME) == {"people_import_line"}
    assert seats.count(organisation_id) == seats.Count(3, 0, 0)


def test_what_is_known_of_them_and_what_was_to_be_done_for_them_goes_too(owner, leonora, make_person):
    organisation_id = owner.organisation.id
    other = memberships.places_of(make_person("Eve", "eve@example.org", "St Peter"))[0].organisation.id
    with transaction():
        field = profile_fields.add(organisation_id, profile_fields.Wish("Home address"), by=owner.person.id)
        profile_values.save(owner, leonora.membership.id, {field.id: "4 Quill-Zimmer Lane"})
        mail_choices.choose(ADDRESS, {Topic.REMINDERS: Choice.NEVER})
        waiting_places.add(organisation_id, [leonora.membership.id], by=owner.person.id, note=f"For {NAME}")
        lines = [{"what": "accepted", "number": 1, "about": [str(leonora.membership.id)]}]
        facts = {"at": str(organisation_id), "organisation": "St Mary", "name": "Ruth Amadi"}
        outbox.write("news", "ruth@example.org", organisation_id=organisation_id, lines=lines, **facts)
        outbox.write("news", "ruth@example.org", organisation_id=organisation_id, name="Ruth Amadi", lines=[])
        kept = [("name", NAME), ("address", ADDRESS)]
        shortfalls.keep(owner, changes.end(owner, None).id, shortfalls.Kind.INVITATION, kept)
        request = join_requests.ask(other, leonora.person, link_id=None, team_id=None, comes_back=False)
    assert {"profile_value", "mail_choice", "waiting_place", "shortfall"} <= holding(NAME, ADDRESS, "Quill-Zimmer")
    ask(leonora.person)
    assert after(7) == 1
    assert holding(NAME, ADDRESS, "Quill-Zimmer") == set()
    db.session.expire_all()
    assert db.session.get_one(join_requests.JoinRequest, request.id).state == "expired"
    kinds = db.session.scalars(sa.select(OutboxMail.kind).where(OutboxMail.address == "ruth@example.org"))
    assert list(kinds) == ["news"]


def test_evidence_stays_whole_under_a_pseudonym_and_the_pdf_is_withdrawn(owner, leonora):
    with transaction():
        certificate = passing.certify(db.session.get_one(Membership, leonora.membership.id))
        db.session.add(CertificateDocument(certificate_id=certificate.id, made_at=clock.now(), pdf=b"PDF"))
    kept = {name: getattr(certificate, name) for name in ("number", "slug", "score_percent", "issued_at", "membership_id")}
    ask(leonora.person)
    after(7)
    held = certificates.of_number(certificate.number)
    assert {name: getattr(held.certificate, name) for name in kept} == kept
    assert held.certificate.name == erasures.pseudonym_of(leonora.person.id)
    assert held.certificate.organisation_name == "St Mary"
    with pytest.raises(Missing, match="shown no longer"):
        certificate_documents.of(held.certificate)
    assert certificate_documents.make_missing(lambda: pytest.fail("nothing is to be printed")) == 0
    member = memberships.of_organisation(owner.organisation.id, leonora.membership.id)
    assert (member.state, member.name, member.login) == ("archived", erasures.pseudonym_of(leonora.person.id), "")
    whats = list(db.session.scalars(sa.select(JournalEntry.what).where(JournalEntry.about == member.id)))
    assert {"membership.erased", "seat.released", "seat.in_use"} <= set(whats)


def test_evidence_goes_on_its_own_date_and_that_of_others_stays(owner, leonora):
    with transaction():
        certificate = passing.certify(db.session.get_one(Membership, leonora.membership.id))
        other = passing.certify(db.session.get_one(Membership, owner.membership.id))
    numbers = certificate.number, other.number
    ask(leonora.person)
    after(7)
    for _ in range(6):
        with transaction():
            clock.advance(timedelta(days=365))
    assert erasing.forget_evidence(6) == 0
    with transaction():
        clock.advance(timedelta(days=2))
    assert erasing.forget_evidence(6) == 1
    assert erasing.forget_evidence(6) == 0
    with pytest.raises(Missing):
        certificates.of_number(numbers[0])
    assert certificates.of_number(numbers[1]).certificate.name == "Ruth Amadi"
    enrolled = db.session.scalars(sa.select(Enrolment.membership_id))
    assert set(enrolled) == {owner.membership.id}


def test_certificates_still_refuse_every_other_change(leonora):
    with transaction():
        passing.certify(db.session.get_one(Membership, leonora.membership.id))
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        db.session.execute(sa.update(Certificate).values(name="Somebody else"))
    with pytest.raises(RuntimeError, match="only grow"), transaction():
        db.session.scalars(sa.select(Certificate)).one().name = "Somebody else"


def test_nobody_signs_in_with_what_is_gone_and_the_address_is_free(leonora):
    with transaction():
        live = sign_ins.begin(people.known(leonora.person.id), agent="Firefox")
    ask(leonora.person)
    after(7)
    assert sign_ins.find(live.token) is None
    assert people.with_address(ADDRESS) is None
    with transaction():
        assert registrations.open_account("Somebody", ADDRESS, "-").id != leonora.person.id


def test_the_only_owner_of_others_hands_over_first(owner, leonora):
    with pytest.raises(Conflict, match="only owner of St Mary"):
        ask(owner.person)
    with transaction():
        taker = memberships.actor(people.known(leonora.person.id), owner.organisation.id)
        roles.offer_ownership(owner, leonora.membership.id, steps_down=True)
        roles.answer_offer(taker, db.session.scalar(sa.select(roles.OwnershipOffer.id)), accepts=True)
    ask(owner.person)
    assert after(7) == 1
    assert memberships.owners(owner.organisation.id) == 1
    assert holding("Ruth Amadi", "ruth@example.org") == set()


def test_whoever_pays_for_seats_ends_that_first(owner, subscribe):
    subscribe(owner.organisation.id, 3)
    with pytest.raises(Conflict, match="still has a subscription"):
        ask(owner.person)


def test_an_erasure_waits_for_who_became_the_only_owner_meanwhile(owner, leonora):
    ask(leonora.person)
    with transaction():
        db.session.get_one(Membership, leonora.membership.id).is_owner = True
        db.session.get_one(Membership, owner.membership.id).is_owner = False
    assert after(7) == 0
    assert people.known(leonora.person.id).name == NAME
    assert erasures.open_of(leonora.person.id) is not None
    with transaction():
        db.session.get_one(Membership, owner.membership.id).is_owner = True
    assert erasing.erase_due() == 1


def test_somebody_who_is_gone_is_not_brought_back(owner, leonora):
    ask(leonora.person)
    after(7)
    plan = crowd.plan(owner, Change.RESTORE, Selection(frozenset({leonora.membership.id})))
    assert plan.reasons == [("have had their account deleted: invite them anew", 1)]
    with transaction():
        again = joining.invite(owner, NAME, ADDRESS, {Role.LEARNER}, days=14)
    assert again.id != leonora.membership.id


def test_what_was_merged_into_them_goes_with_them(owner, leonora):
    with transaction():
        other = joining.invite(owner, NAME, None, {Role.LEARNER}, days=14)
        merging.merge(owner, leonora.membership.id, other.id, takes_name=False)
        certificate = passing.certify(db.session.get_one(Membership, leonora.membership.id))
    ask(leonora.person)
    after(7)
    assert holding(NAME, ADDRESS, "leonora.zimmer") == set()
    assert certificates.known(certificate.id).erased_at is not None


def test_a_sweep_that_fails_half_way_leaves_everything_as_it_was(owner, leonora):
    ask(leonora.person)
    with transaction():
        clock.advance(timedelta(days=7))

    def fail(_connection, _cursor, statement, *_rest):
        if statement.startswith("UPDATE person "):
            message = "the machine was switched off"
            raise OSError(message)

    sa.event.listen(db.engine, "before_cursor_execute", fail)
    assert erasing.erase_due() == 0
    sa.event.remove(db.engine, "before_cursor_execute", fail)
    assert (people.known(leonora.person.id).name, people.known(leonora.person.id).erased_at) == (NAME, None)
    assert seats.count(owner.organisation.id).in_use == 1
    assert erasing.erase_due() == 1
    assert erasing.erase_due() == 0


def test_mails_to_others_that_name_them_go_and_those_of_others_stay(owner, leonora):
    with transaction():
        db.session.get_one(Membership, leonora.membership.id).is_owner = True
    acting = memberships.actor(people.known(leonora.person.id), owner.organisation.id)
    with transaction():
        guest = joining.invite(owner, "Tom", "tom@example.org", {Role.LEARNER}, days=14)
        person = registrations.open_account("Tom", "tom@example.org", "-")
        memberships.join(db.session.get_one(Membership, guest.id), person)
        roles.offer_ownership(acting, guest.id, steps_down=False)
    ask(leonora.person)
    after(7)
    kinds = set(db.session.scalars(sa.select(OutboxMail.kind).where(OutboxMail.address == "tom@example.org")))
    assert kinds == {"invitation"}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DeliveredMail)) == 0


def test_what_they_wait_or_ask_for_and_what_was_to_be_done_for_them_goes_too(owner, leonora, make_person):
    other = people.known(make_person("Ivor", "ivor@example.org", "Harbour"))
    there = memberships.actor(other, memberships.places_of(other.id)[0].organisation.id)
    with transaction():
        link = join_links.make(there, team_id=None, most=1, days=30, needs_approval=True)
    with transaction():
        ways_in.join(ways_in.by_link(link), leonora.person)
        waiting_places.add(owner.organisation.id, [leonora.membership.id], by=owner.person.id)
        change = changes.end(owner, None).id
        shortfalls.keep(owner, change, shortfalls.Kind.INVITATION, [("name", NAME), ("address", ADDRESS.upper())])
    ask(leonora.person)
    assert after(7) == 1
    assert join_requests.number_asking(there) == 0
    assert db.session.scalar(sa.select(join_links.JoinLink.used)) == 0
    assert waiting_places.organisations() == []
    assert holding(NAME, ADDRESS) == set()


def test_the_operator_stays(leonora):
    with transaction():
        db.session.get_one(Person, leonora.person.id).is_operator = True
    with pytest.raises(Conflict, match="runs the shop"):
        ask(leonora.person)


def test_what_an_organisation_noted_and_which_mails_were_wanted_are_forgotten(owner, leonora):
    with transaction():
        desk = profile_fields.add(owner.organisation.id, Wish("Desk", "text"), by=owner.person.id).id
        profile_values.set_each(owner, [leonora.membership.id, owner.membership.id], desk, "2nd floor")
        mail_choices.choose(people.address_key(ADDRESS), {Topic.COURSES: Choice.NEVER})
    ask(leonora.person)
    assert after(8) == 1
    assert set(profile_values.of_people([leonora.membership.id, owner.membership.id])) == {owner.membership.id}
    assert mail_choices.of([people.address_key(ADDRESS)]) == {}


def test_news_to_others_names_them_by_who_they_are_and_no_more_when_they_are_gone(owner, leonora):
    with transaction():
        notices.of_person(owner.organisation.id, notices.What.ACCEPTED, leonora.membership.id)
        clock.advance(timedelta(days=1))
    assert digests.tell_due() == 1
    facts = db.session.scalars(sa.select(OutboxMail.facts).where(OutboxMail.kind == "news")).one()
    assert NAME in letters.render("news", facts, organisation_id=owner.organisation.id).text
    ask(leonora.person)
    assert after(8) == 1
    db.session.rollback()
    assert NAME not in letters.render("news", facts, organisation_id=owner.organisation.id).text
