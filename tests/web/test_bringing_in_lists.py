"""Lists in a browser: pasted or sent as a file, looked at, brought in, left alone, and undone."""

from __future__ import annotations

import io

import pytest

from app import arrivals
from app.accounts import memberships, teams
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from billing import allotting, seats


def open_form(parish):
    parish.pays_for(50)
    parish.owner.get(f"{parish.home}people/lists")
    return parish.owner


def upload(parish, content, name, status=303):
    browser = open_form(parish)
    data = {"file": (io.BytesIO(content), name), "csrf_token": browser.token}
    browser.send(f"{parish.home}people/lists", data, status, content_type="multipart/form-data")
    if status == 303:
        browser.follow()
    return browser


def test_a_pasted_list_is_read_at_once_brought_in_and_undone(parish):
    browser = open_form(parish)
    browser.submit("Read the list", {"text": "Ben <ben@example.org>\nruth@example.org\nnobody"})
    assert browser.heading == "This is what will happen"
    assert "There is no e-mail address." in browser.words
    browser.submit("Bring in 1 person")
    assert browser.heading == "Your people are being brought in"
    assert parish.seats().held == 0
    with parish.app.app_context():
        parish.app.extensions["jobs"].run(arrivals.SWEEP)
    browser.get(browser.path)
    assert browser.heading == "Your people are here"
    assert parish.seats().held == 1
    browser.click("Problem (1)")
    browser.submit("Undo: withdraw every invitation of this list")
    assert "Undone: 1 invitation withdrawn" in browser.words
    assert parish.seats().held == 0
    browser.get(f"{parish.home}people/lists")
    assert "undone" in browser.words


def test_a_list_for_a_team_with_too_small_an_allowance_says_so_before_it_is_brought_in(parish):
    browser = open_form(parish)
    with parish.app.app_context(), transaction():
        north = teams.make(parish.id, "North", None, by=parish.owner_id).id
        allotting.allot(parish.id, north, 1, by=parish.owner_id)
    browser.submit("Read the list", {"text": "ann@example.org\nben@example.org", "team": str(north)})
    assert "This list needs 2 of the seats that are set aside for North, and 1 is free." in browser.words
    assert "Bring in" not in browser.words
    here = browser.path
    with parish.app.app_context(), transaction():
        one = memberships.invite(parish.id, "Una", "una@example.org", {Role.LEARNER}).id
        teams.put(parish.id, north, [one], by=parish.owner_id)
        seats.assign(parish.id, one, seats.State.HELD, by=None)
    browser.get(here)
    assert "set aside for North, and 0 are free." in browser.words
    browser.click("Open Teams")
    assert browser.heading == "Teams"
    browser.get(here)
    browser.post(f"{here}/bring-in", status=409)
    assert "Set more aside for North under Teams" in browser.words


def test_a_long_file_is_read_in_the_background_and_turned_page_by_page(parish, connect):
    connect()
    rows = "".join(f"Person {n},p{n}@example.org,{'x' * 300}\n" for n in range(250))
    browser = upload(parish, f"Name,E-mail,Notes\n{rows}".encode(), "people.csv")
    assert browser.heading == "Your list is being read"
    with parish.app.app_context():
        parish.app.extensions["jobs"].run(arrivals.SWEEP)
    browser.get(browser.path)
    seen = len(browser.page.select("tbody tr"))
    while browser.page.select_one('a[rel="next"]'):
        browser.get(browser.page.select_one('a[rel="next"]')["href"])
        seen += len(browser.page.select("tbody tr"))
    assert seen == 250
    assert "200 seats are missing." in browser.words
    assert browser.page.select(f'main a[href="{parish.home}billing"]')


def test_a_file_that_cannot_be_read_says_so_and_changes_nothing(parish):
    browser = upload(parish, b"\xd0\xcf\x11\xe0 old", "people.xls")
    assert browser.heading == "This list cannot be read"
    assert "Save it as XLSX or CSV." in browser.words


def test_a_list_that_no_database_can_keep_is_refused_with_words(parish):
    browser = upload(parish, "Name,E-mail\nRuth\0,ruth@example.org\n".encode("utf-8-sig"), "people.csv")
    assert browser.heading == "This list cannot be read"
    upload(parish, b"E-mail\nben@example.org\n", "people\0.csv", 422)
    form = {"text": "Ruth\0 <ruth@example.org>", "csrf_token": browser.token}
    browser.send(f"{parish.home}people/lists", form, 422)
    assert "take it out and send it again" in browser.words


def test_nothing_sent_is_said_beside_the_form(parish):
    browser = upload(parish, b"", "people.csv", 422)
    assert "There is nobody in this list." in browser.page.select_one(".error-summary").text


def test_a_file_of_fifty_megabytes_is_refused_with_words(parish):
    browser = open_form(parish)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n\r\n'
    body = head + b"x" * 50_000_000 + b"\r\n--x--\r\n"
    browser.send(f"{parish.home}people/lists", body, 413, content_type="multipart/form-data; boundary=x")
    assert "at most 10 MB at once" in browser.words


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_template_is_a_list_that_can_be_sent(parish, kind):
    parish.owner.get(f"{parish.home}people/lists/template.{kind}")
    browser = upload(parish, parish.owner.response.data, f"people-template.{kind}")
    assert "Ruth Amadi" in browser.words
    assert "here already" in browser.words


def test_places_in_a_list_that_are_none_are_not_found(parish):
    browser = open_form(parish)
    browser.submit("Read the list", {"text": "Ben <ben@example.org>"})
    for query in ("fate=nonsense", "after=-1", "after=x", "after=9999999999"):
        browser.get(f"{browser.path}?{query}", 404)
