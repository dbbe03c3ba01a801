"""Memberships: a person in an organisation, with roles and a state; before they accept, a name and an address or user name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.accounts import people
from app.accounts.organisations import Organisation
from app.kernel import batches, clock
from app.kernel.db import PLAIN_ORDER, Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.accounts.people import Person


class Role(StrEnum):
    """What a person is in an organisation; one may be several."""

    OWNER = "owner"
    ADMIN = "admin"
    MANAGER = "manager"
    BILLING = "billing"
    LEARNER = "learner"


class State(StrEnum):
    """Where a membership stands."""

    INVITED = "invited"
    ACTIVE = "active"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Membership(Model):
    """A person in an organisation, known there by this name and this address or user name.

    `person_id` is empty until they accept, except for people without an address: they have an account before they join.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(PLAIN_ORDER)
    address: Mapped[str | None]
    address_key: Mapped[str | None]
    user_name: Mapped[str | None]
    # By what they are sorted and searched: the key of the address or else the user name.
    login_key: Mapped[str] = mapped_column(PLAIN_ORDER)
    state: Mapped[str]
    is_owner: Mapped[bool] = mapped_column(default=False)
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_manager: Mapped[bool] = mapped_column(default=False)
    is_billing: Mapped[bool] = mapped_column(default=False)
    is_learner: Mapped[bool] = mapped_column(default=False)
    added_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("membership.id"))

    __table_args__ = (
        sa.CheckConstraint("state IN ('invited', 'active', 'archived', 'withdrawn', 'merged')", name="state"),
        sa.CheckConstraint("(state = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into"),
        sa.CheckConstraint("state NOT IN ('active', 'archived') OR person_id IS NOT NULL", name="joined_has_person"),
        sa.Index(
            "ix_membership_one_per_person",
            "organisation_id",
            "person_id",
            unique=True,
            sqlite_where=sa.text("person_id IS NOT NULL"),
            postgresql_where=sa.text("person_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_membership_one_per_address",
            "organisation_id",
            "address_key",
            unique=True,
            sqlite_where=sa.text("state IN ('invited', 'active')"),
            postgresql_where=sa.text("state IN ('invited', 'active')"),
        ),
        sa.Index(None, "person_id"),
        sa.Index(None, "merged_into_id"),
        sa.Index(
            "ix_membership_here_by_name",
            "organisation_id",
            "name_key",
            "id",
            sqlite_where=sa.text("state IN ('invited', 'active')"),
            postgresql_where=sa.text("state IN ('invited', 'active')"),
        ),
        sa.Index(
            "ix_membership_here_by_login",
            "organisation_id",
            "login_key",
            "id",
            sqlite_where=sa.text("state IN ('invited', 'active')"),
            postgresql_where=sa.text("state IN ('invited', 'active')"),
        ),
        sa.CheckConstraint(
            "address IS NOT NULL OR NOT (is_owner OR is_admin OR is_manager OR is_billing)", name="who_runs_things_has_address"
        ),
        sa.CheckConstraint("(address IS NULL) = (address_key IS NULL)", name="address_has_key"),
        sa.Index(None, "organisation_id", "state", "name_key", "id"),
        sa.Index(None, "organisation_id", "added_at", "id"),
    )

    @validates("name")
    def _keep_name_key(self, _field: str, name: str) -> str:
        self.name_key = people.name_key(name)
        return name

    @validates("address_key", "user_name")
    def _keep_login_key(self, field: str, value: str | None) -> str | None:
        address_key, user_name = (value, self.user_name) if field == "address_key" else (self.address_key, value)
        self.login_key = address_key or user_name or ""
        return value

    @property
    def login(self) -> str:
        """What they sign in with as far as this organisation knows: their address or, without one, their user name."""
        return self.address or self.user_name or ""

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held."""
        return frozenset(role for role in Role if getattr(self, f"is_{role}"))

    @property
    def runs_things(self) -> bool:
        """Whether they are more than a learner."""
        return bool(self.roles - {Role.LEARNER})


MOVES: dict[State, frozenset[State]] = {
    State.INVITED: frozenset({State.ACTIVE, State.WITHDRAWN, State.ARCHIVED, State.MERGED}),
    State.ACTIVE: frozenset({State.ARCHIVED, State.MERGED}),
    State.ARCHIVED: frozenset({State.INVITED, State.ACTIVE, State.MERGED}),
    # Whoever was invited in vain may come by a link later.
    State.WITHDRAWN: frozenset({State.INVITED, State.ACTIVE, State.MERGED}),
    State.MERGED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone acting inside one organisation: whatever they reach is found through this."""

    person: Person
    organisation: Organisation
    membership: Membership

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held in this organisation."""
        return self.membership.roles


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation a person belongs to, and as what."""

    organisation: Organisation
    membership: Membership


def actor(person: Person, organisation_id: UUID, *, also_former: bool = False) -> Actor:
    """Give the person as a member of the organisation, or one who was; raises Missing for others, as if it did not exist."""
    states = (State.ACTIVE, State.ARCHIVED) if also_former else (State.ACTIVE,)
    row = db.session.execute(
        sa.select(Organisation, Membership)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Organisation.id == organisation_id, Membership.person_id == person.id, Membership.state.in_(states))
    ).first()
    if row is None:
        raise Missing
    return Actor(person, row[0], row[1])


