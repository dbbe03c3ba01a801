"""Registering on the site."""

from __future__ import annotations

import re

import pytest

from app.accounts import credentials, one_time_links

WORKSPACE = re.compile(r"/workspace/[0-9a-f-]{36}/")
WISH = {
    "name": "Ruth Amadi",
    "address": "ruth@example.org",
    "password": "three odd words",
    "kind": "organisation",
    "organisation_name": "St Mary",
}


def test_a_visitor_registers_confirms_and_is_signed_in(visitor, read_mail):
    sent = visitor.send("/register", **WISH)
    assert (sent.status_code, sent.location) == (303, "/register/sent")
    assert "Check your mail" in visitor.page("/register/sent").h1.text
    subject, path = read_mail("ruth@example.org")
    assert subject == "Confirm your e-mail address"
    page = visitor.page(path)
    assert "St Mary" in page.main.text
    confirmed = visitor.send(path)
    assert confirmed.status_code == 303
    assert WORKSPACE.fullmatch(confirmed.location)
    assert visitor.is_signed_in()


def test_opening_the_link_changes_nothing_until_the_button_is_pressed(visitor, read_mail):
    visitor.send("/register", **WISH)
    _, path = read_mail("ruth@example.org")
    for _ in range(2):
        assert visitor.page(path).find("form", {"method": "post", "action": path})
    assert not visitor.is_signed_in()
    assert visitor.send(path).status_code == 303


def test_the_answer_is_the_same_for_a_taken_and_a_free_address(visitor, other, make_person, read_mail):
    make_person(address="taken@example.org")
    answers = []
    for browser, address in ((visitor, "taken@example.org"), (other, "free@example.org")):
        sent = browser.send("/register", **{**WISH, "address": address})
        page = browser.get(sent.location)
        answers.append((sent.status_code, sent.location, sent.data, page.status_code, page.data))
    assert answers[0] == answers[1]
    assert read_mail("taken@example.org") == ("You already have an account", "/sign-in")


def test_over_the_limit_the_answer_stays_the_same(visitor, read_mail):
    answers = {(sent.status_code, sent.location) for sent in (visitor.send("/register", **WISH) for _ in range(5))}
    assert answers == {(303, "/register/sent")}
    assert read_mail("ruth@example.org")[0] == "Confirm your e-mail address"


def test_a_network_over_its_limit_costs_no_hash_and_sees_the_same_page(visitor, monkeypatch):
    hashed = []
    monkeypatch.setattr(one_time_links, "MAILS_PER_NETWORK", 2)
    monkeypatch.setattr(credentials, "hash_password", lambda password: hashed.append(password) or "hash")
    sent = [visitor.send("/register", **{**WISH, "address": f"person{number}@example.org"}) for number in range(4)]
    assert {(answer.status_code, answer.location) for answer in sent} == {(303, "/register/sent")}
    assert len(hashed) == 2


def test_whoever_did_not_register_is_told_to_close_the_page(visitor, read_mail):
    visitor.send("/register", **WISH)
    text = " ".join(visitor.page(read_mail("ruth@example.org")[1]).main.text.split())
    assert "Ruth Amadi" in text
    assert "If you did not just register St Mary, close this page" in text


def test_a_link_that_a_newer_one_replaced_says_so(visitor, other, read_mail):
    other.send("/register", **{**WISH, "name": "Mal", "organisation_name": "Not St Mary"})
    _, older = read_mail("ruth@example.org")
    visitor.send("/register", **WISH)
    for answer in (visitor.get(older), visitor.send(older)):
        assert answer.status_code == 409
        assert "Use the newest mail" in answer.text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Give your name."),
        ("address", "ruth", "Give an e-mail address in full"),
        ("password", "short", "at least 10 characters"),
        ("password", "Ruth Amadi", "not your name"),
        ("password", "password123", "tried first"),
        ("organisation_name", "", "Give a name."),
    ],
)
def test_what_cannot_be_used_comes_back_filled_in_with_words_at_the_field(visitor, field, value, words):
    answer = visitor.send("/register", **{**WISH, field: value})
    assert answer.status_code == 422
    assert words in answer.text
    assert f'id="{field}-error"' in answer.text
    assert ('value="St Mary"' in answer.text) == (field != "organisation_name")
    assert WISH["password"] not in answer.text


def test_just_for_me_needs_no_organisation(visitor, read_mail):
    visitor.send("/register", **{**WISH, "kind": "individual", "organisation_name": ""})
    _, path = read_mail("ruth@example.org")
    assert "Yourself" in visitor.page(path).main.text
    assert visitor.send(path).status_code == 303


def test_a_link_that_was_used_says_to_sign_in(visitor, other, read_mail):
    visitor.send("/register", **WISH)
    _, path = read_mail("ruth@example.org")
    visitor.send(path)
    for answer in (other.get(path), other.send(path)):
        assert answer.status_code == 409
        assert "Sign in with it." in answer.text
        assert 'href="/sign-in"' in answer.text
    assert not other.is_signed_in()


def test_a_forged_link_is_not_found(visitor):
    for answer in (visitor.get("/register/forged.link"), visitor.send("/register/forged.link")):
        assert answer.status_code == 404
        assert "We do not know this link" in answer.text


def test_who_came_to_buy_goes_on_to_buy(visitor, read_mail):
    page = visitor.page("/register?seats=25&interval=year")
    wanted = page.find("input", {"name": "next"})["value"]
    assert wanted == "/buy?seats=25&interval=year"
    visitor.send("/register", **WISH, next=wanted)
    _, path = read_mail("ruth@example.org")
    assert visitor.send(path).location == "/buy?seats=25&interval=year"


@pytest.mark.parametrize(
    "query", ["seats=0&interval=year", "seats=25", "seats=x&interval=year", "seats=5&interval=week", "seats=٣&interval=year"]
)
def test_seats_that_nobody_can_buy_are_forgotten(visitor, query):
    assert visitor.page(f"/register?{query}").find("input", {"name": "next"})["value"] == ""


def test_a_way_to_another_site_is_forgotten(visitor, read_mail):
    visitor.send("/register", **WISH, next="https://evil.example/")
    _, path = read_mail("ruth@example.org")
    assert WORKSPACE.fullmatch(visitor.send(path).location)


def test_without_the_token_of_the_form_nothing_is_sent(visitor):
    assert visitor.client.post("/register", data=WISH).status_code == 400


def test_who_is_signed_in_is_not_asked_again(visitor, make_person, password):
    make_person()
    visitor.sign_in(password)
    assert visitor.get("/register?seats=5&interval=month").location == "/buy?seats=5&interval=month"


def test_the_fields_tell_password_managers_what_they_are(visitor):
    page = visitor.page("/register")
    told = {
        name: page.find("input", {"name": name})["autocomplete"] for name in ("name", "address", "password", "organisation_name")
    }
    assert told == {"name": "name", "address": "username", "password": "new-password", "organisation_name": "organization"}
