"""Mail domains: whoever has an address at a domain that an organisation has confirmed may join it.

Life: waiting (for the link that was mailed to an address there) → confirmed → removed. A domain may belong to several
organisations, as a council's or a diocese's does: the person chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import oversight, people, public_mail
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.accounts.teams import Team
from app.kernel import clock, journal, limits, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from app.accounts.people import Person

PURPOSE = "mail_domain"
MAIL = "confirm_mail_domain"
LASTS = timedelta(days=7)
MAILS_A_DAY = 10
OVER = "This link is over: the domain was removed, or it is too late. Ask whoever had it sent to you."


class State(StrEnum):
    """Where a domain stands."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REMOVED = "removed"


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.CONFIRMED, State.REMOVED}),
    State.CONFIRMED: frozenset({State.REMOVED}),
    State.REMOVED: frozenset(),
}


class MailDomain(Model):
    """A domain of an organisation, in its ASCII form, and into which team whoever has an address there comes."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    team_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))
    domain: Mapped[str]
    needs_approval: Mapped[bool]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'confirmed', 'removed')", name="state"),
        sa.Index(
            "ix_mail_domain_one_each",
            "organisation_id",
            "domain",
            unique=True,
            sqlite_where=sa.text("state != 'removed'"),
            postgresql_where=sa.text("state != 'removed'"),
        ),
        sa.Index(None, "domain", "state"),
    )


@dataclass(frozen=True, slots=True)
class Offered:
    """An organisation that somebody may join because of their address; the team is left out where it is archived."""

    domain: MailDomain
    organisation: Organisation
    team_id: UUID | None


def add(actor: Actor, domain: str, mailbox: str, *, team_id: UUID | None, needs_approval: bool) -> MailDomain:
    """Add a domain and mail a link to a mailbox there; one that still waits gets a new link and what is given now.

    Raises Invalid for a domain or mailbox that cannot be used or one of public mail, Conflict for one that is confirmed already,
    NotAllowed beyond some mails a day, Missing for a team of somebody else.
    """
    address = _read(domain, mailbox)
    name = people.address_key(address).rpartition("@")[2]
    if team_id is not None:
        oversight.teams_of(actor).find(team_id)
    if not limits.spend(f"mail domain:{actor.organisation.id}", MAILS_A_DAY, timedelta(days=1)):
        raise NotAllowed("That is as many confirming mails as go out in a day here. Please go on tomorrow.")
    found = _of(actor.organisation.id, name) or MailDomain(id=uuid7(), organisation_id=actor.organisation.id, domain=name)
    if found.state == State.CONFIRMED:
        raise Conflict(f"{name} is confirmed already. Remove it first to change what it does.")
    found.state, found.team_id, found.needs_approval, found.asked_at = State.WAITING, team_id, needs_approval, clock.now()
    try:
        with db.session.begin_nested():
            db.session.add(found)
    except sa.exc.IntegrityError as error:
        raise Conflict(f"{name} has just been added by somebody else. Reload the page.") from error
    journal.write("mail_domain.waiting", organisation_id=actor.organisation.id, by=actor.person.id, about=found.id)
    outbox.write(
        MAIL,
        address,
        organisation_id=actor.organisation.id,
        domain_id=str(found.id),
        organisation=actor.organisation.name,
        domain=name,
        expires_at=(found.asked_at + LASTS).isoformat(),
    )
    return found


def token(domain_id: UUID) -> str:
    """Give the part of the address that stands for a domain to be confirmed."""
    return links.token(PURPOSE, domain_id)


def opened(given: str) -> tuple[MailDomain, Organisation]:
    """Give the domain whose link was opened, leaving it as it is; raises Missing when it is removed or the time is over."""
    try:
        domain_id = links.read(PURPOSE, given)
    except Missing as error:
        raise Missing(OVER) from error
    query = sa.select(MailDomain, Organisation).join(Organisation, Organisation.id == MailDomain.organisation_id)
    waits = sa.and_(MailDomain.state == State.WAITING, MailDomain.asked_at > clock.now() - LASTS)
    is_good = sa.or_(waits, MailDomain.state == State.CONFIRMED)
    row = db.session.execute(query.where(MailDomain.id == domain_id, is_good)).first()
    if row is None:
        raise Missing(OVER)
    return row[0], row[1]


def confirm(given: str) -> MailDomain:
    """Confirm a domain, so that whoever has an address there may join; raises what `opened` does.

    Raises Conflict when it was confirmed already.
    """
    found = opened(given)[0]
    move(found, State.CONFIRMED, by=None)
    return found


def remove(actor: Actor, domain_id: UUID) -> MailDomain:
    """Remove a domain, so that nobody joins by it from now on; those who have stay. Raises Missing for another organisation's."""
    found = db.session.get(MailDomain, domain_id)
    if found is None or found.organisation_id != actor.organisation.id:
        raise Missing
    move(found, State.REMOVED, by=actor.person.id)
    return found


