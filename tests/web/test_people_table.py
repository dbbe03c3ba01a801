"""The people table in a browser: searched, filtered, turned, exported, and changed for one, some or everyone who matches."""

from __future__ import annotations

import csv
import io
import re
from uuid import uuid4

import openpyxl
import pytest

from app.accounts import memberships, people, teams
from app.accounts.memberships import Role
from app.kernel import sheets
from app.kernel.transaction import transaction
from billing import seats
from billing.seats import Count
from tests import people_making


@pytest.fixture
def crowd(parish):
    """Give a maker of people who have joined; it gives their ids."""

    def make(number, **options):
        with parish.app.app_context(), transaction():
            return people_making.add(parish.id, number, **options)

    return make


def names(browser):
    return [link.text for link in browser.page.select("tbody th a")]


def open_people(parish, query=""):
    parish.owner.get(f"{parish.home}people{query}")
    return parish.owner


def test_somebody_is_found_by_a_part_of_name_or_address_without_capitals_or_accents(parish, crowd):
    crowd(3)
    with parish.app.app_context(), transaction():
        memberships.invite(parish.id, "Zoë Ångström", "zoe@example.org", {Role.LEARNER})
    for asked in ("zoe", "ANGSTROM", "ström zo", "zoe@example"):
        assert names(open_people(parish, f"?q={asked}")) == ["Zoë Ångström"], asked
    assert names(open_people(parish, "?q=%25")) == []
    assert "Nobody matches" in parish.owner.words


def test_filters_stand_in_the_address_and_narrow_the_table(parish, crowd):
    parish.pays_for(5)
    first, *_ = crowd(3)
    crowd(2, start=10, state="archived")
    with parish.app.app_context(), transaction():
        seats.assign(parish.id, first, seats.State.IN_USE, by=None)
    assert len(names(open_people(parish, "?seat=in_use"))) == 1
    assert len(names(open_people(parish, "?show=archived"))) == 2
    assert names(open_people(parish, "?role=owner")) == ["Ruth Amadi"]
    assert len(names(open_people(parish, "?seat=none"))) == 3
    assert len(names(open_people(parish, "?show=nonsense&role=nonsense&sort=nonsense"))) == 4


def test_pages_are_turned_to_the_end_and_back_without_missing_anybody(parish, crowd):
    crowd(120)
    browser = open_people(parish)
    seen = names(browser)
    while browser.page.select_one('a[rel="next"]'):
        browser.get(browser.page.select_one('a[rel="next"]')["href"])
        seen += names(browser)
    assert len(seen) == len(set(seen)) == 121
    assert seen == sorted(seen, key=people.name_key)
    last = names(browser)
    back = last
    while browser.page.select_one('a[rel="prev"]'):
        browser.get(browser.page.select_one('a[rel="prev"]')["href"])
        back = names(browser) + back
    assert back == seen
    assert names(open_people(parish, "?last=1"))[-1] == seen[-1]
    assert len(names(open_people(parish, "?sort=-name"))) == 50
    assert names(parish.owner)[0] == seen[-1]
    for sort in ("address", "added", "-added"):
        open_people(parish, f"?sort={sort}")
        parish.owner.get(parish.owner.page.select_one('a[rel="next"]')["href"])


def test_a_place_in_the_list_of_somebody_else_is_no_place(parish, make_person):
    stranger = make_person("Una", "una@example.org", "Elsewhere")
    with parish.app.app_context():
        there = memberships.places_of(stranger)[0].membership.id
    for mark in (there, uuid4(), "nonsense"):
        parish.owner.get(f"{parish.home}people?after={mark}", 404)
        parish.owner.get(f"{parish.home}people?before={mark}", 404)
    parish.owner.get(f"{parish.home}people?team={uuid4()}", 404)


def test_seats_are_given_to_those_who_are_ticked(parish, crowd):
    parish.pays_for(5)
    first, second, _ = crowd(3)
    parish.owner.get(f"{parish.home}people/change?do=give&who={first}&who={second}")
    assert "Give a seat to 2 people?" in parish.owner.words
    parish.owner.submit("Give 2 seats")
    assert "2 people have a seat now." in parish.owner.words
    assert parish.seats() == Count(5, 2, 0)
    parish.owner.get(f"{parish.home}people/change?do=give&who={first}")
    assert "There is nobody this can be done for" in parish.owner.words
    assert "1 person, because they have a seat already" in parish.owner.words


def test_everyone_who_matches_is_meant_beyond_the_page(parish, crowd):
    parish.pays_for(200)
    crowd(120)
    parish.owner.get(f"{parish.home}people/change?do=give&all=1&role=learner&seat=none&team=none&q=crowd")
    assert "Give a seat to 120 people?" in parish.owner.words
    parish.owner.get(f"{parish.home}people/change?do=give&all=1&role=learner")
    parish.owner.submit("Give 120 seats")
    assert parish.seats().in_use == 120
    assert parish.owner.path.endswith("role=learner")


def test_when_others_match_by_now_nothing_happens(parish, crowd):
    parish.pays_for(20)
    crowd(3)
    parish.owner.get(f"{parish.home}people/change?do=give&all=1&role=learner")
    crowd(1, start=3)
    parish.owner.submit("Give 3 seats", status=409)
    assert "4 people match by now, not 3." in parish.owner.words
    assert parish.seats().in_use == 0


