"""The pages of a person's own data: an export to download, and a deletion that says what goes, waits and can be undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.accounts import memberships
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.transaction import transaction
from tests import passing
from tests.page_reader import PageReader


@pytest.fixture
def leo(parish):
    """Give the browser of somebody who learns here."""
    parish.pays_for(3)
    return parish.member("leo@example.org", Role.LEARNER, seat=True)


def run(parish, sweep, days=0):
    with parish.app.app_context():
        if days:
            with transaction():
                clock.advance(timedelta(days=days))
        parish.app.extensions["jobs"].run(sweep)


def test_somebody_takes_their_data_away_and_nobody_else_does(parish, leo, link_to):
    leo.get("/profile")
    leo.click("Take everything away that we hold about you")
    leo.submit("Make an export")
    assert "being made" in leo.words
    run(parish, "person_exports")
    assert link_to("leo@example.org") == "/profile/export"
    page = leo.get("/profile/export")
    [link] = [str(a["href"]) for a in page.select("a[href$='.zip']")]
    leo.get(link)
    assert leo.response.mimetype == "application/zip"
    assert leo.response.data.startswith(b"PK")
    parish.owner.get(link, 404)
    PageReader(parish.app).get(link, 303)


def test_a_deletion_says_both_dates_waits_a_week_and_is_undone(parish, leo, link_to):
    leo.get("/profile")
    leo.click("Delete your account")
    assert "under a pseudonym" in leo.words
    assert "6 years later" in leo.words
    page = leo.submit("Delete my account in a week", {"current": "not the password"}, status=422)
    assert page.select_one(".error-summary")
    leo.submit("Delete my account in a week", {"current": parish.password})
    assert leo.heading.startswith("Your account will be deleted on ")
    assert link_to("leo@example.org") == "/profile/deletion"
    leo.get("/profile")
    assert "Your account will be deleted on" in leo.words
    leo.get("/profile/deletion")
    leo.submit("Undo: keep my account")
    run(parish, "erasures", days=8)
    leo.get("/profile")
    assert "leo@example.org" in leo.words


def test_after_a_week_the_account_is_gone_and_verification_says_so(parish, leo):
    with parish.app.app_context(), transaction():
        number = passing.certify(memberships.with_address(parish.id, "leo@example.org")).number
    page_of_leo = parish.page_of("leo@example.org")
    leo.get("/profile/deletion")
    leo.submit("Delete my account in a week", {"current": parish.password})
    run(parish, "erasures", days=7)
    leo.get("/profile", 303)
    stranger = PageReader(parish.app)
    stranger.get(f"/verify/{number}")
    assert "holder removed" in stranger.words
    assert "Leo" not in stranger.words
    parish.owner.get(page_of_leo)
    assert parish.owner.heading.startswith("Removed person ")
    assert "leo@example.org" not in parish.owner.page.get_text()
    parish.owner.get(f"{parish.home}people?show=archived")
    assert "Removed person" in parish.owner.words
    parish.owner.get(f"{parish.home}history")
    assert "had their account deleted" in parish.owner.words
    assert parish.seats().free == 3


def test_the_only_owner_reads_what_to_do_first(parish, leo):
    parish.owner.get("/profile/deletion")
    assert "You are the only owner of St Mary" in parish.owner.words
    assert not parish.owner.page.select("#current")
