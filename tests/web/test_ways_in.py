"""Join links in a browser: made, shown with a code, opened by somebody new or known, asked by and answered."""

from __future__ import annotations

import pytest

from app.accounts.memberships import Role
from billing.seats import Count
from tests.page_reader import PageReader

NEW = {"name": "Tom Barker", "address": "tom@example.org", "password": "four quite odd words"}


@pytest.fixture
def guest(app):
    """Give somebody who is not signed in."""
    return PageReader(app)


@pytest.fixture
def link(parish):
    """Give a maker of links of a parish with five seats: the path of the page behind it."""
    parish.pays_for(5)

    def make(**form):
        parish.owner.get(f"{parish.home}people")
        parish.owner.click("Join links")
        parish.owner.submit("Make the link", form)
        assert parish.owner.heading == "Link into St Mary"
        address = parish.owner.page.select_one("#address")["value"]
        return address.removeprefix("http://127.0.0.1:8000")

    return make


def test_somebody_new_makes_an_account_confirms_their_address_and_joins(parish, link, guest, link_to):
    guest.get(link())
    assert guest.heading == "Join St Mary"
    guest.submit("Create the account", NEW)
    guest.get(link_to("tom@example.org"))
    guest.submit("Confirm and sign in")
    assert guest.heading == "Join St Mary"
    guest.submit("Join as Tom Barker")
    assert (guest.path, guest.heading) == (f"/learn/{parish.id}/", "My learning")
    assert parish.seats() == Count(5, 1, 0)
    guest.get("/workspace/")
    assert "You belong to no organisation yet" not in guest.words
    assert guest.words.count("You are here as learner.") == 1


def test_somebody_with_an_account_signs_in_and_comes_back(parish, link, guest, password):
    parish.make_person(name="Tom", address="tom@example.org", organisation="Elsewhere")
    path = link()
    guest.get(path)
    guest.get(str(guest.page.select_one("main a[href*=sign-in]")["href"]))
    guest.submit("Sign in", {"address": "tom@example.org", "password": password})
    assert guest.path == path
    guest.submit("Join as Tom")
    assert parish.seats() == Count(5, 1, 0)
    guest.get(path)
    assert "You belong to St Mary already." in guest.words


def test_opening_a_link_changes_nothing(parish, link, guest):
    path = link()
    for _ in range(3):
        guest.get(path)
    parish.owner.get(f"{parish.home}people/links")
    assert "0" in parish.owner.page.select_one("tbody td").get_text()
    assert parish.seats() == Count(5, 0, 0)


def test_what_cannot_be_used_comes_back_with_the_field_to_mend(link, guest):
    guest.get(link())
    page = guest.submit("Create the account", NEW | {"password": "short"}, status=422)
    assert "at least 10 characters" in page.select_one(".error-summary").get_text(" ")
    assert page.select_one("#address")["value"] == NEW["address"]


def test_who_asks_is_shown_to_the_owner_and_let_in_by_them(parish, link):
    parish.make_person(name="Tom", address="tom@example.org", organisation="Elsewhere")
    tom, path = parish.browser("tom@example.org"), link(needs_approval="y")
    tom.get(path)
    tom.submit("Ask to join as Tom")
    assert "You asked to join on" in tom.words
    assert parish.seats() == Count(5, 0, 0)
    parish.owner.get(f"{parish.home}people")
    parish.owner.click("1 person asks to join")
    parish.owner.submit("Approve")
    assert "1 person let in." in parish.owner.words
    assert parish.seats() == Count(5, 1, 0)
    tom.get(f"/learn/{parish.id}/")


def test_all_who_ask_are_declined_at_once(parish, link):
    path = link(needs_approval="y")
    for name in ("tom", "ann"):
        parish.make_person(name=name.capitalize(), address=f"{name}@example.org", organisation="Elsewhere")
        browser = parish.browser(f"{name}@example.org")
        browser.get(path)
        browser.submit(f"Ask to join as {name.capitalize()}")
    parish.owner.get(f"{parish.home}people/requests")
    parish.owner.submit("Decline all 2")
    assert "2 people not let in." in parish.owner.words
    assert parish.owner.page.select_one(".empty h2").get_text() == "Nobody asks to join"


