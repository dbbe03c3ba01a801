"""Whether the shop is alive and ready, for whoever watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import jsonify

from app.kernel import schema
from app.kernel.errors import Unavailable
from app.permissions import ANYONE
from app.web.area import Area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("health")


@area.page("/healthz", allow=ANYONE)
def alive() -> ResponseReturnValue:
    """Say that the process answers."""
    return jsonify(status="alive")


@area.page("/readyz", allow=ANYONE)
def ready() -> ResponseReturnValue:
    """Say whether the database answers and has the migrations of this version."""
    try:
        schema.check()
    except Unavailable as refusal:
        return jsonify(status="not ready", why=refusal.message), 503
    return jsonify(status="ready")
