"""Newcomers: people who come by themselves, by a link or the domain of their mail, and become members without an invitation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import memberships, people
from app.accounts.memberships import Membership, Role, State
from app.kernel import batches, clock, journal
from app.kernel.db import UtcDateTime, db, uuid7
from app.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from app.accounts.people import Person


def record_of(organisation_id: UUID, person: Person) -> Membership | None:
    """Give what an organisation knows of a person: their membership, else one that waits for somebody with their address."""
    return _best(person, db.session.scalars(_records(organisation_id, [person])))


def records_of(organisation_id: UUID, persons: Sequence[Person]) -> dict[UUID, Membership | None]:
    """Give what an organisation knows of each of some persons, by their ids, locked in id order, in one query."""
    locking = _records(organisation_id, persons).order_by(Membership.id).with_for_update()
    found = db.session.scalars(locking.execution_options(populate_existing=True)).all()
    own = {record.person_id: record for record in found if record.person_id is not None}
    unclaimed: dict[str | None, list[Membership]] = defaultdict(list)
    for record in found:
        if record.person_id is None:
            unclaimed[record.address_key].append(record)
    return {person.id: own.get(person.id) or _best(person, unclaimed.get(person.address_key, [])) for person in persons}


def _records(organisation_id: UUID, persons: Sequence[Person]) -> sa.Select[Membership]:
    keys = ((person.address_key,) for person in persons if person.address_key is not None)
    is_theirs = sa.or_(
        Membership.person_id.in_(batches.ids(person.id for person in persons)),
        sa.and_(Membership.person_id.is_(None), Membership.address_key.in_(sa.select(batches.of(keys, key=sa.String()).c.key))),
    )
    return sa.select(Membership).where(Membership.organisation_id == organisation_id, is_theirs, Membership.state != State.MERGED)


def _best(person: Person, found: Iterable[Membership]) -> Membership | None:
    """Give the one of some records under which a person comes: their own, else the one they are invited to, else the newest."""
    ranked = sorted(
        found, key=lambda record: (record.person_id != person.id, record.state != State.INVITED, -record.added_at.timestamp())
    )
    return ranked[0] if ranked else None


def take_in(organisation_id: UUID, person: Person, *, by: UUID) -> UUID:
    """Make a person a member who learns, as many are taken in; gives the membership."""
    return take_in_each(organisation_id, [(person, records_of(organisation_id, [person])[person.id])], by=by)[person.id]


def take_in_each(organisation_id: UUID, comers: Sequence[tuple[Person, Membership | None]], *, by: UUID) -> dict[UUID, UUID]:
    """Make persons members who learn, each under the record that was read and locked for them, in as many statements as one.

    Whoever was here before comes back as a learner only. Gives the membership of each person. Raises Conflict when somebody
    belongs here already, as when they press twice.
    """
    for person, record in comers:
        if record is not None and State.ACTIVE not in memberships.MOVES[State(record.state)]:
            raise Conflict(f"{person.name} is here already.")
    known = [(person, record) for person, record in comers if record is not None]
    new = [(person, uuid7()) for person, record in comers if record is None]
    ids = {person.id: record.id for person, record in known} | {person.id: one for person, one in new}
    back = [record.id for _, record in known if record.state == State.ARCHIVED]
    try:
        with db.session.begin_nested():
            _take_up(known)
            _add(organisation_id, new)
    except sa.exc.IntegrityError as error:
        raise Conflict(_whose_login_is_taken(organisation_id, [person for person, _ in comers])) from error
    for what, theirs in (("restored", back), ("joined", sorted(set(ids.values()) - set(back)))):
        journal.write_all(f"membership.{what}", ((one, {}) for one in theirs), organisation_id=organisation_id, by=by)
    return ids


def _rows(comers: Iterable[tuple[Person, UUID]]) -> sa.Subquery:
    given = (
        (
            *(one, person.id, person.name, people.name_key(person.name)),
            *(person.address, person.address_key, person.user_name, _login_key(person)),
        )
        for person, one in comers
    )
    text = sa.String()
    names = ("name", "name_key", "address", "address_key", "user_name", "login_key")
    return batches.of(given, id=sa.Uuid(), person_id=sa.Uuid(), **dict.fromkeys(names, text))


def _add(organisation_id: UUID, new: Sequence[tuple[Person, UUID]]) -> None:
    rows, now = _rows(new), sa.literal(clock.now(), UtcDateTime())
    values = {
        "organisation_id": sa.literal(organisation_id, sa.Uuid()),
        "state": sa.literal(str(State.ACTIVE)),
        "added_at": now,
        "joined_at": now,
        **{f"is_{role}": sa.literal(value=role is Role.LEARNER) for role in Role},
    }
    batches.insert(Membership, (*rows.c.keys(), *values), sa.select(*rows.c, *values.values()))


def _take_up(known: Sequence[tuple[Person, Membership]]) -> None:
    """Have known records be of those who come; whoever was invited to more than learning keeps that."""
    rows, now = _rows((person, record.id) for person, record in known), clock.now()
    is_unclaimed = Membership.person_id.is_(None)
    columns = [column for column in rows.c if column is not rows.c.id]
    own = {column.name: sa.case((is_unclaimed, column), else_=getattr(Membership, column.name)) for column in columns}
    was_invited = Membership.state == State.INVITED
    roles = {f"is_{role}": sa.and_(was_invited, getattr(Membership, f"is_{role}")) for role in Role if role is not Role.LEARNER}
    values = (
        own
        | roles
        | {
            "is_learner": True,
            "state": str(State.ACTIVE),
            "archived_at": None,
            "joined_at": sa.case((is_unclaimed, sa.literal(now, UtcDateTime())), else_=Membership.joined_at),
        }
    )
    statement = sa.update(Membership).where(Membership.id == rows.c.id).values(values)
    db.session.execute(statement.execution_options(synchronize_session=False))
    for _, record in known:
        db.session.expire(record)


def join_each(joining: Sequence[tuple[Membership, Person]]) -> None:
    """Let persons take up the memberships they are invited to, which were read and locked, in two statements.

    Raises Conflict when one of them has another one here.
    """
    pairs = [(record.id, person.id) for record, person in joining]
    is_other = sa.and_(
        Membership.organisation_id.in_({record.organisation_id for record, _ in joining}),
        Membership.person_id.in_(batches.ids(person_id for _, person_id in pairs)),
        Membership.id.not_in(batches.ids(one for one, _ in pairs)),
    )
    taken = set(db.session.scalars(sa.select(Membership.person_id).where(is_other)))
    for _, person in joining:
        if person.id in taken:
            raise Conflict(f"{person.name} belongs here under another address already. Ask an admin to invite that one.")
    rows = batches.of(pairs, id=sa.Uuid(), person_id=sa.Uuid())
    is_invited = sa.and_(Membership.id == rows.c.id, Membership.state == State.INVITED)
    statement = sa.update(Membership).where(is_invited)
    values = {"state": str(State.ACTIVE), "person_id": rows.c.person_id, "joined_at": clock.now()}
    db.session.execute(statement.values(values).execution_options(synchronize_session=False))
    for record, _ in joining:
        db.session.expire(record)


def _whose_login_is_taken(organisation_id: UUID, persons: Sequence[Person]) -> str:
    """Say whose address or user name is that of somebody else here by now, or of a record that was merged into another."""
    logins = sa.select(batches.of(((_login_key(person),) for person in persons), key=sa.String()).c.key)
    is_own = sa.func.coalesce(Membership.person_id.in_(batches.ids(person.id for person in persons)), False)
    is_taken = sa.or_(sa.and_(~is_own, Membership.login_key.in_(logins)), sa.and_(is_own, Membership.state == State.MERGED))
    query = sa.select(Membership.login_key, Membership.person_id).where(Membership.organisation_id == organisation_id, is_taken)
    taken = {one for row in db.session.execute(query) for one in row}
    login = next((person.login for person in persons if {_login_key(person), person.id} & taken), persons[0].login)
    return f"{login} belongs to somebody here already. Ask an admin to look at the list of people."


def _login_key(person: Person) -> str:
    return person.address_key or person.user_name or ""


def those_who_let_in(organisation_id: UUID, manager_ids: Iterable[UUID] = ()) -> list[Membership]:
    """Give the owners and admins of an organisation, and some managers, by name: those who are told that somebody waits."""
    is_meant = sa.or_(Membership.is_owner, Membership.is_admin, Membership.id.in_(set(manager_ids)))
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, Membership.state == State.ACTIVE, is_meant)
    return list(db.session.scalars(query.order_by(Membership.name_key, Membership.id)))


def members_among(organisation_id: UUID, persons: Sequence[Person]) -> dict[UUID, UUID]:
    """Give which of some persons are members of an organisation: their ids by those of their memberships."""
    query = sa.select(Membership.id, Membership.person_id).where(
        Membership.organisation_id == organisation_id,
        Membership.state == State.ACTIVE,
        Membership.person_id.in_(batches.ids(person.id for person in persons)),
    )
    rows = db.session.execute(query)
    return {membership_id: person_id for membership_id, person_id in rows if person_id is not None}
