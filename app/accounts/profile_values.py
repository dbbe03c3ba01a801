"""Profile values: what is known of each person for the fields of their organisation, kept and looked for many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import oversight, people, profile_fields
from app.accounts.memberships import Membership
from app.accounts.profile_fields import Kind, ProfileField
from app.kernel import batches, journal
from app.kernel.db import PLAIN_ORDER, Model, db
from app.kernel.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from app.accounts.memberships import Actor
    from app.accounts.profile_fields import Wish


class ProfileValue(Model):
    """What one person has in one field; without a value there is no row. `value_key` is what it is looked for by."""

    field_id: Mapped[UUID] = mapped_column(sa.ForeignKey("profile_field.id"), primary_key=True)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("membership.id"), primary_key=True)
    value: Mapped[str]
    value_key: Mapped[str] = mapped_column(PLAIN_ORDER)

    # The second index answers every filter by itself: the field, what is looked for, and whose it is.
    __table_args__ = (sa.Index(None, "membership_id"), sa.Index(None, "field_id", "value_key", "membership_id"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a filter asks of one field: to be empty, to be one choice, to contain some text, or to lie between two days."""

    field: UUID
    kind: Kind
    is_none: bool = False
    choice: str = ""
    contains: str = ""
    since: date | None = None
    until: date | None = None


def of_people(membership_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, str]]:
    """Give the values of some people by field, in one query."""
    query = sa.select(ProfileValue.membership_id, ProfileValue.field_id, ProfileValue.value)
    rows = db.session.execute(query.where(ProfileValue.membership_id.in_(batches.ids(membership_ids))))
    found: dict[UUID, dict[UUID, str]] = {}
    for membership_id, field_id, value in rows:
        found.setdefault(membership_id, {})[field_id] = value
    return found


def own(person_id: UUID) -> dict[UUID, list[tuple[ProfileField, str]]]:
    """Give what organisations keep about a person, by the membership it belongs to, in the order of the fields."""
    query = (
        sa.select(ProfileValue.membership_id, ProfileField, ProfileValue.value)
        .join(ProfileField, ProfileField.id == ProfileValue.field_id)
        .join(Membership, Membership.id == ProfileValue.membership_id)
        .where(Membership.person_id == person_id)
    )
    found: dict[UUID, list[tuple[ProfileField, str]]] = {}
    for membership_id, field, value in db.session.execute(query.order_by(ProfileField.position)):
        found.setdefault(membership_id, []).append((field, value))
    return found


def numbers(organisation_id: UUID) -> dict[UUID, int]:
    """Count how many people have a value in each field of an organisation."""
    query = sa.select(ProfileValue.field_id, sa.func.count()).join(ProfileField, ProfileField.id == ProfileValue.field_id)
    mine = query.where(ProfileField.organisation_id == organisation_id).group_by(ProfileValue.field_id)
    return dict(db.session.execute(mine).all())


def read(fields: Sequence[ProfileField], typed: Mapping[UUID, str]) -> dict[UUID, str]:
    """Read what was typed for each field that there is; raises Invalid, for the form's field, for what cannot be used."""
    return {
        field.id: profile_fields.read_value(field, typed[field.id], at=form_name(field.id))
        for field in fields
        if field.id in typed
    }


def form_name(field_id: UUID) -> str:
    """Give the name that a field goes by in forms and addresses."""
    return f"f_{field_id.hex}"


def save(actor: Actor, membership_id: UUID, typed: Mapping[UUID, str]) -> Membership:
    """Keep what was typed about one person; an empty value takes it away.

    Raises Missing for somebody whom the actor may not see, NotAllowed where a manager asks about those who run things, Invalid,
    for the form's field, for what cannot be used.
    """
    membership = oversight.member(actor, membership_id, lock=True)
    if not oversight.may_act_for(actor, runs_things=membership.runs_things):
        raise NotAllowed(f"{membership.name} runs things here. Ask an owner or an admin to change this.")
    fields = [profile_fields.of_organisation(actor.organisation.id, field_id, share=True) for field_id in sorted(typed)]
    for field_id, value in read(fields, typed).items():
        _put(
            actor.organisation.id,
            field_id,
            sa.select(sa.literal(membership.id, sa.Uuid()).label("id")),
            value,
            by=actor.person.id,
        )
    return membership


def set_each(actor: Actor, membership_ids: Iterable[UUID], field_id: UUID, typed: str) -> int:
    """Set a field for many people at once, or take it away with an empty value, in two statements; gives how many changed.

    A manager changes nothing for those who run things. Raises Missing for a foreign field, Invalid for what cannot be used.
    """
    field = profile_fields.of_organisation(actor.organisation.id, field_id, share=True)
    value = profile_fields.read_value(field, typed, at=form_name(field.id))
    are_meant = [oversight.sees(actor), Membership.id.in_(batches.ids(membership_ids))]
    if not oversight.is_over_everybody(actor):
        runs_things = sa.or_(Membership.is_owner, Membership.is_admin, Membership.is_manager, Membership.is_billing)
        are_meant.append(~runs_things)
    chosen = sa.select(Membership.id).where(*are_meant).order_by(Membership.id)
    return len(_put(actor.organisation.id, field.id, chosen, value, by=actor.person.id))


