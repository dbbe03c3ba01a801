"""Credentials: what is refused as a password, and that a hash gives nothing away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.accounts import credentials
from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, ADDRESS = "Ruth Amadi", "ruth.amadi@example.org"


@pytest.mark.parametrize(
    "password",
    [
        "",
        "nine char",
        "x" * 129,
        "ruth.amadi@example.org",
        "RUTH.AMADI@EXAMPLE.ORG",
        "ruth.amadi",
        "Ruth Amadi",
        "ruthamadi ",
        "Password123",
        "pass word 123",
        "1234567890",
        "zzzzzzzzzzzz",
    ],
)
def test_a_password_that_others_would_guess_is_refused_at_its_field(password):
    with pytest.raises(Invalid) as refusal:
        credentials.choose(password, name=NAME, address=ADDRESS)
    assert refusal.value.field == "password"


@pytest.mark.parametrize("password", ["ten chars!", "x y" * 42, "three odd words", "пароль из слов"])
def test_any_other_password_is_good(password):
    assert credentials.verify(credentials.choose(password, name=NAME, address=ADDRESS), password)


def test_the_commonest_passwords_are_all_long_enough_to_be_offered():
    assert all(len(password) >= credentials.SHORTEST and password == password.casefold() for password in credentials.COMMONEST)


def test_another_password_is_not_right():
    assert not credentials.verify(credentials.hash_password("three odd words"), "three odd word")


def test_no_password_is_right_for_nobody():
    assert not credentials.verify(None, "a password that is never compared with anything")


def test_what_is_no_hash_is_never_right():
    assert not credentials.verify("", "three odd words")


def test_the_same_letters_are_the_same_password_from_every_keyboard():
    assert credentials.verify(credentials.hash_password("cafe\u0301 au lait"), "caf\u00e9 au lait")


def test_a_hash_is_argon2id_and_different_each_time():
    first, second = credentials.hash_password("three odd words"), credentials.hash_password("three odd words")
    assert first != second
    assert first.startswith("$argon2id$")


@pytest.fixture
def _full_cost() -> Iterator[None]:
    credentials.configure("full")
    yield
    credentials.configure("cheap")


@pytest.mark.usefixtures("_full_cost")
def test_people_get_the_full_cost_and_cheaper_hashes_count_as_outdated():
    full = credentials.hash_password("three odd words")
    assert "$m=19456,t=2,p=1$" in full
    assert not credentials.is_outdated(full)
    credentials.configure("cheap")
    assert credentials.is_outdated(full)
    assert credentials.verify(full, "three odd words")
