"""Record shares: offered, taken and shared; read by the other side for as long as the person wants, and by nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import memberships, people, record_shares
from app.accounts.memberships import Role
from app.accounts.record_shares import State
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction


@pytest.fixture
def other(shop, make_person):
    """Give the owner of another organisation."""
    person_id = make_person("Eve Other", "eve@example.org", "St Peter")
    return memberships.actor(people.known(person_id), memberships.places_of(person_id)[0].organisation.id)


@pytest.fixture
def leo(owner, other, make_person):
    """Give a learner of both organisations, as their membership in the first."""
    person_id = make_person("Leo Grant", "leo@example.org", "Elsewhere")
    with transaction():
        memberships.add(other.organisation, people.known(person_id), {Role.LEARNER})
        return memberships.add(owner.organisation, people.known(person_id), {Role.LEARNER})


@pytest.fixture
def share(owner, other, leo):
    """Offer the learner's record to the other organisation."""
    with transaction():
        return record_shares.offer(owner, leo.id, record_shares.code_of(other.organisation.id))


def do(step, *arguments):
    with transaction():
        return step(*arguments)


def seen_by(other, leo):
    member = next(place for place in memberships.places_of(leo.person_id) if place.organisation.id == other.organisation.id)
    return [giver for _, giver in record_shares.shared_with(member.membership)]


@pytest.mark.parametrize("person_first", [True, False])
def test_it_shows_once_both_have_agreed_in_whichever_order(other, leo, share, person_first):
    steps = [(record_shares.agree, leo.person_id), (record_shares.accept, other)]
    for step, who in steps if person_first else reversed(steps):
        assert seen_by(other, leo) == []
        do(step, who, share.id)
    assert seen_by(other, leo) == ["St Mary"]
    whats = list(db.session.scalars(sa.select(JournalEntry.what).where(JournalEntry.what.startswith("record."))))
    assert sorted(whats) == ["record.accepted", "record.agreed", "record.offered", "record.shared", "record.shared"]


def test_the_person_is_asked_and_the_other_side_is_told_without_a_name(share):
    mails = {mail.kind: mail for mail in db.session.scalars(sa.select(OutboxMail))}
    assert mails["record_share_asked"].address == "leo@example.org"
    assert mails["record_offered"].address == "eve@example.org"
    assert "Leo" not in str(mails["record_offered"].facts)


def test_the_person_ends_it_whenever_they_want(other, leo, share):
    do(record_shares.agree, leo.person_id, share.id)
    do(record_shares.accept, other, share.id)
    do(record_shares.end, leo.person_id, share.id)
    assert seen_by(other, leo) == []
    with pytest.raises(Conflict, match="is over"):
        do(record_shares.agree, leo.person_id, share.id)


def test_whoever_says_no_ends_the_offer_and_it_can_be_made_again(owner, other, leo, share):
    with pytest.raises(Conflict, match="offered to St Peter already"):
        do(record_shares.offer, owner, leo.id, record_shares.code_of(other.organisation.id))
    do(record_shares.decline, other, share.id)
    for step, who in ((record_shares.accept, other), (record_shares.agree, leo.person_id), (record_shares.withdraw, owner)):
        with pytest.raises(Conflict, match="is over"):
            do(step, who, share.id)
    again = do(record_shares.offer, owner, leo.id, record_shares.code_of(other.organisation.id))
    do(record_shares.end, leo.person_id, again.id)
    assert record_shares.of_person(leo.person_id) == []


def test_an_offer_that_nobody_answers_is_over_after_a_month(owner, other, leo, share):
    with transaction():
        clock.advance(timedelta(days=30))
    assert record_shares.offered_to(other.organisation.id) == []
    with pytest.raises(Conflict, match="is over"):
        do(record_shares.accept, other, share.id)
    assert do(record_shares.offer, owner, leo.id, record_shares.code_of(other.organisation.id)).state == State.OPEN


def test_nobody_answers_for_somebody_else(owner, other, leo, share):
    for step, who in (
        (record_shares.accept, owner),
        (record_shares.decline, owner),
        (record_shares.withdraw, other),
        (record_shares.agree, other.person.id),
        (record_shares.end, owner.person.id),
    ):
        with pytest.raises(Missing):
            do(step, who, share.id)
    with pytest.raises(Missing):
        do(record_shares.offer, other, leo.id, record_shares.code_of(owner.organisation.id))


def test_a_code_names_another_organisation_or_is_refused(owner, leo, make_person):
    for code, words in (("nonsense", "do not know this code"), (record_shares.code_of(owner.organisation.id), "your own")):
        with pytest.raises(Invalid, match=words):
            do(record_shares.offer, owner, leo.id, code)
    mei = make_person("Mei", "mei@example.org", "Tea room")
    with transaction():
        memberships.add(owner.organisation, people.known(mei), {Role.MANAGER})
    acting = memberships.actor(people.known(mei), owner.organisation.id)
    with pytest.raises((Missing, NotAllowed)):
        do(record_shares.offer, acting, leo.id, record_shares.code_of(memberships.places_of(mei)[0].organisation.id))


def test_somebody_without_an_account_has_no_record_to_share(owner, other):
    with transaction():
        guest = memberships.invite(owner.organisation.id, "Ann", "ann@example.org", {Role.LEARNER})
    with pytest.raises(Conflict, match="no account"):
        do(record_shares.offer, owner, guest.id, record_shares.code_of(other.organisation.id))
