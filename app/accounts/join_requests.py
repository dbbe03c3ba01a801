"""Join requests: somebody who came by a link or the domain of their mail asks to be let in, and is answered.

Life: open → approved | declined | expired. Whoever asked is told which; those who may answer are told at most once a day. What
somebody asked who came in otherwise meanwhile needs no answer: it is listed no longer, and the sweep ends it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import join_links, oversight
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.people import Person
from app.kernel import batches, clock, journal, nudges
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from app.accounts.memberships import Actor

SWEEP = "join_requests"
LASTS = timedelta(days=30)
SHOWN = 200


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"


class JoinRequest(Model):
    """That a person asked to be let in; `told_at` is when those who may answer were told of it."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    link_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("join_link.id"))
    team_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("team.id"))
    comes_back: Mapped[bool]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'approved', 'declined', 'expired')", name="state"),
        sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_at"),
        sa.Index(
            "ix_join_request_one_open",
            "organisation_id",
            "person_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "state", "expires_at"),
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who waits to be let in."""

    request: JoinRequest
    person: Person


def ask(organisation_id: UUID, person: Person, *, link_id: UUID | None, team_id: UUID | None, comes_back: bool) -> JoinRequest:
    """Keep that a person asks to be let in; raises Conflict when they have asked already."""
    now = clock.now()
    request = JoinRequest(
        id=uuid7(),
        organisation_id=organisation_id,
        person_id=person.id,
        link_id=link_id,
        team_id=team_id,
        comes_back=comes_back,
        state=State.OPEN,
        asked_at=now,
        expires_at=now + LASTS,
    )
    try:
        with db.session.begin_nested():
            db.session.add(request)
    except sa.exc.IntegrityError as error:
        raise Conflict("You have asked already. We write to you as soon as you are answered.") from error
    journal.write("join_request.open", organisation_id=organisation_id, by=person.id, about=request.id)
    nudges.ask(SWEEP)
    return request


def open_of(organisation_id: UUID, person_id: UUID) -> JoinRequest | None:
    """Give the open request of a person, if there is one."""
    is_theirs = sa.and_(JoinRequest.organisation_id == organisation_id, JoinRequest.person_id == person_id)
    return db.session.scalar(sa.select(JoinRequest).where(is_theirs, JoinRequest.state == State.OPEN))


def organisations_asked(person_id: UUID) -> set[UUID]:
    """Give the organisations that a person asks to be let into."""
    is_theirs = sa.and_(JoinRequest.person_id == person_id, JoinRequest.state == State.OPEN)
    return set(db.session.scalars(sa.select(JoinRequest.organisation_id).where(is_theirs)))


def asking(actor: Actor) -> list[Asking]:
    """Give those who wait to be let in by the actor, the one who asked first at the top."""
    query = sa.select(JoinRequest, Person).join(Person, Person.id == JoinRequest.person_id).where(_is_seen(actor))
    rows = db.session.execute(query.order_by(JoinRequest.asked_at, JoinRequest.id).limit(SHOWN))
    return [Asking(request, person) for request, person in rows]


def number_asking(actor: Actor) -> int:
    """Count those who wait to be let in by the actor."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(JoinRequest).where(_is_seen(actor))) or 0


def chosen(actor: Actor, request_ids: Collection[UUID]) -> list[Asking]:
    """Give some of those who wait, locked in id order; raises Missing for others, Conflict when one needs no answer any more."""
    which = sa.and_(JoinRequest.id.in_(batches.ids(request_ids)), _is_seen(actor, also_settled=True))
    query = sa.select(JoinRequest).where(which).order_by(JoinRequest.id)
    found = db.session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()
    if len(found) != len(request_ids):
        raise Missing
    if any(request.state != State.OPEN for request in found):
        raise Conflict("Somebody else has answered one of them a moment ago. Look at the list again.")
    if db.session.scalar(sa.select(JoinRequest.id).where(which, _has_come_in()).limit(1)) is not None:
        raise Conflict("One of them has come in otherwise by now. Look at the list again.")
    persons = sa.select(Person).where(Person.id.in_(batches.ids(request.person_id for request in found)))
    by_id = {person.id: person for person in db.session.scalars(persons)}
    return [Asking(request, by_id[request.person_id]) for request in found]


def settle(requests: Sequence[JoinRequest], to: State, *, by: UUID | None) -> None:
    """Answer requests that were read and locked while they were open; who is not let in takes no place of a link any more."""
    is_open = sa.and_(JoinRequest.id.in_(batches.ids(request.id for request in requests)), JoinRequest.state == State.OPEN)
    statement = sa.update(JoinRequest).where(is_open).values(state=to, settled_at=clock.now())
    db.session.execute(statement.execution_options(synchronize_session=False))
    if to is not State.APPROVED:
        join_links.give_back([request.link_id for request in requests if request.link_id is not None])
    _note_each(f"join_request.{to}", ((request.organisation_id, request.id) for request in requests), by=by)


def end_overtaken() -> int:
    """End what those asked who came in otherwise, and free their places of links; they are told nothing. Gives how many."""
    query = sa.select(JoinRequest.id).where(JoinRequest.state == State.OPEN, _has_come_in())
    # What somebody is answering at this moment is left to them, or to the next sweep.
    over = db.session.scalars(query.order_by(JoinRequest.id).with_for_update(of=JoinRequest, skip_locked=True)).all()
    are_over = JoinRequest.id.in_(batches.ids(over))
    statement = sa.update(JoinRequest).where(are_over).values(state=State.EXPIRED, settled_at=clock.now())
    parts = (JoinRequest.organisation_id, JoinRequest.id, JoinRequest.link_id)
    ended = db.session.execute(statement.returning(*parts).execution_options(synchronize_session=False)).all()
    join_links.give_back([row.link_id for row in ended if row.link_id is not None])
    _note_each("join_request.overtaken", ((row.organisation_id, row.id) for row in ended), by=None)
    return len(ended)


def _note_each(what: str, requests: Iterable[tuple[UUID, UUID]], *, by: UUID | None) -> None:
    """Write a line for each of some requests, in one statement for each organisation."""
    together: dict[UUID, list[UUID]] = defaultdict(list)
    for organisation_id, request_id in requests:
        together[organisation_id].append(request_id)
    for organisation_id, ids in together.items():
        journal.write_all(what, ((one, {}) for one in ids), organisation_id=organisation_id, by=by)


def end_all_of(person_id: UUID) -> None:
    """End what a person still asks for, because their account goes; they are told nothing."""
    query = sa.select(JoinRequest).where(JoinRequest.person_id == person_id, JoinRequest.state == State.OPEN)
    open_ones = db.session.scalars(query.order_by(JoinRequest.id).with_for_update()).all()
    if open_ones:
        settle(open_ones, State.EXPIRED, by=None)


def overdue(limit: int = 500) -> list[Asking]:
    """Give the open requests that nobody has answered in time, locked in id order."""
    query = sa.select(JoinRequest, Person).join(Person, Person.id == JoinRequest.person_id)
    query = query.where(JoinRequest.state == State.OPEN, JoinRequest.expires_at <= clock.now()).order_by(JoinRequest.id)
    locked = query.limit(limit).with_for_update(of=JoinRequest).execution_options(populate_existing=True)
    return [Asking(request, person) for request, person in db.session.execute(locked)]


def untold() -> list[JoinRequest]:
    """Give the open requests of which nobody was told yet, locked in id order."""
    query = sa.select(JoinRequest).where(JoinRequest.state == State.OPEN, JoinRequest.told_at.is_(None), ~_has_come_in())
    return list(db.session.scalars(query.order_by(JoinRequest.id).with_for_update()))


def _is_seen(actor: Actor, *, also_settled: bool = False) -> sa.ColumnElement[bool]:
    """Give the condition under which the actor may answer: a manager lets people into their teams who are new here."""
    is_listed = sa.true() if also_settled else sa.and_(JoinRequest.state == State.OPEN, ~_has_come_in())
    is_meant = sa.and_(JoinRequest.organisation_id == actor.organisation.id, is_listed)
    if oversight.is_over_everybody(actor):
        return is_meant
    theirs = [node.team.id for node in oversight.teams_of(actor).walk()]
    return sa.and_(is_meant, ~JoinRequest.comes_back, JoinRequest.team_id.in_(theirs))


def _has_come_in() -> sa.ColumnElement[bool]:
    """Pick the requests of those who are here by now, or whose record was merged into one that is."""
    is_theirs = sa.and_(Membership.organisation_id == JoinRequest.organisation_id, Membership.person_id == JoinRequest.person_id)
    return sa.exists().where(is_theirs, Membership.state.in_((MembershipState.ACTIVE, MembershipState.MERGED)))
