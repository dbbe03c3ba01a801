"""May this person open the courses? Asked of a seat, of the subscription and of the role."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from app import access, joining
from app.accounts import invitations, memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.errors import Missing, NotAllowed
from app.kernel.transaction import transaction
from billing import subscriptions
from catalog.shelf import importing
from catalog.shelf.importing import Content
from tests import learning
from tests.house.statements import Recorder
from tests.provider import snapshot
from tests.shelf import SHELF

GRACE = timedelta(days=14)


@pytest.fixture
def learner(owner, subscribe, make_person):
    subscription_id = subscribe(owner.organisation.id, 2)
    leo = people.known(make_person("Leo Grant", "leo@example.org", "Elsewhere"))
    with transaction():
        member = joining.invite(owner, "Leo Grant", "leo@example.org", {Role.LEARNER}, days=14)
        joining.accept(invitations.opened(invitations.token(invitations.open_of(member.id).link_id)), leo)
    actor = memberships.actor(leo, owner.organisation.id)
    return actor, subscription_id


def lapse(subscription_id, status="unpaid"):
    with transaction():
        token = subscriptions.lease(subscription_id)
        subscriptions.refresh(subscription_id, snapshot(status=status), token)


def test_a_seat_in_use_opens_the_courses(learner):
    assert access.demand_courses(learner[0], GRACE) == access.Decision(may_open=True)


def test_the_question_is_one_query_whose_row_an_index_finds(learner):
    actor = learner[0]
    access.to_courses(actor, GRACE)
    with Recorder(db.engine) as recorder:
        assert access.to_courses(actor, GRACE).may_open
    [asked] = recorder.statements
    assert "seat_assignment.released_at IS NULL" in asked
    if db.engine.dialect.name == "sqlite":
        marks = asked.count("?")
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("x",) * marks).all()
        assert not [row for row in plan if "SCAN" in row[3]]


def test_without_a_seat_the_message_says_whom_to_ask(owner, learner):
    with transaction():
        joining.archive(owner, learner[0].membership.id)
    with pytest.raises(NotAllowed, match="Ask an admin"):
        access.demand_courses(learner[0], GRACE)


def test_an_owner_without_a_seat_looks_around(owner, learner):
    assert access.to_courses(owner, GRACE) == access.Decision(may_open=True, is_preview=True)


def test_a_lapsed_subscription_closes_the_courses_for_everyone_and_payment_opens_them(owner, learner):
    actor, subscription_id = learner
    lapse(subscription_id)
    for who in (actor, owner):
        with pytest.raises(NotAllowed, match="no running subscription"):
            access.demand_courses(who, GRACE)
    lapse(subscription_id, "active")
    assert access.to_courses(actor, GRACE).may_open


def test_a_seat_elsewhere_opens_nothing_here(learner, make_person):
    other = people.known(make_person("Eve", "eve@example.org", "Other"))
    eve = memberships.actor(other, memberships.places_of(other.id)[0].organisation.id)
    assert not access.to_courses(eve, GRACE).may_open


def test_a_course_is_open_in_the_version_on_the_shelf_and_then_in_the_one_that_was_begun(learner, shelf):
    actor = learner[0]
    before = access.to_course(actor, learning.SLUG, GRACE)
    assert before.enrolment is None
    with transaction():
        enrolment = learning.enrol(actor)
        file = dataclasses.replace(SHELF.courses[1], digest="new")
        importing.load(Content((file,), SHELF.guides))
    inside = access.to_course(actor, learning.SLUG, GRACE)
    assert inside.enrolment.id == enrolment.id
    assert inside.course.version.number == 1
    with transaction():
        importing.load(Content((), ()))
    assert access.to_course(actor, learning.SLUG, GRACE).course.version.number == 1
    with transaction():
        learning.take_test(actor, enrolment)
    after = access.to_course(actor, learning.SLUG, GRACE)
    assert (after.enrolment, after.course.version.number) == (None, 1)


def test_a_course_that_is_not_on_the_shelf_is_missing(learner, owner, shelf):
    for who in (learner[0], owner):
        with pytest.raises(Missing):
            access.to_course(who, "no-such-course", GRACE)


def test_nothing_is_saved_for_whoever_only_looks_around_or_has_not_begun(learner, owner, shelf):
    with pytest.raises(NotAllowed, match="looking around"):
        access.demand_enrolment(owner, learning.SLUG, GRACE)
    with pytest.raises(NotAllowed, match="Begin the course first"):
        access.demand_enrolment(learner[0], learning.SLUG, GRACE)


def test_a_course_that_was_begun_closes_with_the_seat_and_opens_where_it_was(owner, learner, shelf):
    actor, subscription_id = learner
    with transaction():
        enrolment = learning.enrol(actor)
    lapse(subscription_id)
    with pytest.raises(NotAllowed, match="no running subscription"):
        access.to_course(actor, learning.SLUG, GRACE)
    lapse(subscription_id, "active")
    assert access.demand_enrolment(actor, learning.SLUG, GRACE)[1].id == enrolment.id
