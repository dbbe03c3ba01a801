"""Prose: the HTML of the shelf as a page shows it, with addresses in the place of references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import request, url_for
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from flask import Flask

REFERENCE = re.compile(r'(href|src)="(course|guide|picture):([^"]+)"')
HEADING = re.compile(r"<(/?)h([3-5])>")


def prose(html: str, version_id: UUID | None = None, raise_by: int = 0) -> Markup:
    """Give HTML of the shelf, safe since it was loaded; pictures are those of a version, and headings may be raised."""

    def address(match: re.Match[str]) -> str:
        attribute, kind, name = match.groups()
        is_picture = kind == "picture"
        found = url_for("storefront.picture", version=version_id, name=name) if is_picture else _page(kind, name)
        return f'{attribute}="{found}"'

    def heading(match: re.Match[str]) -> str:
        return f"<{match[1]}h{int(match[2]) - raise_by}>"

    html = html.replace("<th>", '<th scope="col">')
    return Markup(HEADING.sub(heading, REFERENCE.sub(address, html)))  # noqa: S704 - cleaned by nh3 when it was loaded


def filled(html: str, facts: Mapping[str, str]) -> Markup:
    """Give HTML of the shelf with facts of the shop in the place of names in braces; an e-mail address becomes a link."""
    for name, fact in facts.items():
        is_address = "@" in fact and " " not in fact
        shown = Markup('<a href="mailto:{0}">{0}</a>').format(fact) if is_address else escape(fact)
        html = html.replace(f"{{{name}}}", shown)
    return prose(html)


def _page(kind: str, slug: str) -> str:
    """Give the address of a course or a guide: in the classroom, that of the same classroom."""
    organisation = (request.view_args or {}).get("organisation")
    if request.blueprint == "classroom" and organisation is not None:
        return url_for(f"classroom.{kind}", organisation=organisation, slug=slug)
    return url_for(f"storefront.{kind}", slug=slug)


def init_app(app: Flask) -> None:
    """Give templates the filters."""
    app.jinja_env.filters.update(prose=prose, filled=filled)
