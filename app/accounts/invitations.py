"""Invitations: open for some days, then accepted, withdrawn or expired; sending one again makes a new link and ends the old."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.memberships import Membership
from app.accounts.organisations import Organisation
from app.kernel import clock, journal, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

MAIL = "invitation"
PURPOSE = "invitation"
OVER = "This invitation is over already. Reload the page to see where it stands."


class State(StrEnum):
    """Where an invitation stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Invitation(Model):
    """A link sent to an address, by which a membership finds its person; sending it again changes `link_id`."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    invited_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    state: Mapped[str]
    link_id: Mapped[UUID] = mapped_column(unique=True)
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'accepted', 'withdrawn', 'expired')", name="state"),
        sa.Index(
            "ix_invitation_one_open",
            "membership_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "state", "expires_at"),
        sa.Index(None, "organisation_id"),
    )


def send(membership: Membership, *, by: UUID, days: int) -> Invitation:
    """Invite the person of a membership; the link is good for some days."""
    now = clock.now()
    invitation = Invitation(
        id=uuid7(),
        organisation_id=membership.organisation_id,
        membership_id=membership.id,
        invited_by=by,
        state=State.OPEN,
        link_id=uuid4(),
        sent_at=now,
        expires_at=now + timedelta(days=days),
    )
    db.session.add(invitation)
    db.session.flush()
    _write_mail(invitation, membership)
    journal.write("invitation.sent", organisation_id=membership.organisation_id, by=by, about=membership.id)
    return invitation


def send_again(invitation: Invitation, membership: Membership, *, by: UUID, days: int) -> None:
    """Send a new link; the old one no longer works. Raises Conflict when the invitation is no longer open."""
    now = clock.now()
    sent = db.session.execute(
        sa.update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.state == State.OPEN)
        .values(link_id=uuid4(), sent_at=now, expires_at=now + timedelta(days=days))
        .returning(Invitation.id)
    ).scalar()
    if sent is None:
        raise Conflict(OVER)
    db.session.refresh(invitation)
    _write_mail(invitation, membership)
    journal.write("invitation.sent_again", organisation_id=membership.organisation_id, by=by, about=membership.id)


def settle(invitation: Invitation, to: State, *, by: UUID | None) -> None:
    """End an open invitation, once whoever asks at the same time; raises Conflict when it is over already."""
    settled = db.session.execute(
        sa.update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.link_id == invitation.link_id, Invitation.state == State.OPEN)
        .values(state=to, settled_at=clock.now())
        .returning(Invitation.id)
    ).scalar()
    if settled is None:
        raise Conflict(OVER)
    journal.write(f"invitation.{to}", organisation_id=invitation.organisation_id, by=by, about=invitation.membership_id)


def token(link_id: UUID) -> str:
    """Give the part of the address that stands for an invitation."""
    return links.token(PURPOSE, link_id)


def opened(given: str) -> Invitation:
    """Give the invitation whose link was opened, leaving it as it is; raises Missing with what to do when the link is over."""
    invitation = db.session.scalar(sa.select(Invitation).where(Invitation.link_id == links.read(PURPOSE, given)))
    if invitation is None or invitation.state != State.OPEN:
        raise Missing("This invitation has been used, withdrawn or replaced by a newer one. Ask the person who invited you.")
    if clock.now() >= invitation.expires_at:
        raise Missing("This invitation has expired. Ask the person who invited you to send it again: that takes them one click.")
    return invitation


def open_of(membership_id: UUID) -> Invitation | None:
    """Give the open invitation of a membership, if there is one."""
    query = sa.select(Invitation).where(Invitation.membership_id == membership_id, Invitation.state == State.OPEN)
    return db.session.scalar(query.execution_options(populate_existing=True))


def is_overdue(invitation: Invitation) -> bool:
    """Whether the time of an open invitation is over."""
    return invitation.expires_at <= clock.now()


def overdue(limit: int = 200) -> list[Invitation]:
    """Give the open invitations whose time is over, oldest first."""
    query = sa.select(Invitation).where(Invitation.state == State.OPEN, Invitation.expires_at <= clock.now())
    return list(db.session.scalars(query.order_by(Invitation.expires_at).limit(limit)))


def waiting(organisation_id: UUID, limit: int = 5) -> list[tuple[Membership, datetime]]:
    """Give those who have not accepted yet with the end of their invitation, the one that ends first at the top."""
    query = sa.select(Membership, Invitation.expires_at).join(Invitation, Invitation.membership_id == Membership.id)
    open_ones = query.where(Invitation.organisation_id == organisation_id, Invitation.state == State.OPEN)
    rows = db.session.execute(open_ones.order_by(Invitation.expires_at, Membership.name).limit(limit))
    return [(membership, expires_at) for membership, expires_at in rows]


def expiries(organisation_id: UUID) -> dict[UUID, datetime]:
    """Give when each open invitation of an organisation ends, by membership."""
    query = sa.select(Invitation.membership_id, Invitation.expires_at).where(
        Invitation.organisation_id == organisation_id, Invitation.state == State.OPEN
    )
    return dict(db.session.execute(query).all())


def _write_mail(invitation: Invitation, membership: Membership) -> None:
    organisation = db.session.get_one(Organisation, membership.organisation_id)
    outbox.write(
        MAIL,
        membership.address,
        organisation_id=organisation.id,
        link_id=str(invitation.link_id),
        organisation=organisation.name,
        name=membership.name,
        expires_at=invitation.expires_at.isoformat(),
        has_seat=membership.is_learner,
    )
