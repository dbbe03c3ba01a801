"""Where the payment provider's messages arrive: verified, stored, answered; everything else happens afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import request

from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web import wiring
from app.web.area import Area
from billing import events

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("hooks", "/hooks")
log = structlog.get_logger(__name__)


@area.action("/stripe", allow=ANYONE)
def receive_event() -> ResponseReturnValue:
    """Store a signed event once; a second copy of it is answered just the same."""
    gateway = wiring.gateway()
    event = gateway.event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    if event.api_version != gateway.api_version:
        log.error("wrong API version", event_id=event.id, found=event.api_version, wanted=gateway.api_version)
    with transaction():
        is_new = events.store(event)
    return {"received": True, "new": is_new}
