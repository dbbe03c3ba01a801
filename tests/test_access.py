"""May this person open the courses? Asked of a seat, of the subscription and of the role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import access, joining
from app.accounts import invitations, memberships, people
from app.accounts.memberships import Role
from app.kernel.errors import NotAllowed
from app.kernel.transaction import transaction
from billing import subscriptions
from tests.provider import snapshot

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
