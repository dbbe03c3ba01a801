"""Merging: two records of one human in an organisation become one, with at most one seat and every record kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app import joining
from app.accounts import (
    invitations,
    joining_slips,
    memberships,
    mergers,
    oversight,
    people,
    profile_values,
    teams,
    waiting_places,
)
from app.accounts import roles as roles_of_people
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.kernel import journal
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotAllowed
from billing import passing, seats

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.accounts.mergers import Merger

# The one that is further stays: nobody who is here is merged into somebody who is not.
RANK = {MembershipState.ACTIVE: 0, MembershipState.INVITED: 1, MembershipState.ARCHIVED: 2, MembershipState.WITHDRAWN: 3}
CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merger would do."""

    stays: Membership
    goes: Membership
    may_swap: bool
    needs_consent: bool
    seats_freed: int
    roles_added: list[Role]


def candidates(actor: Actor, membership_id: UUID, search: str) -> list[Membership]:
    """Give other records whose name, address or user name holds these words, a few of them, those most alike in name first."""
    member = oversight.member(actor, membership_id)
    words = people.name_key(search).split()
    holds = [
        Membership.name_key.contains(word, autoescape=True) | Membership.login_key.contains(word, autoescape=True)
        for word in words
    ]
    query = sa.select(Membership).where(
        oversight.sees(actor), Membership.id != member.id, Membership.state != MembershipState.MERGED, *holds
    )
    is_namesake = sa.case((Membership.name_key == member.name_key, 0), else_=1)
    return list(db.session.scalars(query.order_by(is_namesake, Membership.name_key, Membership.id).limit(CANDIDATES)))


def preview(actor: Actor, one_id: UUID, other_id: UUID) -> Preview:
    """Say what merging two records would do, the first one staying where that can be.

    Raises Missing for people the actor may not see, Conflict for a record that was merged, NotAllowed where an owner has to.
    """
    return _preview(actor, oversight.member(actor, one_id), oversight.member(actor, other_id))


def merge(actor: Actor, stays_id: UUID, goes_id: UUID, *, takes_name: bool) -> Merger | None:
    """Merge a record into another one, or ask the holder of the account that goes; gives the question if one is asked.

    Raises what looking at it does, Conflict where the other one would have to stay.
    """
    roles_of_people.lock_owners(actor.organisation.id)
    stays, goes = _locked(actor, stays_id, goes_id)
    found = _preview(actor, stays, goes)
    if found.stays is not stays:
        raise Conflict(f"{stays.name} is {stays.state}, so the other record stays. Reload the page and look again.")
    if found.needs_consent:
        return mergers.ask(stays, goes, takes_name=takes_name, by=actor.person.id)
    _merge(stays, goes, takes_name=takes_name, by=actor.person.id)
    return None


def confirm(found: Merger) -> None:
    """Merge what the holder of the account that goes was asked about; raises Conflict when it is over or things have changed."""
    roles_of_people.lock_owners(found.organisation_id)
    first, second = sorted((found.stays_id, found.goes_id))
    both = {one: memberships.of_organisation(found.organisation_id, one, lock=True) for one in (first, second)}
    stays, goes = both[found.stays_id], both[found.goes_id]
    if (
        MembershipState.MERGED in {stays.state, goes.state}
        or not (stays.login and goes.login)
        or RANK[MembershipState(goes.state)] < RANK[MembershipState(stays.state)]
        or (_needs_an_owner(goes) and not memberships.is_owner(found.organisation_id, found.asked_by))
    ):
        raise Conflict("Things have changed since you were asked. Ask your organisation to look at it again.")
    mergers.answer(found, mergers.State.CONFIRMED)
    _merge(stays, goes, takes_name=found.takes_name, by=found.asked_by)


def decline(found: Merger) -> None:
    """Leave both records as they are; raises Conflict when the question is over."""
    mergers.answer(found, mergers.State.DECLINED)


def _locked(actor: Actor, one_id: UUID, other_id: UUID) -> tuple[Membership, Membership]:
    if one_id == other_id:
        raise Invalid("Choose another record than this one.")
    both = {membership_id: oversight.member(actor, membership_id, lock=True) for membership_id in sorted((one_id, other_id))}
    return both[one_id], both[other_id]