def acting_as(membership_id: UUID) -> Actor | None:
    """Give the person of a membership as a member of its organisation; None for one that is not active."""
    row = db.session.execute(
        sa.select(people.Person, Organisation, Membership)
        .join(Membership, Membership.person_id == people.Person.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.id == membership_id, Membership.state == State.ACTIVE)
    ).first()
    return None if row is None else Actor(row[0], row[1], row[2])


def places_of(person_id: UUID, state: State = State.ACTIVE) -> list[Place]:
    """Give the organisations a person belongs to, or those in which they are archived, by name."""
    rows = db.session.execute(
        sa.select(Organisation, Membership)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id, Membership.state == state)
        .order_by(Organisation.name, Organisation.id)
    )
    return [Place(organisation, membership) for organisation, membership in rows]


def add(organisation: Organisation, person: Person, roles: Iterable[Role]) -> Membership:
    """Make a person a member with roles at once, as the founder of an organisation is.

    Raises Conflict for somebody without an address who is to be more than a learner.
    """
    roles, now = set(roles), clock.now()
    if roles - {Role.LEARNER}:
        people.address_of(person)
    membership = Membership(
        id=uuid7(),
        organisation_id=organisation.id,
        person_id=person.id,
        name=person.name,
        address=person.address,
        address_key=person.address_key,
        user_name=person.user_name,
        state=State.ACTIVE,
        added_at=now,
        joined_at=now,
        **{f"is_{role}": True for role in roles},
    )
    db.session.add(membership)
    db.session.flush()
    return membership


def invite(organisation_id: UUID, name: str, address: str, roles: Iterable[Role]) -> Membership:
    """Add someone who has yet to accept, or take up the record of somebody who was here before.

    Raises Conflict when this address is invited or active already.
    """
    key = people.address_key(address)
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, Membership.address_key == key)
    newest = query.order_by(Membership.person_id.is_(None), Membership.added_at.desc()).limit(1)
    membership = db.session.scalar(newest.with_for_update())
    if membership is not None and membership.merged_into_id is not None:
        membership = of_organisation(organisation_id, membership.merged_into_id, lock=True)
    if membership is None:
        membership = Membership(
            id=uuid7(),
            organisation_id=organisation_id,
            name=name,
            address=address,
            address_key=key,
            state=State.INVITED,
            added_at=clock.now(),
        )
        db.session.add(membership)
    elif membership.state in {State.INVITED, State.ACTIVE}:
        words = "has an open invitation" if membership.state == State.INVITED else "is here already"
        raise Conflict(f"{address} {words}. Look for {membership.name} in the list of people.")
    else:
        move(membership, State.INVITED)
        membership.name = name
        if membership.address is None:
            membership.address, membership.address_key = address, key
    for role in Role:
        setattr(membership, f"is_{role}", role in roles)
    try:
        db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict(f"{address} has just been invited by somebody else.") from error
    return membership


def join(membership: Membership, person: Person) -> None:
    """Let a person take up the membership they were invited to; raises Conflict when they have another one here."""
    taken = db.session.scalar(
        sa.select(Membership.id).where(
            Membership.organisation_id == membership.organisation_id,
            Membership.person_id == person.id,
            Membership.id != membership.id,
        )
    )
    if taken is not None:
        raise Conflict("You already belong to this organisation under another address. Ask its admin to invite that one.")
    if membership.person_id not in {None, person.id}:
        raise Conflict("This invitation is for somebody who was here before. Sign in with the account they used then.")
    move(membership, State.ACTIVE)
    membership.person_id = person.id
    membership.joined_at = clock.now()
    db.session.flush()


