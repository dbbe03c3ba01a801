"""The logos of organisations, each at an address that changes with the picture, so that any cache may keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import make_response

from app.accounts import brands
from app.permissions import ANYONE
from app.web.area import Area

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

area = Area("logos", "/logos")
FOR_EVER = "public, max-age=31536000, immutable"


@area.page("/<uuid:organisation>/<digest>.png", allow=ANYONE)
def logo(organisation: UUID, digest: str) -> ResponseReturnValue:
    """Give the logo of an organisation; whoever was invited sees it before they have an account."""
    response = make_response(brands.logo(organisation, digest))
    response.content_type = "image/png"
    response.headers["Cache-Control"] = FOR_EVER
    return response
