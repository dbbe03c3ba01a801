"""Newcomers: people who come by themselves, by a link or the domain of their mail, and become members without an invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import memberships
from app.accounts.memberships import Membership, Role, State
from app.kernel import batches, clock, journal
from app.kernel.db import db, uuid7
from app.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from app.accounts.people import Person


def record_of(organisation_id: UUID, person: Person, *, lock: bool = False) -> Membership | None:
    """Give what an organisation knows of a person: their membership, else one that waits for somebody with their address."""
    is_theirs = Membership.person_id == person.id
    if person.address_key is not None:
        is_theirs |= sa.and_(Membership.person_id.is_(None), Membership.address_key == person.address_key)
    is_left = Membership.state != State.MERGED
    query = sa.select(Membership).where(Membership.organisation_id == organisation_id, is_theirs, is_left)
    first_best = (Membership.person_id.is_(None), Membership.state != State.INVITED, Membership.added_at.desc())
    query = query.order_by(*first_best).limit(1)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(query)


def lock_records(organisation_id: UUID, persons: Sequence[Person]) -> None:
    """Lock what an organisation knows of some persons, in id order, before they are taken in one after the other."""
    is_theirs = sa.or_(
        Membership.person_id.in_(batches.ids(person.id for person in persons)),
        Membership.address_key.in_([person.address_key for person in persons if person.address_key is not None]),
    )
    query = sa.select(Membership.id).where(Membership.organisation_id == organisation_id, is_theirs)
    db.session.execute(query.order_by(Membership.id).with_for_update()).all()


def take_in(organisation_id: UUID, person: Person, *, by: UUID) -> Membership:
    """Make a person a member who learns; whoever was here before finds their record, and comes back as a learner only.

    Raises Conflict when they belong here already, as when they press twice.
    """
    membership = record_of(organisation_id, person, lock=True)
    if membership is not None and membership.state == State.ACTIVE:
        raise Conflict(f"{person.name} is here already.")
    now = clock.now()
    comes_back = membership is not None and membership.state == State.ARCHIVED
    if membership is None:
        membership = Membership(id=uuid7(), organisation_id=organisation_id, name=person.name, state=State.ACTIVE, added_at=now)
        db.session.add(membership)
    was_invited = membership.state == State.INVITED
    if membership.state != State.ACTIVE:
        memberships.move(membership, State.ACTIVE)
    if membership.person_id is None:
        membership.person_id, membership.name, membership.joined_at = person.id, person.name, now
        membership.address, membership.address_key, membership.user_name = person.address, person.address_key, person.user_name
    # Whoever was invited to more keeps what they were invited to.
    for role in Role:
        setattr(membership, f"is_{role}", role is Role.LEARNER or (was_invited and getattr(membership, f"is_{role}")))
    try:
        with db.session.begin_nested():
            db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict(f"{person.login} belongs to somebody here already. Ask an admin to look at the list of people.") from error
    what = "membership.restored" if comes_back else "membership.joined"
    journal.write(what, organisation_id=organisation_id, by=by, about=membership.id)
    return membership


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
