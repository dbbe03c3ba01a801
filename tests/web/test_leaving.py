"""Quick exit: signed out, and on a page that says nothing about where one was."""

from __future__ import annotations

from app.accounts.memberships import Role
from tests.page_reader import PageReader

WEATHER = "https://www.bbc.co.uk/weather"


def test_it_signs_out_and_leads_away(parish):
    leo = parish.member("leo@example.org", Role.LEARNER)
    leo.get(f"/learn/{parish.id}/worried")
    assert leo.page.select_one("[data-quick-exit]")["data-quick-exit"] == WEATHER
    leo.submit("Quick exit")
    assert leo.path == "/left"
    assert leo.page.select_one("meta[http-equiv=refresh]")["content"] == f"0;url={WEATHER}"
    leo.get(f"/learn/{parish.id}/worried", 303)
    assert leo.location.startswith("/sign-in")


def test_other_devices_stay_signed_in(parish):
    leo, other = parish.member("leo@example.org", Role.LEARNER), parish.browser("leo@example.org")
    leo.get(f"/learn/{parish.id}/worried")
    leo.submit("Quick exit")
    other.get(f"/learn/{parish.id}/worried")


def test_the_page_after_it_tells_nobody_where_one_was(app):
    guest = PageReader(app)
    guest.get("/left")
    assert guest.page.title.text == "Page closed"
    assert "lanyard" not in guest.response.text.lower()
    assert "safeguarding" not in guest.response.text.lower()
    assert guest.page.select_one("meta[name=referrer]")["content"] == "no-referrer"
    assert guest.response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in guest.response.headers


def test_whoever_is_signed_out_already_arrives_at_the_same_place(app):
    guest = PageReader(app)
    guest.get("/sign-in")
    guest.post("/quick-exit")
    assert guest.location == "/left"


def test_it_is_never_done_by_a_link(app):
    PageReader(app).get("/quick-exit", 405)
