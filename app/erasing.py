"""Erasing: when somebody's account goes, their seats are free, contact data is gone, and evidence stays under a pseudonym."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from app import shortfalls
from app.accounts import (
    erasures,
    invitations,
    join_requests,
    memberships,
    mergers,
    organisations,
    people,
    record_shares,
    teams,
    waiting_places,
)
from app.accounts import roles as roles_of_people
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Kind, Organisation
from app.kernel import clock, journal, outbox
from app.kernel.db import db
from app.kernel.errors import Conflict, Refusal
from app.kernel.transaction import transaction
from billing import forgotten_quotes, invoice_recipients, seats, subscriptions
from catalog.learning import certificates, retention

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from app.accounts.people import Person
    from app.accounts.sign_ins import Proof

log = structlog.get_logger(__name__)

HERE = (MembershipState.INVITED, MembershipState.ACTIVE)


def ask(proof: Proof) -> erasures.Erasure:
    """Ask that an account goes a week from now; raises Conflict for who has to hand something over first."""
    demand_free(people.known(proof.person_id))
    return erasures.ask(proof)


def demand_free(person: Person) -> None:
    """Demand that nobody depends on an account.

    Raises Conflict for the operator, the only owner of an organisation with others in it, and whoever still pays for seats.
    """
    if person.is_operator:
        raise Conflict("This account runs the shop, so it cannot be deleted.")
    for place in memberships.places_of(person.id):
        if not place.membership.is_owner or memberships.owners(place.organisation.id) > 1:
            continue
        others = sa.select(Membership.id).where(
            Membership.organisation_id == place.organisation.id, Membership.id != place.membership.id, Membership.state.in_(HERE)
        )
        if db.session.scalar(others.limit(1)) is not None:
            raise Conflict(f"You are the only owner of {place.organisation.name}. Ask somebody to become an owner first.")
        if subscriptions.live(place.organisation.id) is not None:
            raise Conflict(f"{place.organisation.name} still has a subscription. Cancel it, and come back when it has ended.")


def erase_due() -> int:
    """Erase those whose time to undo is over, each in one transaction, so that nobody is half gone; gives how many. A sweep."""
    erased = 0
    for erasure_id in erasures.due():
        try:
            with transaction():
                erased += _erase(erasure_id)
        except Refusal as refusal:
            # They became somebody on whom others depend: the page of their account says what to do, and this waits for it.
            log.info("erasure waits", erasure=str(erasure_id), kind=type(refusal).__name__)
        except Exception:
            # One that fails stops nobody else's, and is tried again.
            log.exception("erasure failed", erasure=str(erasure_id))
    return erased


def forget_evidence(years: int) -> int:
    """Remove the evidence of those who were erased so many years ago; gives of how many records. A sweep."""
    with transaction():
        due = retention.holders(erasures.records_erased_by(_years_ago(years)))
        if due:
            retention.forget(due)
            for membership_id in due:
                organisation_id = db.session.get_one(Membership, membership_id).organisation_id
                journal.write("membership.evidence_gone", organisation_id=organisation_id, about=membership_id)
    return len(due)


def _years_ago(years: int) -> datetime:
    now = clock.now()
    is_leap_day = (now.month, now.day) == (2, 29)
    return now.replace(year=now.year - years, day=28 if is_leap_day else now.day)


def _erase(erasure_id: UUID) -> bool:
    person_id = erasures.take(erasure_id)
    if person_id is None:
        return False
    person, pseudonym = people.known(person_id), erasures.pseudonym_of(person_id)
    proved = erasures.proved_addresses(person)
    # Quotes come first, as with whoever accepts one.
    forgotten_quotes.forget(proved, pseudonym)
    for organisation_id in sorted(place.organisation.id for place in memberships.places_of(person.id)):
        roles_of_people.lock_owners(organisation_id)
    # Who else is an owner is asked anew, now that nobody can change it.
    db.session.expire_all()
    demand_free(person)
    join_requests.end_all_of(person.id)
    members = erasures.members_of(person, proved)
    mergers.withdraw_about([member.id for member in members])
    for member in members:
        _free(member)
    own = {member.id for member in members if member.person_id == person.id and member.merged_into_id is None}
    certificates.erase_holder([member.id for member in members if member.id in own or member.merged_into_id in own], pseudonym)
    inside, names = erasures.addresses_inside(members, proved), {person.name, *(member.name for member in members)}
    shortfalls.forget_about(proved, inside, names)
    outbox.forget(proved, inside, {person.id, *(member.id for member in members)})
    invoice_recipients.forget(proved)
    _rename_own(person, members)
    record_shares.end_all_of(person.id)
    erasures.forget(person, members, proved, inside)
    return True


def _free(member: Membership) -> None:
    """End what is open for a member: their invitation, their part here, their seat, and what they manage."""
    invitation = invitations.open_of(member.id)
    if invitation is not None:
        invitations.settle(invitation, invitations.State.WITHDRAWN, by=None)
    if member.state == MembershipState.ACTIVE or (member.state == MembershipState.INVITED and member.joined_at):
        memberships.move(member, MembershipState.ARCHIVED)
    elif member.state == MembershipState.INVITED:
        memberships.move(member, MembershipState.WITHDRAWN)
    member.is_manager = False
    db.session.flush()
    if member.person_id is not None:
        teams.end_managing(member.organisation_id, [member.id], by=member.person_id)
    seats.release(member.organisation_id, member.id, "erased", by=None)
    waiting_places.settle(member.organisation_id, [member.id], waiting_places.State.TAKEN_OFF, by=None)


def _rename_own(person: Person, members: Sequence[Membership]) -> None:
    """Take the name out of the organisation that somebody was for themselves."""
    for organisation_id in {member.organisation_id for member in members if member.is_owner}:
        organisation = organisations.known(organisation_id)
        if organisation.kind == Kind.INDIVIDUAL:
            db.session.execute(
                sa.update(Organisation).where(Organisation.id == organisation_id).values(name=erasures.pseudonym_of(person.id))
            )