def move(domain: MailDomain, to: State, *, by: UUID | None) -> None:
    """Move a domain along its life, once whoever asks at the same time; raises Conflict where there is no such way."""
    befores = [before for before, ways in MOVES.items() if to in ways]
    statement = sa.update(MailDomain).where(MailDomain.id == domain.id, MailDomain.state.in_(befores))
    moved = statement.values(state=to, settled_at=clock.now()).returning(MailDomain.id)
    if db.session.scalar(moved.execution_options(synchronize_session=False)) is None:
        raise Conflict("This domain has moved on. Reload the page to see where it stands.")
    db.session.refresh(domain)
    journal.write(f"mail_domain.{to}", organisation_id=domain.organisation_id, by=by, about=domain.id)


def of_organisation(organisation_id: UUID) -> list[MailDomain]:
    """Give the domains of an organisation that wait or are confirmed, by name."""
    is_theirs = sa.and_(MailDomain.organisation_id == organisation_id, MailDomain.state != State.REMOVED)
    return list(db.session.scalars(sa.select(MailDomain).where(is_theirs).order_by(MailDomain.domain)))


def offered(person: Person) -> list[Offered]:
    """Give the organisations that a person may join because of their own address, and does not belong to, by name."""
    if person.address_key is None:
        return []
    is_here = sa.exists().where(
        Membership.organisation_id == MailDomain.organisation_id,
        Membership.person_id == person.id,
        Membership.state == MembershipState.ACTIVE,
    )
    query = (
        sa.select(MailDomain, Organisation, Team.id)
        .join(Organisation, Organisation.id == MailDomain.organisation_id)
        .outerjoin(Team, sa.and_(Team.id == MailDomain.team_id, Team.archived_at.is_(None)))
        .where(MailDomain.domain == person.address_key.rpartition("@")[2], MailDomain.state == State.CONFIRMED, ~is_here)
        .order_by(Organisation.name, Organisation.id)
    )
    return [Offered(*row) for row in db.session.execute(query)]


def offer(person: Person, domain_id: UUID) -> Offered:
    """Give one of the organisations that a person may join because of their address; raises Missing for any other."""
    for one in offered(person):
        if one.domain.id == domain_id:
            return one
    raise Missing


def _of(organisation_id: UUID, domain: str) -> MailDomain | None:
    is_meant = sa.and_(MailDomain.organisation_id == organisation_id, MailDomain.domain == domain)
    query = sa.select(MailDomain).where(is_meant, MailDomain.state != State.REMOVED)
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _read(domain: str, mailbox: str) -> str:
    """Give the address to which the link goes; raises Invalid with the field to mend."""
    name = domain.strip().removeprefix("@")
    local = mailbox.strip()
    if not local or "@" in local:
        raise Invalid("Give only what stands before the sign @, such as office.", field="mailbox")
    try:
        people.read_address(f"someone@{name}")
    except Invalid as error:
        raise Invalid("Give the domain alone, such as stmarys.example.", field="domain") from error
    if people.address_key(f"someone@{name}").rpartition("@")[2] in public_mail.DOMAINS:
        raise Invalid("Anybody can have an address there, so it cannot let people in. Make a join link instead.", field="domain")
    try:
        return people.read_address(f"{local}@{name}")
    except Invalid as error:
        raise Invalid("Give only what stands before the sign @, such as office.", field="mailbox") from error
