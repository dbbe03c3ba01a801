"""People: how names and addresses are read and compared."""

from __future__ import annotations

import pytest

from app.accounts import credentials, people
from app.accounts.people import Person
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction


@pytest.mark.parametrize(
    "typed", ["", "ruth", "ruth@", "@example.org", "ruth@example", "a b@example.org", "ruth@example.org\nBcc: x@y.org"]
)
def test_what_no_mail_could_reach_is_refused_at_its_field(typed):
    with pytest.raises(Invalid) as refusal:
        people.read_address(typed)
    assert refusal.value.field == "address"


def test_an_address_is_kept_as_typed_without_the_spaces_around_it():
    assert people.read_address("  Ruth.Amadi@Example.org ") == "Ruth.Amadi@Example.org"


@pytest.mark.parametrize("same", ["Ruth@example.org", "ruth@EXAMPLE.ORG", " ruth@example.org "])
def test_an_address_is_the_same_in_any_capitals(same):
    assert people.address_key(same) == people.address_key("ruth@example.org")


def test_a_domain_is_the_same_in_both_of_its_forms():
    assert people.address_key("ruth@bücher.example") == people.address_key("ruth@xn--bcher-kva.example")


def test_a_domain_that_has_no_form_for_mail_is_refused():
    with pytest.raises(Invalid):
        people.read_address("ruth@\U0001e900\U0001e901.org\u200d")


@pytest.mark.parametrize("typed", ["", "   ", "x" * 121, "Ruth\x00Amadi", "Ruth\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        people.read_name(typed)
    assert refusal.value.field == "name"


def test_a_name_is_one_line_with_single_spaces():
    assert people.read_name("  Ruth\r\nBcc:  x@y.org\t") == "Ruth Bcc: x@y.org"


def test_a_person_changes_their_name(app, make_person):
    person_id = make_person()
    with app.app_context():
        with transaction():
            people.rename(person_id, "Ruth Okafor")
        assert db.session.get_one(Person, person_id).name == "Ruth Okafor"


@pytest.mark.parametrize("typed", ["e" + "\u0301\u0323" * 1_000_000, "e" * 2_000_000])
def test_what_is_far_too_long_is_refused_before_its_signs_are_put_in_order(typed):
    with pytest.raises(Invalid, match="at most 120 characters"):
        people.read_name(typed)
    with pytest.raises(Invalid, match="in full"):
        people.read_address(f"{typed}@example.org")
    assert credentials.verify(None, typed) is False
