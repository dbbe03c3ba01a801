"""The table "who may do what", made from the routes. `python -m tests.house.permission_table` writes docs/permissions.md."""

from __future__ import annotations

import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import factory, permissions, settings
from app.accounts.memberships import Role
from app.permissions import Permission, Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from werkzeug.routing import Rule

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
INTRODUCTION = """# Who may do what

This page is made from the routes: `python -m tests.house.permission_table` writes it again, and a test fails while it is out of
date. Whoever is not signed in is asked to; whoever does not belong to the organisation in the address, or does not run the shop,
is told 404 as if there were nothing; a member without the role is told 403 and whom to ask.

A learner opens lessons only with a seat in use while the subscription runs; owners and admins may look around without one.
"""
WHO = {
    Reach.ANYONE: "anyone",
    Reach.SIGNED_IN: "whoever is signed in",
    Reach.OPERATOR: "the operator",
}


def text(app: Flask) -> str:
    """Write the page for the routes of a shop."""
    return "\n".join([INTRODUCTION, *_roles(), *_routes(app)]) + "\n"


def _roles() -> Iterator[str]:
    """Give the permissions of members by role."""
    yield "## Members of an organisation\n"
    yield f"| | {' | '.join(Role)} |"
    yield f"|---|{'---|' * len(Role)}"
    found = (value for value in vars(permissions).values() if isinstance(value, Permission))
    for permission in found:
        if permission.reach is Reach.MEMBER:
            yield f"| {permission.name} | {' | '.join('yes' if role in permission.roles else 'no' for role in Role)} |"
    yield ""


def _routes(app: Flask) -> Iterator[str]:
    """Give the pages and actions of each area, and who may open or do them."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (_area(rule), rule.rule, rule.endpoint))
    for area, of_area in groupby(rules, key=_area):
        yield f"## {area.replace('_', ' ').capitalize()}{', only where no money moves' if area == 'sandbox' else ''}\n"
        yield "| address | what | who |"
        yield "|---|---|---|"
        for rule in of_area:
            view: Any = app.view_functions[rule.endpoint]
            method = min((rule.methods or set()) - {"HEAD", "OPTIONS"})
            what = (view.__doc__ or "").partition("\n")[0]
            yield f"| {method} `{rule.rule}` | {what} | {_who(view.allow)} |"
        yield ""


def _area(rule: Rule) -> str:
    return str(rule.endpoint.partition(".")[0])


def _who(allow: Permission) -> str:
    if allow.reach is Reach.MEMBER:
        if allow.also_former:
            return "every member, also one who has left"
        return "every member" if allow.roles == set(Role) else ", ".join(role for role in Role if role in allow.roles)
    return WHO[allow.reach]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(text(factory.create_app(settings.from_environment({"LANYARD_DATA": folder}))))


if __name__ == "__main__":
    main()
