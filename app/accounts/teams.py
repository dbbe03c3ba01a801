"""Teams: an organisation's tree of sites and teams, at most four levels deep, who is in each and who manages it.

A person may be in several teams and a team may have several managers. A manager of a team manages what is under it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.accounts import people
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Organisation
from app.kernel import batches, clock, journal
from app.kernel.db import PLAIN_ORDER, Model, UtcDateTime, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

DEEPEST = 4
LONGEST_NAME = 80
HERE = (MembershipState.INVITED, MembershipState.ACTIVE)


def _where(condition: str) -> dict[str, Any]:
    """Give the condition of an index that knows only teams which are not archived."""
    text = sa.text(f"archived_at IS NULL AND {condition}")
    return {"sqlite_where": text, "postgresql_where": text}


class Team(Model):
    """A node of an organisation's tree."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(PLAIN_ORDER)
    made_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("ix_team_one_at_the_top", "organisation_id", "name_key", unique=True, **_where("parent_id IS NULL")),
        sa.Index("ix_team_one_under_another", "parent_id", "name_key", unique=True, **_where("parent_id IS NOT NULL")),
        sa.Index(None, "parent_id"),
    )

    @validates("name")
    def _keep_name_key(self, _field: str, name: str) -> str:
        self.name_key = people.name_key(name)
        return name


class TeamMember(Model):
    """Somebody in a team; the row stays while they have left the organisation, so that they come back to their teams."""

    team_id: Mapped[UUID] = mapped_column(sa.ForeignKey("team.id"), primary_key=True)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"), primary_key=True)
    added_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "membership_id"),)


class TeamManager(Model):
    """Somebody who manages a team and everything under it."""

    team_id: Mapped[UUID] = mapped_column(sa.ForeignKey("team.id"), primary_key=True)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"), primary_key=True)
    added_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "membership_id"),)


