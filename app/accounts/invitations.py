"""Invitations: open for some days, then accepted, withdrawn or expired; sending one again makes a new link and ends the old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.kernel import batches, clock, journal, links, outbox
from app.kernel.db import Model, UtcDateTime, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAIL = "invitation"
REMINDER = "invitation_reminder"
PURPOSE = "invitation"
FIRST_REMINDER = timedelta(days=4)
LAST_REMINDER = timedelta(days=2)
# Nobody is written to again within this time by a change that is about many.
REST = timedelta(days=1)
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
    note: Mapped[str] = mapped_column(default="")
    reminders: Mapped[int] = mapped_column(default=0)
    continued_at: Mapped[datetime | None]

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


# Written out and not as a parameter, so that both databases see that the index of open invitations will do.
IS_OPEN = sa.text("invitation.state = 'open'")


@dataclass(frozen=True, slots=True)
class Guest:
    """Whom an invitation goes to."""

    membership_id: UUID
    name: str
    address: str | None
    has_seat: bool


def send(membership: Membership, *, by: UUID, days: int, note: str = "") -> Invitation:
    """Invite the person of a membership, with words of the inviter's own; the link is good for some days."""
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
        note=note,
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
        .values(link_id=uuid4(), sent_at=now, expires_at=now + timedelta(days=days), reminders=0, continued_at=None)
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
    if is_overdue(invitation):
        raise Missing("This invitation has expired. Ask the person who invited you to send it again: that takes them one click.")
    return invitation


def open_of(membership_id: UUID) -> Invitation | None:
    """Give the open invitation of a membership, if there is one."""
    query = sa.select(Invitation).where(Invitation.membership_id == membership_id, Invitation.state == State.OPEN)
    return db.session.scalar(query.execution_options(populate_existing=True))


def open_links(link_ids: Iterable[UUID]) -> set[UUID]:
    """Give those of some links by which an invitation is still open, in one query."""
    query = sa.select(Invitation.link_id).where(Invitation.link_id.in_(batches.ids(link_ids)), IS_OPEN)
    return set(db.session.scalars(query))


def is_overdue(invitation: Invitation) -> bool:
    """Whether the time of an open invitation is over; that of the only way into an organisation never is."""
    if clock.now() < invitation.expires_at:
        return False
    return db.session.scalar(sa.select(Invitation.id).where(Invitation.id == invitation.id, _is_only_way_in())) is None


def overdue(limit: int = 200) -> list[Invitation]:
    """Give the open invitations whose time is over, oldest first."""
    query = sa.select(Invitation).where(Invitation.state == State.OPEN, Invitation.expires_at <= clock.now())
    return list(db.session.scalars(query.where(~_is_only_way_in()).order_by(Invitation.expires_at).limit(limit)))


def _is_only_way_in() -> sa.ColumnElement[bool]:
    """Pick the invitations of owners where nobody is an owner yet: if such a one ended, nobody could ever get in."""
    guest, owner = aliased(Membership), aliased(Membership)
    is_to_own = sa.exists().where(guest.id == Invitation.membership_id, guest.is_owner)
    has_owner = sa.exists().where(
        owner.organisation_id == Invitation.organisation_id, owner.is_owner, owner.state == MembershipState.ACTIVE
    )
    return sa.and_(is_to_own, ~has_owner)


def waiting(organisation_id: UUID, limit: int = 5) -> list[tuple[Membership, datetime]]:
    """Give those who have not accepted yet with the end of their invitation, the one that ends first at the top."""
    query = sa.select(Membership, Invitation.expires_at).join(Invitation, Invitation.membership_id == Membership.id)
    open_ones = query.where(Invitation.organisation_id == organisation_id, Invitation.state == State.OPEN)
    rows = db.session.execute(open_ones.order_by(Invitation.expires_at, Membership.name).limit(limit))
    return [(membership, expires_at) for membership, expires_at in rows]


