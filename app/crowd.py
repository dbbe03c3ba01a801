"""The crowd: what joining does for one person, done for thousands at once in a constant number of statements.

Each change reads those it is about in one statement, which locks them in id order, sorts them into those it can be done for and
those it cannot and why, and then writes rows, journal and mails with one statement each. All happens or nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from app import joining, roster, waiting_list
from app.accounts import invitations, joining_slips, oversight, teams, waiting_places
from app.accounts.invitations import Guest, Invitation
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.accounts.waiting_places import WaitingPlace
from app.kernel import batches, clock, journal, outbox
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from billing import passing, seats
from billing.seats import SeatAssignment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.roster import Wanted


class Change(StrEnum):
    """What can be done for many people at once."""

    GIVE = "give"
    TAKE_BACK = "take_back"
    ARCHIVE = "archive"
    RESTORE = "restore"
    RESEND = "resend"
    WITHDRAW = "withdraw"


RUNS_THINGS = "run things here: ask an owner or an admin"
MANAGERS_MAY = frozenset({Change.GIVE, Change.TAKE_BACK, Change.RESEND, Change.WITHDRAW})


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom a change is about: people one by one, or everybody who matches, of whom there were so many when it was asked."""

    people: frozenset[UUID] = frozenset()
    wanted: Wanted | None = None
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class One:
    """What decides about one person."""

    id: UUID
    name: str
    login: str
    address: str | None
    state: str
    is_owner: bool
    has_owners_gift: bool
    is_learner: bool
    runs_things: bool
    has_joined: bool
    seat: str | None
    sent_at: datetime | None
    waits: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Those a change will be done for, those it will not with the reason, and who of the first needs a seat for it."""

    change: Change
    able: list[One]
    unable: list[tuple[One, str]]
    needing: list[UUID]

    @property
    def seats_needed(self) -> int:
        """How many seats it takes."""
        return len(self.needing)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons why not, with how many people each is about, the commonest first."""
        return Counter(why for _, why in self.unable).most_common()


def plan(actor: Actor, change: Change, selection: Selection) -> Plan:
    """Say what a change would do, and change nothing.

    Raises Missing for people the actor may not see, NotAllowed for a change that is not theirs, Conflict when others match now.
    """
    return _plan(actor, change, _people(actor, selection, lock=False), selection)


def do(actor: Actor, change: Change, selection: Selection, *, days: int) -> Plan:
    """Do a change for everybody it can be done for; raises what planning it does, and Conflict when seats are too few."""
    made = _plan(actor, change, _people(actor, selection, lock=True), selection)
    if made.able:
        DOERS[change](actor, made.able, days)
    return made


def swap(actor: Actor, from_id: UUID, to_id: UUID, *, days: int) -> tuple[One, One]:
    """Give one person's seat to another one, who need not wait for it and is invited if they were not yet; gives both.

    Raises Missing for people the actor may not see, Conflict with the reason where one has none to give or the other cannot
    have one.
    """
    both = Selection(frozenset({from_id, to_id}))
    found = {one.id: one for one in _people(actor, both, lock=True)}
    if len(found) != len({from_id, to_id}):
        raise Missing
    # Whoever waits for a seat may be given this one before their turn.
    goes, comes = found[from_id], replace(found[to_id], waits=False)
    for one, change in ((goes, Change.TAKE_BACK), (comes, Change.GIVE)):
        may_act = oversight.may_act_for(actor, runs_things=one.runs_things)
        why_not = REFUSALS[change](actor, one) if may_act else RUNS_THINGS
        if why_not:
            raise Conflict(f"That cannot be done for {one.name}, among those who {why_not}.")
    seat = seats.State.IN_USE if comes.state == MembershipState.ACTIVE else seats.State.HELD
    places = waiting_places.of(actor.organisation.id, [comes.id])
    passing.pass_on(actor.organisation.id, goes.id, comes.id, seat, "given on", by=actor.person.id)
    _stop_learning(actor, [goes])
    waiting_places.settle(actor.organisation.id, [comes.id], waiting_places.State.SEATED, by=actor.person.id)
    _set_learner(actor, [comes.id], to=True)
    if comes.state == MembershipState.ACTIVE:
        _tell("seat_given", actor, [replace(comes, is_learner=True)])
    _invite(actor, places, [comes], days)
    return goes, comes