@dataclass(frozen=True, slots=True)
class Node:
    """A team in its tree: its level from 1, the names from the top down to it, and the teams right under it."""

    team: Team
    level: int
    names: tuple[str, ...]
    below: list[Node] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name with those above it, such as North Site / Kitchen."""
        return " / ".join(self.names)

    def walk(self) -> Iterator[Node]:
        """Give this team and all under it, from the top down."""
        yield self
        for node in self.below:
            yield from node.walk()


@dataclass(frozen=True, slots=True)
class Tree:
    """The teams of an organisation as they hang together."""

    tops: list[Node]

    def walk(self) -> Iterator[Node]:
        """Give every team, each before those under it, by name."""
        for node in self.tops:
            yield from node.walk()

    def find(self, team_id: UUID) -> Node:
        """Give one team; raises Missing for one that is not in the tree."""
        for node in self.walk():
            if node.team.id == team_id:
                return node
        raise Missing

    def under(self, team_ids: Collection[UUID]) -> set[UUID]:
        """Give the ids of some teams and of all that are under them."""
        return {below.team.id for node in self.walk() if node.team.id in team_ids for below in node.walk()}

    def only(self, team_ids: Collection[UUID]) -> Tree:
        """Give the tree of some teams and those under them, each top under its full title."""
        chosen = [node for node in self.walk() if node.team.id in team_ids]
        inner = {below.team.id for node in chosen for below in node.walk() if below is not node}
        return Tree([node for node in chosen if node.team.id not in inner])


def tree_of(organisation_id: UUID) -> Tree:
    """Give the teams of an organisation that are not archived, as a tree, in one query."""
    query = sa.select(Team).where(Team.organisation_id == organisation_id, Team.archived_at.is_(None))
    rows = db.session.scalars(query.order_by(Team.name_key, Team.id)).all()
    children: dict[UUID | None, list[Team]] = {}
    for team in rows:
        children.setdefault(team.parent_id, []).append(team)

    def node(team: Team, above: tuple[str, ...]) -> Node:
        names = (*above, team.name)
        return Node(team, len(names), names, [node(child, names) for child in children.get(team.id, [])])

    return Tree([node(team, ()) for team in children.get(None, [])])


def archived_of(organisation_id: UUID) -> list[Team]:
    """Give the archived teams of an organisation, by name."""
    query = sa.select(Team).where(Team.organisation_id == organisation_id, Team.archived_at.is_not(None))
    return list(db.session.scalars(query.order_by(Team.name_key, Team.id)))


def of_organisation(organisation_id: UUID, team_id: UUID) -> Team:
    """Give a team of an organisation; raises Missing for any other."""
    team = db.session.scalar(sa.select(Team).where(Team.id == team_id, Team.organisation_id == organisation_id))
    if team is None:
        raise Missing
    return team


def make(organisation_id: UUID, name: str, parent_id: UUID | None, *, by: UUID) -> Team:
    """Make a team under another one, or at the top.

    Raises Invalid for a name that cannot be used or a fifth level, Conflict when there is one of this name at that place.
    """
    _lock_tree(organisation_id)
    _demand_room(tree_of(organisation_id), parent_id, 1)
    team = Team(id=uuid7(), organisation_id=organisation_id, parent_id=parent_id, name=_read_name(name), made_at=clock.now())
    _flush(team, add=True)
    journal.write("team.made", organisation_id=organisation_id, by=by, about=team.id, team=str(team.id))
    return team


def rename(organisation_id: UUID, team_id: UUID, name: str, *, by: UUID) -> Team:
    """Give a team another name; raises Invalid or Conflict as making it does."""
    team = of_organisation(organisation_id, team_id)
    team.name = _read_name(name)
    _flush(team)
    journal.write("team.renamed", organisation_id=organisation_id, by=by, about=team.id, team=str(team.id))
    return team


def move(organisation_id: UUID, team_id: UUID, parent_id: UUID | None, *, by: UUID) -> Team:
    """Hang a team, with all that is under it and everybody in it, under another one or at the top.

    Raises Invalid under itself or where it would be deeper than four levels, Conflict beside one of the same name.
    """
    _lock_tree(organisation_id)
    tree = tree_of(organisation_id)
    node = tree.find(team_id)
    if parent_id is not None and parent_id in {below.team.id for below in node.walk()}:
        raise Invalid("A team cannot stand under itself. Choose another place.", field="parent")
    _demand_room(tree, parent_id, max(below.level for below in node.walk()) - node.level + 1)
    node.team.parent_id = parent_id
    _flush(node.team)
    journal.write("team.moved", organisation_id=organisation_id, by=by, about=team_id, team=str(team_id))
    return node.team


def archive(organisation_id: UUID, team_id: UUID, *, by: UUID) -> int:
    """Put a team and all under it away; its people stay in the organisation. Gives how many teams."""
    _lock_tree(organisation_id)
    node = tree_of(organisation_id).find(team_id)
    ids = [below.team.id for below in node.walk()]
    for below in node.walk():
        below.team.archived_at = clock.now()
    db.session.flush()
    journal.write("team.archived", organisation_id=organisation_id, by=by, about=team_id, team=str(team_id), teams=len(ids))
    return len(ids)


def bring_back(organisation_id: UUID, team_id: UUID, *, by: UUID) -> Team:
    """Take one archived team up again with the people it had, at the top where the team above it is archived.

    Raises Conflict when there is one of its name at that place.
    """
    _lock_tree(organisation_id)
    team = of_organisation(organisation_id, team_id)
    if team.archived_at is None:
        raise Conflict(f"{team.name} is not archived. Reload the page to see where things stand.")
    if team.parent_id not in {node.team.id for node in tree_of(organisation_id).walk()}:
        team.parent_id = None
    team.archived_at = None
    _flush(team)
    journal.write("team.brought_back", organisation_id=organisation_id, by=by, about=team.id, team=str(team.id))
    return team


def put(organisation_id: UUID, team_id: UUID, membership_ids: Collection[UUID], *, by: UUID) -> int:
    """Put people into a team; who is in it already stays. Gives how many came in; raises Missing for a foreign team."""
    return _add(TeamMember, "team.joined", organisation_id, team_id, membership_ids, by=by)


def put_each(organisation_id: UUID, pairs: Iterable[tuple[UUID, UUID]], *, by: UUID) -> None:
    """Put people into teams, each into the one beside them (team, membership), in three statements however many they are."""
    rows = batches.of(pairs, team_id=sa.Uuid(), membership_id=sa.Uuid())
    is_in = sa.exists().where(TeamMember.team_id == rows.c.team_id, TeamMember.membership_id == rows.c.membership_id)
    are_meant = (
        sa.select(rows.c.team_id, rows.c.membership_id)
        .join(Team, Team.id == rows.c.team_id)
        .where(Team.organisation_id == organisation_id, ~is_in)
    )
    new = db.session.execute(are_meant).all()
    if new:
        fresh = batches.of(((team, member) for team, member in new), team_id=sa.Uuid(), membership_id=sa.Uuid())
        now = sa.literal(clock.now(), UtcDateTime())
        columns = ("team_id", "membership_id", "added_at")
        batches.insert(TeamMember, columns, sa.select(fresh.c.team_id, fresh.c.membership_id, now))
        entries = ((member, {"team": str(team)}) for team, member in new)
        journal.write_all("team.joined", entries, organisation_id=organisation_id, by=by)


def take_out(organisation_id: UUID, team_id: UUID, membership_ids: Collection[UUID], *, by: UUID) -> int:
    """Take people out of a team; gives how many went, and raises Missing for a team of somebody else."""
    of_organisation(organisation_id, team_id)
    are_meant = sa.and_(TeamMember.team_id == team_id, TeamMember.membership_id.in_(batches.ids(membership_ids)))
    return _remove(TeamMember, "team.left", organisation_id, are_meant, by=by)


def appoint(organisation_id: UUID, team_id: UUID, membership: Membership, *, by: UUID) -> None:
    """Have somebody manage a team; raises Conflict when they have not joined yet or have left."""
    if membership.state != MembershipState.ACTIVE:
        raise Conflict(f"{membership.name} cannot manage a team before they have joined.")
    end_managing(organisation_id, [membership.id], by=by)
    membership.is_manager = True
    db.session.flush()
    _add(TeamManager, "team.manager_appointed", organisation_id, team_id, [membership.id], by=by)


def dismiss(organisation_id: UUID, team_id: UUID, membership: Membership, *, by: UUID) -> None:
    """Have somebody manage a team no longer; after their last team they are no manager, unless they would be nothing here."""
    of_organisation(organisation_id, team_id)
    is_meant = sa.and_(TeamManager.team_id == team_id, TeamManager.membership_id == membership.id)
    _remove(TeamManager, "team.manager_dismissed", organisation_id, is_meant, by=by)
    if not manages_any(membership.id) and len(membership.roles) > 1:
        membership.is_manager = False
        db.session.flush()


def end_managing(organisation_id: UUID, membership_ids: Collection[UUID], *, by: UUID) -> None:
    """Have those of some people who are no managers any more manage no team, so that they see nobody if they become one again."""
    are_meant = sa.and_(Membership.organisation_id == organisation_id, Membership.id.in_(batches.ids(membership_ids)))
    former = sa.select(Membership.id).where(are_meant, ~Membership.is_manager)
    _remove(TeamManager, "team.manager_dismissed", organisation_id, TeamManager.membership_id.in_(former), by=by)


def manages_any(membership_id: UUID) -> bool:
    """Whether somebody manages a team."""
    return (
        db.session.scalar(sa.select(TeamManager.team_id).where(TeamManager.membership_id == membership_id).limit(1)) is not None
    )


def managed_by(membership_id: UUID) -> set[UUID]:
    """Give the teams that somebody was appointed to manage, without those under them."""
    return set(db.session.scalars(sa.select(TeamManager.team_id).where(TeamManager.membership_id == membership_id)))


def managers(organisation_id: UUID) -> dict[UUID, list[Membership]]:
    """Give the managers of each team of an organisation, by name, in one query."""
    query = (
        sa.select(TeamManager.team_id, Membership)
        .join(Membership, Membership.id == TeamManager.membership_id)
        .where(Membership.organisation_id == organisation_id, Membership.state == MembershipState.ACTIVE, Membership.is_manager)
        .order_by(Membership.name_key, Membership.id)
    )
    found: dict[UUID, list[Membership]] = {}
    for team_id, membership in db.session.execute(query):
        found.setdefault(team_id, []).append(membership)
    return found


def sizes(organisation_id: UUID) -> dict[UUID, int]:
    """Count the people in each team of an organisation who are here or invited, in one query."""
    query = (
        sa.select(TeamMember.team_id, sa.func.count())
        .join(Membership, Membership.id == TeamMember.membership_id)
        .where(Membership.organisation_id == organisation_id, Membership.state.in_(HERE))
        .group_by(TeamMember.team_id)
    )
    return dict(db.session.execute(query).all())


def of_people(membership_ids: Iterable[UUID]) -> dict[UUID, list[Team]]:
    """Give the teams of each of some people, by name, in one query."""
    query = (
        sa.select(TeamMember.membership_id, Team)
        .join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.membership_id.in_(batches.ids(membership_ids)), Team.archived_at.is_(None))
        .order_by(Team.name_key, Team.id)
    )
    found: dict[UUID, list[Team]] = {}
    for membership_id, team in db.session.execute(query):
        found.setdefault(membership_id, []).append(team)
    return found


def names(organisation_id: UUID, team_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names of some teams of an organisation."""
    is_meant = sa.and_(Team.organisation_id == organisation_id, Team.id.in_(set(team_ids)))
    return dict(db.session.execute(sa.select(Team.id, Team.name).where(is_meant)).all())


