"""Registrations: nothing comes of one until its address is proved, and then exactly once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import credentials, memberships, registrations
from app.accounts.memberships import Role
from app.accounts.organisations import Kind, Organisation
from app.accounts.people import Person
from app.accounts.registrations import Registration
from app.kernel import clock
from app.kernel.db import db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction


def ask(app, address="ruth@example.org", kind=Kind.ORGANISATION, name="Ruth Amadi", organisation="St Mary", network="n"):
    """Ask for an account and give the token of its link, if there is one."""
    with app.app_context():
        wish = registrations.read(name=name, address=address, kind=kind, organisation_name=organisation)
        password_hash = credentials.hash_password("three odd words")
        with transaction():
            registrations.ask(wish, password_hash, network=network, next_path="/prices")
        newest = db.session.scalar(sa.select(Registration).order_by(Registration.id.desc()).limit(1))
        return registrations.token(newest.id) if newest else None


def confirm(app, token):
    with app.app_context(), transaction():
        person, _registration = registrations.confirm(token)
        return person.id


def count(app, model):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def kinds_of_mail(app):
    with app.app_context():
        return list(db.session.scalars(sa.select(OutboxMail.kind).order_by(OutboxMail.id)))


def test_nothing_is_made_until_the_address_is_confirmed(app):
    ask(app)
    assert (count(app, Registration), count(app, Person), count(app, Organisation)) == (1, 0, 0)
    assert kinds_of_mail(app) == ["confirm_registration"]


def test_the_outbox_holds_no_secret_and_no_name(app):
    ask(app)
    with app.app_context():
        mail = db.session.scalars(sa.select(OutboxMail)).one()
        assert list(mail.facts) == ["registration_id"]


def test_confirming_makes_the_person_their_organisation_and_its_owner(app):
    person_id = confirm(app, ask(app))
    with app.app_context():
        [place] = memberships.places_of(person_id)
        person = db.session.get_one(Person, person_id)
        assert (person.name, person.address, person.is_operator) == ("Ruth Amadi", "ruth@example.org", False)
        assert (place.organisation.name, place.organisation.kind) == ("St Mary", Kind.ORGANISATION)
        assert place.membership.roles == {Role.OWNER}


def test_an_individual_is_an_organisation_of_one(app):
    person_id = confirm(app, ask(app, kind=Kind.INDIVIDUAL, organisation=""))
    with app.app_context():
        [place] = memberships.places_of(person_id)
        assert (place.organisation.name, place.organisation.kind) == ("Ruth Amadi", Kind.INDIVIDUAL)
        assert place.membership.roles == {Role.OWNER}


def test_an_organisation_needs_a_name(app):
    with app.app_context(), pytest.raises(Invalid) as refusal:
        registrations.read(name="Ruth", address="ruth@example.org", kind=Kind.ORGANISATION, organisation_name=" ")
    assert refusal.value.field == "organisation_name"


def test_a_link_confirms_once(app):
    token = ask(app)
    confirm(app, token)
    with pytest.raises(Conflict, match="Sign in"):
        confirm(app, token)
    assert (count(app, Person), count(app, Organisation)) == (1, 1)


def test_of_two_who_press_at_once_one_confirms(app):
    token = ask(app)

    def press(_):
        try:
            return confirm(app, token)
        except Conflict as refusal:
            return refusal

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(8)))
    assert sum(not isinstance(answer, Conflict) for answer in answers) == 1
    assert (count(app, Person), count(app, Organisation)) == (1, 1)


def test_of_two_registrations_of_one_address_only_the_newer_can_be_confirmed(app):
    first, second = ask(app, name="Ruth One"), ask(app, name="Ruth Two", address="RUTH@example.org")
    with app.app_context():
        hashes = db.session.scalars(sa.select(Registration.password_hash).order_by(Registration.id)).all()
    assert [bool(password_hash) for password_hash in hashes] == [False, True]
    with pytest.raises(Conflict, match="newer link"):
        confirm(app, first)
    person_id = confirm(app, second)
    with app.app_context():
        assert db.session.get_one(Person, person_id).name == "Ruth Two"
    assert (count(app, Person), count(app, Organisation)) == (1, 1)


def test_a_registration_leaves_those_of_other_addresses_open(app):
    first = ask(app)
    ask(app, address="tom@example.org")
    confirm(app, first)


def test_a_newer_registration_that_is_over_the_limit_voids_nothing(app):
    for number in range(3):
        token = ask(app, network=f"network {number}")
    ask(app, name="Mal", network="another")
    person_id = confirm(app, token)
    with app.app_context():
        assert db.session.get_one(Person, person_id).name == "Ruth Amadi"


def test_a_link_works_for_three_days_and_not_longer(app):
    token = ask(app)
    with app.app_context(), transaction():
        clock.advance(timedelta(days=2, hours=23))
    with app.app_context():
        assert registrations.opened(token).address == "ruth@example.org"
    with app.app_context(), transaction():
        clock.advance(timedelta(hours=1))
    with pytest.raises(Conflict, match="Register again"):
        confirm(app, token)
    assert count(app, Person) == 0


def test_a_forged_link_is_not_known(app):
    token = ask(app)
    with pytest.raises(Missing):
        confirm(app, token[:-3] + "xxx")
    with app.app_context():
        unknown = registrations.token(uuid7())
    with pytest.raises(Missing):
        confirm(app, unknown)


def test_opening_a_link_changes_nothing(app):
    token = ask(app)
    with app.app_context():
        registrations.opened(token)
        assert db.session.scalars(sa.select(Registration)).one().completed_at is None
    assert count(app, Person) == 0


def test_a_taken_address_is_told_so_by_mail_and_nothing_is_kept(app, make_person):
    make_person()
    ask(app, address="Ruth@Example.org")
    assert kinds_of_mail(app) == ["already_registered"]
    assert count(app, Registration) == 0


def test_the_password_hash_leaves_the_registration_when_it_is_confirmed(app):
    confirm(app, ask(app))
    with app.app_context():
        assert db.session.scalars(sa.select(Registration.password_hash)).one() == ""


def test_an_address_gets_three_mails_an_hour(app):
    for number in range(5):
        ask(app, network=f"network {number}")
    assert kinds_of_mail(app) == ["confirm_registration"] * 3


def test_a_network_asks_for_thirty_mails_an_hour(app):
    for number in range(32):
        ask(app, address=f"person{number}@example.org")
    assert len(kinds_of_mail(app)) == 30


def test_the_first_operator_opens_their_account_once(app):
    with app.app_context(), transaction():
        path = registrations.invite_first_operator()
    token = path.removeprefix("/first-operator/")
    with app.app_context(), transaction():
        person = registrations.open_first_operator(token, "Olu", "olu@example.org", credentials.hash_password("three odd words"))
        assert person.is_operator
    with app.app_context(), pytest.raises(Conflict), transaction():
        registrations.open_first_operator(token, "Eve", "eve@example.org", "hash")
    with app.app_context(), pytest.raises(Conflict), transaction():
        registrations.invite_first_operator()
    assert count(app, Person) == 1


def test_only_the_newest_link_for_the_first_operator_works_and_for_a_day(app):
    with app.app_context(), transaction():
        old = registrations.invite_first_operator().removeprefix("/first-operator/")
    with app.app_context(), transaction():
        new = registrations.invite_first_operator().removeprefix("/first-operator/")
    with app.app_context(), pytest.raises(Conflict), transaction():
        registrations.open_first_operator(old, "Eve", "eve@example.org", "hash")
    with app.app_context(), transaction():
        clock.advance(timedelta(hours=24))
    with app.app_context(), pytest.raises(Conflict, match="expired"), transaction():
        registrations.open_first_operator(new, "Eve", "eve@example.org", "hash")
    assert count(app, Person) == 0


def test_a_link_for_the_first_operator_is_worth_nothing_once_there_is_one(app, make_person):
    person_id = make_person()
    with app.app_context(), transaction():
        token = registrations.invite_first_operator().removeprefix("/first-operator/")
    with app.app_context(), transaction():
        db.session.get_one(Person, person_id).is_operator = True
    with app.app_context(), pytest.raises(Conflict, match="has an operator"), transaction():
        registrations.open_first_operator(token, "Eve", "eve@example.org", "hash")


def test_of_two_first_operators_at_once_one_gets_in(app):
    with app.app_context(), transaction():
        token = registrations.invite_first_operator().removeprefix("/first-operator/")

    def press(number):
        try:
            with app.app_context(), transaction():
                registrations.open_first_operator(token, "Olu", f"olu{number}@example.org", "hash")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(press, range(6))) == 1
    assert count(app, Person) == 1
