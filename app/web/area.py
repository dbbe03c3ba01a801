"""An area of the site: its pages and actions, each of which must say who is allowed."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user

from app.accounts import memberships
from app.kernel.errors import Missing, NotAllowed
from app.permissions import Permission, Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.people import Person

Handler = TypeVar("Handler", bound="Callable[..., ResponseReturnValue]")


class Area:
    """A part of the site.

    A route whose permission is for members carries `<uuid:organisation>` in its address, and its handler is given the actor in
    its place: whoever does not belong there is told 404, whoever lacks the role 403.
    """

    def __init__(self, name: str, prefix: str = "") -> None:
        """Name the area; its templates live in the folder of that name."""
        self.blueprint = Blueprint(name, __name__, url_prefix=prefix or None)

    def page(self, rule: str, *, allow: Permission) -> Callable[[Handler], Handler]:
        """Show something at an address; it changes nothing that a customer owns."""
        return self._route(rule, "GET", allow)

    def action(self, rule: str, *, allow: Permission) -> Callable[[Handler], Handler]:
        """Do something when a form is sent to an address."""
        return self._route(rule, "POST", allow)

    def _route(self, rule: str, method: str, allow: Permission) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            @wraps(handler)
            def guarded(**arguments: Any) -> ResponseReturnValue:
                if allow.reach is Reach.ANYONE:
                    return handler(**arguments)
                if not current_user.is_authenticated:
                    return _ask_to_sign_in()
                if allow.reach is Reach.MEMBER:
                    arguments["actor"] = _actor_for(allow, arguments.pop("organisation"))
                elif allow.reach is Reach.OPERATOR and not signed_in_person().is_operator:
                    raise Missing
                return handler(**arguments)

            view = cast("Any", guarded)
            view.allow = allow
            self.blueprint.add_url_rule(rule, view_func=view, methods=[method])
            return handler

        return register


def signed_in_person() -> Person:
    """Give the person who is signed in; only for routes that demand it."""
    person: Person = current_user.person
    return person


def _actor_for(allow: Permission, organisation_id: UUID) -> memberships.Actor:
    """Find the organisation through the person; raises Missing for an outsider, NotAllowed without the role."""
    actor = memberships.actor(signed_in_person(), organisation_id, also_former=allow.also_former)
    if not actor.roles & allow.roles:
        message = f"Your role does not let you {allow.name} here. Ask an owner or an admin of {actor.organisation.name}."
        raise NotAllowed(message)
    return actor


def _ask_to_sign_in() -> ResponseReturnValue:
    """Send a visitor to the sign-in page and, after it, back to the page they asked for."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("membership.sign_in_page", next=wanted), 303)
