"""Record shares: an organisation offers somebody's record to another one, which accepts it, and the person themselves shares it.

Life: open → shared → ended, or open → declined | withdrawn. It is shared once both have agreed, in whichever order, and for as
long as the person wants. Nothing is copied: who offered keeps its evidence, and the other one reads it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import organisations, oversight
from app.accounts.memberships import Membership, Role
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.accounts.people import Person
from app.kernel import clock, journal, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing

if TYPE_CHECKING:
    from app.accounts.memberships import Actor

PURPOSE = "record_code"
LASTS = timedelta(days=30)
RECEIVE = frozenset({Role.OWNER, Role.ADMIN})


class State(StrEnum):
    """Where an offer of a record stands."""

    OPEN = "open"
    SHARED = "shared"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class RecordShare(Model):
    """That the record of a person in one organisation is offered to another one, and who has agreed so far."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    to_organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    offered_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    state: Mapped[str]
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    agreed_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'shared', 'declined', 'withdrawn', 'ended')", name="state"),
        sa.CheckConstraint("state != 'shared' OR (accepted_at IS NOT NULL AND agreed_at IS NOT NULL)", name="both_agreed"),
        sa.CheckConstraint("organisation_id != to_organisation_id", name="two_organisations"),
        sa.Index(
            "ix_record_share_one_at_a_time",
            "membership_id",
            "to_organisation_id",
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'shared')"),
            postgresql_where=sa.text("state IN ('open', 'shared')"),
        ),
        sa.Index(None, "to_organisation_id", "state"),
        sa.Index(None, "person_id"),
    )

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody to agree, and its time is not over."""
        return self.state == State.OPEN and self.expires_at > clock.now()


def code_of(organisation_id: UUID) -> str:
    """Give the code by which another organisation names this one; it proves nothing and opens nothing."""
    return links.token(PURPOSE, organisation_id)


def read_code(typed: str) -> Organisation:
    """Give the organisation that a code names; raises Invalid for one that names none."""
    try:
        found = organisations.find(links.read(PURPOSE, "".join(typed.split())))
    except Missing:
        found = None
    if found is None:
        message = "We do not know this code. The other organisation finds it under People, Records from elsewhere."
        raise Invalid(message, field="code")
    return found


def offer(actor: Actor, membership_id: UUID, code: str) -> RecordShare:
    """Offer the record of somebody to the organisation that a code names, and tell it and the person.

    Raises Invalid for a code that cannot be used, Conflict for somebody without an account, or when it was offered already.
    """
    member = oversight.member(actor, membership_id, lock=True)
    oversight.demand_everybody(actor, "offer a record to another organisation")
    to = read_code(code)
    if to.id == actor.organisation.id:
        raise Invalid("This is the code of your own organisation. Ask the other one for theirs.", field="code")
    if member.person_id is None or member.joined_at is None or not member.login or member.state == MembershipState.MERGED:
        raise Conflict(f"{member.name} has no account here that could share the record.")
    now = clock.now()
    over = sa.and_(RecordShare.membership_id == member.id, RecordShare.state == State.OPEN, RecordShare.expires_at <= now)
    db.session.execute(sa.update(RecordShare).where(over).values(state=State.WITHDRAWN))
    share = RecordShare(
        id=uuid7(),
        person_id=member.person_id,
        membership_id=member.id,
        organisation_id=actor.organisation.id,
        to_organisation_id=to.id,
        offered_by=actor.person.id,
        state=State.OPEN,
        offered_at=now,
        expires_at=now + LASTS,
    )
    try:
        with db.session.begin_nested():
            db.session.add(share)
    except sa.exc.IntegrityError as error:
        raise Conflict(f"The record of {member.name} is offered to {to.name} already.") from error
    journal.write(
        "record.offered", organisation_id=actor.organisation.id, by=actor.person.id, about=member.id, share=str(share.id)
    )
    _tell(share, actor.organisation, to)
    return share


def withdraw(actor: Actor, share_id: UUID) -> RecordShare:
    """Take an offer back before it is shared; raises Missing for that of another organisation, Conflict when it is over."""
    share = _one(RecordShare.id == share_id, RecordShare.organisation_id == actor.organisation.id)
    _settle(share, State.OPEN, State.WITHDRAWN)
    journal.write("record.withdrawn", organisation_id=share.organisation_id, by=actor.person.id, about=share.membership_id)
    return share


def accept(actor: Actor, share_id: UUID) -> RecordShare:
    """Take a record that another organisation offers; raises Missing for what was offered to others, Conflict when it is over."""
    share = _offered_to(actor, share_id)
    if share.accepted_at is None:
        share.accepted_at = clock.now()
        db.session.flush()
        journal.write("record.accepted", organisation_id=actor.organisation.id, by=actor.person.id, about=share.id)
    _share_if_both_agreed(share)
    return share


def decline(actor: Actor, share_id: UUID) -> None:
    """Leave a record with who offered it; raises what accepting it does."""
    share = _offered_to(actor, share_id)
    _settle(share, State.OPEN, State.DECLINED)
    journal.write("record.declined", organisation_id=actor.organisation.id, by=actor.person.id, about=share.id)
    journal.write("record.declined", organisation_id=share.organisation_id, about=share.membership_id)


def agree(person_id: UUID, share_id: UUID) -> RecordShare:
    """Share one's own record; raises Missing for that of somebody else, Conflict when the offer is over."""
    share = _one(RecordShare.id == share_id, RecordShare.person_id == person_id)
    if not share.is_open:
        raise _over()
    share.agreed_at = share.agreed_at or clock.now()
    db.session.flush()
    journal.write("record.agreed", organisation_id=share.organisation_id, by=person_id, about=share.membership_id)
    _share_if_both_agreed(share)
    return share


