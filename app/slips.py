"""Slips: printing joining slips for people without an e-mail address, and what happens when one is used.

A slip is made in two steps, because typesetting is slow: `prepare` draws the PINs and changes nothing, and `keep` makes them the
ones that count, or refuses where something changed meanwhile. What was printed before counts until then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app import joining, roster, waiting_list
from app.accounts import (
    invitations,
    joining_slips,
    memberships,
    oversight,
    password_changes,
    people,
    people_imports,
    user_names,
)
from app.accounts.invitations import Invitation
from app.accounts.joining_slips import Printed
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.kernel import batches, clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from billing import seats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from app.accounts.joining_slips import Claim
    from app.accounts.memberships import Actor
    from app.accounts.people import Person
    from app.crowd import Selection

# So many are typeset in some seconds, and are a stack of paper that one can still hand out.
MOST = 400


@dataclass(frozen=True, slots=True)
class One:
    """What decides whether somebody gets a slip."""

    id: UUID
    person_id: UUID
    name: str
    user_name: str
    has_address: bool
    state: str
    is_elsewhere: bool
    is_invited: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Those who get a slip, and those who do not with the reason."""

    able: list[One]
    unable: list[tuple[One, str]]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons why not, with how many people each is about, the commonest first."""
        return Counter(why for _, why in self.unable).most_common()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The slips of one print, and until when they are good."""

    printed: list[Printed]
    expires_at: datetime


def plan(actor: Actor, selection: Selection) -> Plan:
    """Say for whom a slip would be printed, and change nothing; raises Missing for people the actor may not see."""
    found = _read(_which(actor, selection))
    if selection.wanted is None and len(found) != len(selection.people):
        raise Missing
    if selection.expected is not None and len(found) != selection.expected:
        raise Conflict(f"{len(found):,} people match by now, not {selection.expected:,}. Look at the list and choose again.")
    able, unable = [], []
    for one in found:
        why_not = _why_not(one)
        if why_not:
            unable.append((one, why_not))
        else:
            able.append(one)
    return Plan(able, unable)


def prepare(actor: Actor, selection: Selection, *, days: int) -> Sheet:
    """Draw a new PIN for each person chosen who gets a slip; raises what planning does, Conflict for nobody or too many."""
    able = plan(actor, selection).able
    if not able:
        raise Conflict("There is nobody among them who needs a joining slip.")
    if len(able) > MOST:
        raise Conflict(f"That is {len(able):,} slips. Print at most {MOST:,} at once: team by team, or a part of the list.")
    printed = [Printed(one.id, one.person_id, one.name, one.user_name, joining_slips.draw_pin()) for one in able]
    return Sheet(printed, clock.now() + timedelta(days=days))


def keep(actor: Actor, sheet: Sheet) -> None:
    """Make the slips that were typeset the ones that count, and open invitations good as long as they are.

    Raises Conflict where somebody has come, gone or another user name meanwhile.
    """
    meant = Membership.id.in_(batches.ids(slip.membership_id for slip in sheet.printed))
    found = {one.id: one for one in _read(sa.and_(oversight.sees(actor), meant), lock=True)}
    for slip in sheet.printed:
        one = found.get(slip.membership_id)
        if one is None or _why_not(one) or one.user_name != slip.user_name:
            raise Conflict(f"Something changed for {slip.name} while the slips were made. Print them again.")
    ids = [slip.membership_id for slip in sheet.printed]
    invitations.renew_each(actor.organisation.id, ids, sheet.expires_at)
    joining_slips.keep_each(actor.organisation.id, sheet.printed, by=actor.person.id, expires_at=sheet.expires_at)


def open_with(claim: Claim, password_hash: str) -> tuple[Membership, Person]:
    """Let somebody who knew their PIN in with the password they chose: who was invited has joined, and the seat is in use.

    Raises Conflict when the slip, the invitation or its seat is over, or the account belongs to another organisation by now.
    """
    membership = memberships.of_organisation(claim.organisation_id, claim.membership_id, lock=True)
    _demand_nowhere_else(claim)
    joining_slips.spend(claim)
    person = people.known(claim.person_id)
    if membership.state == MembershipState.INVITED:
        invitation = invitations.open_of(membership.id)
        if invitation is None or invitations.is_overdue(invitation):
            raise Conflict(joining_slips.UNKNOWN)
        joining.accept(invitation, person)
    elif membership.state != MembershipState.ACTIVE:
        raise Conflict(joining_slips.UNKNOWN)
    password_changes.choose_by_slip(person, password_hash)
    return membership, person


