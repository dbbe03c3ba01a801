"""Roles: handed on by owners, and ownership only to somebody who agrees to it. Every organisation keeps an owner."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import memberships, oversight
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.kernel import clock, journal, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.accounts.memberships import Actor

HANDED_ON = (Role.ADMIN, Role.BILLING)
OFFER_LASTS = timedelta(days=14)


class State(StrEnum):
    """Where an offer of ownership stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class OwnershipOffer(Model):
    """That an owner asked somebody to be one too, or in their place; it counts until it is answered or its time is over."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    giver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    taker_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    steps_down: Mapped[bool]
    state: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'accepted', 'declined', 'withdrawn')", name="state"),
        sa.Index(
            "ix_ownership_offer_one_open",
            "taker_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "organisation_id"),
    )


def change(actor: Actor, membership_id: UUID, roles: Collection[Role]) -> Membership:
    """Let somebody be an admin, see what is paid, both or neither; who would be nothing here stays a learner without a seat.

    Raises Conflict when they have not joined or have left.
    """
    member = oversight.member(actor, membership_id, lock=True)
    if member.state != MembershipState.ACTIVE:
        raise Conflict(f"{member.name} is {member.state}. Only those who have joined have roles.")
    if roles and member.address is None:
        raise Conflict(f"{member.name} has no e-mail address, and whoever runs things or sees what is paid needs one.")
    for role in HANDED_ON:
        setattr(member, f"is_{role}", role in roles)
    if not member.roles:
        member.is_learner = True
    db.session.flush()
    held = sorted(member.roles)
    journal.write(
        "membership.roles_changed", organisation_id=member.organisation_id, by=actor.person.id, about=member.id, roles=held
    )
    return member


def offer_ownership(actor: Actor, membership_id: UUID, *, steps_down: bool) -> Membership:
    """Ask somebody who has joined to become an owner, beside the actor or in their place; an earlier offer to them is void.

    Raises Conflict when they are one already or have not joined.
    """
    taker = oversight.member(actor, membership_id, lock=True)
    if taker.state != MembershipState.ACTIVE:
        raise Conflict(f"{taker.name} has not joined, so they cannot be asked.")
    if taker.is_owner:
        raise Conflict(f"{taker.name} is an owner already.")
    if taker.address is None:
        raise Conflict(f"{taker.name} has no e-mail address, and an owner needs one.")
    is_earlier = sa.and_(OwnershipOffer.taker_id == taker.id, OwnershipOffer.state == State.OPEN)
    db.session.execute(sa.update(OwnershipOffer).where(is_earlier).values(state=State.WITHDRAWN))
    now = clock.now()
    offer = OwnershipOffer(
        id=uuid7(),
        organisation_id=taker.organisation_id,
        giver_id=actor.membership.id,
        taker_id=taker.id,
        steps_down=steps_down,
        state=State.OPEN,
        made_at=now,
        expires_at=now + OFFER_LASTS,
    )
    db.session.add(offer)
    db.session.flush()
    journal.write("ownership.offered", organisation_id=taker.organisation_id, by=actor.person.id, about=taker.id)
    outbox.write(
        "ownership_offered",
        taker.address,
        organisation_id=taker.organisation_id,
        at=str(taker.organisation_id),
        organisation=actor.organisation.name,
        name=taker.name,
        giver_id=str(actor.membership.id),
        expires_at=offer.expires_at.isoformat(),
    )
    return taker


def open_offer_to(actor: Actor) -> tuple[OwnershipOffer, str] | None:
    """Give the open offer of ownership to the actor, with the name of who made it."""
    query = (
        sa.select(OwnershipOffer, Membership.name)
        .join(Membership, Membership.id == OwnershipOffer.giver_id)
        .where(_counts(actor))
    )
    row = db.session.execute(query).first()
    return (row[0], row[1]) if row else None


def answer_offer(actor: Actor, offer_id: UUID, *, accepts: bool) -> None:
    """Take the ownership that was offered, or decline; who offered to step down is an admin from then on.

    Raises Missing for somebody else's offer, Conflict when it is over or its giver is no owner any more.
    """
    to = State.ACCEPTED if accepts else State.DECLINED
    mine = sa.and_(OwnershipOffer.id == offer_id, OwnershipOffer.taker_id == actor.membership.id)
    if db.session.scalar(sa.select(OwnershipOffer.id).where(mine)) is None:
        raise Missing
    lock_owners(actor.organisation.id)
    statement = sa.update(OwnershipOffer).where(OwnershipOffer.id == offer_id, _counts(actor)).values(state=to)
    row = db.session.execute(statement.returning(OwnershipOffer.giver_id, OwnershipOffer.steps_down)).first()
    if row is None:
        raise Conflict("This offer is over. Ask an owner to make it again.")
    what = f"ownership.{to}"
    journal.write(what, organisation_id=actor.organisation.id, by=actor.person.id, about=actor.membership.id)
    if accepts:
        _hand_over(actor, *row)


def leave(actor: Actor) -> Membership:
    """Archive oneself, while joining frees the seat; raises Conflict for the last owner, who hands over first."""
    lock_owners(actor.organisation.id)
    member = memberships.of_organisation(actor.organisation.id, actor.membership.id, lock=True)
    if member.is_owner and memberships.owners(actor.organisation.id) == 1:
        raise Conflict("You are the only owner, and every organisation keeps one. Ask somebody to become an owner first.")
    memberships.move(member, MembershipState.ARCHIVED)
    journal.write("membership.left", organisation_id=actor.organisation.id, by=actor.person.id, about=member.id)
    return member


def lock_owners(organisation_id: UUID) -> None:
    """Keep two owners from leaving, or archiving each other, at the same moment."""
    query = sa.select(Membership.id).where(Membership.organisation_id == organisation_id, Membership.is_owner)
    db.session.execute(query.order_by(Membership.id).with_for_update()).all()


def _hand_over(actor: Actor, giver_id: UUID, steps_down: bool) -> None:  # noqa: FBT001 - as the row has it
    giver = memberships.of_organisation(actor.organisation.id, giver_id, lock=True)
    if not giver.is_owner or giver.state != MembershipState.ACTIVE:
        raise Conflict(f"{giver.name} is no owner any more, so the offer is void.")
    taker = memberships.of_organisation(actor.organisation.id, actor.membership.id, lock=True)
    taker.is_owner = True
    if steps_down:
        giver.is_owner, giver.is_admin = False, True
    db.session.flush()


def _counts(actor: Actor) -> sa.ColumnElement[bool]:
    """Whether an offer is open, to the actor, and its time is not over."""
    return sa.and_(
        OwnershipOffer.taker_id == actor.membership.id,
        OwnershipOffer.organisation_id == actor.organisation.id,
        OwnershipOffer.state == State.OPEN,
        OwnershipOffer.expires_at > clock.now(),
    )