def _add(
    kind: type[TeamMember | TeamManager], what: str, organisation_id: UUID, team_id: UUID, ids: Collection[UUID], *, by: UUID
) -> int:
    """Add rows for those of some people of the organisation who have none, and journal it."""
    if of_organisation(organisation_id, team_id).archived_at is not None:
        raise Conflict("This team is archived. Bring it back first.")
    are_meant = sa.and_(Membership.organisation_id == organisation_id, Membership.id.in_(batches.ids(ids)))
    theirs = db.session.scalars(sa.select(Membership.id).where(are_meant).order_by(Membership.id).with_for_update()).all()
    # Asked only once they are locked: who else puts them into the team at the same moment is done by then.
    have_one = sa.select(kind.membership_id).where(kind.team_id == team_id, kind.membership_id.in_(batches.ids(theirs)))
    placed = set(db.session.scalars(have_one))
    new = [one for one in theirs if one not in placed]
    if not new:
        return 0
    rows = batches.of(((one,) for one in new), membership_id=sa.Uuid())
    now = sa.literal(clock.now(), UtcDateTime())
    places = sa.select(sa.literal(team_id, sa.Uuid()), rows.c.membership_id, now)
    batches.insert(kind, ("team_id", "membership_id", "added_at"), places)
    journal.write_all(what, ((one, {"team": str(team_id)}) for one in new), organisation_id=organisation_id, by=by)
    return len(new)


