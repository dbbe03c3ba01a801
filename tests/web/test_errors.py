"""What a visitor sees when something is refused or goes wrong."""

from __future__ import annotations

import pytest

from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Unavailable
from tests.page_reader import PageReader

NONSENSE = [
    "/workspace/1/",
    "/courses/nothing",
    "/courses/%00",
    "/courses?q=%00",
    "/sandbox/mailbox?to=%00",
    "/sandbox/mailbox/x",
    "/static/../x",
    "/join/x",
    "/register/%F0%9F%99%82",
]


@pytest.fixture
def visitor(app):
    """Give somebody who meets an error."""
    return PageReader(app)


def test_an_address_that_is_not_there_leads_on(visitor):
    visitor.get("/nothing", 404)
    assert visitor.heading == "We cannot find that page"
    visitor.click("See the courses")


@pytest.mark.parametrize(
    "path", ["/workspace/1/", "/courses/%00", "/courses/nothing", "/sandbox/mailbox/x", "/static/../x", "/join/x"]
)
def test_an_address_that_makes_no_sense_is_just_not_there(visitor, path):
    visitor.get(path, 404)


def test_a_method_that_an_address_does_not_know_is_refused(visitor):
    visitor.get("/sign-out", 405)
    assert visitor.heading == "That address does not work like this"


@pytest.mark.parametrize("form", [{"address": "ruth\0@example.org"}, {"x\0": "x"}, {"address": ["ruth@example.org", "\0"]}])
def test_a_form_that_no_database_can_keep_is_refused_with_words(visitor, form):
    visitor.get("/sign-in")
    visitor.send("/sign-in", {"csrf_token": visitor.token, "password": "x", **form}, 422)
    assert "take it out and send it again" in visitor.words
    visitor.get("/courses?q=x&q=%00", 404)


@pytest.mark.parametrize(
    ("refusal", "status", "heading"),
    [
        (Invalid, 422, "Please look at this again"),
        (NotAllowed, 403, "This is not open to you"),
        (Missing, 404, "We cannot find that page"),
        (Conflict, 409, "Something else happened first"),
        (Unavailable, 503, "Not available just now"),
    ],
)
def test_each_refusal_of_the_domain_has_its_page(app, visitor, refusal, status, heading):
    @app.get("/refused")
    def refused():
        raise refusal("Say <what> to do.")

    visitor.get("/refused", status)
    assert visitor.heading == heading
    assert "Say <what> to do." in visitor.words


def test_a_fault_shows_a_reference_and_nothing_of_its_inside(app, visitor):
    @app.get("/fault")
    def fault():
        raise RuntimeError("the inside")

    visitor.get("/fault", 500)
    assert visitor.heading == "Something went wrong at our end"
    assert visitor.page.select_one("code").text == visitor.response.headers["X-Request-Id"]
    assert "the inside" not in visitor.response.text
    visitor.get("/courses")


def test_a_form_without_its_token_says_what_to_do(visitor):
    visitor.get("/sign-in")
    visitor.send("/sign-in", {"address": "ruth@example.org", "password": "x"}, 400)
    assert "Go back, reload it and send it again." in visitor.words


def test_the_token_of_another_browser_is_refused(app, visitor):
    visitor.get("/sign-in")
    other = PageReader(app)
    other.get("/sign-in")
    other.send("/sign-in", {"csrf_token": visitor.token, "address": "ruth@example.org", "password": "x"}, 400)


def test_what_is_too_large_is_refused(visitor):
    visitor.get("/sign-in")
    visitor.post("/sign-in", {"address": "x" * 3_000_000}, 413)
    assert visitor.heading == "That is too large"


def test_a_shop_answers_only_to_its_own_names(visitor):
    visitor.get("/courses", 400, headers={"Host": "evil.example"})
    assert visitor.response.text == "This shop does not answer to that name.\n"
    visitor.get("/courses", headers={"Host": "localhost:1234"})


def test_errors_are_not_kept(visitor):
    visitor.get("/nothing", 404)
    assert visitor.response.headers["Cache-Control"] == "no-store"
    assert visitor.page.select_one("meta[name=robots]")["content"] == "noindex"