def chosen(actor: Actor, selection: Selection) -> list[UUID]:
    """Give the ids of those who were chosen; raises Missing and Conflict as planning a change does."""
    if selection.wanted is not None:
        found = roster.ids(actor, selection.wanted)
        _demand_expected(len(found), selection)
        return found
    query = sa.select(Membership.id).where(oversight.sees(actor), Membership.id.in_(batches.ids(selection.people)))
    found = list(db.session.scalars(query))
    if len(found) != len(selection.people):
        raise Missing
    return found


def _demand_expected(number: int, selection: Selection) -> None:
    if selection.expected is not None and number != selection.expected:
        raise Conflict(f"{number:,} people match by now, not {selection.expected:,}. Look at the list and choose again.")


def _people(actor: Actor, selection: Selection, *, lock: bool) -> list[One]:
    """Read those a change is about, as far as the actor sees them."""
    if selection.wanted is not None:
        return read(roster.matches(actor, selection.wanted), lock=lock)
    return read(sa.and_(oversight.sees(actor), Membership.id.in_(batches.ids(selection.people))), lock=lock)


def read(which: sa.ColumnElement[bool], *, lock: bool) -> list[One]:
    """Read what decides about some people, in id order, locked until the transaction ends if asked.

    They are locked first: only a statement that begins after the wait sees what another change did to their seats meanwhile.
    """
    if lock:
        locking = sa.select(Membership.id).where(which).order_by(Membership.id).with_for_update(of=Membership)
        # Whoever was locked was meant at that moment. To ask both at once would compare each with each.
        which = Membership.id.in_(batches.ids(db.session.scalars(locking)))
    query = (
        sa.select(
            Membership.id,
            Membership.name,
            Membership.login_key,
            Membership.address,
            Membership.state,
            Membership.is_owner,
            sa.or_(*(getattr(Membership, f"is_{role}") for role in sorted(joining.OWNERS_GIFT))),
            Membership.is_learner,
            sa.or_(Membership.is_owner, Membership.is_admin, Membership.is_manager, Membership.is_billing),
            Membership.joined_at.is_not(None),
            SeatAssignment.state,
            Invitation.sent_at,
            WaitingPlace.id.is_not(None),
        )
        .outerjoin(SeatAssignment, sa.and_(SeatAssignment.membership_id == Membership.id, SeatAssignment.released_at.is_(None)))
        .outerjoin(Invitation, sa.and_(Invitation.membership_id == Membership.id, invitations.IS_OPEN))
        .outerjoin(WaitingPlace, sa.and_(WaitingPlace.membership_id == Membership.id, waiting_places.WAITS))
        .where(which)
        .order_by(Membership.id)
    )
    return [One(*cast("tuple[Any, ...]", row)) for row in db.session.execute(query)]


def _plan(actor: Actor, change: Change, found: list[One], selection: Selection) -> Plan:
    """Sort people into those a change can be done for and those it cannot."""
    if change not in MANAGERS_MAY:
        oversight.demand_everybody(actor, "archive people or bring them back")
    if selection.wanted is None and len(found) != len(selection.people):
        raise Missing
    _demand_expected(len(found), selection)
    able, unable = [], []
    for one in found:
        may_act = oversight.may_act_for(actor, runs_things=one.runs_things)
        why_not = REFUSALS[change](actor, one) if may_act else RUNS_THINGS
        if why_not:
            unable.append((one, why_not))
        else:
            able.append(one)
    needing = {Change.GIVE: able, Change.RESTORE: [one for one in able if one.is_learner]}.get(change, [])
    return Plan(change, able, unable, [one.id for one in needing])


def _why_no_gift(actor: Actor, one: One) -> str:
    if one.seat is not None:
        return "have a seat already"
    if one.waits and actor.organisation.keeps_waiting_list:
        return "are on the waiting list already"
    return "" if one.state in {MembershipState.INVITED, MembershipState.ACTIVE} else "have left: bring them back instead"


