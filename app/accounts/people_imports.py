"""People imports: a list that somebody sent, what was read in it line by line, and where bringing it in stands.

Life: waiting (to be read) → ready (a preview) → wanted (to be brought in) → done → undone; a list that cannot be read is refused.
Each step is one transaction that only the state before it lets happen, so a worker that is killed leaves the step to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, undefer

from app.accounts import invitations
from app.accounts.invitations import Invitation
from app.kernel import batches, clock
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE = 100
KEPT = timedelta(days=30)
UNDER_WAY = (invitations.State.OPEN, invitations.State.ACCEPTED)


class State(StrEnum):
    """Where bringing a list in stands."""

    WAITING = "waiting"
    READY = "ready"
    WANTED = "wanted"
    DONE = "done"
    UNDONE = "undone"
    REFUSED = "refused"


class Fate(StrEnum):
    """What will happen with one line, or has."""

    NEW = "new"
    BACK = "back"
    HERE = "here"
    PROBLEM = "problem"


class PeopleImport(Model):
    """A list of people that somebody sent; its content goes once it is read, and its lines some weeks later."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    sent_by: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    file_name: Mapped[str]
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    is_pasted: Mapped[bool]
    gives_user_names: Mapped[bool] = mapped_column(default=False)
    team_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))
    note: Mapped[str]
    state: Mapped[str]
    problem: Mapped[str] = mapped_column(default="")
    lines_read: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'ready', 'wanted', 'done', 'undone', 'refused')", name="state"),
        sa.Index(None, "organisation_id", "sent_at"),
        sa.Index(None, "state", "sent_at"),
    )


class PeopleImportLine(Model):
    """One line of a list: who it is, what will happen with it, or what is wrong with it and how to mend it."""

    import_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people_import.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    name: Mapped[str]
    address: Mapped[str]
    address_key: Mapped[str]
    team: Mapped[str]
    team_id: Mapped[UUID | None]
    fate: Mapped[str]
    problem: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(server_default="{}")

    __table_args__ = (
        sa.CheckConstraint("fate IN ('new', 'back', 'here', 'problem')", name="fate"),
        sa.Index(None, "import_id", "fate", "place"),
    )


# A line without name and address was of somebody who was erased since; what was wrong with one says what it was.
IS_LEFT = sa.or_(PeopleImportLine.name != "", PeopleImportLine.address_key != "", PeopleImportLine.fate == "problem")


