"""Keeping what the people table is asked for as a view: for oneself or for everybody, and as that with which it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from wtforms import BooleanField

from app.accounts import oversight, profile_fields
from app.accounts import people_views as domain
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import SAVE_VIEWS
from app.web.forms import Form, TextField
from app.web.workspace import view_tabs, wishes
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


class ViewForm(Form):
    """What a view is called, and for whom it is."""

    name = TextField("Name of the view")
    for_everybody = BooleanField("For everybody who sees the people here")
    is_default = BooleanField("Open the table with it")


@area.page("/<uuid:organisation>/people/views", allow=SAVE_VIEWS)
def people_views(actor: Actor) -> ResponseReturnValue:
    """Show the views that the actor has; one that asks for a team or a field which is not there leads nowhere."""
    views = domain.of(actor)
    of_use = view_tabs.seen(views, oversight.teams_of(actor), profile_fields.of(actor.organisation.id))
    listed = [(view, _address(actor, view) if view in of_use else None) for view in views]
    return page("people_views", actor, "people", views=listed)


@area.page("/<uuid:organisation>/people/views/new", allow=SAVE_VIEWS)
def new_people_view(actor: Actor) -> ResponseReturnValue:
    """Ask under which name to keep what the table is asked for."""
    return _new_page(actor, ViewForm(formdata=None))


@area.action("/<uuid:organisation>/people/views", allow=SAVE_VIEWS)
def save_people_view(actor: Actor) -> ResponseReturnValue:
    """Keep what the table is asked for under a name."""
    form, kept = ViewForm(), _kept(actor)
    options = {"for_everybody": form.for_everybody.data, "is_default": form.is_default.data}
    try:
        with transaction():
            saved = domain.save(actor, form.name.data or "", kept, **options)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _new_page(actor, form), refusal.status
    flash(f"{saved.name} stands above the table now.", "success")
    return redirect(_address(actor, saved), 303)


@area.page("/<uuid:organisation>/people/views/<uuid:view>", allow=SAVE_VIEWS)
def people_view(actor: Actor, view: UUID) -> ResponseReturnValue:
    """Show one view: its name, and whether the table opens with it."""
    return _page(actor, view, ViewForm(formdata=None, obj=domain.find(actor, view)))


@area.action("/<uuid:organisation>/people/views/<uuid:view>", allow=SAVE_VIEWS)
def change_people_view(actor: Actor, view: UUID) -> ResponseReturnValue:
    """Give a view another name, and have the table open with it or not."""
    form = ViewForm()
    try:
        with transaction():
            changed = domain.change(actor, view, form.name.data or "", is_default=form.is_default.data)
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _page(actor, view, form), refusal.status
    flash(f"{changed.name} is saved.", "success")
    return redirect(url_for("workspace.people_views", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/people/views/<uuid:view>/remove", allow=SAVE_VIEWS)
def remove_people_view(actor: Actor, view: UUID) -> ResponseReturnValue:
    """Remove a view."""
    with transaction():
        removed = domain.remove(actor, view)
    flash(f"{removed.name} is removed. The people in it stay as they are.", "success")
    return redirect(url_for("workspace.people_views", organisation=actor.organisation.id), 303)


def _kept(actor: Actor) -> dict[str, str]:
    """Give what a view keeps of the address: filters, order and columns."""
    return {name: value for name, value in wishes.address(actor, request.values).items() if name != "view"}


def _address(actor: Actor, view: domain.PeopleView) -> str:
    place: dict[str, Any] = {"organisation": actor.organisation.id}
    return url_for("workspace.people", **place, **view_tabs.address_of(view))


def _new_page(actor: Actor, form: ViewForm) -> str:
    return page("new_people_view", actor, "people", form=form, kept=_kept(actor))


def _page(actor: Actor, view_id: UUID, form: ViewForm) -> str:
    return page("people_view", actor, "people", view=domain.find(actor, view_id), form=form)
