"""Profile fields in a browser: defined in the settings, filled in for one or many, filtered by, exported, and seen."""

from __future__ import annotations

import csv
import io

import pytest

from app.accounts import memberships, profile_fields, teams
from app.accounts.memberships import Role
from app.accounts.profile_fields import Wish
from app.kernel.transaction import transaction
from tests import people_making


@pytest.fixture
def contract(parish):
    """Give a field of kind choice."""
    with parish.app.app_context(), transaction():
        wish = Wish("Contract", "choice", "Paid\nVolunteer")
        return profile_fields.add(parish.id, wish, by=parish.owner_id)


@pytest.fixture
def crowd(parish):
    """Give the ids of three people who have joined."""
    with parish.app.app_context(), transaction():
        return people_making.add(parish.id, 3)


def names(browser):
    return [link.text for link in browser.page.select("tbody th a")]


def test_a_field_is_added_renamed_moved_and_removed(parish):
    parish.owner.get(f"{parish.home}fields")
    assert "No fields yet" in parish.owner.words
    for name in ("Start date", "Contract"):
        parish.owner.submit(
            "Add it", {"name": name, "kind": "choice" if name == "Contract" else "date", "choices": "Paid\nUnpaid"}
        )
        assert f"{name} is there." in parish.owner.words
    parish.owner.submit("Move up", {})
    assert names(parish.owner) == ["Contract", "Start date"]
    parish.owner.click("Contract")
    parish.owner.submit("Save", {"name": "Terms", "choices": "Paid\nUnpaid\nTrustee"})
    assert names(parish.owner) == ["Terms", "Start date"]
    parish.owner.click("Terms")
    assert "0 people have something in it." in parish.owner.words
    parish.owner.submit("Remove it", {})
    assert names(parish.owner) == ["Start date"]


def test_what_cannot_be_added_comes_back_filled_in(parish, contract):
    parish.owner.get(f"{parish.home}fields")
    parish.owner.submit("Add it", {"name": "contract", "kind": "text"}, 409)
    assert "There is a field of this name already" in parish.owner.words
    assert parish.owner.page.select_one("#name")["value"] == "contract"
    parish.owner.submit("Add it", {"name": "Band", "kind": "choice"}, 422)
    assert "Give the choices, one on each line." in parish.owner.words
    parish.owner.get(f"{parish.home}fields/{contract.id}")
    parish.owner.submit("Save", {"name": "", "choices": "Paid"}, 422)
    assert parish.owner.page.select_one("#choices").text.strip() == "Paid"


def test_somebody_is_filled_in_and_sees_it_on_their_own_page(parish, contract):
    ben = parish.member("ben@example.org", Role.LEARNER)
    parish.owner.get(parish.page_of("ben@example.org"))
    parish.owner.click("Change what is known of Ben")
    parish.owner.submit("Save", {f"f_{contract.id.hex}": "Volunteer"})
    assert "Saved what is known of Ben." in parish.owner.words
    assert "Volunteer" in parish.owner.words
    assert "Ruth Amadi changed the field “Contract” of Ben" in parish.owner.words
    ben.get("/profile")
    assert "What St Mary notes about you" in ben.words
    assert "Volunteer" in ben.words
    parish.owner.get("/profile")
    assert "notes about you" not in parish.owner.words


def test_a_choice_that_does_not_exist_is_refused_on_a_persons_page_and_on_the_invitation(parish, contract):
    parish.pays_for(3)
    parish.member("ben@example.org", Role.LEARNER)
    at = parish.page_of("ben@example.org")
    parish.owner.get(f"{at}/fields")
    parish.owner.post(f"{at}/fields", {f"f_{contract.id.hex}": "Queen"}, 422)
    assert "there is no choice “Queen”" in parish.owner.words
    parish.owner.get(f"{parish.home}people/invite")
    filled = {"name": "Eve", "address": "eve@example.org", "role": "learner"}
    parish.owner.post(f"{parish.home}people/invite", {**filled, f"f_{contract.id.hex}": "Queen"}, 422)
    assert "there is no choice “Queen”" in parish.owner.words
    assert parish.owner.page.select_one("#name")["value"] == "Eve"
    parish.owner.submit("Send the invitation", {f"f_{contract.id.hex}": "Paid"})
    parish.owner.get(parish.page_of("eve@example.org"))
    assert "Paid" in parish.owner.words


