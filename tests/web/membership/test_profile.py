"""The profile: a person changes what is theirs, and nobody else does."""

from __future__ import annotations

import pytest

NEW = "other odd words"


@pytest.fixture
def ruth(visitor, make_person, password):
    make_person()
    visitor.sign_in(password)
    return visitor


def devices(visitor):
    rows = visitor.page("/profile").find("section", {"aria-labelledby": "sign-ins"}).tbody.find_all("tr")
    return [
        (row.th.get_text(" ", strip=True).partition(" Signed in")[0], row.form["action"] if row.form else None) for row in rows
    ]


@pytest.mark.parametrize("path", ["/profile", "/profile/name", "/profile/password", "/profile/address"])
def test_a_visitor_is_asked_to_sign_in(visitor, path):
    assert visitor.get(path).location == f"/sign-in?next={path}"


def test_a_person_changes_their_name(ruth):
    assert ruth.page("/profile/name").find("input", {"name": "name"})["value"] == "Ruth Amadi"
    assert ruth.send("/profile/name", name="Ruth Okafor").location == "/profile"
    assert "Ruth Okafor" in ruth.page("/profile").main.text
    assert ruth.send("/profile/name", name=" ").status_code == 422


def test_a_name_is_text_and_never_markup(ruth):
    ruth.send("/profile/name", name="<script>alert(1)</script>")
    assert "<script>alert" not in ruth.get("/profile").text


def test_the_devices_are_listed_and_this_one_is_marked(ruth, other, password):
    other.headers = {
        "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Mobile Safari/604"
    }
    other.sign_in(password)
    assert dict(devices(ruth)).keys() == {"Firefox on Windows This one", "Safari on iPhone"}
    assert dict(devices(ruth))["Firefox on Windows This one"] is None


def test_a_person_signs_another_device_out(ruth, other, password):
    other.sign_in(password)
    [action] = [action for _, action in devices(ruth) if action]
    assert ruth.send(action).location == "/profile"
    assert not other.is_signed_in()
    assert ruth.is_signed_in()
    assert ruth.send(action).status_code == 404


def test_nobody_signs_the_device_of_somebody_else_out(ruth, other, make_person, password):
    make_person("Eve", "eve@example.org", "Elsewhere")
    other.sign_in(password)
    [action] = [action for _, action in devices(ruth) if action]
    other.send("/sign-out")
    other.sign_in(password, "eve@example.org")
    assert [action for _, action in devices(other)] == [None]
    assert other.send(action).status_code == 404


def test_a_person_signs_out_everywhere_else(ruth, other, password):
    other.sign_in(password)
    assert ruth.send("/profile/sign-ins/revoke-others").location == "/profile"
    assert not other.is_signed_in()
    assert len(devices(ruth)) == 1


def test_a_person_changes_their_password(ruth, other, password, read_mail):
    other.sign_in(password)
    page = ruth.page("/profile/password")
    told = [field["autocomplete"] for field in page.find_all("input", {"autocomplete": True})]
    assert told == ["username", "current-password", "new-password"]
    assert ruth.send("/profile/password", current=password, password=NEW).location == "/profile"
    assert ruth.is_signed_in()
    assert not other.is_signed_in()
    assert read_mail("ruth@example.org")[0] == "Your password was changed"


def test_without_the_present_password_nothing_changes(ruth, password):
    answer = ruth.send("/profile/password", current="wrong words", password=NEW)
    assert answer.status_code == 422
    assert "This is not your present password" in answer.text
    assert ruth.send("/profile/password", current=password, password=NEW[:5]).status_code == 422
    assert ruth.send("/profile/address", current="wrong words", address="new@example.org").status_code == 422


def test_the_present_password_cannot_be_guessed_from_an_open_session(ruth):
    answers = [ruth.send("/profile/password", current="wrong words", password=NEW).status_code for _ in range(6)]
    assert answers == [422] * 5 + [403]


def test_a_person_moves_to_another_address(ruth, other, password, read_mail):
    assert ruth.send("/profile/address", current=password, address="new@example.org").location == "/profile"
    assert "new@example.org" in ruth.page("/profile").main.text
    subject, path = read_mail("new@example.org")
    assert subject == "Confirm your new e-mail address"
    assert "new@example.org" in other.page(path).main.text
    assert other.send(path).status_code == 303
    assert read_mail("ruth@example.org")[0] == "Your e-mail address was changed"
    assert other.sign_in(password).status_code == 422
    assert other.sign_in(password, "new@example.org").status_code == 303
    assert ruth.get(path).status_code == 409


def test_a_taken_address_gets_the_same_answer_and_a_mail(ruth, make_person, password, read_mail):
    make_person("Eve", "eve@example.org", "Elsewhere")
    free = ruth.send("/profile/address", current=password, address="new@example.org")
    free_page = ruth.page("/profile").find(class_="flashes").text.replace("new@example.org", "ADDRESS")
    taken = ruth.send("/profile/address", current=password, address="eve@example.org")
    taken_page = ruth.page("/profile").find(class_="flashes").text.replace("eve@example.org", "ADDRESS")
    assert (free.status_code, free.location, free_page) == (taken.status_code, taken.location, taken_page)
    assert read_mail("eve@example.org")[0] == "You already have an account with this address"


def test_the_address_one_has_is_refused(ruth, password):
    assert ruth.send("/profile/address", current=password, address="ruth@example.org").status_code == 422
