"""The press for joining slips: A4 sheets of eight, typeset when somebody asks and kept nowhere, because they hold PINs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, cast

import segno
from flask import Response, current_app, url_for

from app.kernel import clock
from app.kernel.typesetting import Press
from app.web import context, typefaces, wiring

if TYPE_CHECKING:
    from app.accounts.joining_slips import Printed
    from app.accounts.memberships import Actor
    from app.slips import Sheet

TEMPLATE = Path("documents/slips.typ")
KEPT = "slip_press"


def pdf(actor: Actor, sheet: Sheet) -> bytes:
    """Give the sheets with everybody's slip."""
    site = wiring.settings().url
    facts = {
        "organisation": actor.organisation.name,
        "ask": actor.membership.name,
        "address": f"{site}{url_for('slips.slip')}".partition("://")[2],
        "until": context.day(sheet.expires_at),
        "slips": [_facts(site, slip) for slip in sheet.printed],
    }
    return _of_process().typeset(facts, clock.now(), slips=len(sheet.printed))


def answer(content: bytes) -> Response:
    """Answer with the sheets, which no browser and nobody between may keep."""
    headers = {"Content-Disposition": 'attachment; filename="joining-slips.pdf"', "Cache-Control": "no-store"}
    return Response(content, content_type="application/pdf", headers=headers)


def _of_process() -> Press:
    """Give the press of this process: loading the typefaces takes a moment."""
    if KEPT not in current_app.extensions:
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        current_app.extensions[KEPT] = Press(template, typefaces.for_documents(wiring.settings().data))
    return cast("Press", current_app.extensions[KEPT])


def _facts(site: str, slip: Printed) -> dict[str, str]:
    """Give what one slip says; its QR code leads to the page with the user name filled in and never holds the PIN."""
    drawn = io.BytesIO()
    address = f"{site}{url_for('slips.slip', name=slip.user_name)}"
    segno.make_qr(address, error="m").save(drawn, kind="svg", border=0, dark="#16202e", nl=False)
    pin = f"{slip.pin[:4]} {slip.pin[4:]}"
    return {"name": slip.name, "user_name": slip.user_name, "pin": pin, "qr": drawn.getvalue().decode()}
