"""Profile fields in forms: one control for each field of the organisation, and what the filters of the table ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wtforms import SelectField

from app.accounts import profile_fields, profile_values
from app.accounts.profile_fields import Kind
from app.accounts.profile_values import Asked
from app.web.forms import Form, TextField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from wtforms import Field

    from app.accounts.profile_fields import ProfileField

SomeForm = TypeVar("SomeForm", bound=Form)
# What a filter by choices sends for a choice, so that none of them can be taken for "none".
IS = "is:"
NONE = "none"
LONGEST = 200
FILTER = "by_"


class DayField(TextField):
    """A day, for which browsers show a calendar."""


def with_fields(form: type[SomeForm], fields: Sequence[ProfileField]) -> type[SomeForm]:
    """Give a kind of form that also asks for each of these fields."""
    return type(form.__name__, (form,), {profile_values.form_name(field.id): _control(field) for field in fields})


def filled(values: Mapping[UUID, str], fields: Sequence[ProfileField]) -> dict[str, str]:
    """Give what the controls of some fields hold for these values."""
    return {profile_values.form_name(field.id): values.get(field.id, "") for field in fields}


def typed(form: Form, fields: Sequence[ProfileField]) -> dict[UUID, str]:
    """Give what was typed into the controls of some fields."""
    return {field.id: form[profile_values.form_name(field.id)].data or "" for field in fields}


def controls(form: Form, fields: Sequence[ProfileField]) -> list[Field]:
    """Give the controls of some fields in their order."""
    return [form[profile_values.form_name(field.id)] for field in fields]


def with_filters(form: type[SomeForm], fields: Sequence[ProfileField]) -> type[SomeForm]:
    """Give a kind of form that can also be narrowed by each of these fields."""
    made: dict[str, Any] = {}
    for field in fields:
        name = _filter_name(field.id)
        match Kind(field.kind):
            case Kind.CHOICE:
                choices = {"": "Any", **{IS + choice: choice for choice in field.choices}, NONE: "Not filled in"}
                made[name] = SelectField(field.name, choices=choices, validate_choice=False)
            case Kind.TEXT:
                made[name] = TextField(f"{field.name} contains")
            case Kind.DATE:
                made[f"{name}_from"] = DayField(f"{field.name} from")
                made[f"{name}_to"] = DayField(f"{field.name} to")
    return type(form.__name__, (form,), made)


def filters(form: Form, fields: Sequence[ProfileField]) -> list[Field]:
    """Give the controls that narrow the table by some fields, in their order."""
    names = [_filter_name(field.id) for field in fields]
    return [form[name] for one in names for name in (one, f"{one}_from", f"{one}_to") if name in form]


def is_asked(given: Mapping[str, str]) -> bool:
    """Whether an address asks anything of fields."""
    return any(name.startswith(FILTER) for name in given)


def others(given: Mapping[str, str], fields: Sequence[ProfileField]) -> set[str]:
    """Give the names in an address that ask something of a field which is not among these."""
    known = {_filter_name(field.id) for field in fields}
    return {name for name in given if name.startswith(FILTER) and name.removesuffix("_from").removesuffix("_to") not in known}


def asked(fields: Sequence[ProfileField], given: Mapping[str, str]) -> tuple[Asked, ...]:
    """Read what an address asks of each field; what makes no sense is left out."""
    found = (_asked(field, given) for field in fields)
    return tuple(one for one in found if one is not None)


def as_query(wanted: Sequence[Asked]) -> dict[str, str]:
    """Give what stands in an address that asks this of fields."""
    said: dict[str, str] = {}
    for one in wanted:
        name = _filter_name(one.field)
        said[name] = NONE if one.is_none else IS + one.choice if one.choice else one.contains
        said[f"{name}_from"] = one.since.isoformat() if one.since else ""
        said[f"{name}_to"] = one.until.isoformat() if one.until else ""
    return {name: value for name, value in said.items() if value}


def _filter_name(field_id: UUID) -> str:
    """Give the name that a filter by a field goes by; a form that sets the field keeps the filters beside it."""
    return FILTER + field_id.hex


def _asked(field: ProfileField, given: Mapping[str, str]) -> Asked | None:
    name, kind = _filter_name(field.id), Kind(field.kind)
    text = given.get(name, "").strip()[:LONGEST]
    match kind:
        case Kind.CHOICE if text == NONE:
            return Asked(field.id, kind, is_none=True)
        case Kind.CHOICE:
            return Asked(field.id, kind, choice=text.removeprefix(IS)) if text.startswith(IS) and text != IS else None
        case Kind.TEXT:
            return Asked(field.id, kind, contains=text) if text else None
        case Kind.DATE:
            since, until = (profile_fields.as_day(given.get(f"{name}_{end}", "").strip()) for end in ("from", "to"))
            return Asked(field.id, kind, since=since, until=until) if since or until else None


def _control(field: ProfileField) -> Any:
    match Kind(field.kind):
        case Kind.CHOICE:
            choices = {"": "Not filled in", **{choice: choice for choice in field.choices}}
            return SelectField(field.name, choices=choices, validate_choice=False)
        case Kind.DATE:
            return DayField(field.name)
        case Kind.TEXT:
            return TextField(field.name)