def _why_not_taken(_actor: Actor, one: One) -> str:
    if one.seat is None:
        return "have no seat"
    return "are invited: withdraw their invitation instead" if one.state == MembershipState.INVITED else ""


def _why_not_archived(actor: Actor, one: One) -> str:
    if one.state == MembershipState.INVITED:
        return "are invited: withdraw their invitation instead"
    if one.state != MembershipState.ACTIVE:
        return "have left already"
    if one.id == actor.membership.id:
        return "are you: ask another owner or admin to do it"
    return "are owners: archive them one by one" if one.is_owner else ""


def _why_not_restored(actor: Actor, one: One) -> str:
    if one.state != MembershipState.ARCHIVED:
        return "have not left"
    if not one.login:
        return "have had their account deleted: invite them anew"
    if one.is_owner and Role.OWNER not in actor.roles:
        return "were owners: only an owner brings them back"
    if one.has_owners_gift and Role.OWNER not in actor.roles:
        return "ran things or saw what is paid: an owner brings them back, or you invite them to learn"
    return ""


def _why_not_sent(_actor: Actor, one: One) -> str:
    if one.sent_at is None:
        return "have no open invitation"
    if one.address is None:
        return "have no e-mail address: print their joining slips instead"
    return "were sent one within the last day" if one.sent_at > clock.now() - invitations.REST else ""


def _why_not_withdrawn(_actor: Actor, one: One) -> str:
    return "" if one.sent_at is not None else "have no open invitation"


def _give(actor: Actor, ones: Sequence[One], days: int) -> None:
    """Give seats: in use to those who have joined, who are told by mail, and held for those who are invited, or are so now."""
    given: set[UUID] = set()
    places = waiting_places.of(actor.organisation.id, [one.id for one in ones])
    for state, seat in ((MembershipState.ACTIVE, seats.State.IN_USE), (MembershipState.INVITED, seats.State.HELD)):
        theirs = [one for one in ones if one.state == state]
        if theirs:
            ids = [one.id for one in theirs]
            given.update(set(ids) - waiting_list.give(actor.organisation.id, ids, seat, by=actor.person.id))
    _set_learner(actor, [one.id for one in ones if not one.is_learner and one.id in given], to=True)
    _tell("seat_given", actor, [one for one in ones if one.state == MembershipState.ACTIVE and one.id in given])
    _invite(actor, places, [one for one in ones if one.id in given], days)


def _take_back(actor: Actor, ones: Sequence[One], _days: int) -> None:
    """Take seats back; who also runs things here learns no longer, and everybody else stays a learner without a seat."""
    seats.release_each(actor.organisation.id, [one.id for one in ones], "taken back", by=actor.person.id)
    _stop_learning(actor, ones)


def _stop_learning(actor: Actor, ones: Sequence[One]) -> None:
    _set_learner(actor, [one.id for one in ones if one.runs_things], to=False)


def _archive(actor: Actor, ones: Sequence[One], _days: int) -> None:
    """Archive people who leave; their seats are free at this moment, and every record stays."""
    ids = [one.id for one in ones]
    move(ids, MembershipState.ARCHIVED)
    journal.write_all(
        "membership.archived", ((one, {}) for one in ids), organisation_id=actor.organisation.id, by=actor.person.id
    )
    seats.release_each(actor.organisation.id, ids, "archived", by=actor.person.id)
    waiting_places.settle(actor.organisation.id, ids, waiting_places.State.TAKEN_OFF, by=actor.person.id)


def _restore(actor: Actor, ones: Sequence[One], _days: int) -> None:
    """Bring people back as they were: their roles, their teams, their records, and a seat for each who learns."""
    ids = [one.id for one in ones]
    try:
        with db.session.begin_nested():
            move(ids, MembershipState.ACTIVE)
    except sa.exc.IntegrityError as error:
        raise Conflict("The address of one of them belongs to somebody else here by now. Bring the others back first.") from error
    journal.write_all(
        "membership.restored", ((one, {}) for one in ids), organisation_id=actor.organisation.id, by=actor.person.id
    )
    teams.end_managing(actor.organisation.id, ids, by=actor.person.id)
    learners = [one.id for one in ones if one.is_learner]
    waiting = waiting_list.give(actor.organisation.id, learners, seats.State.IN_USE, by=actor.person.id) if learners else set()
    _tell("welcome_back", actor, ones, without=waiting)


