"""The views above the people table: which of them somebody is offered, and with which one the table opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import url_for
from werkzeug.datastructures import MultiDict

from app import roster
from app.accounts import people_views
from app.web.workspace import field_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.accounts.memberships import Actor
    from app.accounts.people_views import PeopleView
    from app.accounts.profile_fields import ProfileField
    from app.accounts.teams import Tree

EVERYONE = "all"


def seen(views: list[PeopleView], tree: Tree, fields: Sequence[ProfileField]) -> list[PeopleView]:
    """Give the views that are of use where there are these teams and fields.

    One of another team would only be refused, and one by a field that is gone would show everybody.
    """
    known = {str(node.team.id) for node in tree.walk()} | {"", roster.NO_TEAM}
    return [view for view in views if str(view.query.get("team", "")) in known and not field_forms.others(view.query, fields)]


def opened(given: MultiDict[str, str], views: list[PeopleView]) -> MultiDict[str, str]:
    """Give what the table is asked for: what stands in its address or, where nothing does, the view with which it opens."""
    default = people_views.default_of(views)
    return MultiDict(address_of(default)) if default is not None and not given else given


def address_of(view: PeopleView) -> dict[str, Any]:
    """Give what stands in the address of the table for a view."""
    return {**view.query, "view": str(view.id)}


def everyone(actor: Actor, views: list[PeopleView]) -> str:
    """Give the address of the table without any view."""
    has_default = people_views.default_of(views) is not None
    return url_for("workspace.people", organisation=actor.organisation.id, view=EVERYONE if has_default else None)


def tabs(actor: Actor, views: list[PeopleView], given: MultiDict[str, str]) -> list[tuple[str, str, bool]]:
    """Give the views as tabs: words, address, and whether it is this one; none where there is no view."""
    if not views:
        return []
    place: dict[str, Any] = {"organisation": actor.organisation.id}
    here = _id(given.get("view", ""))
    found = [(view.name, url_for("workspace.people", **place, **address_of(view)), view.id == here) for view in views]
    return [("Everyone", everyone(actor, views), not any(is_here for _, _, is_here in found)), *found]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
