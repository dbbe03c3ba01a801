"""Address changes: an account moves when the new address is proved, and the old one is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import address_changes, memberships, one_time_links, organisations, registrations, sign_ins
from app.accounts.memberships import Membership, Role
from app.accounts.one_time_links import OneTimeLink
from app.accounts.organisations import Kind
from app.accounts.people import Person
from app.kernel import clock, outbox
from app.kernel.db import db, uuid7
from app.kernel.errors import Conflict, Invalid
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction

NEW = "ruth.amadi@example.net"


@pytest.fixture
def ruth(make_person):
    return make_person()


def ask(app, person_id, password, address=NEW, network="n"):
    """Ask to move and give the token of the newest link."""
    with app.app_context():
        proof = sign_ins.prove_again(db.session.get_one(Person, person_id), password)
        with transaction():
            address_changes.ask(proof, address, network=network)
        link = db.session.scalar(sa.select(OneTimeLink).order_by(OneTimeLink.id.desc()).limit(1))
        return one_time_links.token(link) if link else None


def confirm(app, token):
    with app.app_context(), transaction():
        address_changes.confirm(token)


def address_of(app, person_id):
    with app.app_context():
        person = db.session.get_one(Person, person_id)
        return person.address, person.address_key


def mails(app):
    with app.app_context():
        return [(mail.kind, mail.address) for mail in db.session.scalars(sa.select(OutboxMail).order_by(OutboxMail.id))]


def test_nothing_moves_until_the_new_address_is_proved(app, ruth, password):
    ask(app, ruth, password)
    assert address_of(app, ruth)[0] == "ruth@example.org"
    assert mails(app) == [("confirm_address", NEW)]


def test_confirming_moves_the_account_its_memberships_and_tells_the_old_address(app, ruth, password):
    confirm(app, ask(app, ruth, password, "Ruth.Amadi@example.net"))
    assert address_of(app, ruth) == ("Ruth.Amadi@example.net", NEW)
    with app.app_context():
        [place] = memberships.places_of(ruth)
        assert (place.membership.address, place.membership.address_key) == ("Ruth.Amadi@example.net", NEW)
    assert mails(app)[-1] == ("address_changed", "ruth@example.org")


def test_an_organisation_that_knows_somebody_else_by_the_address_keeps_what_it_knows(app, ruth, password):
    with app.app_context(), transaction():
        person = db.session.get_one(Person, ruth)
        club, school = (organisations.found(name, Kind.ORGANISATION, by=ruth) for name in ("A club", "A school"))
        for organisation in (club, school):
            memberships.add(organisation, person, {Role.ADMIN})
        invited = Membership(
            organisation_id=school.id, name="R", address=NEW, address_key=NEW, state="invited", added_at=clock.now()
        )
        db.session.add(invited)
    confirm(app, ask(app, ruth, password))
    with app.app_context():
        known = {place.organisation.name: place.membership.address for place in memberships.places_of(ruth)}
    assert known == {"A club": NEW, "A school": "ruth@example.org", "St Mary": NEW}


def test_a_link_moves_once(app, ruth, password):
    token = ask(app, ruth, password)
    confirm(app, token)
    with pytest.raises(Conflict):
        confirm(app, token)


def test_a_link_works_for_a_day(app, ruth, password):
    token = ask(app, ruth, password)
    with app.app_context(), transaction():
        clock.advance(timedelta(hours=24))
    with pytest.raises(Conflict, match="expired"):
        confirm(app, token)
    assert address_of(app, ruth)[0] == "ruth@example.org"


def test_a_taken_address_is_told_by_mail_and_nothing_moves(app, ruth, password, make_person):
    make_person("Eve", "eve@example.org", "Elsewhere")
    assert ask(app, ruth, password, "EVE@example.org") is None
    assert mails(app) == [("address_taken", "eve@example.org")]


def test_an_address_that_is_taken_in_the_meantime_stays_with_whoever_took_it(app, ruth, password):
    token = ask(app, ruth, password)
    with app.app_context(), transaction():
        registrations.open_account("Eve", NEW, "hash")
    with pytest.raises(Conflict, match="account of its own"):
        confirm(app, token)
    assert address_of(app, ruth)[0] == "ruth@example.org"
    with app.app_context():
        assert db.session.scalars(sa.select(OneTimeLink)).one().spent_at is None


def test_the_address_one_has_is_refused_and_other_capitals_are_a_change(app, ruth, password):
    with pytest.raises(Invalid) as refusal:
        ask(app, ruth, password, "ruth@example.org")
    assert refusal.value.field == "address"
    confirm(app, ask(app, ruth, password, "Ruth@example.org"))
    assert address_of(app, ruth) == ("Ruth@example.org", "ruth@example.org")


def test_a_network_asks_for_thirty_mails_an_hour(app, ruth, password):
    for number in range(32):
        ask(app, ruth, password, f"ruth{number}@example.net")
    assert len(mails(app)) == 30


def test_what_an_organisation_has_not_sent_yet_goes_to_the_new_address(app, ruth, password):
    token = ask(app, ruth, password)
    with app.app_context():
        [place] = memberships.places_of(ruth)
        with transaction():
            sent = outbox.write("seat_given", "ruth@example.org", organisation_id=place.organisation.id)
            outbox.mark_sent(sent)
            outbox.write("welcome_back", "ruth@example.org", organisation_id=place.organisation.id)
            outbox.write("certificate", "ruth@example.org", organisation_id=uuid7())
    confirm(app, token)
    known = dict(mails(app))
    assert known["welcome_back"] == NEW
    assert (known["seat_given"], known["certificate"]) == ("ruth@example.org", "ruth@example.org")
