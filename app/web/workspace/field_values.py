"""Filling in profile fields: of one person, and one field for many people at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from app import crowd
from app.accounts import oversight, profile_fields, profile_values
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import GIVE_SEATS
from app.web import context
from app.web.forms import Form
from app.web.workspace import choosing, field_forms, wishes
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


class ValuesForm(Form):
    """What is known of somebody; the organisation's fields come in when the form is made."""


@area.page("/<uuid:organisation>/people/<uuid:membership>/fields", allow=GIVE_SEATS)
def person_fields(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask what is known of one person."""
    fields = profile_fields.of(actor.organisation.id)
    values = profile_values.of_people([oversight.member(actor, membership).id]).get(membership, {})
    form = field_forms.with_fields(ValuesForm, fields)(formdata=None, data=field_forms.filled(values, fields))
    return _person_page(actor, membership, form)


@area.action("/<uuid:organisation>/people/<uuid:membership>/fields", allow=GIVE_SEATS)
def save_person_fields(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Keep what is known of one person."""
    fields = profile_fields.of(actor.organisation.id)
    form = field_forms.with_fields(ValuesForm, fields)()
    try:
        with transaction():
            found = profile_values.save(actor, membership, field_forms.typed(form, fields))
    except (Invalid, NotAllowed) as refusal:
        form.refuse(refusal)
        return _person_page(actor, membership, form), refusal.status
    flash(f"Saved what is known of {found.name}.", "success")
    return redirect(url_for("workspace.person", organisation=actor.organisation.id, membership=membership), 303)


@area.page("/<uuid:organisation>/people/field", allow=GIVE_SEATS)
def people_field(actor: Actor) -> ResponseReturnValue:
    """Ask which field to set for the people who were chosen, and to what."""
    if choosing.is_empty(request.args):
        flash("Choose people in the table first.", "attention")
        return redirect(choosing.back(actor, request.args), 303)
    fields = profile_fields.of(actor.organisation.id)
    return _many_page(actor, field_forms.with_fields(ValuesForm, fields)(formdata=None))


@area.action("/<uuid:organisation>/people/field", allow=GIVE_SEATS)
def set_people_field(actor: Actor) -> ResponseReturnValue:
    """Set one field for the people who were chosen."""
    fields = profile_fields.of(actor.organisation.id)
    form = field_forms.with_fields(ValuesForm, fields)()
    meant = wishes.uuids([request.form.get("field", "")])
    field = next((field for field in fields if field.id in meant), None)
    if field is None:
        raise Missing
    try:
        with transaction():
            chosen = crowd.chosen(actor, choosing.selection(actor, request.form))
            number = profile_values.set_each(actor, chosen, field.id, field_forms.typed(form, fields)[field.id])
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _many_page(actor, form), refusal.status
    flash(f"{field.name} is changed for {context.counted(number, 'person', 'people')}.", "success")
    return redirect(choosing.back(actor, request.form), 303)


def _person_page(actor: Actor, membership_id: UUID, form: Form) -> str:
    fields = profile_fields.of(actor.organisation.id)
    found = oversight.member(actor, membership_id)
    return page("person_fields", actor, "people", member=found, form=form, controls=field_forms.controls(form, fields))


def _many_page(actor: Actor, form: Form) -> str:
    given = request.values
    number = len(crowd.chosen(actor, choosing.selection(actor, given, is_asked=True)))
    fields = profile_fields.of(actor.organisation.id)
    return page(
        "people_field",
        actor,
        "people",
        form=form,
        controls=list(zip(fields, field_forms.controls(form, fields), strict=True)),
        number=number,
        fields=choosing.fields(actor, given, number),
        back=choosing.back(actor, given),
    )
