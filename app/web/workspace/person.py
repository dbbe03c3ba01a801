"""The page of one person: their part here, their seats, their teams, what they learnt, and what was sent to them and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for

from app import joining
from app.accounts import (
    invitations,
    joining_slips,
    mergers,
    oversight,
    profile_fields,
    profile_values,
    record_shares,
    teams,
    waiting_places,
)
from app.accounts.memberships import Role
from app.kernel import journal, outbox
from app.kernel.transaction import transaction
from app.permissions import ARCHIVE_PEOPLE, BUILD_TEAMS, GIVE_SEATS, HAND_ON_ROLES, SEE_PEOPLE
from app.web import field_words
from app.web.workspace import history_words, mail_words
from app.web.workspace.area import area, page
from billing import seats
from catalog.learning import certificates, records

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


@area.page("/<uuid:organisation>/people/<uuid:membership>", allow=SEE_PEOPLE)
def person(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Show one person whom the actor may see."""
    found = oversight.member(actor, membership)
    if found.merged_into_id is not None:
        return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=found.merged_into_id), 303)
    tree = oversight.teams_of(actor)
    titles = {node.team.id: node.title for node in tree.walk()}
    placed = teams.of_people([found.id]).get(found.id, [])
    count = seats.count(actor.organisation.id)
    assignments = seats.history(found.id)
    from_owners = {Role.OWNER, *joining.OWNERS_GIFT}
    values = profile_values.of_people([found.id]).get(found.id, {})
    may_act = oversight.may_act_for(actor, runs_things=found.runs_things)
    return page(
        "person",
        actor,
        "people",
        member=found,
        invitation=invitations.open_of(found.id),
        slip=joining_slips.of(found.person_id) if found.address is None else None,
        assignments=assignments,
        has_seat=any(assignment.released_at is None for assignment in assignments),
        seats=count,
        waits=bool(waiting_places.among(actor.organisation.id, [found.id])),
        has_list=waiting_places.is_kept(actor.organisation.id),
        certificates=certificates.of_membership(actor.organisation.id, found.id),
        records=records.of_member(actor.organisation.id, found.id),
        teams=[(team.id, titles[team.id]) for team in placed if team.id in titles],
        managed=[titles[team_id] for team_id in teams.managed_by(found.id) if team_id in titles],
        known=[
            (field.name, field_words.written(field, values.get(field.id, "")) or "not filled in")
            for field in profile_fields.of(actor.organisation.id)
        ],
        mails=mail_words.describe(outbox.to(actor.organisation.id, found.address) if found.address else []),
        may_archive=bool(actor.roles & ARCHIVE_PEOPLE.roles)
        and found.id != actor.membership.id
        and (not found.is_owner or Role.OWNER in actor.roles),
        may_restore=bool(actor.roles & ARCHIVE_PEOPLE.roles) and (not found.roles & from_owners or Role.OWNER in actor.roles),
        elsewhere=[
            (share, giver, records.of_member(share.organisation_id, share.membership_id))
            for share, giver in record_shares.shared_with(found)
        ],
        may_act=may_act,
        may_merge=bool(actor.roles & ARCHIVE_PEOPLE.roles),
        may_give=may_act and bool(actor.roles & GIVE_SEATS.roles),
        may_build=bool(actor.roles & BUILD_TEAMS.roles),
        may_hand_on=bool(actor.roles & HAND_ON_ROLES.roles),
        items=history_words.describe(
            actor.organisation.id,
            journal.about(actor.organisation.id, *mergers.ids_of(found.id)),
            seen=None if oversight.is_over_everybody(actor) else titles,
        ),
    )


@area.action("/<uuid:organisation>/people/<uuid:membership>/archive", allow=ARCHIVE_PEOPLE)
def archive(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Archive somebody who leaves; their seat is free at once and their records stay."""
    with transaction():
        found = joining.archive(actor, membership)
    flash(f"{found.name} is archived. The seat they had is free, and their records stay.", "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=found.id), 303)
