"""Where a person goes next: back to the page they came for, and never to another site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import request, url_for

from app.accounts import memberships
from app.permissions import SEE_WORKSPACE

if TYPE_CHECKING:
    from app.accounts.people import Person

WORKSPACE = "/workspace/"
OFFICE = "/office/"
CHECKOUT = "/buy"
LONGEST = 500
INTERVALS = ("month", "year")


def same_site(path: str | None) -> str | None:
    """Give a path of this site as it is, and None for whatever a browser might take for another one."""
    if not path or len(path) > LONGEST or not path.isprintable() or " " in path or "\\" in path:
        return None
    if not path.startswith("/") or path.startswith("//"):
        return None
    try:
        parts = urlsplit(path)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else path


def wanted() -> str:
    """Give the page this visitor came for: `next`, or the seats they were about to buy; empty when they came for none."""
    seats, interval = request.args.get("seats", ""), request.args.get("interval", "")
    if re.fullmatch(r"[1-9][0-9]{0,5}", seats) and interval in INTERVALS:
        code = {"code": request.args["code"]} if re.fullmatch(r"[A-Za-z0-9]{3,20}", request.args.get("code", "")) else {}
        return f"{CHECKOUT}?{urlencode({'seats': seats, 'interval': interval, **code})}"
    return same_site(request.args.get("next")) or ""


def after_sign_in(person: Person, path: str | None) -> str:
    """Give the page a person sees after signing in: what they came for, or where they work or learn if that is one place."""
    if wanted_path := same_site(path):
        return wanted_path
    if person.is_operator:
        return OFFICE
    places = memberships.places_of(person.id)
    if len(places) != 1:
        return WORKSPACE
    endpoint = "workspace.today" if places[0].membership.roles & SEE_WORKSPACE.roles else "classroom.my_learning"
    return url_for(endpoint, organisation=places[0].organisation.id)
