"""The waiting list in a browser: switched on, filled by every way of giving seats, shown in order and changed."""

from __future__ import annotations

import pytest

from app.accounts.memberships import Role
from billing.seats import Count


@pytest.fixture
def kept(parish):
    """Have a parish with one seat, which somebody has, keep a waiting list."""
    parish.pays_for(1)
    parish.member("seated@example.org", Role.LEARNER, seat=True)
    parish.owner.get(f"{parish.home}people/links")
    parish.owner.click("Waiting list")
    assert "No waiting list is kept" in parish.owner.words
    parish.owner.submit("Keep a waiting list")
    assert "Nobody waits" in parish.owner.words


def invite(parish, name):
    parish.owner.get(f"{parish.home}people/invite")
    button = parish.owner.page.select_one("form[action$=invite] button").get_text()
    parish.owner.submit(button, {"name": name, "address": f"{name.lower()}@example.org", "role": "learner"})


def order(parish):
    parish.owner.get(f"{parish.home}people/waiting")
    return [link.get_text() for link in parish.owner.page.select("tbody th a")]


@pytest.mark.usefixtures("kept")
def test_whoever_is_invited_waits_and_is_written_to_when_the_seat_is_free(app, parish, link_to):
    parish.owner.get(f"{parish.home}people/invite")
    assert "goes on it now, and is invited as soon as a seat is free" in parish.owner.words
    invite(parish, "Tom")
    assert "No seat is free, so Tom is on the waiting list." in parish.owner.words
    parish.owner.click("1 person waits for a seat")
    assert order(parish) == ["Tom"]
    parish.owner.get(f"{parish.home}people")
    assert "to be invited" in parish.owner.page.select_one("tbody").get_text()
    parish.owner.get(parish.page_of("seated@example.org"))
    parish.owner.submit("Archive")
    with app.app_context():
        assert app.extensions["jobs"].run("waiting_list") == 1
        assert app.extensions["jobs"].run("waiting_list") == 0
    assert order(parish) == []
    parish.owner.get(f"{parish.home}people")
    assert "to be invited" not in parish.owner.page.select_one("tbody").get_text()
    assert parish.seats() == Count(1, 0, 1)
    assert link_to("tom@example.org").startswith("/join/")


@pytest.mark.usefixtures("kept")
def test_the_order_can_be_changed_and_somebody_taken_off(parish):
    for name in ("Tom", "Ann", "Ben"):
        invite(parish, name)
    assert order(parish) == ["Tom", "Ann", "Ben"]
    parish.owner.post(f"{parish.page_of('ben@example.org').replace('/people/', '/people/waiting/')}/first")
    assert order(parish) == ["Ben", "Tom", "Ann"]
    parish.owner.post(f"{parish.page_of('tom@example.org').replace('/people/', '/people/waiting/')}/take-off")
    assert order(parish) == ["Ben", "Ann"]
    parish.owner.get(parish.page_of("tom@example.org"))
    assert "invitation over" in parish.owner.words
    parish.owner.get(f"{parish.home}history?kind=seats")
    for words in (
        "Ruth Amadi had a waiting list kept",
        "Ann is on the waiting list for a seat",
        "Ruth Amadi moved Ben to the front of the waiting list",
        "Tom is off the waiting list",
    ):
        assert words in parish.owner.words


@pytest.mark.usefixtures("kept")
def test_many_who_are_to_have_seats_wait_and_the_page_says_how_many_before(parish):
    for name in ("tom", "ann"):
        parish.member(f"{name}@example.org", Role.LEARNER)
    ids = [parish.page_of(f"{name}@example.org").rpartition("/")[2] for name in ("tom", "ann")]
    parish.owner.get(f"{parish.home}people/change?do=give&who={ids[0]}&who={ids[1]}")
    assert "2 people go on the waiting list" in parish.owner.words
    parish.owner.submit("Give 2 seats")
    assert "2 people are on the waiting list." in parish.owner.words
    assert sorted(order(parish)) == ["Ann", "Tom"]
    assert parish.seats() == Count(1, 1, 0)
    parish.owner.get(parish.page_of("tom@example.org"))
    assert "Tom is on the waiting list" in parish.owner.words


@pytest.mark.usefixtures("kept")
def test_a_list_of_people_says_who_will_wait(parish):
    parish.owner.get(f"{parish.home}people/lists")
    parish.owner.submit("Read the list", {"text": "tom@example.org\nann@example.org"})
    assert "2 people go on the waiting list" in parish.owner.words
    parish.owner.submit("Bring in 2 people")
    with parish.app.app_context():
        parish.app.extensions["jobs"].run("people_lists")
    assert len(order(parish)) == 2


@pytest.mark.usefixtures("kept")
def test_who_waits_when_it_is_switched_off_keeps_their_place_and_the_pages_say_so(app, parish):
    invite(parish, "Tom")
    parish.owner.get(f"{parish.home}people/waiting")
    assert "1 person waits. They keep their place, but get no seat while it is off." in parish.owner.words
    parish.owner.submit("Switch it off")
    assert (
        "1 person keeps their place here and gets no seat while the list is off, unless you give them one." in parish.owner.words
    )
    parish.owner.get(parish.page_of("seated@example.org"))
    parish.owner.submit("Archive")
    with app.app_context():
        assert app.extensions["jobs"].run("waiting_list") == 0
    parish.owner.get(parish.page_of("tom@example.org"))
    assert "which is off: nobody on it gets a seat until it is switched on again, unless you give them one." in parish.owner.words
    parish.owner.click("waiting list")
    parish.owner.submit("Keep a waiting list")
    with app.app_context():
        assert app.extensions["jobs"].run("waiting_list") == 1
    assert parish.seats() == Count(1, 0, 1)


@pytest.mark.usefixtures("kept")
def test_somebody_on_a_list_that_is_off_is_given_a_seat_by_a_button(parish, link_to):
    invite(parish, "Tom")
    parish.owner.get(f"{parish.home}people/waiting")
    parish.owner.submit("Switch it off")
    parish.owner.get(parish.page_of("seated@example.org"))
    parish.owner.submit("Archive")
    parish.owner.get(parish.page_of("tom@example.org"))
    parish.owner.submit("Give a seat to Tom")
    assert parish.seats() == Count(1, 0, 1)
    assert order(parish) == []
    assert link_to("tom@example.org").startswith("/join/")


@pytest.mark.usefixtures("kept")
def test_a_manager_cannot_switch_it_or_change_the_order(parish):
    mei = parish.member("mei@example.org", Role.MANAGER)
    mei.get(f"{parish.home}people/waiting")
    assert "Switch it off" not in mei.words
    mei.post(f"{parish.home}people/waiting", {"keep": "no"}, 403)