def _remove(
    kind: type[TeamMember | TeamManager], what: str, organisation_id: UUID, is_meant: sa.ColumnElement[bool], *, by: UUID
) -> int:
    """Remove rows, and journal it for each."""
    statement = sa.delete(kind).where(is_meant).returning(kind.membership_id, kind.team_id)
    gone = db.session.execute(statement.execution_options(synchronize_session=False)).all()
    if gone:
        journal.write_all(what, ((one, {"team": str(team)}) for one, team in gone), organisation_id=organisation_id, by=by)
    return len(gone)


def _demand_room(tree: Tree, parent_id: UUID | None, height: int) -> None:
    """Demand that so many levels fit under a team; raises Invalid where they do not, Missing for a foreign team."""
    above = tree.find(parent_id).level if parent_id is not None else 0
    if above + height > DEEPEST:
        raise Invalid("Teams go four levels deep. Choose a place further up.", field="parent")


def _flush(team: Team, *, add: bool = False) -> None:
    try:
        with db.session.begin_nested():
            if add:
                db.session.add(team)
            db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict("There is a team of this name at this place already. Choose another name.") from error


def _read_name(typed: str) -> str:
    return people.read_name(typed, "name", LONGEST_NAME)


def _lock_tree(organisation_id: UUID) -> None:
    """Let one change of an organisation's tree happen after the other, so that no two of them make a ring."""
    db.session.execute(sa.select(Organisation.id).where(Organisation.id == organisation_id).with_for_update(key_share=True))
