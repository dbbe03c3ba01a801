"""Seats of a team's own, in a browser: set aside, seen, used up, taken back, and out of a manager's hands."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.accounts import teams
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from billing import seats
from tests import people_making


@pytest.fixture
def north(parish):
    """Give the address of a team of three people in a parish that pays for ten seats."""
    parish.pays_for(10)
    with parish.app.app_context(), transaction():
        people = people_making.add(parish.id, 3)
        team = teams.make(parish.id, "North", None, by=parish.owner_id).id
        teams.put(parish.id, team, people, by=parish.owner_id)
        seats.assign_each(parish.id, people, seats.State.IN_USE, by=parish.owner_id)
    return f"{parish.home}teams/{team}"


def test_an_owner_sets_seats_aside_and_takes_back_what_is_not_used(parish, north):
    browser = parish.owner
    browser.get(north)
    assert "No seats are set aside" in browser.words
    assert "7 seats are free for everybody now" in browser.words
    browser.submit("Set aside", {"seats": "8"})
    assert "8 seats are set aside for this team now." in browser.words
    assert "Seats taken: 3 of 8" in browser.words
    browser.get(f"{parish.home}teams")
    assert "3 of 8 seats taken" in browser.words
    browser.get(f"{parish.home}people")
    assert "5 of the free ones are set aside for teams" in browser.words
    browser.get(f"{parish.home}history")
    assert "set 8 seats aside for the team North" in browser.words
    browser.get(north)
    browser.submit("Take back 5 unused seats")
    assert "5 seats are free for everybody again." in browser.words
    assert "Seats taken: 3 of 3" in browser.words
    browser.submit("Set aside", {"seats": "0"})
    assert "No seats are set aside for this team now." in browser.words


@pytest.mark.parametrize(
    ("typed", "words"),
    [("2", "3 is the fewest"), ("11", "Free for them besides: 7"), ("many", "whole number"), ("", "whole number")],
)
def test_a_number_that_cannot_be_is_explained_and_stands_in_the_form_again(parish, north, typed, words):
    parish.owner.get(north)
    parish.owner.submit("Set aside", {"seats": typed}, 409 if typed.isdecimal() else 422)
    assert words in parish.owner.words
    assert parish.owner.page.select_one("#seats")["value"] == typed


def test_what_would_be_done_for_others_reckons_with_the_seats_set_aside(parish, north):
    browser = parish.owner
    browser.get(north)
    browser.submit("Set aside", {"seats": "8"})
    with parish.app.app_context(), transaction():
        others = people_making.add(parish.id, 4, start=10)
    asked = "&".join(f"who={one}" for one in others)
    # Two of the seven free seats are set aside for nobody: four people need two more, not none.
    browser = parish.member("ann@example.org", Role.ADMIN)
    browser.get(f"{parish.home}people/change?do=give&{asked}")
    assert "2 seats are missing." in browser.words
    assert "Give 4 seats" not in browser.words
    parish.owner.get(f"{parish.home}people/waiting")
    parish.owner.submit("Keep a waiting list")
    browser.get(f"{parish.home}people/change?do=give&{asked}")
    assert "2 people go on the waiting list" in browser.words
    browser.submit("Give 4 seats")
    assert "Of them, 2 people are on the waiting list for a seat." in browser.words


def test_nothing_is_offered_for_sale_where_only_the_seats_of_a_team_are_too_few(parish, north):
    browser = parish.owner
    browser.get(north)
    browser.submit("Set aside", {"seats": "3"})
    with parish.app.app_context(), transaction():
        [newcomer] = people_making.add(parish.id, 1, start=10)
        teams.put(parish.id, UUID(north.rpartition("/")[2]), [newcomer], by=parish.owner_id)
    browser.get(f"{parish.home}people/change?do=give&who={newcomer}")
    assert "All 3 seats of North would not be enough" in browser.words
    assert "missing" not in browser.words
    assert browser.page.select_one("main form") is None


def test_a_manager_sees_the_seats_of_their_team_and_changes_nothing(parish, north):
    mei = parish.member("mei@example.org", Role.MANAGER)
    parish.owner.get(north)
    parish.owner.submit("Set aside", {"seats": "4"})
    parish.owner.submit("Have them manage it", {"address": "mei@example.org"})
    mei.get(north)
    assert "Seats taken: 3 of 4" in mei.words
    assert mei.page.select("form[action$='/seats']") == []
    mei.post(f"{north}/seats", {"seats": "9"}, 403)
    mei.post(f"{north}/unused-seats", {}, 403)
