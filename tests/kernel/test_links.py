"""Links: a token stands for one row and one purpose, and cannot be made up."""

from __future__ import annotations

import pytest

from app.kernel import links
from app.kernel.db import uuid7
from app.kernel.errors import Missing


@pytest.fixture(autouse=True)
def _inside(app):
    with app.app_context():
        yield


def test_a_token_leads_back_to_its_row():
    row_id = uuid7()
    assert links.read("register", links.token("register", row_id)) == row_id


def test_a_token_is_good_for_one_purpose_only():
    token = links.token("register", uuid7())
    with pytest.raises(Missing):
        links.read("reset_password", token)


@pytest.mark.parametrize("forged", ["", ".", "abc", "a.b.c", "é", "\x00", "0" * 5000])
def test_what_we_did_not_sign_is_not_known(forged):
    with pytest.raises(Missing):
        links.read("register", forged)


def test_a_token_with_one_letter_changed_is_not_known():
    token = links.token("register", uuid7())
    for place in range(len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Missing):
            links.read("register", changed)


def test_a_token_of_another_shop_is_not_known(app):
    token = links.token("register", uuid7())
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"][::-1]
    with pytest.raises(Missing):
        links.read("register", token)
