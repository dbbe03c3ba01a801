"""Teams: a tree of four levels, several managers, several teams a person, and moving without losing anything."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import arrivals, crowd, joining
from app.accounts import memberships, oversight, people, roles, same_names, teams
from app.accounts.memberships import Role
from app.accounts.teams import TeamMember
from app.crowd import Change, Selection
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from tests import people_making
from tests.house.statements import Recorder


@pytest.fixture
def make(owner):
    """Give a maker of teams; it gives their ids."""

    def team(name, under=None):
        with transaction():
            return teams.make(owner.organisation.id, name, under, by=owner.person.id).id

    return team


@pytest.fixture
def manager(owner, make_person):
    """Give somebody who has joined, to manage teams, and their actor afterwards."""
    person = people.known(make_person("Mei Chen", "mei@example.org", "Elsewhere"))
    with transaction():
        memberships.add(owner.organisation, person, {Role.LEARNER})
    return memberships.actor(person, owner.organisation.id)


def appoint(owner, team, manager):
    with transaction():
        found = memberships.of_organisation(owner.organisation.id, manager.membership.id)
        teams.appoint(owner.organisation.id, team, found, by=owner.person.id)


def titles(owner):
    return [node.title for node in teams.tree_of(owner.organisation.id).walk()]


def test_teams_go_four_levels_deep_and_no_deeper(owner, make):
    one = make("North")
    two = make("School", one)
    three = make("Year 1", two)
    four = make("Class A", three)
    assert titles(owner)[-1] == "North / School / Year 1 / Class A"
    with pytest.raises(Invalid, match="four levels"):
        make("Table 3", four)


def test_a_team_moves_with_all_under_it_but_not_under_itself_or_too_deep(owner, make):
    north, south = make("North"), make("South")
    kitchen = make("Kitchen", north)
    make("Ovens", kitchen)
    deep = make("Deep", make("Deeper", make("Yard", south)))
    with transaction():
        teams.move(owner.organisation.id, kitchen, south, by=owner.person.id)
    assert "South / Kitchen / Ovens" in titles(owner)
    for to in (kitchen, deep):
        with pytest.raises(Invalid), transaction():
            teams.move(owner.organisation.id, kitchen if to == kitchen else south, to, by=owner.person.id)


def test_two_teams_of_one_name_stand_at_different_places(owner, make):
    north, south = make("North"), make("South")
    make("Kitchen", north)
    make("Kitchen", south)
    for under in (north, None):
        with pytest.raises(Conflict, match="of this name"):
            make("kitchen" if under else "NORTH", under)


def test_people_are_in_several_teams_and_stay_when_one_is_archived_and_brought_back(owner, make):
    with transaction():
        ids = people_making.add(owner.organisation.id, 3)
    north = make("North")
    kitchen, garden = make("Kitchen", north), make("Garden")
    with transaction():
        assert teams.put(owner.organisation.id, kitchen, ids, by=owner.person.id) == 3
        assert teams.put(owner.organisation.id, kitchen, ids, by=owner.person.id) == 0
        assert teams.put(owner.organisation.id, garden, ids[:1], by=owner.person.id) == 1
    assert [team.name for team in teams.of_people(ids)[ids[0]]] == ["Garden", "Kitchen"]
    with transaction():
        assert teams.archive(owner.organisation.id, north, by=owner.person.id) == 2
    assert titles(owner) == ["Garden"]
    with transaction():
        teams.bring_back(owner.organisation.id, kitchen, by=owner.person.id)
    assert titles(owner) == ["Garden", "Kitchen"]
    assert teams.sizes(owner.organisation.id)[kitchen] == 3
    with transaction():
        assert teams.take_out(owner.organisation.id, kitchen, ids, by=owner.person.id) == 3


def test_nobody_of_another_organisation_comes_into_a_team(owner, make, make_person):
    team = make("Kitchen")
    stranger = memberships.places_of(make_person("Una", "una@example.org", "Elsewhere"))[0]
    with transaction():
        assert teams.put(owner.organisation.id, team, [stranger.membership.id], by=owner.person.id) == 0
    for foreign in (team, uuid4()):
        with pytest.raises(Missing), transaction():
            teams.put(stranger.organisation.id, foreign, [stranger.membership.id], by=owner.person.id)
    assert db.session.query(TeamMember).count() == 0


def test_a_manager_sees_the_people_of_their_teams_and_of_what_is_under_them_only(owner, make, manager):
    with transaction():
        mine, below, other = people_making.add(owner.organisation.id, 3)
    north, south = make("North"), make("South")
    kitchen = make("Kitchen", north)
    with transaction():
        teams.put(owner.organisation.id, north, [mine], by=owner.person.id)
        teams.put(owner.organisation.id, kitchen, [below], by=owner.person.id)
        teams.put(owner.organisation.id, south, [other], by=owner.person.id)
    appoint(owner, north, manager)
    actor = memberships.actor(manager.person, owner.organisation.id)
    assert actor.roles == {Role.LEARNER, Role.MANAGER}
    for seen in (mine, below):
        assert oversight.member(actor, seen).id == seen
    for unseen in (other, owner.membership.id, uuid4()):
        with pytest.raises(Missing):
            oversight.member(actor, unseen)
    assert [node.title for node in oversight.teams_of(actor).walk()] == ["North", "North / Kitchen"]
    with transaction():
        teams.archive(owner.organisation.id, kitchen, by=owner.person.id)
    with pytest.raises(Missing):
        oversight.member(actor, below)


def test_after_the_last_team_nobody_is_a_manager(owner, make, manager):
    north, south = make("North"), make("South")
    appoint(owner, north, manager)
    appoint(owner, south, manager)
    for team, is_manager in ((north, True), (south, False)):
        with transaction():
            found = memberships.of_organisation(owner.organisation.id, manager.membership.id)
            teams.dismiss(owner.organisation.id, team, found, by=owner.person.id)
            assert found.is_manager is is_manager


@pytest.mark.parametrize("way", ["invited", "in a list", "brought back"])
def test_who_comes_back_without_the_role_manages_no_team(owner, subscribe, make, manager, way):
    subscribe(owner.organisation.id, 5)
    north, south = make("North"), make("South")
    appoint(owner, north, manager)
    with transaction():
        joining.archive(owner, manager.membership.id)
    assert teams.managed_by(manager.membership.id) == {north}
    if way == "invited":
        with transaction():
            joining.invite(owner, "Mei Chen", "mei@example.org", {Role.LEARNER}, days=14)
    elif way == "in a list":
        with transaction():
            sent = arrivals.send(owner, b"mei@example.org", is_pasted=True).id
        arrivals.read(sent)
        with transaction():
            arrivals.want(owner, sent)
        arrivals.bring_in(sent, days=14)
    else:
        with transaction():
            memberships.of_organisation(owner.organisation.id, manager.membership.id).is_manager = False
        with transaction():
            crowd.do(owner, Change.RESTORE, Selection(frozenset({manager.membership.id})), days=14)
    assert teams.managed_by(manager.membership.id) == set()
    dismissed = sa.select(JournalEntry.facts).where(JournalEntry.what == "team.manager_dismissed")
    assert db.session.scalars(dismissed).all() == [{"team": str(north)}]
    with transaction():
        memberships.of_organisation(owner.organisation.id, manager.membership.id).state = "active"
    appoint(owner, south, manager)
    assert teams.managed_by(manager.membership.id) == {south}


def test_a_manager_who_is_brought_back_manages_their_teams_again(owner, subscribe, make, manager):
    subscribe(owner.organisation.id, 5)
    north = make("North")
    appoint(owner, north, manager)
    with transaction():
        joining.archive(owner, manager.membership.id)
    assert teams.managers(owner.organisation.id) == {}
    with transaction():
        crowd.do(owner, Change.RESTORE, Selection(frozenset({manager.membership.id})), days=14)
    assert [found.name for found in teams.managers(owner.organisation.id)[north]] == ["Mei Chen"]


def test_who_is_no_manager_any_more_is_named_nowhere_and_begins_anew(owner, make, manager):
    north, south = make("North"), make("South")
    appoint(owner, north, manager)
    with transaction():
        memberships.of_organisation(owner.organisation.id, manager.membership.id).is_manager = False
    assert teams.managers(owner.organisation.id) == {}
    appoint(owner, south, manager)
    assert set(teams.managers(owner.organisation.id)) == {south}


def test_ownership_goes_over_only_with_consent(owner, manager):
    with transaction():
        roles.offer_ownership(owner, manager.membership.id, steps_down=True)
    actor = memberships.actor(manager.person, owner.organisation.id)
    offer, giver = roles.open_offer_to(actor)
    assert (giver, offer.steps_down) == ("Ruth Amadi", True)
    assert memberships.owners(owner.organisation.id) == 1
    with pytest.raises(Missing), transaction():
        roles.answer_offer(owner, offer.id, accepts=True)
    with transaction():
        roles.answer_offer(actor, offer.id, accepts=True)
    db.session.expire_all()
    assert memberships.of_organisation(owner.organisation.id, owner.membership.id).roles == {Role.ADMIN}
    assert Role.OWNER in memberships.of_organisation(owner.organisation.id, manager.membership.id).roles
    with pytest.raises(Conflict, match="over"), transaction():
        roles.answer_offer(actor, offer.id, accepts=True)


def test_an_offer_is_void_when_declined_or_made_again_or_its_giver_is_no_owner(owner, manager):
    actor = memberships.actor(manager.person, owner.organisation.id)
    with transaction():
        roles.offer_ownership(owner, manager.membership.id, steps_down=False)
    first, _ = roles.open_offer_to(actor)
    with transaction():
        roles.offer_ownership(owner, manager.membership.id, steps_down=False)
    second, _ = roles.open_offer_to(actor)
    with pytest.raises(Conflict), transaction():
        roles.answer_offer(actor, first.id, accepts=True)
    with transaction():
        giver = memberships.of_organisation(owner.organisation.id, owner.membership.id)
        giver.is_owner = False
    with pytest.raises(Conflict, match="no owner any more"), transaction():
        roles.answer_offer(actor, second.id, accepts=True)
    with transaction():
        roles.answer_offer(actor, second.id, accepts=False)
    assert roles.open_offer_to(actor) is None


def test_the_last_owner_cannot_leave(owner, manager):
    with pytest.raises(Conflict, match="only owner"), transaction():
        roles.leave(owner)
    with transaction():
        memberships.of_organisation(owner.organisation.id, manager.membership.id).is_owner = True
    with transaction():
        roles.leave(owner)
    assert memberships.owners(owner.organisation.id) == 1


def test_others_may_refer_to_an_organisation_while_its_tree_or_a_list_of_names_is_held(owner, make):
    with Recorder(db.engine) as recorder:
        make("North")
        with transaction():
            same_names.of_lines(owner.organisation.id, [SimpleNamespace(number=1, name="Ben")], lock=True)
    of_organisation = [one for one in recorder.statements if "FROM organisation" in one]
    assert len(of_organisation) >= 2
    assert [one for one in of_organisation if one.rstrip().endswith("FOR UPDATE")] == []