def _resend(actor: Actor, ones: Sequence[One], days: int) -> None:
    """Send new links to those who have not accepted yet."""
    sent = invitations.send_each_again(actor.organisation, _guests(ones), by=actor.person.id, days=days)
    joining.count_mails(actor.organisation.id, sent)


def _withdraw(actor: Actor, ones: Sequence[One], _days: int) -> None:
    """Take invitations back, so that their seats are free at once."""
    withdraw(actor.organisation.id, ones, by=actor.person.id)


def withdraw(organisation_id: UUID, ones: Sequence[One], *, by: UUID, only: sa.Select[UUID] | None = None) -> list[UUID]:
    """Withdraw the invitations of some people, or only some of these, that are open still and free their seats; gives whose."""
    everybody = [one.id for one in ones]
    settled = set(invitations.settle_each(organisation_id, everybody, invitations.State.WITHDRAWN, by=by, only=only))
    for state, are_meant in ((MembershipState.ARCHIVED, True), (MembershipState.WITHDRAWN, False)):
        ids = [one.id for one in ones if one.id in settled and one.has_joined is are_meant]
        if ids:
            move(ids, state)
    if settled:
        seats.release_each(organisation_id, sorted(settled), "withdrawn", by=by)
        joining_slips.void_each_of(settled)
        waiting_places.settle(organisation_id, settled, waiting_places.State.TAKEN_OFF, by=by)
    return sorted(settled)


def _guests(ones: Sequence[One]) -> list[Guest]:
    return [Guest(one.id, one.name, one.address, has_seat=one.is_learner) for one in ones]


def _invite(actor: Actor, places: Sequence[WaitingPlace], ones: Sequence[One], days: int) -> None:
    """Invite those of some people with a seat who waited for it and were not invited yet."""
    new = [replace(one, is_learner=True) for one in ones if one.state == MembershipState.INVITED and one.sent_at is None]
    waiting_list.invite(actor.organisation, places, _guests(new), days=days)


def move(ids: Collection[UUID], to: MembershipState) -> None:
    """Move memberships that were read and locked, so that none is anywhere else by now."""
    statement = sa.update(Membership).where(Membership.id.in_(batches.ids(ids)))
    archived_at = clock.now() if to is MembershipState.ARCHIVED else None
    db.session.execute(statement.values(state=str(to), archived_at=archived_at).execution_options(synchronize_session=False))


def _set_learner(actor: Actor, ids: Collection[UUID], *, to: bool) -> None:
    if ids:
        is_meant = sa.and_(Membership.organisation_id == actor.organisation.id, Membership.id.in_(batches.ids(ids)))
        statement = sa.update(Membership).where(is_meant).values(is_learner=to)
        db.session.execute(statement.execution_options(synchronize_session=False))


def _tell(kind: str, actor: Actor, ones: Sequence[One], without: Collection[UUID] = ()) -> None:
    """Write a mail to each of some people who have joined; some of them are without a seat for now."""
    if ones:
        facts = {"at": str(actor.organisation.id), "organisation": actor.organisation.name}
        mails = ((one.address, {**facts, "name": one.name, "has_seat": one.is_learner and one.id not in without}) for one in ones)
        outbox.write_all(kind, mails, organisation_id=actor.organisation.id)


REFUSALS: dict[Change, Callable[[Actor, One], str]] = {
    Change.GIVE: _why_no_gift,
    Change.TAKE_BACK: _why_not_taken,
    Change.ARCHIVE: _why_not_archived,
    Change.RESTORE: _why_not_restored,
    Change.RESEND: _why_not_sent,
    Change.WITHDRAW: _why_not_withdrawn,
}
DOERS: dict[Change, Callable[[Actor, Sequence[One], int], None]] = {
    Change.GIVE: _give,
    Change.TAKE_BACK: _take_back,
    Change.ARCHIVE: _archive,
    Change.RESTORE: _restore,
    Change.RESEND: _resend,
    Change.WITHDRAW: _withdraw,
}