def move(membership: Membership, to: State) -> None:
    """Move a membership along its life; raises Conflict where there is no such way."""
    if to not in MOVES[State(membership.state)]:
        raise Conflict(f"{membership.name} is {membership.state} now. Reload the page to see where things stand.")
    membership.state = to
    membership.archived_at = clock.now() if to is State.ARCHIVED else None


def address_of(membership: Membership) -> str:
    """Give the address of somebody who needs one for what is done; raises Conflict without one."""
    if membership.address is None:
        raise Conflict(f"{membership.name} has no e-mail address here. Print them a joining slip instead.")
    return membership.address


def of_organisation(organisation_id: UUID, membership_id: UUID, *, lock: bool = False) -> Membership:
    """Give a membership of an organisation, locked until the transaction ends if asked; raises Missing for any other."""
    query = sa.select(Membership).where(Membership.id == membership_id, Membership.organisation_id == organisation_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    membership = db.session.scalar(query)
    if membership is None:
        raise Missing
    return membership


def with_address(organisation_id: UUID, key: str) -> Membership:
    """Give who is invited or active in an organisation under an address; raises Invalid, for a form's field, for nobody."""
    query = sa.select(Membership).where(
        Membership.organisation_id == organisation_id,
        Membership.address_key == key,
        Membership.state.in_((State.INVITED, State.ACTIVE)),
    )
    membership = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if membership is None:
        raise Invalid("Nobody here has this address. Look for it in the list of people.", field="address")
    return membership


def ever_with_login(organisation_id: UUID, key: str) -> Membership:
    """Give who is known in an organisation by an address or user name, the newest; raises Invalid, for a form, for nobody."""
    is_theirs = Membership.address_key == key if "@" in key else Membership.user_name == key
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, is_theirs)
    membership = db.session.scalar(query.order_by(Membership.added_at.desc()).limit(1))
    if membership is None:
        raise Invalid("Nobody here has or had this address or user name.", field="who")
    return membership


def left(keys: Iterable[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Give those of some people, each an organisation and the key of an address, who left and are not back, in one query."""
    given = batches.of(keys, organisation_id=sa.Uuid(), address_key=sa.String())
    query = sa.select(Membership.organisation_id, Membership.address_key, Membership.state)
    are_meant = sa.tuple_(Membership.organisation_id, Membership.address_key).in_(sa.select(*given.c))
    found = db.session.execute(query.where(are_meant)).all()
    here = {(place, key) for place, key, state in found if key and state in {State.INVITED, State.ACTIVE}}
    return {(place, key) for place, key, state in found if key and state == State.ARCHIVED} - here


def people_of(organisation_id: UUID, *, archived: bool = False) -> list[Membership]:
    """Give the people of an organisation by name: those invited and active, or those archived."""
    states = (State.ARCHIVED,) if archived else (State.INVITED, State.ACTIVE)
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, Membership.state.in_(states))
    return list(db.session.scalars(query.order_by(sa.func.lower(Membership.name), Membership.id)))


def owners(organisation_id: UUID) -> int:
    """Count the active owners of an organisation."""
    query = sa.select(sa.func.count()).where(
        Membership.organisation_id == organisation_id, Membership.is_owner, Membership.state == State.ACTIVE
    )
    return db.session.scalar(query) or 0


def is_owner(organisation_id: UUID, person_id: UUID) -> bool:
    """Whether a person owns an organisation."""
    theirs = sa.and_(Membership.organisation_id == organisation_id, Membership.person_id == person_id, Membership.is_owner)
    return db.session.scalar(sa.select(Membership.id).where(theirs, Membership.state == State.ACTIVE)) is not None


def owner_to_come(organisation_id: UUID) -> Membership | None:
    """Give who was invited last to own an organisation that nobody owns yet, whether the invitation is open or over."""
    if owners(organisation_id):
        return None
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, Membership.is_owner)
    invited_first = sa.case((Membership.state == State.INVITED, 0), else_=1)
    return db.session.scalar(query.order_by(invited_first, Membership.added_at.desc()).limit(1))


def names_of_people(organisation_id: UUID, person_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names by which an organisation knows people."""
    query = sa.select(Membership.person_id, Membership.name).where(
        Membership.organisation_id == organisation_id, Membership.person_id.in_(set(person_ids))
    )
    return {person_id: name for person_id, name in db.session.execute(query) if person_id}


def names(organisation_id: UUID, membership_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names by which an organisation knows its memberships."""
    query = sa.select(Membership.id, Membership.name).where(
        Membership.organisation_id == organisation_id, Membership.id.in_(set(membership_ids))
    )
    return dict(db.session.execute(query).all())