def test_a_field_is_set_for_those_ticked_and_for_everyone_who_matches(parish, contract, crowd):
    parish.owner.get(f"{parish.home}people/field?who={crowd[0]}")
    assert "Set a field for 1 person" in parish.owner.words
    parish.owner.submit("Set Contract for 1 person", {f"f_{contract.id.hex}": "Paid"})
    assert "Contract is changed for 1 person." in parish.owner.words
    parish.owner.get(f"{parish.home}people/field?all=1&by_{contract.id.hex}=none&role=learner")
    parish.owner.submit("Set Contract for 2 people", {f"f_{contract.id.hex}": "Volunteer"})
    assert "Contract is changed for 2 people." in parish.owner.words
    assert parish.owner.path.endswith(f"role=learner&by_{contract.id.hex}=none")
    assert "Nobody matches" in parish.owner.words
    parish.owner.get(f"{parish.home}people?by_{contract.id.hex}=is:Paid")
    assert len(names(parish.owner)) == 1
    assert parish.owner.page.select_one(f"#by_{contract.id.hex} option[selected]").text == "Paid"


def test_nothing_is_set_when_others_match_by_now_or_the_value_cannot_be_used(parish, contract, crowd):
    parish.owner.get(f"{parish.home}people/field?all=1")
    name = f"f_{contract.id.hex}"
    form = {"all": "1", "expected": "99", "field": str(contract.id), name: "Paid"}
    parish.owner.post(f"{parish.home}people/field", form, 409)
    assert "4 people match by now, not 99" in parish.owner.words
    parish.owner.post(f"{parish.home}people/field", {"who": str(crowd[0]), "field": str(contract.id), name: "Queen"}, 422)
    assert "there is no choice “Queen”" in parish.owner.words
    parish.owner.post(f"{parish.home}people/field", {"who": str(crowd[0]), "field": "nonsense", name: "Paid"}, 404)
    parish.owner.get(f"{parish.home}people/field", 303)


def test_dates_and_words_filter_the_table_and_nonsense_is_left_out(parish, crowd):
    with parish.app.app_context(), transaction():
        desk = profile_fields.add(parish.id, Wish("Desk", "text"), by=parish.owner_id).id.hex
        began = profile_fields.add(parish.id, Wish("Began", "date"), by=parish.owner_id).id.hex
    parish.owner.get(f"{parish.home}people/{crowd[0]}/fields")
    parish.owner.submit("Save", {f"f_{desk}": "=2+2", f"f_{began}": "2026-09-01"})
    for asked, number in (
        (f"by_{desk}=2%2B", 1),
        (f"by_{desk}=3", 0),
        (f"by_{began}_from=2026-09-01", 1),
        (f"by_{began}_to=2026-08-31", 0),
        (f"by_{began}_from=soon&by_nonsense=1", 4),
    ):
        parish.owner.get(f"{parish.home}people?{asked}")
        assert len(names(parish.owner)) == number, asked
    parish.owner.get(f"{parish.home}people.csv?by_{desk}=2&columns=name.f_{desk}.f_{began}")
    head, row = csv.reader(io.StringIO(parish.owner.response.data.decode("utf-8-sig")))
    assert head == ["Name", "Desk", "Began"]
    assert row[1:] == ["'=2+2", "1 September 2026"]


def test_the_template_of_a_list_has_a_column_for_each_field(parish, contract):
    parish.owner.get(f"{parish.home}people/lists/template.csv")
    head, example, _ = csv.reader(io.StringIO(parish.owner.response.data.decode("utf-8-sig")))
    assert head == ["Name", "E-mail", "Team", "Contract"]
    assert example[-1] == "Paid"


def test_a_manager_fills_in_their_people_and_defines_no_field(parish, contract, crowd):
    manager = parish.member("mei@example.org", Role.LEARNER)
    with parish.app.app_context(), transaction():
        mei = memberships.with_address(parish.id, "mei@example.org")
        team = teams.make(parish.id, "Kitchen", None, by=parish.owner_id)
        teams.appoint(parish.id, team.id, mei, by=parish.owner_id)
        teams.put(parish.id, team.id, [crowd[0]], by=parish.owner_id)
    manager.get(f"{parish.home}people/{crowd[0]}/fields")
    manager.submit("Save", {f"f_{contract.id.hex}": "Paid"})
    manager.get(f"{parish.home}people/{crowd[1]}/fields", 404)
    manager.post(f"{parish.home}people/{crowd[1]}/fields", {f"f_{contract.id.hex}": "Paid"}, 404)
    manager.get(f"{parish.home}fields", 403)
