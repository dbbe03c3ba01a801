"""The area to which every page of the storefront belongs."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from app.web.area import Area
from app.web.context import brings_cookies

if TYPE_CHECKING:
    from flask import Response

area = Area("storefront")


@area.blueprint.after_request
def offer(response: Response) -> Response:
    """Let anyone keep a page that was made for nobody in particular, and ask each time whether it is still so."""
    if response.status_code == HTTPStatus.OK and not brings_cookies() and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "public, no-cache"
        response.vary.add("Cookie")
    return response
