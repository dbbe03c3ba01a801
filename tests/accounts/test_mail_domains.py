"""Mail domains: confirmed by somebody with a mailbox there, offered to those with an address there, and closed when removed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import ways_in
from app.accounts import join_requests, mail_domains, memberships, people, teams
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.ways_in import Outcome
from billing import seats

DOMAIN = "stmarys.example"


def add(actor, domain=DOMAIN, mailbox="office", *, needs_approval=False, team_id=None):
    with transaction():
        return mail_domains.add(actor, domain, mailbox, team_id=team_id, needs_approval=needs_approval)


def confirm(found):
    with transaction():
        return mail_domains.confirm(mail_domains.token(found.id))


def addresses():
    query = sa.select(OutboxMail.address).where(OutboxMail.kind == mail_domains.MAIL).order_by(OutboxMail.id)
    return list(db.session.scalars(query))


@pytest.fixture
def leo(make_person):
    """Give somebody with an address at the domain, typed with capitals."""
    return people.known(make_person("Leo Grant", "Leo@StMarys.example", "Elsewhere"))


def test_a_domain_opens_nothing_until_somebody_there_has_pressed_the_button(owner, leo):
    found = add(owner)
    assert addresses() == ["office@stmarys.example"]
    assert mail_domains.offered(leo) == []
    confirm(found)
    assert [one.organisation.id for one in mail_domains.offered(leo)] == [owner.organisation.id]
    with pytest.raises(Conflict):
        confirm(found)


def test_whoever_has_an_address_there_joins_with_a_team_and_a_seat(owner, leo, subscribe):
    subscribe(owner.organisation.id, 1)
    with transaction():
        team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id).id
    found = confirm(add(owner, team_id=team))
    with transaction():
        assert ways_in.join(ways_in.by_domain(mail_domains.offer(leo, found.id)), leo) is Outcome.JOINED
    here = memberships.actor(leo, owner.organisation.id).membership
    assert seats.has_one(here.id)
    assert [one.id for one in teams.of_people([here.id])[here.id]] == [team]
    assert mail_domains.offered(leo) == []


def test_with_approval_they_ask(owner, leo):
    found = confirm(add(owner, needs_approval=True))
    with transaction():
        assert ways_in.join(ways_in.by_domain(mail_domains.offer(leo, found.id)), leo) is Outcome.ASKED
    assert join_requests.organisations_asked(leo.id) == {owner.organisation.id}


@pytest.mark.parametrize("address", ["leo@stmarys.example.org", "leo@mail.stmarys.example", "leo@notstmarys.example"])
def test_an_address_at_a_similar_domain_opens_nothing(owner, make_person, address):
    found = confirm(add(owner))
    other = people.known(make_person("Leo", address, "Elsewhere"))
    assert mail_domains.offered(other) == []
    with pytest.raises(Missing):
        mail_domains.offer(other, found.id)


def test_a_domain_may_belong_to_two_organisations_and_the_person_chooses(owner, leo, make_person):
    diocese = people.known(make_person("Ivor", "ivor@example.org", "Diocese"))
    other = memberships.actor(diocese, memberships.places_of(diocese.id)[0].organisation.id)
    for actor in (owner, other):
        confirm(add(actor))
    assert [one.organisation.name for one in mail_domains.offered(leo)] == ["Diocese", "St Mary"]


def test_removing_a_domain_closes_the_way_and_its_link(owner, leo):
    found = confirm(add(owner))
    with transaction():
        mail_domains.remove(owner, found.id)
    assert mail_domains.offered(leo) == []
    with pytest.raises(Missing):
        mail_domains.opened(mail_domains.token(found.id))
    confirm(add(owner))
    assert len(mail_domains.offered(leo)) == 1


def test_a_link_that_nobody_pressed_in_a_week_is_over(owner):
    found = add(owner)
    with transaction():
        clock.advance(mail_domains.LASTS)
    with pytest.raises(Missing, match="too late"):
        confirm(found)
    add(owner, mailbox="head")
    confirm(found)
    assert addresses() == ["office@stmarys.example", "head@stmarys.example"]


@pytest.mark.parametrize(
    ("domain", "mailbox", "field"),
    [
        ("gmail.com", "ruth", "domain"),
        ("BTInternet.com", "ruth", "domain"),
        ("st mary", "office", "domain"),
        ("office@stmarys.example", "office", "domain"),
        ("", "office", "domain"),
        (DOMAIN, "", "mailbox"),
        (DOMAIN, "office@elsewhere.example", "mailbox"),
    ],
)
def test_what_cannot_be_a_domain_or_a_mailbox_is_refused_at_its_field(owner, domain, mailbox, field):
    with pytest.raises(Invalid) as refusal:
        add(owner, domain, mailbox)
    assert refusal.value.field == field
    assert addresses() == []


def test_a_domain_in_any_script_is_one_domain(owner, make_person):
    confirm(add(owner, "Bücher.example"))
    reader = people.known(make_person("Leo", "leo@xn--bcher-kva.example", "Elsewhere"))
    assert len(mail_domains.offered(reader)) == 1
    with pytest.raises(Conflict, match="confirmed already"):
        add(owner, "xn--bcher-kva.example")


def test_nobody_uses_it_to_write_to_strangers_all_day(owner):
    for number in range(mail_domains.MAILS_A_DAY):
        add(owner, f"place{number}.example")
    with pytest.raises(NotAllowed, match="tomorrow"):
        add(owner)


def test_a_domain_of_another_organisation_is_missing(owner, make_person):
    other = people.known(make_person("Ivor", "ivor@example.org", "Elsewhere"))
    theirs = memberships.actor(other, memberships.places_of(other.id)[0].organisation.id)
    found = add(theirs)
    with pytest.raises(Missing), transaction():
        mail_domains.remove(owner, found.id)
    assert mail_domains.of_organisation(owner.organisation.id) == []


def test_time_passes_without_a_second_word(owner, leo):
    confirm(add(owner))
    with transaction():
        clock.advance(timedelta(days=400))
    assert len(mail_domains.offered(leo)) == 1
