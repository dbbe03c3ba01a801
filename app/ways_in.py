"""Ways in: people who come by themselves are let in with a seat, or ask and are answered, and those who let them in are told.

The request comes first, the place of the link after it, then the membership and at last the seat, so that neither the limit of a
link nor the seats are ever exceeded: all of it happens, or nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from app import joining, waiting_list
from app.accounts import invitations, join_links, join_requests, newcomers, organisations, oversight, teams
from app.accounts.join_requests import State as RequestState
from app.accounts.memberships import State as MembershipState
from app.kernel import clock, limits, outbox
from app.kernel.db import db
from app.kernel.errors import Conflict, NotAllowed
from app.kernel.transaction import transaction
from billing import seats
from billing.seats import NoSeat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from app.accounts.join_links import JoinLink
    from app.accounts.join_requests import Asking, JoinRequest
    from app.accounts.mail_domains import Offered
    from app.accounts.memberships import Actor, Membership
    from app.accounts.organisations import Organisation
    from app.accounts.people import Person

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TRIES_AN_HOUR = 20
GUESSES_AN_HOUR = 60


@dataclass(frozen=True, slots=True)
class WayIn:
    """By what somebody comes: into which organisation and team, and whether they are let in at once."""

    organisation_id: UUID
    team_id: UUID | None
    needs_approval: bool
    link_id: UUID | None = None


class Outcome(StrEnum):
    """What became of somebody who came."""

    JOINED = "joined"
    ASKED = "asked"
    WAITING = "waiting"
    NO_SEAT = "no_seat"


def by_link(link: JoinLink) -> WayIn:
    """Give the way in that a link opens."""
    return WayIn(link.organisation_id, link.team_id, link.needs_approval, link.id)


def by_domain(offered: Offered) -> WayIn:
    """Give the way in that somebody's own address opens."""
    return WayIn(offered.organisation.id, offered.team_id, offered.domain.needs_approval)


def count_guess(network: str) -> None:
    """Count a link that nobody knows; raises NotAllowed when a network has tried many."""
    if not limits.spend(f"join link:{network}", GUESSES_AN_HOUR, HOUR):
        raise NotAllowed("Too many links that do not work. Wait an hour, and ask whoever gave it to you for a new one.")


def join(way: WayIn, person: Person) -> Outcome:
    """Let a person in, or keep that they ask; whoever was here before and left comes back only when somebody agrees.

    Where no seat is free nothing is changed, and those who run things are told, once a day. Raises Conflict when they are here
    already or have asked, or the link is used up, NotAllowed when they try too often.
    """
    if not limits.spend(f"join:{person.id}", TRIES_AN_HOUR, HOUR):
        raise NotAllowed("You have tried this often. Wait an hour, then try again.")
    record = newcomers.record_of(way.organisation_id, person)
    if record is not None and record.state == MembershipState.ACTIVE:
        raise Conflict("You belong here already. Open your organisations to go there.")
    invitation = invitations.open_of(record.id) if record is not None else None
    if invitation is not None:
        joining.accept(invitation, person)
        return Outcome.JOINED
    if way.needs_approval or (record is not None and record.state == MembershipState.ARCHIVED):
        comes_back = record is not None and record.state == MembershipState.ARCHIVED
        join_requests.ask(way.organisation_id, person, link_id=way.link_id, team_id=way.team_id, comes_back=comes_back)
        if way.link_id is not None:
            join_links.use(way.link_id)
        return Outcome.ASKED
    try:
        with db.session.begin_nested():
            is_waiting = _let_in(way, person)
    except NoSeat:
        tell_no_seat(way.organisation_id)
        return Outcome.NO_SEAT
    return Outcome.WAITING if is_waiting else Outcome.JOINED


def approve(actor: Actor, request_ids: Collection[UUID]) -> list[Asking]:
    """Let those in who asked, each with a seat, or nobody; they are told. Gives whom.

    Raises Missing for a request that is not the actor's to answer, Conflict when one needs no answer or seats are too few.
    """
    organisation = actor.organisation
    askings = join_requests.chosen(actor, request_ids)
    join_requests.settle([asking.request for asking in askings], RequestState.APPROVED, by=actor.person.id)
    records = newcomers.records_of(organisation.id, [asking.person for asking in askings])
    open_invitations = invitations.expiries(record.id for record in records.values() if record is not None)
    new: list[tuple[Person, Membership | None]] = []
    invited: list[tuple[Membership, Person]] = []
    for asking in askings:
        record = records[asking.person.id]
        if record is not None and record.state == MembershipState.ARCHIVED:
            oversight.demand_everybody(actor, f"bring {asking.person.name} back, who was here before")
        if record is not None and record.id in open_invitations:
            invited.append((record, asking.person))
        else:
            new.append((asking.person, record))
    ids = newcomers.take_in_each(organisation.id, new, by=actor.person.id)
    teams.end_managing(organisation.id, ids.values(), by=actor.person.id)
    # The teams come first: their seats may come from what is set aside for them.
    pairs = [(asking.request.team_id, ids[asking.person.id]) for asking in askings if asking.person.id in ids]
    teams.put_each(organisation.id, [(team, one) for team, one in pairs if team is not None], by=actor.person.id)
    waiting = waiting_list.give(organisation.id, list(ids.values()), seats.State.IN_USE, by=actor.person.id)
    # The seats of those who were invited anyhow come last, after the subscription's row.
    seats.lock_live(organisation.id)
    joining.accept_each(organisation.id, invited, by=actor.person.id)
    _answer(organisation, askings, RequestState.APPROVED, {person_id for person_id, one in ids.items() if one in waiting})
    return askings


