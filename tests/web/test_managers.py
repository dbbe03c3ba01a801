"""A manager in a browser: their people and nobody else, by any id, link, search, export or error; and the pages of teams."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app import joining
from app.accounts import memberships, people, teams
from app.accounts.memberships import Membership, Role
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import seats
from tests import people_making


@pytest.fixture
def site(parish):
    """Give a parish with a manager of one of two teams, five people in each: the browser, those seen and those not."""
    parish.pays_for(20)
    mei = parish.member("mei@example.org", Role.MANAGER)
    with parish.app.app_context(), transaction():
        mine = people_making.add(parish.id, 5)
        others = people_making.add(parish.id, 5, start=50)
        north = teams.make(parish.id, "North", None, by=parish.owner_id)
        south = teams.make(parish.id, "South", None, by=parish.owner_id)
        teams.put(parish.id, north.id, mine, by=parish.owner_id)
        teams.put(parish.id, south.id, others, by=parish.owner_id)
        manager = db.session.scalars(
            sa.select(Membership).where(Membership.organisation_id == parish.id, Membership.address == "mei@example.org")
        ).one()
        teams.appoint(parish.id, north.id, manager, by=parish.owner_id)
        return (mei, list(mine), list(others), north.id, south.id)


def test_the_table_the_search_and_the_exports_hold_only_their_people(parish, site):
    mei, _mine, others, north, south = site
    mei.get(f"{parish.home}people")
    assert "5 people match." in mei.words
    mei.get(f"{parish.home}people?q=crowd5")
    assert "crowd50" not in mei.words
    assert "0 people match" in mei.words
    for kind in ("csv", "xlsx"):
        mei.get(f"{parish.home}people.{kind}")
    mei.get(f"{parish.home}people.csv")
    assert b"crowd50" not in mei.response.data
    assert mei.response.data.count(b"@example.org") == 5
    mei.get(f"{parish.home}people?team={south}", 404)
    mei.get(f"{parish.home}people?team={north}")
    mei.get(f"{parish.home}people?team=none")
    assert "5 people match." in mei.words
    mei.get(f"{parish.home}people?after={others[0]}", 404)


def test_no_page_and_no_action_reaches_somebody_elses_people(parish, site):
    mei, mine, others, _, south = site
    mei.get(f"{parish.home}people/{mine[0]}")
    for path in (f"people/{others[0]}", f"teams/{south}", f"people/change?do=give&who={mine[0]}&who={others[0]}"):
        mei.get(f"{parish.home}{path}", 404)
    for path in (f"people/{others[0]}/invite-again", f"people/{others[0]}/withdraw"):
        mei.post(f"{parish.home}{path}", status=404)
    mei.post(f"{parish.home}people/change", {"do": "give", "who": str(others[0])}, 404)
    mei.post(f"{parish.home}people/change", {"do": "archive", "who": str(mine[0])}, 403)
    for path in ("history", "", "safeguarding-contacts"):
        mei.get(f"{parish.home}{path}", 403)
    mei.get(f"{parish.home}seats-again", 403)
    mei.post(f"{parish.home}seats-again", {}, 403)
    assert parish.seats().in_use == 0


def test_a_manager_gives_seats_to_all_of_theirs_and_nobody_elses(parish, site):
    mei, mine, others, *_ = site
    mei.get(f"{parish.home}people/change?do=give&all=1")
    mei.submit("Give 5 seats")
    with parish.app.app_context():
        assert all(seats.has_one(one) for one in mine)
        assert not any(seats.has_one(one) for one in others)


def test_a_manager_reads_of_no_team_but_their_own(parish, site):
    mei, mine, _, _, south = site
    with parish.app.app_context(), transaction():
        teams.put(parish.id, south, mine[:1], by=parish.owner_id)
    for path in ("people", f"people/{mine[0]}"):
        mei.get(f"{parish.home}{path}")
        assert "North" in mei.words
        assert "South" not in mei.words
        parish.owner.get(f"{parish.home}{path}")
        assert "South" in parish.owner.words
    mei.get(f"{parish.home}people/{mine[0]}")
    assert f"put {people_making.name_of(0)} into another team" in mei.words
    assert f"put {people_making.name_of(0)} into the team North" in mei.words


def test_a_manager_does_nothing_to_those_who_run_things(parish, site):
    mei, mine, _, north, _ = site
    with parish.app.app_context(), transaction():
        owner = memberships.actor(people.known(parish.owner_id), parish.id)
        ada = joining.invite(owner, "Ada", "ada@example.org", {Role.ADMIN}, days=14, team_id=north).id
        teams.put(parish.id, north, [owner.membership.id], by=parish.owner_id)
        seats.assign_each(parish.id, [owner.membership.id, mine[0]], seats.State.IN_USE, by=parish.owner_id)
        ruth = owner.membership.id
    chosen = f"who={ruth}&who={mine[0]}&who={ada}"
    mei.get(f"{parish.home}people/change?do=take_back&{chosen}")
    assert "2 people, because they run things here: ask an owner or an admin" in mei.words
    mei.submit("Take 1 seat back")
    assert parish.seats().in_use == 1
    for change in ("give", "take_back", "resend", "withdraw"):
        mei.get(f"{parish.home}people/change?do={change}&who={ruth}&who={ada}")
        assert "There is nobody this can be done for" in mei.words
    for path in ("invite-again", "withdraw"):
        mei.post(f"{parish.home}people/{ada}/{path}", status=403)
        assert "A team manager cannot do this for Ada" in mei.words
    for person, words in ((ruth, "Take the seat back"), (ada, "Withdraw")):
        mei.get(f"{parish.home}people/{person}")
        assert words not in mei.words
        parish.owner.get(f"{parish.home}people/{person}")
        assert words in parish.owner.words


def test_a_manager_invites_into_their_own_team_and_learns_nothing_of_others(parish, site):
    mei, _, _, north, south = site
    mei.get(f"{parish.home}people/invite")
    assert [option["value"] for option in mei.page.select("#team option")] == [str(north)]
    assert [option["value"] for option in mei.page.select("#role option")] == ["learner"]
    wish = {"name": "Tom", "address": "tom@example.org", "role": "learner", "team": str(north)}
    mei.submit("Send the invitation", wish)
    assert "Tom" in mei.words
    for changed, status in (({"team": str(south)}, 404), ({"role": "admin"}, 403), ({"team": ""}, 403)):
        mei.post(f"{parish.home}people/invite", wish | {"address": "ann@example.org"} | changed, status)
    with parish.app.app_context(), transaction():
        people_making.add(parish.id, 1, start=99, state="archived")
    mei.post(f"{parish.home}people/invite", wish | {"address": "crowd99@example.org"}, 409)
    assert people_making.name_of(99) not in mei.words
    mei.post(f"{parish.home}people/invite", wish | {"address": "crowd50@example.org"}, 409)
    assert "You cannot invite crowd50@example.org." in mei.words
    assert people_making.name_of(50) not in mei.words


def test_a_manager_who_sees_what_is_paid_learns_nothing_of_others_today(parish, site):
    mei, *_ = site
    with parish.app.app_context(), transaction():
        db.session.execute(sa.update(Membership).where(Membership.address == "mei@example.org").values(is_billing=True))
        memberships.invite(parish.id, "Secret Guest", "secret@example.org", {Role.LEARNER})
    mei.get(parish.home)
    assert "Secret Guest" not in mei.words


def test_teams_are_made_renamed_moved_archived_and_brought_back_by_hand(parish):
    owner = parish.owner
    owner.get(f"{parish.home}teams")
    owner.submit("Make it", {"name": "North"})
    owner.submit("Make it", {"name": "South"})
    owner.submit("Make it", {"name": "north"}, 409)
    assert "There is a team of this name" in owner.page.select_one(".error-summary").text
    owner.get(f"{parish.home}teams")
    owner.click("North")
    owner.submit("Rename", {"name": "Kitchen"})
    south = next(option for option in owner.page.select("#parent option") if "South" in option.text)["value"]
    owner.submit("Move", {"parent": south})
    assert "Kitchen has moved, with everybody in it." in owner.words
    assert "South / Kitchen" in owner.words
    owner.submit("Archive Kitchen")
    owner.submit("Bring back Kitchen")
    owner.submit("Have them manage it", {"address": "nobody@example.org"}, 422)
    parish.member("mei@example.org", Role.LEARNER)
    owner.submit("Have them manage it", {"address": "mei@example.org"})
    assert "Mei manages this team now" in owner.words
    owner.submit("Dismiss Mei")
    assert "Nobody manages this team" in owner.words


def test_people_chosen_are_put_into_a_team_and_taken_out(parish):
    with parish.app.app_context(), transaction():
        people_making.add(parish.id, 60)
        team = teams.make(parish.id, "Kitchen", None, by=parish.owner_id).id
    parish.owner.get(f"{parish.home}people/team?all=1&role=learner&team=none")
    assert "Into which team do 60 people go?" in parish.owner.words
    parish.owner.submit("Put them into it")
    assert "60 people put into this team." in parish.owner.words
    parish.owner.get(parish.page_of("crowd0@example.org"))
    parish.owner.submit("Take out of Kitchen")
    assert "1 person taken out of the team." in parish.owner.words
    parish.owner.get(f"{parish.home}people/team", 303)
    assert team


def test_ownership_is_offered_accepted_and_the_giver_leaves(parish, link_to):
    mei = parish.member("mei@example.org", Role.LEARNER)
    mei.get(f"{parish.home}ownership-offer")
    assert "There is no open offer" in mei.words
    parish.owner.get(f"{parish.home}leave")
    parish.owner.submit("Leave St Mary", status=409)
    parish.owner.get(parish.page_of("mei@example.org"))
    parish.owner.click("Ask Mei to become an owner")
    parish.owner.submit("Ask Mei", {"steps_down": "y"})
    mei.get(link_to("mei@example.org"))
    mei.submit("Accept")
    assert "You are an owner of St Mary now." in mei.words
    parish.owner.get(f"{parish.home}leave")
    parish.owner.submit("Leave St Mary")
    assert "You have left St Mary." in parish.owner.words
    parish.owner.get(parish.home, 404)


def test_roles_are_handed_on_by_owners_several_at_once(parish):
    parish.member("mei@example.org", Role.LEARNER)
    page = parish.page_of("mei@example.org")
    parish.owner.get(page)
    parish.owner.post(f"{page}/roles", {"role": ["admin", "billing"]})
    parish.owner.follow()
    assert "Mei is here as admin, billing, learner now." in parish.owner.words
    parish.owner.post(f"{page}/roles", {"role": ["owner"]})
    parish.owner.follow()
    assert "Mei is here as learner now." in parish.owner.words
    admin = parish.member("ada@example.org", Role.ADMIN)
    admin.post(f"{page}/roles", {"role": ["admin"]}, 403)


def test_only_an_owner_is_offered_to_bring_back_somebody_with_rights_of_theirs(parish):
    admin = parish.member("ada@example.org", Role.ADMIN)
    parish.member("mei@example.org", Role.BILLING)
    page = parish.page_of("mei@example.org")
    admin.post(f"{page}/archive")
    admin.get(page)
    assert "Bring back" not in admin.words
    parish.owner.get(page)
    parish.owner.submit("Bring back Mei")
    assert "Mei is here again, as they were." in parish.owner.words


def test_the_journal_is_filtered_turned_and_taken_away(parish):
    parish.pays_for(200)
    with parish.app.app_context(), transaction():
        ids = people_making.add(parish.id, 120)
        seats.assign_each(parish.id, ids, seats.State.IN_USE, by=parish.owner_id)
        teams.make(parish.id, "Kitchen", None, by=parish.owner_id)
    owner = parish.owner
    owner.get(f"{parish.home}history?kind=seats")
    assert "Kitchen" not in owner.words
    seen = len(owner.page.select(".timeline li"))
    while owner.page.select_one('a[rel="next"]'):
        owner.get(owner.page.select_one('a[rel="next"]')["href"])
        seen += len(owner.page.select(".timeline li"))
    assert seen == 120
    owner.get(f"{parish.home}history?kind=teams")
    assert "made the team Kitchen" in owner.words
    owner.get(f"{parish.home}history?who=crowd7@example.org")
    assert len(owner.page.select(".timeline li")) == 1
    owner.get(f"{parish.home}history?who=nobody@example.org", 422)
    for asked in ("since=2026-99-99", "until=9999-12-31", "since=0001-01-01", "who=a@.b", "who=a@b..c", f"who=a@{'b' * 64}.org"):
        owner.get(f"{parish.home}history?{asked}", 422)
        owner.get(f"{parish.home}history.csv?{asked}", 422)
    owner.get(f"{parish.home}history?since=2020-01-01&until=2020-12-31")
    assert "Nothing matches" in owner.words
    owner.get(f"{parish.home}history.csv?kind=seats")
    assert owner.response.data.decode("utf-8-sig").count("has a seat in use") == 120