class PeopleImportGuest(Model):
    """Somebody whom a list brought in, and by which invitation; the row stays when the lines have gone."""

    import_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people_import.id"), primary_key=True)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"), primary_key=True)
    invitation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("invitation.id"))

    __table_args__ = (sa.Index(None, "membership_id"),)


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with what will happen with it."""

    number: int
    name: str
    address: str
    address_key: str
    team: str
    team_id: UUID | None
    fate: Fate
    problem: str
    values: Mapping[str, str]


class Somebody(NamedTuple):
    """Whom a line names, without the rest of it: of thousands of lines a whole row each would fill the memory."""

    place: int
    number: int
    name: str
    address: str
    address_key: str
    team_id: UUID | None
    fate: str
    values: dict[str, str]


def send(
    organisation_id: UUID,
    content: bytes,
    *,
    by: UUID,
    file_name: str,
    is_pasted: bool,
    gives_user_names: bool,
    team_id: UUID | None,
    note: str,
) -> PeopleImport:
    """Keep a list that somebody sent, to be read."""
    sent = PeopleImport(
        id=uuid7(),
        organisation_id=organisation_id,
        sent_by=by,
        file_name=file_name,
        content=content,
        is_pasted=is_pasted,
        gives_user_names=gives_user_names,
        team_id=team_id,
        note=note,
        state=State.WAITING,
        sent_at=clock.now(),
    )
    db.session.add(sent)
    db.session.flush()
    return sent


def of_organisation(organisation_id: UUID, import_id: UUID) -> PeopleImport:
    """Give a list of an organisation; raises Missing for any other."""
    is_meant = sa.and_(PeopleImport.id == import_id, PeopleImport.organisation_id == organisation_id)
    found = db.session.scalar(sa.select(PeopleImport).where(is_meant))
    if found is None:
        raise Missing
    return found


def recent(organisation_id: UUID, limit: int = 20) -> list[PeopleImport]:
    """Give the lists of an organisation, the newest first."""
    query = sa.select(PeopleImport).where(PeopleImport.organisation_id == organisation_id)
    return list(db.session.scalars(query.order_by(PeopleImport.sent_at.desc(), PeopleImport.id.desc()).limit(limit)))


def due(state: State, limit: int = 20) -> list[UUID]:
    """Give the lists that wait for their next step, the oldest first."""
    query = sa.select(PeopleImport.id).where(PeopleImport.state == state)
    return list(db.session.scalars(query.order_by(PeopleImport.sent_at).limit(limit)))


def whole(import_id: UUID) -> PeopleImport:
    """Give a list with its content."""
    return db.session.get_one(PeopleImport, import_id, options=[undefer(PeopleImport.content)])


def move(import_id: UUID, come_from: State, to: State, **changes: object) -> bool:
    """Move a list from one state to the next, once whoever tries at the same time; False when it was not there any more."""
    statement = sa.update(PeopleImport).where(PeopleImport.id == import_id, PeopleImport.state == come_from)
    moved = db.session.execute(statement.values(state=to, **changes).returning(PeopleImport.id))
    return moved.first() is not None


def note_progress(import_id: UUID, lines_read: int) -> None:
    """Note how far reading has come."""
    db.session.execute(sa.update(PeopleImport).where(PeopleImport.id == import_id).values(lines_read=lines_read))


def keep_lines(import_id: UUID, lines: Iterable[Judged]) -> None:
    """Keep the lines that were read, in one statement."""
    numbered = (
        (
            place,
            line.number,
            *(line.name, line.address, line.address_key, line.team, line.team_id),
            *(str(line.fate), line.problem, line.values),
        )
        for place, line in enumerate(lines, start=1)
    )
    text = sa.String()
    rows = batches.of(
        numbered,
        place=sa.Integer(),
        number=sa.Integer(),
        name=text,
        address=text,
        address_key=text,
        team=text,
        team_id=sa.Uuid(),
        fate=text,
        problem=text,
        values=sa.JSON(),
    )
    columns = ("import_id", *rows.c.keys())
    batches.insert(PeopleImportLine, columns, sa.select(sa.literal(import_id, sa.Uuid()), *rows.c))


def lines(import_id: UUID, fate: Fate | None = None, *, after: int = 0, limit: int = PAGE) -> list[PeopleImportLine]:
    """Give lines of a list in order, after a place in it; only those of one fate if asked."""
    query = sa.select(PeopleImportLine).where(PeopleImportLine.import_id == import_id, PeopleImportLine.place > after, IS_LEFT)
    if fate is not None:
        query = query.where(PeopleImportLine.fate == fate)
    return list(db.session.scalars(query.order_by(PeopleImportLine.place).limit(limit)))


def everybody(import_id: UUID) -> list[Somebody]:
    """Give whom a list names, in its order: nobody for a line with a problem, or of somebody who was erased since."""
    query = sa.select(*(getattr(PeopleImportLine, column) for column in Somebody._fields)).where(
        PeopleImportLine.import_id == import_id, PeopleImportLine.fate != Fate.PROBLEM, IS_LEFT
    )
    return [Somebody(*row) for row in db.session.execute(query.order_by(PeopleImportLine.place))]


def counts(import_id: UUID) -> dict[str, int]:
    """Count the lines of a list by their fate."""
    query = sa.select(PeopleImportLine.fate, sa.func.count()).where(PeopleImportLine.import_id == import_id, IS_LEFT)
    return {fate.value: 0 for fate in Fate} | dict(db.session.execute(query.group_by(PeopleImportLine.fate)).all())


def number_to_bring_in(import_id: UUID) -> int:
    """Count the people of a list who are new or come back."""
    found = counts(import_id)
    return found[Fate.NEW] + found[Fate.BACK]


def settle(import_id: UUID, came: Mapping[UUID, UUID], stayed: Iterable[int]) -> None:
    """Keep whom a list brought in, in two statements: members with their invitations, and the places of those here by then."""
    add_guests(import_id, came)
    rows = batches.of(((place,) for place in stayed), place=sa.Integer())
    are_meant = sa.and_(PeopleImportLine.import_id == import_id, PeopleImportLine.place.in_(sa.select(rows.c.place)))
    statement = sa.update(PeopleImportLine).where(are_meant).values(fate=str(Fate.HERE))
    db.session.execute(statement.execution_options(synchronize_session=False))


def add_guests(import_id: UUID, came: Mapping[UUID, UUID]) -> None:
    """Keep whom a list brought in: members with their invitations."""
    guests = batches.of(came.items(), membership_id=sa.Uuid(), invitation_id=sa.Uuid())
    columns = ("import_id", *guests.c.keys())
    batches.insert(PeopleImportGuest, columns, sa.select(sa.literal(import_id, sa.Uuid()), *guests.c))


def guests_of(import_id: UUID) -> sa.Select[UUID]:
    """Select the memberships of those whom a list brought in and whose invitation by it is open or accepted."""
    is_theirs = sa.and_(Invitation.id == PeopleImportGuest.invitation_id, Invitation.state.in_(UNDER_WAY))
    query = sa.select(PeopleImportGuest.membership_id).join(Invitation, is_theirs)
    return query.where(PeopleImportGuest.import_id == import_id)


def invitations_of(import_id: UUID) -> sa.Select[UUID]:
    """Select the invitations that a list sent."""
    return sa.select(PeopleImportGuest.invitation_id).where(PeopleImportGuest.import_id == import_id)


def forget_old() -> int:
    """Remove the lines of lists that were sent long ago, because they hold names and addresses; gives of how many lists."""
    old = sa.select(PeopleImport.id).where(PeopleImport.sent_at <= clock.now() - KEPT)
    gone = sa.delete(PeopleImportLine).where(PeopleImportLine.import_id.in_(old)).returning(PeopleImportLine.import_id)
    return len(set(db.session.scalars(gone.execution_options(synchronize_session=False))))