def decline(actor: Actor, request_ids: Collection[UUID]) -> list[Asking]:
    """Do not let those in who asked; they are told. Gives whom; raises Missing and Conflict as approving does."""
    askings = join_requests.chosen(actor, request_ids)
    join_requests.settle([asking.request for asking in askings], RequestState.DECLINED, by=actor.person.id)
    _answer(actor.organisation, askings, RequestState.DECLINED)
    return askings


def sweep() -> int:
    """End the requests that need no answer or got none in time, and tell of new ones those who may answer. A sweep.

    Gives how many.
    """
    with transaction():
        ended = join_requests.end_overtaken() + _end_overdue()
    with transaction():
        told = _tell_of_new()
    return ended + told


def tell_no_seat(organisation_id: UUID) -> None:
    """Tell those who run an organisation that somebody came and found no seat, at most once a day."""
    if limits.spend(f"no seat:{organisation_id}", 1, DAY):
        for membership in newcomers.those_who_let_in(organisation_id):
            _tell("no_seat_free", organisation_id, membership)


def _let_in(way: WayIn, person: Person) -> bool:
    """Make somebody a member with a seat; True when they wait for one."""
    if way.link_id is not None:
        join_links.use(way.link_id)
    membership_id = newcomers.take_in(way.organisation_id, person, by=person.id)
    # The team comes first: the seat may come from what is set aside for it.
    if way.team_id is not None:
        teams.put(way.organisation_id, way.team_id, [membership_id], by=person.id)
    try:
        return bool(waiting_list.give(way.organisation_id, [membership_id], seats.State.IN_USE, by=person.id))
    except Conflict as refusal:
        raise NoSeat(refusal.message, missing=1) from refusal


def _end_overdue() -> int:
    overdue = join_requests.overdue()
    if overdue:
        join_requests.settle([asking.request for asking in overdue], RequestState.EXPIRED, by=None)
    for asking in overdue:
        _answer(organisations.known(asking.request.organisation_id), [asking], RequestState.EXPIRED)
    return len(overdue)


def _tell_of_new() -> int:
    """Tell of requests that are new: each organisation once a day, and what comes later that day with the next one."""
    untold: dict[UUID, list[JoinRequest]] = {}
    for request in join_requests.untold():
        untold.setdefault(request.organisation_id, []).append(request)
    told = 0
    for organisation_id, requests in untold.items():
        if limits.spend(f"join requests:{organisation_id}", 1, DAY):
            for membership, number in _who_may_answer(organisation_id, requests):
                _tell("join_requests", organisation_id, membership, people=number)
            for request in requests:
                request.told_at = clock.now()
            told += len(requests)
    return told


def _who_may_answer(organisation_id: UUID, requests: list[JoinRequest]) -> Iterable[tuple[Membership, int]]:
    """Give those who may answer requests, each with how many of them: a manager those of their teams."""
    over_team: dict[UUID, set[UUID]] = {}
    managers = teams.managers(organisation_id)
    for node in teams.tree_of(organisation_id).walk():
        for below in node.walk():
            over_team.setdefault(below.team.id, set()).update(one.id for one in managers.get(node.team.id, []))
    numbers: Counter[UUID] = Counter()
    for request in requests:
        if request.team_id is not None and not request.comes_back:
            numbers.update(over_team.get(request.team_id, set()))
    for membership in newcomers.those_who_let_in(organisation_id, numbers):
        yield membership, len(requests) if membership.is_owner or membership.is_admin else numbers[membership.id]


def _answer(organisation: Organisation, askings: Iterable[Asking], answer: RequestState, waits: Collection[UUID] = ()) -> None:
    persons = [asking.person for asking in askings]
    # Somebody who is let in may have been a member before, or invited to something else, and sit on no seat.
    here = newcomers.members_among(organisation.id, persons) if answer is RequestState.APPROVED else {}
    seated = seats.seated_among(organisation.id, here)
    with_seat = {person_id for membership_id, person_id in here.items() if membership_id in seated}
    facts = {"organisation": organisation.name, "at": str(organisation.id), "answer": str(answer)}
    mails = []
    for person in persons:
        theirs = {"name": person.name, "has_seat": person.id in with_seat, "waits": person.id in waits}
        mails.append((person.address, facts | theirs))
    outbox.write_all("join_answered", mails, organisation_id=organisation.id)


def _tell(kind: str, organisation_id: UUID, membership: Membership, **facts: object) -> None:
    at = {"at": str(organisation_id), "organisation": organisations.known(organisation_id).name}
    outbox.write(kind, membership.address, organisation_id=organisation_id, name=membership.name, **at, **facts)
