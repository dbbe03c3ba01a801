"""Joining and leaving: where people and seats meet. Each function is one operation and runs inside the edge's transaction.

Seats are taken first and given back last, so that two operations always meet at the same row.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from app import waiting_list
from app.accounts import (
    invitations,
    joining_slips,
    memberships,
    newcomers,
    notices,
    oversight,
    people,
    profile_values,
    teams,
    user_names,
    waiting_places,
)
from app.accounts import roles as roles_of_people
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.kernel import journal, limits
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from billing import seats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from app.accounts.invitations import Invitation
    from app.accounts.memberships import Actor
    from app.accounts.people import Person


# Rights that only an owner may hand on.
OWNERS_GIFT = frozenset({Role.ADMIN, Role.BILLING})
# Invitations an organisation may send in a day, beside some for each seat it has bought, and to one person.
MAILS_A_DAY = 20
MAILS_A_SEAT = 3
MAILS_TO_ONE_A_DAY = 3
LONGEST_NOTE = 600


def invite(
    actor: Actor,
    name: str,
    address: str | None,
    roles: Iterable[Role],
    *,
    days: int,
    team_id: UUID | None = None,
    note: str = "",
    values: Mapping[UUID, str] | None = None,
) -> Membership:
    """Invite someone by address, into a team and with words of one's own if wanted; a learner's seat is held for them.

    `values` are what is known of them for the profile fields, as typed. Without an address they get a user name and an account
    that opens with their joining slip. Where no seat is free and a waiting list is kept they go on it, and are written to as
    soon as one is.

    Raises Invalid for a name, address, note or value that cannot be used, NotAllowed for a role or place that is not the
    actor's to give, Conflict when they are here already or no seat is free.
    """
    given = frozenset(roles)
    words = read_note(note)
    if team_id is not None:
        oversight.teams_of(actor).find(team_id)
    if not oversight.is_over_everybody(actor) and (team_id is None or given != {Role.LEARNER}):
        raise NotAllowed("A team manager invites people to learn in one of their own teams. Choose the team.")
    if not given:
        raise Invalid("Choose what they will do here.", field="role")
    if Role.OWNER in given or (given & OWNERS_GIFT and Role.OWNER not in actor.roles):
        raise NotAllowed("Only an owner can let somebody run things or see what is paid. Ask an owner of your organisation.")
    if address is None:
        membership = _add_without_address(actor, people.read_name(name), given)
    else:
        count_mails(actor.organisation.id)
        membership = _take_up(actor, people.read_name(name), people.read_address(address), given)
    if team_id is not None:
        teams.put(actor.organisation.id, team_id, [membership.id], by=actor.person.id)
    if values:
        profile_values.save(actor, membership.id, values)
    # After the team is known: its seats may come from an allowance.
    waiting: set[UUID] = set()
    if Role.LEARNER in given:
        waiting = waiting_list.give(actor.organisation.id, [membership.id], seats.State.HELD, by=actor.person.id, note=words)
    if not waiting:
        invitations.send(membership, by=actor.person.id, days=days, note=words)
    return membership


def _add_without_address(actor: Actor, name: str, roles: frozenset[Role]) -> Membership:
    """Add somebody by name alone, who learns and does nothing else here."""
    if roles != {Role.LEARNER}:
        raise Invalid("Whoever runs things or sees what is paid needs an e-mail address.", field="role")
    return user_names.invite(actor.organisation.id, name)


def _take_up(actor: Actor, name: str, address: str, roles: frozenset[Role]) -> Membership:
    """Add somebody or take up their record; a team manager learns nothing about who else is here, or was."""
    if oversight.knows_unseen(actor, people.address_key(address)):
        raise Conflict(f"You cannot invite {address}. Ask an owner or an admin to put them into your team.")
    membership = memberships.invite(actor.organisation.id, name, address, roles)
    teams.end_managing(actor.organisation.id, [membership.id], by=actor.person.id)
    return membership


def read_note(typed: str) -> str:
    """Give the words of an inviter as they are kept; raises Invalid when they are too long or lead to another site."""
    note = "\n".join(" ".join(line.split()) for line in typed.strip().splitlines())
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"Write at most {LONGEST_NOTE} characters.", field="note")
    if "://" in note or "www." in note.casefold() or not all(line.isprintable() for line in note.splitlines()):
        raise Invalid("Write plain words without web addresses: people are warned of mails that lead elsewhere.", field="note")
    return note


def invite_again(actor: Actor, membership_id: UUID, *, days: int) -> Membership:
    """Send a new invitation link.

    Raises Conflict without an open invitation or an address, NotAllowed when a team manager asks for who is to run things.
    """
    membership, invitation = _open_invitation(actor, membership_id)
    memberships.address_of(membership)
    _count_mail(f"membership:{membership.id}", MAILS_TO_ONE_A_DAY)
    invitations.send_again(invitation, membership, by=actor.person.id, days=days)
    return membership


def invite_owner(organisation_id: UUID, *, by: UUID, days: int) -> Membership:
    """Send whoever is to own an organisation a new invitation, also where the last one is over.

    Raises Conflict when nobody is to, as where somebody owns it already, NotAllowed when they were written to often today.
    """
    roles_of_people.lock_owners(organisation_id)
    membership = memberships.owner_to_come(organisation_id)
    if membership is None:
        raise Conflict("Somebody owns this organisation by now. Reload the page to see where things stand.")
    _count_mail(f"membership:{membership.id}", MAILS_TO_ONE_A_DAY)
    invitation = invitations.open_of(membership.id)
    if invitation is not None:
        invitations.send_again(invitation, membership, by=by, days=days)
        return membership
    invited = memberships.invite(organisation_id, membership.name, memberships.address_of(membership), membership.roles)
    invitations.send(invited, by=by, days=days)
    return invited


def withdraw(actor: Actor, membership_id: UUID) -> Membership:
    """Take an open invitation back, so that its seat is free at once; raises what sending it again does."""
    membership, invitation = _open_invitation(actor, membership_id)
    _end(membership, invitation, invitations.State.WITHDRAWN, by=actor.person.id)
    return membership


def accept(invitation: Invitation, person: Person) -> Membership:
    """Let a person accept an invitation, so that the held seat is in use.

    Raises Conflict when the invitation is over, the seat was taken back, or the person is here under another address.
    """
    membership = memberships.of_organisation(invitation.organisation_id, invitation.membership_id, lock=True)
    if membership.is_learner:
        seats.put_in_use(invitation.organisation_id, membership.id, by=person.id)
    invitations.settle(invitation, invitations.State.ACCEPTED, by=person.id)
    memberships.join(membership, person)
    notices.of_person(membership.organisation_id, notices.What.ACCEPTED, membership.id)
    return membership


def accept_each(organisation_id: UUID, accepting: Sequence[tuple[Membership, Person]], *, by: UUID) -> None:
    """Have persons accept the invitations of memberships that were read and locked, in as many statements as for one.

    `by` is who let them in. Raises Conflict when an invitation is over, its seat was taken back, or somebody is here under
    another address.
    """
    ids = [membership.id for membership, _ in accepting]
    learners = {membership.id for membership, _ in accepting if membership.is_learner}
    held = set(seats.put_each_in_use(organisation_id, learners, by=by))
    settled = set(invitations.settle_each(organisation_id, ids, invitations.State.ACCEPTED, by=by))
    for membership, _ in accepting:
        if membership.id not in settled or membership.id in learners - held:
            raise Conflict(f"The invitation of {membership.name} was taken back a moment ago. Look at the list again.")
    newcomers.join_each(accepting)
    notices.of_people(organisation_id, notices.What.ACCEPTED, ids)


def archive(actor: Actor, membership_id: UUID) -> Membership:
    """Archive a person who leaves: their seat is free at this moment, and every record stays.

    Raises Conflict for the last owner and for oneself, NotAllowed when an admin archives an owner.
    """
    roles_of_people.lock_owners(actor.organisation.id)
    membership = oversight.member(actor, membership_id, lock=True)
    if membership.is_owner and Role.OWNER not in actor.roles:
        raise NotAllowed("Only an owner can archive an owner.")
    if membership.is_owner and memberships.owners(actor.organisation.id) == 1:
        raise Conflict(f"{membership.name} is the only owner, and every organisation keeps one.")
    if membership.id == actor.membership.id:
        raise Conflict("You cannot archive yourself. Ask another owner or admin to do it.")
    memberships.move(membership, MembershipState.ARCHIVED)
    journal.write("membership.archived", organisation_id=actor.organisation.id, by=actor.person.id, about=membership.id)
    seats.release(actor.organisation.id, membership.id, "archived", by=actor.person.id)
    waiting_places.settle(actor.organisation.id, [membership.id], waiting_places.State.TAKEN_OFF, by=actor.person.id)
    return membership


def remind_due() -> int:
    """Remind those who have not accepted yet, at most twice each; gives how many. A sweep."""
    with transaction():
        return invitations.remind_due()


def leave(actor: Actor) -> Membership:
    """Leave the organisation: the seat is free, and the record stays; raises Conflict for the last owner."""
    membership = roles_of_people.leave(actor)
    seats.release(actor.organisation.id, membership.id, "left", by=actor.person.id)
    waiting_places.settle(actor.organisation.id, [membership.id], waiting_places.State.TAKEN_OFF, by=actor.person.id)
    return membership


def expire_due() -> int:
    """End the invitations whose time is over and free their seats, each in its own transaction; gives how many. A sweep."""
    expired = 0
    for organisation_id, membership_id in [(found.organisation_id, found.membership_id) for found in invitations.overdue()]:
        with suppress(Conflict), transaction():
            # The membership is locked before the invitation is read: it may just have been accepted, withdrawn or sent again.
            membership = memberships.of_organisation(organisation_id, membership_id, lock=True)
            invitation = invitations.open_of(membership_id)
            if invitation is not None and invitations.is_overdue(invitation):
                _end(membership, invitation, invitations.State.EXPIRED, by=None)
                notices.of_person(organisation_id, notices.What.EXPIRED, membership_id)
                expired += 1
    return expired


def _open_invitation(actor: Actor, membership_id: UUID) -> tuple[Membership, Invitation]:
    membership = oversight.member(actor, membership_id, lock=True)
    if membership.runs_things:
        oversight.demand_everybody(actor, f"do this for {membership.name}, who is to run things here")
    invitation = invitations.open_of(membership.id)
    if invitation is None:
        raise Conflict(f"{membership.name} has no open invitation. Reload the page to see where things stand.")
    return membership, invitation


def _end(membership: Membership, invitation: Invitation, to: invitations.State, *, by: UUID | None) -> None:
    """End an invitation that nobody accepted and free its seat; somebody who was here before is archived as they were."""
    invitations.settle(invitation, to, by=by)
    memberships.move(membership, MembershipState.ARCHIVED if membership.joined_at else MembershipState.WITHDRAWN)
    seats.release(membership.organisation_id, membership.id, str(to), by=by)
    joining_slips.void_each_of([membership.id])
    waiting_places.settle(membership.organisation_id, [membership.id], waiting_places.State.TAKEN_OFF, by=by)


def count_mails(organisation_id: UUID, number: int = 1) -> None:
    """Count invitation mails of an organisation; raises NotAllowed beyond what it may send in a day."""
    _count_mail(f"organisation:{organisation_id}", MAILS_A_DAY + MAILS_A_SEAT * seats.count(organisation_id).bought, number)


def _count_mail(key: str, limit: int, number: int = 1) -> None:
    """Count invitation mails, so that nobody uses the shop to write to strangers; raises NotAllowed beyond the limit."""
    if not limits.spend(f"invite:{key}", limit, timedelta(days=1), number):
        raise NotAllowed("That is as many invitations as go out in a day here. Please go on tomorrow.")
