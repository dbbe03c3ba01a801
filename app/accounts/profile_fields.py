"""Profile fields: what an organisation wants to know of its people beside name and address; it defines up to ten, in an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.accounts import people
from app.accounts.organisations import Organisation
from app.kernel import clock, journal, signs
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 10
LONGEST_NAME = 40
MOST_CHOICES = 60
LONGEST_CHOICE = 60
LONGEST_TEXT = 200
# Orders in which people write a date, day first as in Britain; a sheet gives the first one, with a time of midnight.
DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %B %Y", "%d %b %Y", "%d/%m/%y")
# By which titles a list of people knows its columns, compared by their letters alone.
TITLES = {
    "address": {"email", "emailaddress", "mail", "eaddress", "workemail", "emailadresse", "address", "username", "login"},
    "name": {"name", "fullname", "displayname", "person", "employee", "volunteer", "staff"},
    "first": {"firstname", "first", "forename", "givenname", "forenames", "preferredname"},
    "last": {"lastname", "last", "surname", "familyname"},
    "team": {"team", "department", "group", "site", "school", "class", "teams"},
}
# What a list of people has columns for already, and the table too.
TAKEN = frozenset({"role", "roles", "state", "seat", "added", "joined", "accepted", "left"}.union(*TITLES.values()))


NAME_TAKEN = "There is a field of this name already. Choose another name."


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"


class ProfileField(Model):
    """Something that an organisation wants to know of each of its people; `choices` are what one of kind choice may hold."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    name: Mapped[str]
    name_key: Mapped[str]
    kind: Mapped[str]
    choices: Mapped[list[Any]]
    position: Mapped[int]
    added_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('text', 'choice', 'date')", name="kind"),
        sa.UniqueConstraint("organisation_id", "name_key"),
    )

    @validates("name")
    def _keep_name_key(self, _field: str, name: str) -> str:
        self.name_key = people.name_key(name)
        return name


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody filled in about a field; `choices` stand one on each line."""

    name: str
    kind: str = Kind.TEXT
    choices: str = ""


def of(organisation_id: UUID, *, share: bool = False) -> list[ProfileField]:
    """Give the fields of an organisation in their order, with their locks shared if they are about to be filled in."""
    query = sa.select(ProfileField).where(ProfileField.organisation_id == organisation_id)
    if share:
        query = query.with_for_update(read=True).execution_options(populate_existing=True)
    return list(db.session.scalars(query.order_by(ProfileField.position, ProfileField.id)))


def of_organisation(organisation_id: UUID, field_id: UUID, *, lock: bool = False, share: bool = False) -> ProfileField:
    """Give a field of an organisation; raises Missing for any other.

    Whoever changes it locks it; whoever fills it in shares the lock, so that a field that is being removed is filled in no more.
    """
    if lock:
        _lock_fields(organisation_id)
    query = sa.select(ProfileField).where(ProfileField.id == field_id, ProfileField.organisation_id == organisation_id)
    if lock or share:
        query = query.with_for_update(read=share).execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise Missing
    return found


def add(organisation_id: UUID, wish: Wish, *, by: UUID) -> ProfileField:
    """Add a field after the others; raises Invalid for what cannot be used, Conflict for an eleventh or a name that is taken."""
    name, choices = _read_name(wish.name), _read_choices(wish)
    _lock_fields(organisation_id)
    number, last = db.session.execute(
        sa.select(sa.func.count(), sa.func.max(ProfileField.position)).where(ProfileField.organisation_id == organisation_id)
    ).one()
    if number >= MOST:
        raise Conflict("There are ten fields already, and ten is the most. Remove one that nobody needs any more.")
    _demand_new(organisation_id, name)
    field = ProfileField(
        id=uuid7(),
        organisation_id=organisation_id,
        name=name,
        kind=Kind(wish.kind),
        choices=choices,
        position=(last or 0) + 1,
        added_at=clock.now(),
    )
    _flush(field, add=True)
    journal.write("profile_field.added", organisation_id=organisation_id, by=by, about=field.id, field=str(field.id))
    return field


def change(field: ProfileField, wish: Wish, *, by: UUID, in_use: Sequence[str]) -> ProfileField:
    """Change the name and the choices of a locked field; its kind stays, and so does each choice that somebody has (`in_use`).

    Raises Invalid for what cannot be used, Conflict for a name that is taken.
    """
    name = _read_name(wish.name)
    _demand_new(field.organisation_id, name, but=field.id)
    field.name = name
    if field.kind == Kind.CHOICE:
        choices = _read_choices(Wish(wish.name, field.kind, wish.choices))
        missing = next((choice for choice in in_use if choice not in choices), None)
        if missing is not None:
            raise Invalid(f"Somebody has “{missing}”. Keep this choice, or set another one for them first.", field="choices")
        field.choices = choices
    _flush(field)
    journal.write("profile_field.changed", organisation_id=field.organisation_id, by=by, about=field.id, field=str(field.id))
    return field


def move_up(organisation_id: UUID, field_id: UUID, *, by: UUID) -> ProfileField:
    """Put a field before the one above it; one that is the first already stays where it is."""
    _lock_fields(organisation_id)
    fields = of(organisation_id)
    place = next((place for place, field in enumerate(fields) if field.id == field_id), None)
    if place is None:
        raise Missing
    moved = fields.pop(place)
    fields.insert(max(place - 1, 0), moved)
    for position, field in enumerate(fields, start=1):
        field.position = position
    journal.write("profile_field.moved", organisation_id=organisation_id, by=by, about=field_id, field=str(field_id))
    return moved


def remove(field: ProfileField, *, by: UUID) -> None:
    """Remove a locked field that nobody has a value of any more."""
    db.session.delete(field)
    db.session.flush()
    journal.write("profile_field.removed", organisation_id=field.organisation_id, by=by, about=field.id)


def names(organisation_id: UUID) -> dict[UUID, str]:
    """Give the names of the fields of an organisation."""
    query = sa.select(ProfileField.id, ProfileField.name).where(ProfileField.organisation_id == organisation_id)
    return dict(db.session.execute(query).all())


def read_value(field: ProfileField, typed: str, *, at: str = "value") -> str:
    """Give a value as it is kept: a date as year, month and day, a choice as the field writes it, empty for none.

    Raises Invalid, for the form's field `at`, with what to do.
    """
    value = " ".join(signs.composed(typed).split())
    if not value:
        return ""
    if not value.isprintable():
        raise Invalid(f"{field.name}: write it in letters. This holds a sign that cannot be shown.", field=at)
    match Kind(field.kind):
        case Kind.CHOICE:
            return _read_choice(field, value, at)
        case Kind.DATE:
            return _read_date(field, value, at)
        case Kind.TEXT if len(value) > LONGEST_TEXT:
            raise Invalid(f"{field.name}: write at most {LONGEST_TEXT} characters.", field=at)
        case Kind.TEXT:
            return value


def as_day(typed: str) -> date | None:
    """Read a date as people write it, such as 23/11/2026 or 23 November 2026."""
    for order in DATES:
        try:
            return datetime.strptime(typed, order).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def _read_choice(field: ProfileField, value: str, at: str) -> str:
    key = people.name_key(value)
    for choice in field.choices:
        if people.name_key(choice) == key:
            return str(choice)
    known = ", ".join(field.choices[:8]) + (" …" if len(field.choices) > 8 else "")  # noqa: PLR2004 - as many as one reads
    raise Invalid(f"{field.name}: there is no choice “{value[:LONGEST_CHOICE]}”. Use one of these: {known}.", field=at)


def _read_date(field: ProfileField, value: str, at: str) -> str:
    day = as_day(value)
    if day is None:
        raise Invalid(f"{field.name}: write the date as day, month and year, such as 23/11/2026.", field=at)
    return day.isoformat()


def _read_name(typed: str) -> str:
    name = people.read_name(typed, "name", LONGEST_NAME)
    plain = people.plain_title(name)
    if not plain:
        raise Invalid("Give a name that holds letters or digits. Lists know a field by these.", field="name")
    if plain in TAKEN:
        raise Invalid(f"The table, or a list of people, has a column “{name}” already. Choose another name.", field="name")
    return name


def _read_choices(wish: Wish) -> list[str]:
    """Give the choices as they are kept; empty for a field of another kind."""
    if wish.kind not in set(Kind):
        raise Invalid("Choose what the field holds.", field="kind")
    if wish.kind != Kind.CHOICE:
        return []
    lines = [" ".join(line.split()) for line in signs.composed(wish.choices).splitlines()]
    choices = list({people.name_key(line): line for line in reversed(lines) if line}.values())[::-1]
    if not choices:
        raise Invalid("Give the choices, one on each line.", field="choices")
    too_long = any(len(choice) > LONGEST_CHOICE or not choice.isprintable() for choice in choices)
    if len(choices) > MOST_CHOICES or too_long:
        message = f"Give at most {MOST_CHOICES} choices, each of at most {LONGEST_CHOICE} characters."
        raise Invalid(message, field="choices")
    return choices


def _demand_new(organisation_id: UUID, name: str, *, but: UUID | None = None) -> None:
    """Demand that no other field goes by the same letters, as the columns of a list would not be told apart."""
    plain = people.plain_title(name)
    if any(people.plain_title(field.name) == plain for field in of(organisation_id) if field.id != but):
        raise Conflict(NAME_TAKEN)


def _flush(field: ProfileField, *, add: bool = False) -> None:
    try:
        with db.session.begin_nested():
            if add:
                db.session.add(field)
            db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict(NAME_TAKEN) from error


def _lock_fields(organisation_id: UUID) -> None:
    """Let one field be added or moved after the other, so that there are never more than ten."""
    is_theirs = Organisation.id == organisation_id
    db.session.execute(sa.select(Organisation.id).where(is_theirs).with_for_update(key_share=True))
