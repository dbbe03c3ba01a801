"""Signing in and out on the site."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import registrations
from app.accounts.sign_ins import SignIn
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web.membership import paths

WORKSPACE = re.compile(r"/workspace/[0-9a-f-]{36}/")


def cookies(answer):
    return [header for name, header in answer.headers if name == "Set-Cookie"]


def test_a_person_signs_in_and_out(visitor, make_person, password):
    make_person()
    answer = visitor.sign_in(password)
    assert answer.status_code == 303
    assert WORKSPACE.fullmatch(answer.location)
    assert visitor.is_signed_in()
    out = visitor.send("/sign-out")
    assert (out.status_code, out.location) == (303, "/signed-out")
    assert "You are signed out" in visitor.page("/signed-out").h1.text
    assert not visitor.is_signed_in()


def test_a_cookie_kept_from_before_signing_out_is_worth_nothing(visitor, other, make_person, password):
    make_person()
    visitor.sign_in(password)
    kept = visitor.client.get_cookie("lanyard").value
    visitor.send("/sign-out")
    other.client.set_cookie("lanyard", kept)
    assert not other.is_signed_in()


def test_signing_out_is_never_a_link(visitor, make_person, password):
    make_person()
    visitor.sign_in(password)
    assert visitor.get("/sign-out").status_code == 405
    assert visitor.is_signed_in()


def test_signing_out_twice_is_no_fault(visitor):
    assert visitor.send("/sign-out").status_code == 303


def test_an_unknown_address_and_a_wrong_password_get_the_same_page(visitor, other, make_person):
    make_person(address="known@example.org")
    pages = []
    for browser, address in ((visitor, "known@example.org"), (other, "nobody@example.org")):
        token = browser.token()
        fields = {"csrf_token": token, "address": address, "password": "wrong words"}
        answer = browser.client.post("/sign-in", data=fields, headers=browser.headers)
        pages.append((answer.status_code, answer.text.replace(address, "ADDRESS").replace(token, "TOKEN")))
    known, unknown = (
        (status, "\n".join(line for line in text.splitlines() if "csrf_token" not in line)) for status, text in pages
    )
    assert known == unknown
    assert known[0] == 422
    assert "We do not know this e-mail address with this password" in known[1]


def test_after_five_wrong_passwords_the_right_one_is_refused_with_advice(visitor, make_person, password):
    make_person()
    assert [visitor.sign_in("wrong words").status_code for _ in range(5)] == [422] * 5
    answer = visitor.sign_in(password)
    assert answer.status_code == 403
    assert "Too many tries. Wait 15 minutes, or reset your password." in answer.text
    assert 'href="/reset-password"' in answer.text
    assert not visitor.is_signed_in()


def test_of_twenty_tries_sent_at_once_five_are_checked(app, visitor, make_person):
    make_person()
    token, cookie = visitor.token(), visitor.client.get_cookie("lanyard").value

    def send(_):
        browser = app.test_client()
        browser.set_cookie("lanyard", cookie)
        return browser.post(
            "/sign-in", data={"csrf_token": token, "address": "ruth@example.org", "password": "wrong words"}
        ).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert (answers.count(422), answers.count(403)) == (5, 15)


@pytest.mark.parametrize("given", ["/courses?q=fire", "/workspace/abc"])
def test_who_was_asked_to_sign_in_goes_back_to_the_page_they_wanted(visitor, make_person, password, given):
    make_person()
    assert visitor.sign_in(password, next=given).location == given


def test_a_page_for_people_with_an_account_sends_a_visitor_there_and_back(visitor, make_person, password):
    make_person()
    asked = visitor.get("/profile/name")
    assert asked.location == "/sign-in?next=/profile/name"
    wanted = visitor.page(asked.location).find("input", {"name": "next"})["value"]
    assert visitor.sign_in(password, next=wanted).location == "/profile/name"


FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/" + "x" * 600,
    "/a\u202eb",
    "",
    None,
]


@pytest.mark.parametrize("given", FOREIGN)
def test_nothing_that_could_be_another_site_is_a_way_to_go(given):
    assert paths.same_site(given) is None


@pytest.mark.parametrize("given", FOREIGN[:-1])
def test_nobody_is_sent_to_another_site_after_signing_in(visitor, make_person, password, given):
    make_person()
    assert WORKSPACE.fullmatch(visitor.sign_in(password, next=given).location)


def test_the_session_from_before_signing_in_is_gone(visitor, make_person, password):
    make_person()
    visitor.token()
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
        before = session["csrf_token"]
    visitor.sign_in(password)
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != before


def test_a_planted_cookie_does_not_become_the_session_of_who_signs_in(visitor, other, make_person, password):
    make_person()
    other.token()
    visitor.client.set_cookie("lanyard", other.client.get_cookie("lanyard").value)
    visitor.sign_in(password)
    assert visitor.is_signed_in()
    assert not other.is_signed_in()


def test_the_cookie_ends_with_the_browser_unless_one_wants_to_stay_signed_in(visitor, other, make_person, password):
    make_person()
    [short] = cookies(visitor.sign_in(password))
    [long] = cookies(other.sign_in(password, keep="y"))
    assert "Expires" not in short
    assert "Expires" in long
    assert "HttpOnly" in short
    assert "SameSite=Lax" in short


@pytest.mark.parametrize(("fields", "stay"), [({}, timedelta(hours=12)), ({"keep": "y"}, timedelta(days=30))])
def test_a_sign_in_ends_by_itself(visitor, make_person, password, fields, stay):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        make_person()
        visitor.sign_in(password, **fields)
        traveller.shift(stay - timedelta(minutes=1))
        assert visitor.is_signed_in()
        traveller.shift(timedelta(minutes=2))
        assert not visitor.is_signed_in()


def test_being_seen_is_noted_after_five_minutes(visitor, make_person, password):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        make_person()
        visitor.sign_in(password)
        traveller.shift(timedelta(minutes=7))
        visitor.get("/profile")
        with visitor.app.app_context():
            assert db.session.scalars(sa.select(SignIn)).one().last_seen_at.minute == 7


def test_an_operator_goes_to_the_office(app, visitor):
    with app.app_context(), transaction():
        path = registrations.invite_first_operator()
    assert visitor.page(path).h1.text == "Open the shop"
    fields = {"name": "Olu", "address": "olu@example.org", "password": "three odd words"}
    assert visitor.send(path, **{**fields, "password": "short"}).status_code == 422
    answer = visitor.send(path, **fields)
    assert (answer.status_code, answer.location) == (303, "/office/")
    assert visitor.is_signed_in()
    visitor.send("/sign-out")
    assert visitor.get(path).status_code == 409
    assert visitor.sign_in("three odd words", "olu@example.org").location == "/office/"