def put_each(organisation_id: UUID, values: Iterable[tuple[UUID, Mapping[UUID, str]]], *, by: UUID) -> None:
    """Keep values of many people, each with their own, that were read before.

    Fields and choices that are gone by now are left out.
    """
    known = {field.id: field for field in profile_fields.of(organisation_id, share=True)}
    rows = [
        (field_id, membership_id, value, people.name_key(value))
        for membership_id, theirs in values
        for field_id, value in theirs.items()
        if value and field_id in known and (value in known[field_id].choices or known[field_id].kind != Kind.CHOICE)
    ]
    if not rows:
        return
    given = batches.of(rows, field_id=sa.Uuid(), membership_id=sa.Uuid(), value=sa.String(), value_key=sa.String())
    _journal(organisation_id, _upsert(sa.select(*given.c).order_by(given.c.membership_id, given.c.field_id)), by=by)


def pass_on(from_id: UUID, to_id: UUID) -> None:
    """Give somebody the values that another record of theirs has and this one has not; the other one keeps its own."""
    profile_fields.of(db.session.get_one(Membership, to_id).organisation_id, share=True)
    has = sa.select(ProfileValue.field_id).where(ProfileValue.membership_id == to_id)
    are_missing = sa.and_(ProfileValue.membership_id == from_id, ProfileValue.field_id.not_in(has))
    parts: list[Any] = [ProfileValue.field_id, sa.literal(to_id, sa.Uuid()), ProfileValue.value, ProfileValue.value_key]
    columns = ("field_id", "membership_id", "value", "value_key")
    batches.insert(ProfileValue, columns, sa.select(*parts).where(are_missing))


def change_field(organisation_id: UUID, field_id: UUID, wish: Wish, *, by: UUID) -> ProfileField:
    """Change the name and the choices of a field; raises Missing for a foreign one, and what changing it does."""
    field = profile_fields.of_organisation(organisation_id, field_id, lock=True)
    values = sa.select(ProfileValue.value).where(ProfileValue.field_id == field.id).distinct()
    return profile_fields.change(field, wish, by=by, in_use=list(db.session.scalars(values)) if field.choices else [])


def remove_field(organisation_id: UUID, field_id: UUID, *, by: UUID) -> ProfileField:
    """Remove a field with everything that people have in it; raises Missing for a foreign one."""
    field = profile_fields.of_organisation(organisation_id, field_id, lock=True)
    theirs = sa.delete(ProfileValue).where(ProfileValue.field_id == field.id)
    db.session.execute(theirs.execution_options(synchronize_session=False))
    profile_fields.remove(field, by=by)
    return field


def matches(asked: Asked) -> sa.ColumnElement[bool]:
    """Give the condition under which a membership is what a filter asks for."""
    is_its = ProfileValue.field_id == asked.field
    if asked.is_none:
        return ~sa.exists().where(is_its, ProfileValue.membership_id == Membership.id).correlate(Membership)
    conditions = [is_its]
    if asked.choice:
        conditions.append(ProfileValue.value_key == people.name_key(asked.choice))
    if asked.contains:
        conditions.append(ProfileValue.value_key.contains(people.name_key(asked.contains), autoescape=True))
    if asked.since is not None:
        conditions.append(ProfileValue.value_key >= asked.since.isoformat())
    if asked.until is not None:
        conditions.append(ProfileValue.value_key <= asked.until.isoformat())
    return Membership.id.in_(sa.select(ProfileValue.membership_id).where(*conditions))


def _put(organisation_id: UUID, field_id: UUID, chosen: sa.Select[Any], value: str, *, by: UUID) -> list[tuple[UUID, UUID]]:
    """Give everybody who is chosen the same value, or none; gives field and membership of those for whom that is a change."""
    if value:
        given = chosen.subquery()
        field, text, key = sa.literal(field_id, sa.Uuid()), sa.literal(value), sa.literal(people.name_key(value))
        changed = _upsert(sa.select(field, given.c.id, text, key).order_by(given.c.id))
    else:
        is_theirs = sa.and_(ProfileValue.field_id == field_id, ProfileValue.membership_id.in_(chosen))
        gone = sa.delete(ProfileValue).where(is_theirs).returning(ProfileValue.field_id, ProfileValue.membership_id)
        changed = [(row[0], row[1]) for row in db.session.execute(gone.execution_options(synchronize_session=False))]
    _journal(organisation_id, changed, by=by)
    return changed


def _upsert(rows: sa.Select[Any]) -> list[tuple[UUID, UUID]]:
    """Keep values, over those that were there, in one statement; gives field and membership of those that are others now.

    The rows come in an order: without it SQLite would take ON CONFLICT for a part of a join.
    """
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(ProfileValue).from_select(["field_id", "membership_id", "value", "value_key"], rows)
    statement = statement.on_conflict_do_update(
        index_elements=[ProfileValue.field_id, ProfileValue.membership_id],
        set_={"value": statement.excluded.value, "value_key": statement.excluded.value_key},
        where=ProfileValue.value != statement.excluded.value,
    )
    kept = db.session.execute(statement.returning(ProfileValue.field_id, ProfileValue.membership_id))
    return [(row[0], row[1]) for row in kept]


def _journal(organisation_id: UUID, changed: Sequence[tuple[UUID, UUID]], *, by: UUID) -> None:
    """Write for whom which field changed, and never what stands in it."""
    if changed:
        entries = ((membership_id, {"field": str(field_id)}) for field_id, membership_id in changed)
        journal.write_all("profile_value.changed", entries, organisation_id=organisation_id, by=by)
