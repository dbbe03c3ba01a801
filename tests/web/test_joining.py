"""The page behind an invitation: what is offered, and the ways to accept it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.transaction import transaction
from billing.seats import Count
from tests.page_reader import PageReader

NEW = {"name": "Tom Barker", "password": "four quite odd words"}


@pytest.fixture
def invited(parish, link_to):
    """Give a sender of an invitation from a parish with seats: the path of its link."""
    parish.pays_for(5)

    def send(address="tom@example.org", role="learner"):
        parish.owner.get(f"{parish.home}people/invite")
        parish.owner.submit("Send the invitation", {"name": "Tom", "address": address, "role": role})
        return link_to(address)

    return send


@pytest.fixture
def guest(app):
    """Give somebody who is not signed in."""
    return PageReader(app)


def test_somebody_new_opens_an_account_and_begins(parish, invited, guest):
    guest.get(invited())
    assert guest.heading == "Join St Mary"
    assert "A seat is kept for you." in guest.words
    guest.submit("Continue")
    assert guest.page.select_one("#name")["value"] == "Tom"
    guest.submit("Accept and begin", NEW)
    assert (guest.path, guest.heading) == (f"/learn/{parish.id}/", "My learning")
    assert "Welcome. You have joined." in guest.words
    assert parish.seats() == Count(5, 1, 0)
    guest.click("Fire Safety Awareness")
    guest.submit("Start the course")
    assert guest.heading == "The first minute"


def test_opening_the_link_changes_nothing(parish, invited, guest):
    link = invited()
    for _ in range(3):
        guest.get(link)
    assert parish.seats() == Count(5, 0, 1)
    parish.owner.get(parish.page_of("tom@example.org"))
    assert "Not opened yet" in parish.owner.words
    guest.submit("Continue")
    parish.owner.get(parish.page_of("tom@example.org"))
    assert "Opened: they pressed Continue" in parish.owner.words
    guest.get("/profile", 303)


def test_somebody_with_an_account_signs_in_and_comes_back(parish, invited, guest, password):
    parish.make_person(name="Tom", address="tom@example.org")
    link = invited()
    guest.get(link)
    guest.submit("Continue")
    guest.get(str(guest.page.select_one("main a.button")["href"]))
    guest.submit("Sign in", {"address": "tom@example.org", "password": password})
    assert guest.path == link
    guest.submit("Accept as Tom")
    assert guest.path == f"/learn/{parish.id}/"
    assert parish.seats() == Count(5, 1, 0)


def test_an_invitation_can_be_accepted_under_another_address(parish, invited):
    parish.make_person(name="Thomas", address="thomas@example.org")
    thomas = parish.browser("thomas@example.org")
    thomas.get(invited())
    assert "You are signed in as Thomas (thomas@example.org). The invitation was sent to tom@example.org." in thomas.words
    thomas.submit("Accept as Thomas")
    parish.owner.get(f"{parish.home}people")
    assert "active" in parish.owner.words


def test_somebody_who_runs_things_begins_in_the_workspace(parish, invited, guest):
    guest.get(invited(role="admin"))
    assert "to help run its training on Lanyard" in guest.words
    guest.submit("Continue")
    guest.submit("Accept and begin", NEW)
    assert guest.path == parish.home
    assert parish.seats() == Count(5, 0, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "short"}, "at least 10 characters"),
        ({"name": ""}, "Give your name."),
        ({"password": ""}, "Choose a password."),
    ],
)
def test_what_cannot_be_used_comes_back_with_the_field_to_mend(parish, invited, guest, changes, words):
    guest.get(invited())
    guest.submit("Continue")
    page = guest.submit("Accept and begin", NEW | changes, status=422)
    assert words in page.select_one(".error-summary").get_text(" ")
    assert page.select_one("#name").get("value", "") == (NEW | changes)["name"]
    assert parish.seats() == Count(5, 0, 1)


def test_an_expired_invitation_says_what_to_do(app, parish, invited, guest):
    link = invited()
    with app.app_context(), transaction():
        clock.advance(timedelta(days=14))
    guest.get(link, 404)
    assert "This invitation has expired. Ask the person who invited you to send it again" in guest.words
    with app.app_context():
        assert app.extensions["jobs"].run("invitations") == 1
        assert app.extensions["jobs"].run("invitations") == 0
    assert parish.seats() == Count(5, 0, 0)


def test_an_invitation_works_once(invited, guest, app):
    link = invited()
    guest.get(link)
    guest.submit("Continue")
    guest.submit("Accept and begin", NEW)
    late = PageReader(app)
    late.get("/sign-in")
    late.post(f"{link}/open-account", NEW, 404)
    assert "has been used, withdrawn or replaced" in late.words


def test_a_link_that_we_never_made_is_not_known(guest, parish):
    guest.get("/join/IjAxYTIi.aaaa", 404)
    assert "We do not know this link." in guest.words


def test_two_memberships_of_one_person_are_refused(parish, invited):
    leo = parish.member("leo@example.org", Role.LEARNER, seat=True)
    leo.get(invited())
    leo.submit("Accept as Leo", status=409)
    assert "You already belong to this organisation under another address." in leo.words
    assert parish.seats() == Count(5, 1, 1)


def test_somebody_who_comes_back_finds_their_old_record(parish, invited):
    leo = parish.member("leo@example.org", Role.LEARNER, seat=True)
    before = parish.page_of("leo@example.org")
    parish.owner.get(before)
    parish.owner.submit("Archive")
    leo.get(invited("leo@example.org"))
    leo.submit("Accept as Leo")
    assert parish.page_of("leo@example.org") == before
    assert parish.seats() == Count(5, 1, 0)


def test_accepting_asks_for_a_sign_in(invited, guest):
    link = invited()
    guest.get("/sign-in")
    guest.post(f"{link}/accept")
    assert guest.location == "/sign-in"