def test_with_too_few_seats_the_page_says_so_and_keeps_them_waiting(parish, link, connect):
    connect()
    path = link(needs_approval="y")
    for number in range(6):
        parish.make_person(name=f"Guest {number}", address=f"guest{number}@example.org", organisation="Elsewhere")
        browser = parish.browser(f"guest{number}@example.org")
        browser.get(path)
        browser.submit(f"Ask to join as Guest {number}")
    parish.owner.get(f"{parish.home}people/requests")
    parish.owner.submit("Approve all 6", status=409)
    assert "6 seats are needed and 5 seats are free." in parish.owner.words
    assert parish.seats() == Count(5, 0, 0)


def test_somebody_who_finds_no_seat_is_told_what_happens(parish, link):
    path = link()
    for number in range(5):
        parish.member(f"seated{number}@example.org", Role.LEARNER, seat=True)
    parish.make_person(name="Tom", address="tom@example.org", organisation="Elsewhere")
    tom = parish.browser("tom@example.org")
    tom.get(path)
    tom.submit("Join as Tom")
    assert "No seat is free at the moment" in tom.words
    assert tom.path == path


def test_a_withdrawn_link_says_what_to_do_and_so_does_a_forged_one(parish, link, guest):
    path = link()
    parish.owner.submit("Withdraw the link")
    for opened in (path, "/join/by/forged"):
        guest.get(opened, 404)
        assert "This link lets nobody in any more." in guest.words


def test_trying_links_that_do_not_work_is_limited(link, guest):
    link()
    for _ in range(60):
        guest.get("/join/by/forged", 404)
    guest.get("/join/by/forged", 403)
    assert "Wait an hour" in guest.words


def test_the_code_is_a_picture_that_phones_can_read_in_the_dark_too(parish, link):
    link()
    picture = parish.owner.page.select_one(".join-code")
    assert picture["alt"] == "QR code of the address"
    parish.owner.get(picture["src"])
    assert parish.owner.response.content_type == "image/svg+xml"
    assert b"#fff" in parish.owner.response.data


@pytest.mark.parametrize(("form", "words"), [({"most": "many"}, "whole number"), ({"days": "0"}, "number of days")])
def test_a_link_that_makes_no_sense_comes_back_filled_in(parish, form, words):
    parish.owner.get(f"{parish.home}people/links")
    page = parish.owner.submit("Make the link", form, status=422)
    assert words in page.select_one(".error-summary").get_text(" ")
    [name] = form
    assert page.select_one(f"#{name}")["value"] == form[name]


def test_an_approved_request_stands_in_the_journal_without_names(parish, link):
    parish.make_person(name="Tom", address="tom@example.org", organisation="Elsewhere")
    tom, path = parish.browser("tom@example.org"), link(needs_approval="y")
    tom.get(path)
    tom.submit("Ask to join as Tom")
    parish.owner.get(f"{parish.home}people/requests")
    parish.owner.submit("Approve")
    parish.owner.get(f"{parish.home}history?kind=invitations")
    for words in ("Ruth Amadi made a link", "Somebody asked to join", "Ruth Amadi let somebody in"):
        assert words in parish.owner.words


def test_a_domain_is_added_confirmed_and_lets_somebody_new_join(parish, guest, link_to):
    parish.pays_for(2)
    parish.owner.get(f"{parish.home}people/links")
    parish.owner.click("Mail domains")
    parish.owner.submit("Add it and send the mail", {"domain": "stmarys.example", "mailbox": "office"})
    assert "waits for its link to be pressed" in parish.owner.words
    guest.get(link_to("office@stmarys.example"))
    guest.submit("Confirm stmarys.example")
    assert guest.heading == "stmarys.example is confirmed"
    guest.get("/register")
    guest.submit(
        "Create the account", {"name": "Tom", "address": "tom@stmarys.example", "password": NEW["password"], "kind": "joining"}
    )
    guest.get(link_to("tom@stmarys.example"))
    guest.submit("Confirm and sign in")
    assert guest.heading == "Your organisations"
    guest.submit("Join St Mary")
    assert guest.heading == "My learning"
    assert parish.seats() == Count(2, 1, 0)


def test_a_domain_of_public_mail_is_refused_at_its_field(parish):
    parish.owner.get(f"{parish.home}mail-domains")
    page = parish.owner.submit("Add it and send the mail", {"domain": "gmail.com", "mailbox": "ruth"}, status=422)
    assert "Make a join link instead." in page.select_one(".error-summary").get_text(" ")
    assert page.select_one("#domain")["value"] == "gmail.com"