def _preview(actor: Actor, one: Membership, other: Membership) -> Preview:
    oversight.demand_everybody(actor, "merge records")
    for member in (one, other):
        if member.state == MembershipState.MERGED:
            raise Conflict(f"This record of {member.name} was merged already. Reload the list of people.")
        if not member.login:
            raise Conflict(f"{member.name} had their account deleted, so what is left of it stays as it is.")
    if one.id == other.id:
        raise Invalid("Choose another record than this one.")
    ranks = [RANK[MembershipState(member.state)] for member in (one, other)]
    stays, goes = (one, other) if ranks[0] <= ranks[1] else (other, one)
    if _needs_an_owner(goes) and Role.OWNER not in actor.roles:
        why = "runs things or sees what is paid" if goes.state == MembershipState.ACTIVE else "is invited to more than learning"
        raise NotAllowed(f"{goes.name} {why}, so an owner merges the records.")
    if goes.id == actor.membership.id:
        raise Conflict("You cannot merge yourself away. Let your own record stay, or ask somebody else.")
    both_seated = seats.has_one(stays.id) and seats.has_one(goes.id)
    added = sorted(goes.roles - stays.roles - {Role.LEARNER}) if _counts(goes) else []
    return Preview(stays, goes, ranks[0] == ranks[1], mergers.needs_consent(stays, goes), int(both_seated), added)


def _counts(goes: Membership) -> bool:
    """Whether a record has roles today, or is invited to some; somebody who left, or was invited in vain, has none."""
    return goes.state in {MembershipState.ACTIVE, MembershipState.INVITED}


def _needs_an_owner(goes: Membership) -> bool:
    """Whether the roles of a record are only an owner's to hand on."""
    if goes.state == MembershipState.ACTIVE:
        return goes.runs_things
    return _counts(goes) and bool(goes.roles & {Role.OWNER, *joining.OWNERS_GIFT})


def _merge(stays: Membership, goes: Membership, *, takes_name: bool, by: UUID) -> None:
    """Put two locked records together: roles and teams of both, one seat, and the records of both read as one."""
    organisation_id = stays.organisation_id
    _take_roles(stays, goes, by=by)
    invitation = invitations.open_of(goes.id)
    if invitation is not None:
        invitations.settle(invitation, invitations.State.WITHDRAWN, by=by)
    joining_slips.void_each([goes.person_id] if goes.person_id else [])
    profile_values.pass_on(goes.id, stays.id)
    for team in teams.of_people([goes.id]).get(goes.id, []):
        teams.put(organisation_id, team.id, [stays.id], by=by)
    # Who is still to be invited goes on waiting: the seat that came back is for whoever is next, and they are invited then.
    is_to_be_invited = stays.state == MembershipState.INVITED and invitations.open_of(stays.id) is None
    if seats.has_one(goes.id) and not is_to_be_invited and not seats.has_one(stays.id):
        state = seats.State.IN_USE if stays.state == MembershipState.ACTIVE else seats.State.HELD
        passing.keep_for(organisation_id, goes.id, stays.id, state, "merged", by=by)
    else:
        seats.release(organisation_id, goes.id, "merged", by=by)
    waiting_places.hand_over(organisation_id, goes.id, stays.id, is_seated=seats.has_one(stays.id), by=by)
    if takes_name:
        stays.name = goes.name
    mergers.point_at(stays, goes, by=by)


def _take_roles(stays: Membership, goes: Membership, *, by: UUID) -> None:
    """Give the record that stays the roles that the other one has or is invited to, and what it manages."""
    if not _counts(goes):
        return
    if goes.runs_things and stays.address is None:
        if goes.state == stays.state:
            raise Conflict(f"{goes.name} runs things here, and that needs the e-mail address. Let that record stay.")
        raise Conflict(
            f"{goes.name} is invited to more than learning, which needs an e-mail address, and the record that stays has none. "
            "Withdraw the invitation first."
        )
    managed, had = teams.managed_by(goes.id), stays.roles
    for role in goes.roles - {Role.MANAGER}:
        setattr(stays, f"is_{role}", True)
    for role in Role:
        setattr(goes, f"is_{role}", role is Role.LEARNER)
    db.session.flush()
    teams.end_managing(stays.organisation_id, [goes.id], by=by)
    for team_id in managed & {node.team.id for node in teams.tree_of(stays.organisation_id).walk()}:
        teams.appoint(stays.organisation_id, team_id, stays, by=by)
    if stays.roles != had:
        held = sorted(stays.roles)
        journal.write("membership.roles_changed", organisation_id=stays.organisation_id, by=by, about=stays.id, roles=held)
