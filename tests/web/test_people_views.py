"""Columns and views of the people table: chosen in the address, kept under a name, and never wider than what somebody may see."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from app.accounts import memberships, people, people_views, profile_fields, profile_values, teams
from app.accounts.memberships import Role
from app.accounts.profile_fields import Wish
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import context
from tests import learning, people_making


@pytest.fixture
def crowd(parish):
    """Give the ids of three people who have joined."""
    with parish.app.app_context(), transaction():
        return people_making.add(parish.id, 3)


@pytest.fixture
def manager(parish, crowd):
    """Give the browser of a manager of one of them."""
    browser = parish.member("mei@example.org", Role.LEARNER)
    with parish.app.app_context(), transaction():
        mei = memberships.with_address(parish.id, "mei@example.org")
        team = teams.make(parish.id, "Kitchen", None, by=parish.owner_id)
        teams.appoint(parish.id, team.id, mei, by=parish.owner_id)
        teams.put(parish.id, team.id, [crowd[0]], by=parish.owner_id)
    return browser


def head(browser):
    return [cell.get_text(" ", strip=True) for cell in browser.page.select("thead th")]


def tabs(browser):
    return [link.text for link in browser.page.select(".tabs a")]


def names(browser):
    return [link.text for link in browser.page.select("tbody th a")]


def save(parish, name, query="", **ticked):
    parish.owner.get(f"{parish.home}people/views/new?{query}")
    parish.owner.submit("Save the view", {"name": name} | dict.fromkeys(ticked, "y"))


def test_columns_are_chosen_and_the_export_has_exactly_these(parish, crowd):
    parish.owner.get(f"{parish.home}people")
    assert head(parish.owner) == ["Choose", "Name", "Here as", "Teams", "State", "Seat"]
    assert "crowd0@example.org" in parish.owner.words
    parish.owner.get(f"{parish.home}people?columns=&column=added&column=seat&column=nonsense")
    assert head(parish.owner) == ["Choose", "Name", "Seat", "Added"]
    assert "crowd0@example.org" not in parish.owner.words
    parish.owner.get(parish.owner.page.find("a", string="CSV")["href"])
    rows = list(csv.reader(io.StringIO(parish.owner.response.data.decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Seat", "Added"]
    assert len(rows) == 5
    parish.owner.get(f"{parish.home}people?columns=")
    assert head(parish.owner) == ["Choose", "Name"]


def test_when_somebody_last_learnt_is_a_column(parish, crowd):
    parish.pays_for(3)
    learner = parish.member("lea@example.org", Role.LEARNER, seat=True)
    learner.get(f"/learn/{parish.id}/first-response")
    with parish.app.app_context(), transaction():
        lea = people.with_address("lea@example.org")
        learning.do_lessons(learning.enrol(memberships.actor(lea, parish.id)), but=1)
        today = context.day(clock.now())
    parish.owner.get(f"{parish.home}people?columns=name.learnt&q=lea@")
    assert head(parish.owner) == ["Choose", "Name", "Last learnt"]
    assert parish.owner.page.select_one("tbody td:last-child").text == today
    parish.owner.get(f"{parish.home}people?columns=name.learnt&q=crowd0")
    assert today not in parish.owner.page.select_one("tbody").text


def test_the_columns_stay_while_the_table_is_turned_and_after_something_was_done(parish):
    parish.pays_for(60)
    with parish.app.app_context(), transaction():
        people_making.add(parish.id, 60)
    parish.owner.get(f"{parish.home}people?columns=name.added")
    parish.owner.click("Next")
    assert head(parish.owner) == ["Choose", "Name", "Added"]
    parish.owner.get(f"{parish.home}people/change?do=give&all=1&role=learner&columns=name.added")
    parish.owner.submit("Give 60 seats")
    assert head(parish.owner) == ["Choose", "Name", "Added"]


def test_a_view_keeps_filters_order_and_columns_and_stands_above_the_table(parish, crowd):
    parish.owner.get(f"{parish.home}people?role=learner&sort=-added&columns=name.added")
    parish.owner.click("Save as a view")
    parish.owner.submit("Save the view", {"name": "Newest learners"})
    assert "Newest learners stands above the table now." in parish.owner.words
    assert tabs(parish.owner) == ["Everyone", "Newest learners"]
    assert parish.owner.page.select_one('.tabs a[aria-current="page"]').text == "Newest learners"
    assert (head(parish.owner), len(names(parish.owner))) == (["Choose", "Name", "Added"], 3)
    parish.owner.click("Everyone")
    assert len(names(parish.owner)) == 4


def test_the_table_opens_with_the_default_and_ones_own_goes_before_that_for_everybody(parish, crowd):
    admin = parish.member("tom@example.org", Role.ADMIN)
    save(parish, "Learners", "role=learner", for_everybody=True, is_default=True)
    save(parish, "Owners", "role=owner", is_default=True)
    parish.owner.get(f"{parish.home}people")
    assert names(parish.owner) == ["Ruth Amadi"]
    parish.owner.click("Everyone")
    assert len(names(parish.owner)) == 5
    admin.get(f"{parish.home}people")
    assert (tabs(admin), len(names(admin))) == (["Everyone", "Learners"], 3)
    save(parish, "Admins", "role=admin", is_default=True)
    parish.owner.get(f"{parish.home}people")
    assert names(parish.owner) == ["Tom"]
    with parish.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(people_views.PeopleView.is_default)) == 2


def test_a_view_is_renamed_removed_and_needs_a_name_of_its_own(parish):
    save(parish, "Learners", "role=learner")
    parish.owner.get(f"{parish.home}people/views/new?role=owner")
    parish.owner.submit("Save the view", {"name": "LEARNERS"}, 409)
    assert "There is a view of this name already" in parish.owner.words
    assert parish.owner.page.select_one('input[name="role"]')["value"] == "owner"
    parish.owner.submit("Save the view", {"name": ""}, 422)
    save(parish, "Learners", "role=learner", for_everybody=True)
    parish.owner.click("Manage views")
    parish.owner.click("Change Learners")
    parish.owner.submit("Save", {"name": "Everybody who learns", "is_default": "y"})
    assert "Everybody who learns opens the table" in parish.owner.words
    parish.owner.click("Change Everybody who learns")
    parish.owner.submit("Remove Everybody who learns")
    assert "Everybody who learns is removed." in parish.owner.words
    assert len(parish.owner.page.select("tbody tr")) == 1


def test_there_are_at_most_twenty_views(parish):
    for n in range(20):
        save(parish, f"View {n}")
    parish.owner.get(f"{parish.home}people/views/new")
    parish.owner.submit("Save the view", {"name": "One more"}, 409)
    assert "You have 20 views already" in parish.owner.words


def test_a_view_of_somebody_else_is_none(parish):
    admin = parish.member("tom@example.org", Role.ADMIN)
    save(parish, "Mine", "role=owner")
    with parish.app.app_context():
        mine = db.session.scalars(sa.select(people_views.PeopleView.id)).one()
    admin.get(f"{parish.home}people/views/{mine}", 404)
    admin.post(f"{parish.home}people/views/{mine}/remove", {}, 404)
    admin.get(f"{parish.home}people")
    assert tabs(admin) == []


def test_a_manager_has_the_views_for_everybody_and_sees_only_their_people_in_them(parish, crowd, manager):
    save(parish, "Learners", "role=learner", for_everybody=True, is_default=True)
    save(parish, "In no team", "team=none", for_everybody=True)
    with parish.app.app_context(), transaction():
        tower = teams.make(parish.id, "Tower", None, by=parish.owner_id)
    save(parish, "Tower people", f"team={tower.id}", for_everybody=True)
    manager.get(f"{parish.home}people")
    assert tabs(manager) == ["Everyone", "In no team", "Learners"]
    assert len(names(manager)) == 1
    manager.click("In no team")
    assert len(names(manager)) == 1
    assert "Save as a view" not in manager.words
    manager.get(f"{parish.home}people/views", 403)
    manager.post(f"{parish.home}people/views", {"name": "x"}, 403)


def test_a_view_that_asks_for_a_field_or_team_that_is_gone_is_offered_no_more_and_marked(parish, crowd):
    with parish.app.app_context(), transaction():
        desk = profile_fields.add(parish.id, Wish("Desk", "text"), by=parish.owner_id).id
        tower = teams.make(parish.id, "Tower", None, by=parish.owner_id).id
    save(parish, "At desk 2", f"by_{desk.hex}=2", is_default=True)
    save(parish, "Tower people", f"team={tower}")
    parish.owner.get(f"{parish.home}people")
    assert (tabs(parish.owner), names(parish.owner)) == (["Everyone", "At desk 2", "Tower people"], [])
    with parish.app.app_context(), transaction():
        profile_values.remove_field(parish.id, desk, by=parish.owner_id)
        teams.archive(parish.id, tower, by=parish.owner_id)
    parish.owner.get(f"{parish.home}people")
    assert (tabs(parish.owner), len(names(parish.owner))) == ([], 4)
    parish.owner.click("Manage views")
    assert parish.owner.words.count("asks for a team or field that is gone") == 2
    assert names(parish.owner) == []
    assert "opens the table" not in parish.owner.words


def test_an_address_that_asks_for_a_field_that_is_gone_says_so_and_does_nothing_to_everybody(parish, crowd):
    with parish.app.app_context(), transaction():
        desk = profile_fields.add(parish.id, Wish("Desk", "text"), by=parish.owner_id).id
    asked = f"by_{desk.hex}=2&role=learner"
    parish.owner.get(f"{parish.home}people?{asked}")
    assert "no longer exists" not in parish.owner.words
    with parish.app.app_context(), transaction():
        profile_values.remove_field(parish.id, desk, by=parish.owner_id)
    parish.owner.get(f"{parish.home}people?{asked}")
    assert "A filter in this address no longer exists" in parish.owner.words
    assert len(names(parish.owner)) == len(crowd)
    assert desk.hex not in str(parish.owner.page.select_one("main"))
    parish.owner.get(f"{parish.home}people.csv?{asked}", 409)
    parish.owner.get(f"{parish.home}people/change?do=archive&all=1&{asked}", 409)
    assert "Open People and choose them again." in parish.owner.words