def invite_again(actor: Actor, membership_id: UUID, *, days: int) -> Membership:
    """Invite somebody without an address again whose invitation is over, with the user name they had; a seat is held for them.

    Where no seat is free and a waiting list is kept they go on it. Raises Conflict for anybody else, or when no seat is free.
    """
    membership = oversight.member(actor, membership_id, lock=True)
    is_over = membership.address is None and membership.state == MembershipState.WITHDRAWN
    if not is_over or not membership.login:
        raise Conflict(f"{membership.name} is not somebody whose slip is over. Reload the page to see where things stand.")
    memberships.move(membership, MembershipState.INVITED)
    db.session.flush()
    if not waiting_list.give(actor.organisation.id, [membership.id], seats.State.HELD, by=actor.person.id):
        invitations.send(membership, by=actor.person.id, days=days)
    return membership


def change_user_name(actor: Actor, membership_id: UUID, typed: str) -> Membership:
    """Give somebody another user name before its first use; its slip is void. Raises what changing does."""
    membership = oversight.member(actor, membership_id, lock=True)
    user_names.change(membership, typed, by=actor.person.id)
    joining_slips.void_each([membership.person_id] if membership.person_id else [])
    return membership


def of_list(actor: Actor, import_id: UUID) -> frozenset[UUID]:
    """Give whom a list brought in without an address, as far as their invitation by it is open or accepted."""
    found = people_imports.of_organisation(actor.organisation.id, import_id)
    query = sa.select(Membership.id).where(
        oversight.sees(actor), Membership.id.in_(people_imports.guests_of(found.id)), Membership.address.is_(None)
    )
    return frozenset(db.session.scalars(query))


def _demand_nowhere_else(claim: Claim) -> None:
    """Demand that nobody but the organisation that printed a slip knows the account, whose password it would set."""
    is_elsewhere = sa.and_(
        Membership.person_id == claim.person_id,
        Membership.organisation_id != claim.organisation_id,
        Membership.state.in_((MembershipState.INVITED, MembershipState.ACTIVE, MembershipState.ARCHIVED)),
    )
    if db.session.scalar(sa.select(Membership.id).where(is_elsewhere).limit(1)) is not None:
        raise Conflict(
            "Your account belongs to another organisation as well by now, so a slip no longer opens it. "
            "Sign in with your user name and the password that you chose."
        )


def _why_not(one: One) -> str:
    if one.has_address:
        return "have an e-mail address: send them their invitation, or they reset their password by mail"
    if not one.user_name:
        return "had their account deleted"
    if one.state not in {MembershipState.INVITED, MembershipState.ACTIVE}:
        return "are not here: invite them again or bring them back first"
    if one.state == MembershipState.INVITED and not one.is_invited:
        return "wait for a seat: print theirs once they have one"
    return "belong to another organisation as well, so nobody here may set their password" if one.is_elsewhere else ""


def _which(actor: Actor, selection: Selection) -> sa.ColumnElement[bool]:
    if selection.wanted is not None:
        return roster.matches(actor, selection.wanted)
    return sa.and_(oversight.sees(actor), Membership.id.in_(batches.ids(selection.people)))


def _read(which: sa.ColumnElement[bool], *, lock: bool = False) -> Sequence[One]:
    """Read what decides about some people, by name; locked in id order first if asked."""
    if lock:
        locking = sa.select(Membership.id).where(which).order_by(Membership.id).with_for_update(of=Membership)
        which = Membership.id.in_(batches.ids(db.session.scalars(locking)))
    other = aliased(Membership)
    is_elsewhere = sa.exists().where(other.person_id == Membership.person_id, other.id != Membership.id).correlate(Membership)
    is_invited = sa.exists().where(Invitation.membership_id == Membership.id, invitations.IS_OPEN).correlate(Membership)
    query = sa.select(
        Membership.id,
        Membership.person_id,
        Membership.name,
        Membership.user_name,
        Membership.address.is_not(None),
        Membership.state,
        is_elsewhere,
        is_invited,
    )
    rows = db.session.execute(query.where(which).order_by(Membership.name_key, Membership.id))
    return [One(*cast("tuple[Any, ...]", row)) for row in rows]