def test_at_the_limit_there_is_a_stop_and_a_way_to_more_seats(parish, crowd, connect):
    connect()
    parish.pays_for(2)
    ids = crowd(3)
    chosen = "&".join(f"who={one}" for one in ids)
    parish.owner.get(f"{parish.home}people/change?do=give&{chosen}")
    assert "1 seat is missing." in parish.owner.words
    assert parish.owner.page.select(f'main a[href="{parish.home}billing"]')
    assert not parish.owner.page.select("main form")
    parish.owner.post(f"{parish.home}people/change", {"do": "give", "who": [str(one) for one in ids]}, status=409)
    assert "3 seats are needed and 2 seats are free" in parish.owner.words
    assert parish.seats().in_use == 0
    parish.owner.post(f"{parish.home}people/change", {"do": "give", "who": [str(one) for one in ids[:2]]})
    open_people(parish)
    assert "All 2 seats are taken." in parish.owner.words
    assert parish.owner.page.select(f'main a[href="{parish.home}billing/more-seats"]')


def test_nobody_chosen_leads_back_with_a_word(parish, crowd):
    crowd(1)
    parish.owner.get(f"{parish.home}people/change?do=give&q=crowd", 303)
    parish.owner.follow()
    assert "Nobody was chosen." in parish.owner.words
    parish.owner.get(f"{parish.home}people/change?do=nonsense&all=1", 404)


def test_somebody_leaves_and_is_brought_back_from_their_page(parish):
    parish.pays_for(5)
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    parish.owner.get(parish.page_of("leo@example.org"))
    parish.owner.submit("Archive Leo")
    parish.owner.submit("Bring back Leo")
    assert "Leo is here again, as they were." in parish.owner.words
    assert parish.seats().in_use == 1
    parish.owner.submit("Take the seat back from Leo")
    assert "The seats of Leo are free again." in parish.owner.words
    parish.owner.submit("Give a seat to Leo")
    assert "Because they were given a seat." in parish.owner.words
    assert "Because they were brought back." in parish.owner.words


def test_an_admin_who_also_learns_is_one_switch_away(parish):
    parish.pays_for(5)
    parish.owner.get(parish.page_of("ruth@example.org"))
    assert "Running things uses no seat." in parish.owner.words
    parish.owner.submit("Give a seat to Ruth Amadi")
    assert "Ruth Amadi has a seat and is learning." in parish.owner.words
    parish.owner.submit("Take the seat back from Ruth Amadi")
    assert parish.seats() == Count(5, 0, 0)


def test_the_export_holds_exactly_what_the_table_shows_and_no_formula(parish, crowd):
    crowd(70)
    with parish.app.app_context(), transaction():
        memberships.invite(parish.id, "=HYPERLINK(1)", "evil@example.org", {Role.LEARNER})
        team = teams.make(parish.id, "Kitchen", None, by=parish.owner_id)
        chosen = people_making.add(parish.id, 2, start=500)
        teams.put(parish.id, team.id, chosen, by=parish.owner_id)
        team_id = team.id
    parish.owner.get(f"{parish.home}people.csv?team={team_id}")
    rows = list(csv.DictReader(io.StringIO(parish.owner.response.data.decode("utf-8-sig"))))
    assert [row["E-mail"] for row in rows] == ["crowd500@example.org", "crowd501@example.org"]
    assert {row["Teams"] for row in rows} == {"Kitchen"}
    parish.owner.get(f"{parish.home}people.csv")
    rows = list(csv.DictReader(io.StringIO(parish.owner.response.data.decode("utf-8-sig"))))
    assert len(rows) == 74
    assert "'=HYPERLINK(1)" in {row["Name"] for row in rows}
    parish.owner.get(f"{parish.home}people.xlsx?q=evil")
    book = openpyxl.load_workbook(io.BytesIO(parish.owner.response.data))
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert len(cells) == 2
    assert cells[1][0] == "=HYPERLINK(1)"
    assert book.active["A2"].data_type == "s"


@pytest.mark.parametrize("cell", ["=1+1", "+44", "-3+1", "@x", "\tx", "\rx", " =1", "＝1"])  # noqa: RUF001 - as they come
def test_a_cell_that_a_program_takes_for_a_formula_is_guarded_and_read_back(cell):
    assert sheets.guarded(cell) == f"'{cell}"
    assert sheets.unguarded(sheets.guarded(cell)) == cell
    assert sheets.unguarded("'tis") == "'tis"


def test_the_mail_is_seen_before_it_is_sent(parish, link_to):
    parish.pays_for(5)
    parish.owner.get(f"{parish.home}people/invite")
    wish = {"name": "Tom", "address": "tom@example.org", "role": "learner", "note": "See you\non Monday"}
    parish.owner.submit("See the mail first", wish, status=200)
    assert "Subject: St Mary invites you to join its training" in parish.owner.words
    assert "See you on Monday" in parish.owner.words
    assert parish.seats().held == 0
    parish.owner.submit("Send the invitation", wish)
    assert parish.seats().held == 1
    assert link_to("tom@example.org").startswith("/join/")


@pytest.mark.parametrize("note", ["Look at https://example.org", "www.example.org", "x" * 601])
def test_words_that_could_lure_are_refused(parish, note):
    parish.pays_for(5)
    parish.owner.get(f"{parish.home}people/invite")
    page = parish.owner.submit("Send the invitation", {"name": "T", "address": "t@example.org", "note": note}, status=422)
    assert page.select_one(".error-summary a")["href"] == "#note"
    assert re.search("Write", page.select_one(".error-summary").text)


def test_a_title_that_a_program_takes_for_a_formula_is_guarded_as_well():
    assert sheets.as_csv(("Name", "=1+1"), [("Ruth", "2")]) == b"\xef\xbb\xbfName,'=1+1\r\nRuth,2\r\n"