def expiries(membership_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Give when the open invitation of each of some memberships ends."""
    query = sa.select(Invitation.membership_id, Invitation.expires_at).where(
        Invitation.membership_id.in_(batches.ids(membership_ids)), IS_OPEN
    )
    return dict(db.session.execute(query).all())


def send_each(organisation: Organisation, guests: Sequence[Guest], *, by: UUID, days: int, note: str = "") -> dict[UUID, UUID]:
    """Invite many people at once, each with a link of their own, in three statements; gives each membership's invitation."""
    given = [(uuid7(), guest.membership_id, uuid4()) for guest in guests]
    rows = batches.of(given, id=sa.Uuid(), membership_id=sa.Uuid(), link_id=sa.Uuid())
    now = clock.now()
    expires_at = now + timedelta(days=days)
    organisation_id, inviter, state = (
        sa.literal(organisation.id, sa.Uuid()),
        sa.literal(by, sa.Uuid()),
        sa.literal(str(State.OPEN)),
    )
    sent, ends, words = sa.literal(now, UtcDateTime()), sa.literal(expires_at, UtcDateTime()), sa.literal(note)
    batches.insert(
        Invitation,
        (
            "id",
            "organisation_id",
            "membership_id",
            "invited_by",
            "state",
            "link_id",
            "sent_at",
            "expires_at",
            "note",
            "reminders",
        ),
        sa.select(
            rows.c.id, organisation_id, rows.c.membership_id, inviter, state, rows.c.link_id, sent, ends, words, sa.literal(0)
        ),
    )
    journal.write_all("invitation.sent", ((guest.membership_id, {}) for guest in guests), organisation_id=organisation.id, by=by)
    links_given = [link_id for _, _, link_id in given]
    _write_mails(organisation, guests, links_given, expires_at, note)
    return {membership_id: invitation_id for invitation_id, membership_id, _ in given}


def send_each_again(organisation: Organisation, guests: Sequence[Guest], *, by: UUID, days: int) -> int:
    """Send new links to many people whose invitations are open and have rested, in three statements; gives to how many."""
    now = clock.now()
    expires_at = now + timedelta(days=days)
    ids = batches.ids(guest.membership_id for guest in guests)
    statement = sa.update(Invitation).where(Invitation.membership_id.in_(ids), IS_OPEN, Invitation.sent_at <= now - REST)
    sent = db.session.execute(
        statement.values(link_id=batches.random_id(), sent_at=now, expires_at=expires_at, reminders=0, continued_at=None)
        .returning(Invitation.membership_id, Invitation.link_id, Invitation.note)
        .execution_options(synchronize_session=False)
    ).all()
    if not sent:
        return 0
    by_id = {guest.membership_id: guest for guest in guests}
    entries: list[tuple[UUID, dict[str, object]]] = [(membership_id, {}) for membership_id, _, _ in sent]
    journal.write_all("invitation.sent_again", entries, organisation_id=organisation.id, by=by)
    notes = {membership_id: note for membership_id, _, note in sent}
    mails = (
        _facts(organisation, by_id[membership_id], link_id, expires_at, notes[membership_id])
        for membership_id, link_id, _ in sent
    )
    outbox.write_all(MAIL, mails, organisation_id=organisation.id)
    return len(sent)


def renew_each(organisation_id: UUID, membership_ids: Iterable[UUID], expires_at: datetime) -> None:
    """Let the open invitations of people without an address count from now on, as when they are sent again, in one statement."""
    statement = sa.update(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.membership_id.in_(batches.ids(membership_ids)), IS_OPEN
    )
    values = {"link_id": batches.random_id(), "sent_at": clock.now(), "expires_at": expires_at, "continued_at": None}
    db.session.execute(statement.values(**values).execution_options(synchronize_session=False))


def settle_each(
    organisation_id: UUID,
    membership_ids: Iterable[UUID],
    to: State,
    *,
    by: UUID | None,
    only: sa.Select[UUID] | None = None,
) -> list[UUID]:
    """End the open invitations of many memberships, or only some of these, in two statements; gives whose were open."""
    statement = sa.update(Invitation).where(
        Invitation.organisation_id == organisation_id,
        Invitation.membership_id.in_(batches.ids(membership_ids)),
        IS_OPEN,
        sa.true() if only is None else Invitation.id.in_(only),
    )
    settled = db.session.scalars(
        statement.values(state=to, settled_at=clock.now())
        .returning(Invitation.membership_id)
        .execution_options(synchronize_session=False)
    ).all()
    if settled:
        journal.write_all(f"invitation.{to}", ((one, {}) for one in settled), organisation_id=organisation_id, by=by)
    return list(settled)


def remind_due(limit: int = 500) -> int:
    """Write a reminder of each open invitation that is due one: some days after it was sent, and shortly before its end.

    It stops as soon as the invitation is accepted, withdrawn or over, and after two reminders. Gives how many.
    """
    now = clock.now()
    is_first = sa.and_(Invitation.reminders == 0, Invitation.sent_at <= now - FIRST_REMINDER)
    is_last = sa.and_(Invitation.reminders == 1, Invitation.expires_at <= now + LAST_REMINDER)
    due = (
        sa.select(Invitation, Membership, Organisation)
        .join(Membership, Membership.id == Invitation.membership_id)
        .join(Organisation, Organisation.id == Invitation.organisation_id)
        .where(Invitation.state == State.OPEN, Invitation.expires_at > now, is_first | is_last, Membership.address.is_not(None))
        .order_by(Invitation.id)
        .limit(limit)
        .with_for_update(of=Invitation)
    )
    reminded = 0
    for invitation, membership, organisation in db.session.execute(due).all():
        invitation.reminders += 1
        guest = Guest(membership.id, membership.name, membership.address, has_seat=membership.is_learner)
        address, facts = _facts(organisation, guest, invitation.link_id, invitation.expires_at, "")
        outbox.write(REMINDER, address, organisation_id=organisation.id, **facts)
        journal.write("invitation.reminded", organisation_id=organisation.id, about=membership.id)
        reminded += 1
    return reminded


def note_continued(invitation: Invitation) -> None:
    """Note that somebody pressed Continue on the page behind the link, the first time they do."""
    is_first = sa.and_(Invitation.id == invitation.id, Invitation.continued_at.is_(None))
    db.session.execute(sa.update(Invitation).where(is_first).values(continued_at=clock.now()))


def facts_of_preview(organisation: Organisation, guest: Guest, now: datetime, days: int, note: str) -> dict[str, object]:
    """Give what the mail of an invitation would say, with a link that leads nowhere."""
    return _facts(organisation, guest, uuid4(), now + timedelta(days=days), note)[1]


def _write_mail(invitation: Invitation, membership: Membership) -> None:
    organisation = db.session.get_one(Organisation, membership.organisation_id)
    guest = Guest(membership.id, membership.name, membership.address, has_seat=membership.is_learner)
    address, facts = _facts(organisation, guest, invitation.link_id, invitation.expires_at, invitation.note)
    outbox.write(MAIL, address, organisation_id=organisation.id, **facts)


def _write_mails(
    organisation: Organisation, guests: Sequence[Guest], link_ids: Sequence[UUID], expires_at: datetime, note: str
) -> None:
    mails = (_facts(organisation, guest, link_id, expires_at, note) for guest, link_id in zip(guests, link_ids, strict=True))
    outbox.write_all(MAIL, mails, organisation_id=organisation.id)


def _facts(
    organisation: Organisation, guest: Guest, link_id: UUID, expires_at: datetime, note: str
) -> tuple[str | None, dict[str, object]]:
    """Give the address of an invitation and what its mail says."""
    facts: dict[str, object] = {
        "link_id": str(link_id),
        "organisation": organisation.name,
        "name": guest.name,
        "expires_at": expires_at.isoformat(),
        "has_seat": guest.has_seat,
        "note": note,
    }
    return guest.address, facts