def end(person_id: UUID, share_id: UUID) -> None:
    """Share one's own record no longer, or not at all; raises Missing for that of somebody else, Conflict when it is over."""
    share = _one(RecordShare.id == share_id, RecordShare.person_id == person_id)
    was = State(share.state)
    if was is State.SHARED:
        _settle(share, was, State.ENDED)
    else:
        _settle(share, State.OPEN, State.DECLINED)
    for organisation_id, about in ((share.organisation_id, share.membership_id), (share.to_organisation_id, share.id)):
        journal.write("record.ended", organisation_id=organisation_id, by=person_id, about=about)


def end_all_of(person_id: UUID) -> None:
    """End whatever is offered or shared of somebody whose account goes."""
    theirs = sa.and_(RecordShare.person_id == person_id, RecordShare.state.in_((State.OPEN, State.SHARED)))
    to = sa.case((RecordShare.state == State.SHARED, State.ENDED), else_=State.DECLINED)
    db.session.execute(sa.update(RecordShare).where(theirs).values(state=to).execution_options(synchronize_session=False))


def of_member(member: Membership) -> list[tuple[RecordShare, str]]:
    """Give the offers of a record that wait or are shared, each with the name of the organisation it was offered to."""
    query = sa.select(RecordShare, Organisation.name).join(Organisation, Organisation.id == RecordShare.to_organisation_id)
    return _with_names(query.where(RecordShare.membership_id == member.id, _counts()))


def of_person(person_id: UUID) -> list[tuple[RecordShare, str, str]]:
    """Give what is offered or shared of a person, each with the names of both organisations."""
    to = sa.orm.aliased(Organisation)
    query = (
        sa.select(RecordShare, Organisation.name, to.name)
        .join(Organisation, Organisation.id == RecordShare.organisation_id)
        .join(to, to.id == RecordShare.to_organisation_id)
        .where(RecordShare.person_id == person_id, _counts())
        .order_by(RecordShare.id.desc())
    )
    return [(share, giver, taker) for share, giver, taker in db.session.execute(query)]


def offered_to(organisation_id: UUID) -> list[tuple[RecordShare, str]]:
    """Give the records that wait for an organisation, or are shared with it, each with the name of who offered."""
    query = sa.select(RecordShare, Organisation.name).join(Organisation, Organisation.id == RecordShare.organisation_id)
    return _with_names(query.where(RecordShare.to_organisation_id == organisation_id, _counts()))


def shared_with(member: Membership) -> list[tuple[RecordShare, str]]:
    """Give the records of a member that they share with this organisation, each with the name of the one that keeps it."""
    if member.person_id is None:
        return []
    query = sa.select(RecordShare, Organisation.name).join(Organisation, Organisation.id == RecordShare.organisation_id)
    is_theirs = sa.and_(RecordShare.to_organisation_id == member.organisation_id, RecordShare.person_id == member.person_id)
    return _with_names(query.where(is_theirs, RecordShare.state == State.SHARED))


def _tell(share: RecordShare, giver: Organisation, to: Organisation) -> None:
    """Tell the person and those who receive records there; they learn whose it is only once it is shared."""
    facts = {"giver": giver.name, "taker": to.name, "expires_at": share.expires_at.isoformat()}
    person = db.session.get_one(Person, share.person_id)
    outbox.write("record_share_asked", person.address, organisation_id=giver.id, **facts)
    receivers = sa.select(Membership.address).where(
        Membership.organisation_id == to.id,
        Membership.state == MembershipState.ACTIVE,
        sa.or_(*(getattr(Membership, f"is_{role}") for role in sorted(RECEIVE))),
    )
    mails = ((address, {**facts, "at": str(to.id)}) for address in db.session.scalars(receivers.order_by(Membership.id)))
    outbox.write_all("record_offered", mails, organisation_id=to.id)


def _share_if_both_agreed(share: RecordShare) -> None:
    if share.accepted_at is None or share.agreed_at is None:
        return
    _settle(share, State.OPEN, State.SHARED)
    for organisation_id, about in ((share.organisation_id, share.membership_id), (share.to_organisation_id, share.id)):
        journal.write("record.shared", organisation_id=organisation_id, about=about)


def _offered_to(actor: Actor, share_id: UUID) -> RecordShare:
    share = _one(RecordShare.id == share_id, RecordShare.to_organisation_id == actor.organisation.id)
    if not share.is_open:
        raise _over()
    return share


def _one(*which: sa.ColumnElement[bool]) -> RecordShare:
    query = sa.select(RecordShare).where(*which).with_for_update().execution_options(populate_existing=True)
    share = db.session.scalar(query)
    if share is None:
        raise Missing
    return share


def _settle(share: RecordShare, come_from: State, to: State) -> None:
    """Move a share that is locked; raises Conflict when it is not where it is moved from, or its time is over."""
    if share.state != come_from or (come_from is State.OPEN and not share.is_open):
        raise _over()
    share.state = to
    db.session.flush()


def _counts() -> sa.ColumnElement[bool]:
    is_open = sa.and_(RecordShare.state == State.OPEN, RecordShare.expires_at > clock.now())
    return is_open | (RecordShare.state == State.SHARED)


def _with_names(query: sa.Select[RecordShare, str]) -> list[tuple[RecordShare, str]]:
    return [(share, name) for share, name in db.session.execute(query.order_by(RecordShare.id.desc()))]


def _over() -> Conflict:
    return Conflict("This offer is over: it was answered, taken back, or its time has passed.")
