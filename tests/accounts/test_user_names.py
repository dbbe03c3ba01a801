"""User names: made of any name, unique everywhere, and changed only before their first use."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app import joining
from app.accounts import people, sign_ins, user_names
from app.accounts.memberships import Role
from app.accounts.people import Person
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from tests.house.statements import Recorder


def open_accounts(*names):
    with transaction():
        return [user_name for _, user_name in user_names.open_accounts(names)]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Ruth Adeyemi", "ruth.adeyemi"),
        ("Siân Ó Briain", "sian.briain"),
        ("Maeve O'Brien", "maeve.obrien"),
        ("Łukasz Żółć", "lukasz.zolc"),
        ("María del Carmen López", "maria.lopez"),
        ("Bo", "learner.bo"),
        ("王芳", "learner"),
        ("محمد", "learner"),
        ("🌻", "learner"),
        ("x" * 100, "x" * 30),
    ],
)
def test_a_user_name_is_made_of_plain_letters(name, made):
    assert user_names.stem(name) == made


@given(st.text(max_size=120))
def test_what_is_made_of_any_text_can_be_typed(name):
    assert user_names.read(user_names.stem(name)) == user_names.stem(name)


def test_people_of_one_name_are_told_apart_by_numbers(shop):
    assert open_accounts("Ruth Adeyemi", "Ruth Adeyemi", "Tom Barker") == ["ruth.adeyemi", "ruth.adeyemi2", "tom.barker"]
    assert open_accounts("Ruth Adeyemi", "Ruth Adeyemi-Cole") == ["ruth.adeyemi3", "ruth.cole"]


def test_accounts_are_opened_in_as_many_statements_for_many_as_for_a_few(shop):
    open_accounts("Tom Barker")
    counts = []
    for number in (3, 300):
        with Recorder(db.engine) as recorder, transaction():
            user_names.open_accounts([f"Person {n % 7}" for n in range(number)])
        counts.append(len(recorder.statements))
    assert counts[0] == counts[1]
    assert db.session.scalar(sa.select(sa.func.count(sa.distinct(Person.user_name)))) == 304


def test_an_account_without_a_password_opens_for_no_password(shop):
    open_accounts("Ruth Adeyemi")
    person = people.with_login(" Ruth.Adeyemi ")
    assert person is not None
    assert not person.password_hash
    with pytest.raises(Invalid, match="We do not know this user name with this password"):
        sign_ins.prove("ruth.adeyemi", "")


def test_a_user_name_is_changed_before_its_first_use_and_to_a_free_one(owner, subscribe):
    subscribe(owner.organisation.id, 3)
    with transaction():
        member = joining.invite(owner, "Ruth Adeyemi", None, {Role.LEARNER}, days=14)
        other = joining.invite(owner, "Tom Barker", None, {Role.LEARNER}, days=14)
    with transaction():
        user_names.change(db.session.merge(member), "Ruthie.A", by=owner.person.id)
    assert people.with_login("ruthie.a").id == member.person_id
    assert (member.user_name, member.login_key) == ("ruthie.a", "ruthie.a")
    with pytest.raises(Invalid, match="Somebody has the user name"), transaction():
        user_names.change(db.session.merge(other), "ruthie.a", by=owner.person.id)
    with transaction():
        people.known(other.person_id).password_hash = "-"  # noqa: S105 - of nobody
    with pytest.raises(Conflict, match="signs in already"), transaction():
        user_names.change(db.session.merge(other), "tommy", by=owner.person.id)


@pytest.mark.parametrize("typed", ["", "ru", "ruth@example.org", "ruth adeyemi", "ruth..a", ".ruth", "rüth", "r" * 41])
def test_a_user_name_that_is_hard_to_type_is_refused(typed):
    with pytest.raises(Invalid, match="letters from a to z"):
        user_names.read(typed)
