"""The profile fields of an organisation: what it wants to know of its people, in which order, and what it no longer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from wtforms import SelectField, TextAreaField

from app.accounts import profile_fields as domain
from app.accounts import profile_values
from app.accounts.profile_fields import Kind, Wish
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import SET_FIELDS
from app.web.forms import Form, TextField, trimmed
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor

KINDS = {Kind.TEXT: "A few words", Kind.CHOICE: "One of some choices", Kind.DATE: "A date"}


class FieldForm(Form):
    """What a field is called and what it holds."""

    name = TextField("Name of the field")
    kind = SelectField("What it holds", choices={kind.value: label for kind, label in KINDS.items()})
    choices = TextAreaField("Choices", filters=[trimmed])

    @property
    def wish(self) -> Wish:
        """What was filled in."""
        return Wish(self.name.data or "", self.kind.data or Kind.TEXT, self.choices.data or "")


@area.page("/<uuid:organisation>/fields", allow=SET_FIELDS)
def profile_fields(actor: Actor) -> ResponseReturnValue:
    """Show the fields in their order, and ask for one more."""
    return _fields_page(actor, FieldForm(formdata=None))


@area.action("/<uuid:organisation>/fields", allow=SET_FIELDS)
def add_field(actor: Actor) -> ResponseReturnValue:
    """Add a field after the others."""
    form = FieldForm()
    try:
        with transaction():
            added = domain.add(actor.organisation.id, form.wish, by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _fields_page(actor, form), refusal.status
    return _to_fields(actor, f"{added.name} is there. Fill it in for one person, for many in the table, or with a list.")


@area.page("/<uuid:organisation>/fields/<uuid:field>", allow=SET_FIELDS)
def profile_field(actor: Actor, field: UUID) -> ResponseReturnValue:
    """Show one field: its name, its choices, and how many people have something in it."""
    found = domain.of_organisation(actor.organisation.id, field)
    form = FieldForm(formdata=None, data={"name": found.name, "choices": "\n".join(found.choices)})
    return _field_page(actor, field, form)


@area.action("/<uuid:organisation>/fields/<uuid:field>", allow=SET_FIELDS)
def change_field(actor: Actor, field: UUID) -> ResponseReturnValue:
    """Change the name and the choices of a field."""
    form = FieldForm()
    try:
        with transaction():
            changed = profile_values.change_field(actor.organisation.id, field, form.wish, by=actor.person.id)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _field_page(actor, field, form), refusal.status
    return _to_fields(actor, f"{changed.name} is saved.")


@area.action("/<uuid:organisation>/fields/<uuid:field>/up", allow=SET_FIELDS)
def move_field_up(actor: Actor, field: UUID) -> ResponseReturnValue:
    """Put a field before the one above it."""
    with transaction():
        moved = domain.move_up(actor.organisation.id, field, by=actor.person.id)
    return _to_fields(actor, f"{moved.name} has moved up.")


@area.action("/<uuid:organisation>/fields/<uuid:field>/remove", allow=SET_FIELDS)
def remove_field(actor: Actor, field: UUID) -> ResponseReturnValue:
    """Remove a field with everything that people have in it."""
    with transaction():
        removed = profile_values.remove_field(actor.organisation.id, field, by=actor.person.id)
    return _to_fields(actor, f"{removed.name} is removed, with everything that stood in it.")


def _fields_page(actor: Actor, form: FieldForm) -> str:
    fields = domain.of(actor.organisation.id)
    numbers = profile_values.numbers(actor.organisation.id)
    return page("profile_fields", actor, "settings", form=form, fields=fields, numbers=numbers, kinds=KINDS, most=domain.MOST)


def _field_page(actor: Actor, field_id: UUID, form: FieldForm) -> str:
    found = domain.of_organisation(actor.organisation.id, field_id)
    number = profile_values.numbers(actor.organisation.id).get(found.id, 0)
    return page("profile_field", actor, "settings", field=found, form=form, number=number, kinds=KINDS)


def _to_fields(actor: Actor, message: str) -> Response:
    flash(message, "success")
    return redirect(url_for("workspace.profile_fields", organisation=actor.organisation.id), 303)
