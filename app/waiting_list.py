"""The waiting list: seats are given as far as they go, who comes after waits, and whoever is next gets the seat that comes free.

The memberships are locked first, the subscription after them and the places last, as wherever seats are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from app.accounts import invitations, memberships, organisations, oversight, people_imports, waiting_places
from app.accounts.invitations import Guest
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.waiting_places import State
from app.kernel import batches, outbox
from app.kernel.db import db
from app.kernel.errors import Refusal
from app.kernel.transaction import transaction
from billing import allotting, allowances, seats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.accounts.organisations import Organisation
    from app.accounts.waiting_places import WaitingPlace

log = structlog.get_logger(__name__)
# So many are given their seats in one transaction; the next one goes on.
AT_ONCE = 500


def give(
    organisation_id: UUID,
    membership_ids: Sequence[UUID],
    state: seats.State,
    *,
    by: UUID,
    note: str = "",
    import_id: UUID | None = None,
) -> set[UUID]:
    """Give a seat to each of these who has none or, where a waiting list is kept, to as many as are free; gives who waits.

    While somebody waits already, everybody else comes after them. `note` stands in the invitation of those who are invited.
    Raises NoSeat where no list is kept and seats are too few.
    """
    seated = list(membership_ids)
    if waiting_places.is_kept(organisation_id):
        seated = [] if waiting_places.has_any(organisation_id) else allotting.fitting(organisation_id, membership_ids)
    fit = set(seated)
    waiting = [one for one in membership_ids if one not in fit]
    if seated:
        seats.assign_each(organisation_id, seated, state, by=by)
        waiting_places.settle(organisation_id, seated, State.SEATED, by=by)
    if waiting:
        waiting_places.add(organisation_id, waiting, by=by, note=note, import_id=import_id)
    return set(waiting)


def take_off(actor: Actor, membership_id: UUID) -> Membership:
    """Take somebody off the list; who was to be invited is not, and whoever has joined stays here without a seat.

    Raises Missing for whom the actor does not see, Conflict for who does not wait any more.
    """
    membership = oversight.member(actor, membership_id, lock=True)
    if membership.runs_things:
        oversight.demand_everybody(actor, f"do this for {membership.name}, who runs things here")
    if not waiting_places.settle(actor.organisation.id, [membership.id], State.TAKEN_OFF, by=actor.person.id):
        raise waiting_places.not_waiting(membership)
    if membership.state == MembershipState.INVITED and invitations.open_of(membership.id) is None:
        memberships.move(membership, MembershipState.ARCHIVED if membership.joined_at else MembershipState.WITHDRAWN)
    return membership


def fill_due(days: int) -> int:
    """Give the seats that are free to those who are next, organisation by organisation; gives how many. A sweep."""
    filled = 0
    for organisation_id in waiting_places.organisations():
        try:
            while done := fill(organisation_id, days=days):
                filled += done
        except Refusal as refusal:
            log.info("waiting list not filled", organisation=str(organisation_id), kind=type(refusal).__name__)
        except Exception:
            # One organisation where that fails keeps no other one waiting.
            log.exception("waiting list not filled", organisation=str(organisation_id))
    return filled


def fill(organisation_id: UUID, *, days: int) -> int:
    """Give free seats to those who are next, all in one transaction; they are told, or invited. Gives how many places ended.

    Whoever was given a seat otherwise goes off the list; of a list that rests nobody else does.
    """
    with transaction():
        candidates = _candidates(organisation_id)
        if not candidates:
            return 0
        members = _locked(candidates)
        seats.lock_live(organisation_id)
        places = [place for place in waiting_places.of(organisation_id, candidates) if place.membership_id in members]
        with_seat = seats.seated_among(organisation_id, candidates)
        stale = [place for place in places if _is_stale(members[place.membership_id], with_seat)]
        if stale:
            waiting_places.settle(organisation_id, [place.membership_id for place in stale], State.TAKEN_OFF, by=None)
        # Asked once the subscription is locked: seats that are bought after the list was let rest are for something else.
        is_on = waiting_places.is_kept(organisation_id)
        next_ones = [place.membership_id for place in places if is_on and place not in stale]
        fit = set(allotting.fitting(organisation_id, next_ones))
        chosen = [place for place in places if place.membership_id in fit]
        seated = _seat(organisations.known(organisation_id), chosen, members, days) if chosen else 0
        return len(stale) + seated


def _candidates(organisation_id: UUID) -> list[UUID]:
    """Give those who are next among those for whom there seems to be a seat, and whoever is next at all; none without a seat."""
    free = seats.count(organisation_id).free
    if not free:
        return []
    everybody = waiting_places.in_order(organisation_id)
    fit = allowances.fitting(organisation_id, everybody, seats.allowances_of(organisation_id), free)
    return list(dict.fromkeys([*fit[:AT_ONCE], *everybody[:AT_ONCE]]))


def _locked(membership_ids: Iterable[UUID]) -> dict[UUID, Membership]:
    query = sa.select(Membership).where(Membership.id.in_(batches.ids(membership_ids))).order_by(Membership.id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return {membership.id: membership for membership in db.session.scalars(locked)}


def _is_stale(membership: Membership, with_seat: set[UUID]) -> bool:
    return membership.id in with_seat or membership.state not in {MembershipState.INVITED, MembershipState.ACTIVE}


def _seat(organisation: Organisation, chosen: list[WaitingPlace], members: dict[UUID, Membership], days: int) -> int:
    """Give seats to some who wait, in use and with a mail to who has joined, held and with an invitation to everybody else.

    Gives how many: whoever finds the seats of their team gone to others by then goes on waiting.
    """
    ids: list[UUID] = []
    for state, seat in ((MembershipState.ACTIVE, seats.State.IN_USE), (MembershipState.INVITED, seats.State.HELD)):
        theirs = [place.membership_id for place in chosen if members[place.membership_id].state == state]
        theirs = allotting.fitting(organisation.id, theirs)
        if theirs:
            seats.assign_each(organisation.id, theirs, seat, by=None)
            ids += theirs
    joined = [one for one in ids if members[one].state == MembershipState.ACTIVE]
    invited = set(ids) - set(joined)
    is_meant = sa.and_(Membership.organisation_id == organisation.id, Membership.id.in_(batches.ids(ids)))
    statement = sa.update(Membership).where(is_meant, ~Membership.is_learner).values(is_learner=True)
    db.session.execute(statement.execution_options(synchronize_session=False))
    waiting_places.settle(organisation.id, ids, State.SEATED, by=None)
    _tell(organisation, [members[one] for one in joined])
    open_ones = invitations.expiries(invited)
    guests = [Guest(one, members[one].name, members[one].address, has_seat=True) for one in invited if one not in open_ones]
    invite(organisation, chosen, guests, days=days)
    return len(ids)


def _tell(organisation: Organisation, joined: list[Membership]) -> None:
    if joined:
        facts = {"at": str(organisation.id), "organisation": organisation.name, "has_seat": True}
        mails = ((one.address, {**facts, "name": one.name}) for one in joined)
        outbox.write_all("seat_given", mails, organisation_id=organisation.id)


def invite(organisation: Organisation, places: Iterable[WaitingPlace], guests: Iterable[Guest], *, days: int) -> None:
    """Invite those whose seat is held now, each in the words and by the person that their place keeps, and with their list."""
    waited = {guest.membership_id: guest for guest in guests}
    together: dict[tuple[UUID, str, UUID | None], list[Guest]] = {}
    for place in places:
        if place.membership_id in waited:
            kept = (place.asked_by, place.note, place.import_id)
            together.setdefault(kept, []).append(waited[place.membership_id])
    for (asked_by, note, import_id), theirs in together.items():
        invited = invitations.send_each(organisation, theirs, by=asked_by, days=days, note=note)
        if import_id is not None:
            people_imports.add_guests(import_id, invited)
