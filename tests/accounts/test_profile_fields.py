"""Profile fields: up to ten, in an order, each with values that are checked, kept for many at once and never in the journal."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import arrivals, joining, roster
from app.accounts import memberships, oversight, people, people_imports, profile_fields, profile_values, teams
from app.accounts.memberships import Role
from app.accounts.people_imports import Fate
from app.accounts.profile_fields import Kind, Wish
from app.accounts.profile_values import Asked
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from app.roster import Wanted
from tests import people_making
from tests.house.statements import Recorder


@pytest.fixture
def add(owner):
    """Give a way to add fields; it gives their ids."""

    def one(name="Contract", kind="choice", choices="Paid\nVolunteer"):
        with transaction():
            return profile_fields.add(owner.organisation.id, Wish(name, kind, choices), by=owner.person.id).id

    return one


@pytest.fixture
def crowd(owner):
    """Give the ids of three people who have joined."""
    with transaction():
        return people_making.add(owner.organisation.id, 3)


def names(owner):
    return [field.name for field in profile_fields.of(owner.organisation.id)]


def matching(owner, **asked):
    return set(roster.ids(owner, Wanted(fields=(Asked(**asked),))))


def set_for(owner, ids, field, typed):
    with transaction():
        return profile_values.set_each(owner, ids, field, typed)


def test_there_are_at_most_ten_fields(owner, add):
    for n in range(10):
        add(f"Field {n}", "text")
    with pytest.raises(Conflict, match="ten is the most"):
        add("Field 10", "text")


def test_a_field_needs_a_name_of_its_own_that_is_no_column_already(owner, add):
    add("Côntract")
    with pytest.raises(Conflict, match="this name already"):
        add("contract")
    for name in ("", "E-mail", "x" * 41):
        with pytest.raises(Invalid) as refused:
            add(name)
        assert refused.value.field == "name"
    for choices in ("", " \n ", "x" * 61, "\n".join(map(str, range(61)))):
        with pytest.raises(Invalid) as refused:
            add("Another", "choice", choices)
        assert refused.value.field == "choices"
    with pytest.raises(Invalid, match="what the field holds"):
        add("Another", "number")


def test_a_field_moves_up_and_the_first_one_stays(owner, add):
    ids = [add(name, "text") for name in ("One", "Two", "Three")]
    for moved, order in ((2, ["One", "Three", "Two"]), (0, ["One", "Three", "Two"]), (2, ["Three", "One", "Two"])):
        with transaction():
            profile_fields.move_up(owner.organisation.id, ids[moved], by=owner.person.id)
        assert names(owner) == order


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("text", "  two   words ", "two words"),
        ("choice", "VOLUNTEER", "Volunteer"),
        ("date", "3/2/2026", "2026-02-03"),
        ("date", "3 February 2026", "2026-02-03"),
        ("date", "2026-02-03 00:00:00", "2026-02-03"),
        ("date", "2026-02-03", "2026-02-03"),
    ],
)
def test_a_value_is_kept_as_it_is_meant(owner, add, crowd, kind, typed, kept):
    field = add("Field", kind)
    assert set_for(owner, crowd[:1], field, typed) == 1
    assert profile_values.of_people(crowd) == {crowd[0]: {field: kept}}


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("choice", "Trustee", "there is no choice “Trustee”. Use one of these: Paid, Volunteer"),
        ("date", "31/2/2026", "day, month and year"),
        ("date", "soon", "day, month and year"),
        ("text", "x" * 201, "at most 200"),
        ("text", "a\x07b", "cannot be shown"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_what_to_do(owner, add, crowd, kind, typed, words):
    field = add("Field", kind)
    with pytest.raises(Invalid, match=words):
        set_for(owner, crowd, field, typed)
    assert profile_values.of_people(crowd) == {}


def test_a_field_is_set_for_many_and_taken_away_and_only_changes_count(owner, add, crowd):
    field = add()
    assert set_for(owner, crowd[:1], field, "paid") == 1
    assert set_for(owner, crowd, field, "Paid") == 2
    assert set_for(owner, crowd, field, "Volunteer") == 3
    assert profile_values.numbers(owner.organisation.id) == {field: 3}
    assert set_for(owner, crowd[:2], field, "") == 2
    assert profile_values.of_people(crowd) == {crowd[2]: {field: "Volunteer"}}


def test_the_journal_names_the_field_and_whose_it_is_and_never_what_stands_in_it(owner, add, crowd):
    field = add()
    set_for(owner, crowd[:2], field, "Volunteer")
    with transaction():
        profile_values.save(owner, crowd[2], {field: "Paid"})
    entries = db.session.scalars(sa.select(JournalEntry).where(JournalEntry.what == "profile_value.changed")).all()
    assert {entry.about for entry in entries} == set(crowd)
    assert {str(entry.facts) for entry in entries} == {str({"field": str(field)})}


def test_people_are_found_by_their_fields(owner, add, crowd):
    contract, desk, began = add(), add("Desk", "text"), add("Began", "date")
    set_for(owner, crowd[:1], contract, "Paid")
    set_for(owner, crowd[1:2], desk, "Café, 2nd floor")
    set_for(owner, crowd[1:2], began, "1/9/2026")
    set_for(owner, crowd[2:], began, "1/10/2026")
    day = profile_fields.as_day
    assert matching(owner, field=contract, kind=Kind.CHOICE, choice="Paid") == {crowd[0]}
    assert matching(owner, field=contract, kind=Kind.CHOICE, choice="Volunteer") == set()
    assert matching(owner, field=contract, kind=Kind.CHOICE, is_none=True) == {*crowd[1:], owner.membership.id}
    assert matching(owner, field=desk, kind=Kind.TEXT, contains="CAFE") == {crowd[1]}
    assert matching(owner, field=desk, kind=Kind.TEXT, contains="%") == set()
    assert matching(owner, field=began, kind=Kind.DATE, since=day("2026-09-01")) == {*crowd[1:]}
    assert matching(owner, field=began, kind=Kind.DATE, until=day("2026-09-30")) == {crowd[1]}
    assert matching(owner, field=began, kind=Kind.DATE, since=day("2026-09-02"), until=day("2026-10-01")) == {crowd[2]}


def test_a_filter_by_a_field_is_answered_by_its_index(shop, owner, add, crowd):
    field = add()
    condition = profile_values.matches(Asked(field, Kind.CHOICE, choice="Paid"))
    query = sa.select(memberships.Membership.id).where(oversight.sees(owner), condition)
    is_sqlite = db.engine.dialect.name == "sqlite"
    if not is_sqlite:
        # On a table of three rows PostgreSQL would rather read them all.
        db.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    compiled = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = "\n".join(str(row) for row in db.session.execute(sa.text(explain + str(compiled))))
    assert "ix_profile_value_field_id_value_key_membership_id" in plan


def test_setting_a_field_for_ten_times_as_many_takes_no_statement_more(owner, add):
    field = add()
    with transaction():
        few = people_making.add(owner.organisation.id, 10)
        many = people_making.add(owner.organisation.id, 100, start=10)
    counts = []
    for ids in (few, many):
        with Recorder(db.engine) as recorder:
            assert set_for(owner, ids, field, "Paid") == len(ids)
        counts.append(len(recorder.statements))
    assert counts[0] == counts[1] <= 8


def test_a_choice_that_somebody_has_stays_and_others_may_go(owner, add, crowd):
    field = add()
    set_for(owner, crowd[:1], field, "Paid")
    for name, choices in (("Contract", "Volunteer"),):
        with pytest.raises(Invalid, match="Somebody has “Paid”"), transaction():
            profile_values.change_field(owner.organisation.id, field, Wish(name, choices=choices), by=owner.person.id)
    with transaction():
        profile_values.change_field(owner.organisation.id, field, Wish("Terms", choices="Paid\nTrustee"), by=owner.person.id)
    assert names(owner) == ["Terms"]
    assert set_for(owner, crowd[1:], field, "trustee") == 2


def test_a_field_is_removed_with_everything_in_it_and_nothing_else(owner, add, crowd):
    field, other = add(), add("Desk", "text")
    set_for(owner, crowd, field, "Paid")
    set_for(owner, crowd, other, "2")
    with transaction():
        profile_values.remove_field(owner.organisation.id, field, by=owner.person.id)
    assert names(owner) == ["Desk"]
    assert profile_values.numbers(owner.organisation.id) == {other: 3}


def test_fields_and_people_of_another_organisation_are_as_if_they_did_not_exist(owner, make_person, add, crowd):
    field = add()
    stranger = people.known(make_person("Una", "una@example.org", "Elsewhere"))
    there = memberships.actor(stranger, memberships.places_of(stranger.id)[0].organisation.id)
    with transaction():
        theirs = profile_fields.add(there.organisation.id, Wish("Contract", "text"), by=stranger.id).id
    for ask in (
        lambda: profile_values.set_each(owner, crowd, theirs, "x"),
        lambda: profile_values.save(owner, there.membership.id, {field: "Paid"}),
        lambda: profile_values.save(owner, crowd[0], {theirs: "x"}),
        lambda: profile_values.remove_field(owner.organisation.id, theirs, by=owner.person.id),
        lambda: profile_values.change_field(owner.organisation.id, theirs, Wish("x"), by=owner.person.id),
        lambda: profile_fields.move_up(owner.organisation.id, theirs, by=owner.person.id),
        lambda: profile_fields.move_up(owner.organisation.id, uuid4(), by=owner.person.id),
    ):
        with pytest.raises(Missing), transaction():
            ask()
    assert set_for(owner, [there.membership.id], field, "Paid") == 0


def test_a_manager_sets_fields_for_their_people_and_not_for_those_who_run_things(owner, make_person, add, crowd):
    field = add()
    mei = people.known(make_person("Mei", "mei@example.org", "Elsewhere"))
    with transaction():
        membership = memberships.add(owner.organisation, mei, {Role.LEARNER})
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
        teams.appoint(owner.organisation.id, team.id, membership, by=owner.person.id)
        teams.put(owner.organisation.id, team.id, [crowd[0], owner.membership.id], by=owner.person.id)
    manager = memberships.actor(mei, owner.organisation.id)
    assert set_for(manager, [*crowd, owner.membership.id], field, "Paid") == 1
    assert set(profile_values.of_people([*crowd, owner.membership.id])) == {crowd[0]}
    with pytest.raises(NotAllowed), transaction():
        profile_values.save(manager, owner.membership.id, {field: "Paid"})
    with pytest.raises(Missing), transaction():
        profile_values.save(manager, crowd[1], {field: "Paid"})


def test_somebody_is_invited_with_what_is_known_of_them(owner, subscribe, add):
    subscribe(owner.organisation.id, 3)
    field = add()
    with transaction():
        guest = joining.invite(owner, "Ben", "ben@example.org", {Role.LEARNER}, days=14, values={field: "volunteer"}).id
    assert profile_values.of_people([guest]) == {guest: {field: "Volunteer"}}
    with pytest.raises(Invalid, match="no choice"), transaction():
        joining.invite(owner, "Eve", "eve@example.org", {Role.LEARNER}, days=14, values={field: "queen"})
    assert memberships.people_of(owner.organisation.id)[0].name != "Eve"


def test_a_list_fills_the_fields_whose_names_stand_above_its_columns(owner, subscribe, add):
    subscribe(owner.organisation.id, 9)
    contract, began = add("Contract"), add("Start date", "date")
    text = (
        "E-mail,CONTRACT,Start-Date,Team\n"
        "a@example.org,volunteer,1/9/2026,\nb@example.org,,,\nc@example.org,Queen,,\nd@example.org,Paid,some day,\n"
    )
    with transaction():
        sent = arrivals.send(owner, text.encode(), file_name="people.csv").id
    arrivals.read(sent)
    lines = people_imports.lines(sent)
    assert [line.fate for line in lines] == [Fate.NEW, Fate.NEW, Fate.PROBLEM, Fate.PROBLEM]
    assert "there is no choice “Queen”" in lines[2].problem
    assert "Start date: write the date" in lines[3].problem
    with transaction():
        arrivals.want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    guest = memberships.with_address(owner.organisation.id, "a@example.org")
    other = memberships.with_address(owner.organisation.id, "b@example.org")
    known = {guest.id: {contract: "Volunteer", began: "2026-09-01"}}
    assert profile_values.of_people([guest.id, other.id]) == known


def test_a_field_or_choice_that_went_before_the_list_was_brought_in_is_left_out(owner, subscribe, add):
    subscribe(owner.organisation.id, 9)
    contract, desk = add(), add("Desk", "text")
    with transaction():
        sent = arrivals.send(owner, b"E-mail,Contract,Desk\na@example.org,Volunteer,2\n", file_name="people.csv").id
    arrivals.read(sent)
    with transaction():
        profile_values.remove_field(owner.organisation.id, desk, by=owner.person.id)
        profile_values.change_field(owner.organisation.id, contract, Wish("Contract", choices="Paid"), by=owner.person.id)
        arrivals.want(owner, sent)
    assert arrivals.bring_in(sent, days=14)
    assert profile_values.numbers(owner.organisation.id) == {}


def test_what_is_known_goes_along_when_two_records_become_one_and_none_is_overwritten(owner, add, crowd):
    contract, desk = add(), add("Desk", "text")
    set_for(owner, crowd[:2], contract, "Paid")
    set_for(owner, crowd[1:2], contract, "Volunteer")
    set_for(owner, crowd[1:], desk, "2")
    with transaction():
        profile_values.pass_on(crowd[1], crowd[0])
    assert profile_values.of_people(crowd) == {
        crowd[0]: {contract: "Paid", desk: "2"},
        crowd[1]: {contract: "Volunteer", desk: "2"},
        crowd[2]: {desk: "2"},
    }


@pytest.mark.parametrize("name", ["E mail", "User-name", "Given name", "Department", "!!"])
def test_a_name_that_lists_take_for_another_column_or_cannot_tell_is_refused(owner, add, name):
    with pytest.raises(Invalid) as refused:
        add(name, "text")
    assert refused.value.field == "name"


def test_two_fields_are_told_apart_by_their_letters_alone(owner, add):
    add("Start date", "date")
    with pytest.raises(Conflict, match="this name already"):
        add("start-date", "date")
    desk = add("Desk", "text")
    with pytest.raises(Conflict, match="this name already"), transaction():
        profile_values.change_field(owner.organisation.id, desk, Wish("Start_Date", "text"), by=owner.person.id)
    with transaction():
        profile_values.change_field(owner.organisation.id, desk, Wish("DESK!", "text"), by=owner.person.id)
    assert names(owner) == ["Start date", "DESK!"]
