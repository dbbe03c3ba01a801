"""Join links: an address that lets people into an organisation or one of its teams, until a day and up to a number of people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import oversight
from app.accounts.organisations import Organisation
from app.accounts.teams import Team
from app.kernel import clock, journal, links
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed

if TYPE_CHECKING:
    from app.accounts.memberships import Actor
    from app.accounts.teams import Tree

PURPOSE = "join_link"
DAYS = 30
LONGEST_DAYS = 365
MOST_PEOPLE = 20_000
OPEN_AT_ONCE = 200
OVER = "This link lets nobody in any more. Ask whoever gave it to you for a new one."


class JoinLink(Model):
    """A way in; `used` counts those who came by it and those who wait to be let in, and only a guarded UPDATE changes it."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    team_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))
    made_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    most: Mapped[int | None]
    used: Mapped[int] = mapped_column(default=0)
    needs_approval: Mapped[bool]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("used >= 0 AND (most IS NULL OR (most > 0 AND used <= most))", name="used_within_most"),
        sa.Index(None, "organisation_id", "made_at"),
    )

    @property
    def is_full(self) -> bool:
        """Whether as many people came by it as it was made for."""
        return self.most is not None and self.used >= self.most

    def is_good_at(self, moment: datetime) -> bool:
        """Whether it lets people in at a moment, as long as it is not full."""
        return self.withdrawn_at is None and moment < self.expires_at


def make(actor: Actor, *, team_id: UUID | None, most: int | None, days: int, needs_approval: bool) -> JoinLink:
    """Make a link for the organisation or for one of the teams that the actor sees.

    Raises Invalid for a limit or a time that makes no sense, NotAllowed when a manager leaves the team out, Missing for a team
    that is not theirs, Conflict when there are very many already.
    """
    if team_id is not None:
        oversight.teams_of(actor).find(team_id)
    elif not oversight.is_over_everybody(actor):
        raise NotAllowed("A team manager makes links for their own teams. Choose the team.")
    if most is not None and not 1 <= most <= MOST_PEOPLE:
        raise Invalid(f"Give a number of people from 1 to {MOST_PEOPLE:,}, or leave it empty.", field="most")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"Give a number of days from 1 to {LONGEST_DAYS}.", field="days")
    now = clock.now()
    is_open = sa.and_(JoinLink.withdrawn_at.is_(None), JoinLink.expires_at > now)
    query = sa.select(sa.func.count()).where(JoinLink.organisation_id == actor.organisation.id, is_open)
    if (db.session.scalar(query) or 0) >= OPEN_AT_ONCE:
        raise Conflict(f"You have {OPEN_AT_ONCE} links already. Withdraw those that nobody needs any more.")
    link = JoinLink(
        id=uuid7(),
        organisation_id=actor.organisation.id,
        team_id=team_id,
        made_by=actor.person.id,
        most=most,
        used=0,
        needs_approval=needs_approval,
        made_at=now,
        expires_at=now + timedelta(days=days),
        withdrawn_at=None,
    )
    db.session.add(link)
    db.session.flush()
    team = {"team": str(team_id)} if team_id else {}
    journal.write("join_link.made", organisation_id=link.organisation_id, by=actor.person.id, about=link.id, **team)
    return link


def withdraw(actor: Actor, link_id: UUID) -> JoinLink:
    """Take a link back, so that it lets nobody in from now on; raises Missing for one that is not the actor's to see."""
    link = seen(actor, link_id)
    statement = sa.update(JoinLink).where(JoinLink.id == link.id, JoinLink.withdrawn_at.is_(None))
    taken = db.session.scalar(statement.values(withdrawn_at=clock.now()).returning(JoinLink.id))
    if taken is None:
        raise Conflict("This link was withdrawn already.")
    db.session.refresh(link)
    journal.write("join_link.withdrawn", organisation_id=link.organisation_id, by=actor.person.id, about=link.id)
    return link


def of_actor(actor: Actor) -> tuple[list[JoinLink], Tree]:
    """Give the links that the actor may see, the newest first, those that are over after those that are good; and their teams."""
    tree = oversight.teams_of(actor)
    over_last = sa.case((sa.and_(JoinLink.withdrawn_at.is_(None), JoinLink.expires_at > clock.now()), 0), else_=1)
    query = sa.select(JoinLink).where(_is_seen(actor, tree)).order_by(over_last, JoinLink.made_at.desc(), JoinLink.id)
    return list(db.session.scalars(query.limit(2 * OPEN_AT_ONCE))), tree


def seen(actor: Actor, link_id: UUID) -> JoinLink:
    """Give a link that the actor may see; raises Missing for any other, as if it did not exist."""
    link = db.session.scalar(sa.select(JoinLink).where(JoinLink.id == link_id, _is_seen(actor, oversight.teams_of(actor))))
    if link is None:
        raise Missing
    return link


def token(link_id: UUID) -> str:
    """Give the part of the address that stands for a link."""
    return links.token(PURPOSE, link_id)


def opened(given: str) -> tuple[JoinLink, Organisation, Team | None]:
    """Give the link that was opened, with its organisation and team; raises Missing, in the same words, for all that are over."""
    try:
        link_id = links.read(PURPOSE, given)
    except Missing as error:
        raise Missing(OVER) from error
    row = db.session.execute(
        sa.select(JoinLink, Organisation, Team)
        .join(Organisation, Organisation.id == JoinLink.organisation_id)
        .outerjoin(Team, Team.id == JoinLink.team_id)
        .where(JoinLink.id == link_id)
    ).first()
    if row is None or not row[0].is_good_at(clock.now()) or (row[2] is not None and row[2].archived_at is not None):
        raise Missing(OVER)
    return row[0], row[1], row[2]


def use(link_id: UUID) -> None:
    """Count one more person who comes by a link, in the one statement that decides; raises Conflict when it is over or full."""
    has_room = sa.or_(JoinLink.most.is_(None), JoinLink.used < JoinLink.most)
    statement = sa.update(JoinLink).where(
        JoinLink.id == link_id, JoinLink.withdrawn_at.is_(None), JoinLink.expires_at > clock.now(), has_room
    )
    counted = statement.values(used=JoinLink.used + 1).returning(JoinLink.id).execution_options(synchronize_session=False)
    if db.session.scalar(counted) is None:
        raise Conflict("As many people have come by this link as it was made for. Ask whoever gave it to you for a new one.")


def give_back(link_ids: list[UUID]) -> None:
    """Count those out again who asked by a link and were not let in; a link stands here once for each of them."""
    for link_id in sorted(set(link_ids)):
        statement = sa.update(JoinLink).where(JoinLink.id == link_id).values(used=JoinLink.used - link_ids.count(link_id))
        db.session.execute(statement.execution_options(synchronize_session=False))


def _is_seen(actor: Actor, tree: Tree) -> sa.ColumnElement[bool]:
    """Give the condition under which the actor may see a link: a manager those of their teams."""
    is_here = JoinLink.organisation_id == actor.organisation.id
    if oversight.is_over_everybody(actor):
        return is_here
    return sa.and_(is_here, JoinLink.team_id.in_([node.team.id for node in tree.walk()]))
