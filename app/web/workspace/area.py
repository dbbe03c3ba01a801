"""The area that all pages of the workspace share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from app.web import navigation
from app.web.area import Area

if TYPE_CHECKING:
    from app.accounts.memberships import Actor

area = Area("workspace", "/workspace")


def page(template: str, actor: Actor, here: str, **context: object) -> str:
    """Render a page of the workspace with its place in the navigation."""
    return render_template(f"workspace/{template}.html", actor=actor, nav=navigation.workspace(actor), here=here, **context)
