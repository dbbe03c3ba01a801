"""The sandbox's own pages, where no money moves: a mailbox with every mail sent, and a clock that can be moved."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from flask import current_app, flash, make_response, redirect, render_template, request, send_file, url_for

from app import letters
from app.kernel import clock, outbox
from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web import wiring
from app.web.area import Area

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.letters import Attachment

area = Area("sandbox", "/sandbox")

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@area.page("/", allow=ANYONE)
def control() -> ResponseReturnValue:
    """Show the clock with the buttons that move it."""
    return render_template("sandbox/control.html", present=clock.now(), steps=list(STEPS))


@area.action("/clock", allow=ANYONE)
def move_clock() -> ResponseReturnValue:
    """Move the clock of the shop and of the payment sandbox forward, and let everything catch up."""
    step = STEPS.get(request.form.get("step", ""))
    if step is None:
        raise Invalid("Choose by how much the clock moves: an hour, a day, a week or a month.")
    with transaction():
        clock.advance(step)
    current_app.extensions["sandbox"].catch_up()
    wiring.jobs().nudge_all()
    flash("The clock has moved.", "success")
    return redirect(url_for("sandbox.control"), 303)


@area.page("/mailbox", allow=ANYONE)
def mailbox() -> ResponseReturnValue:
    """Show every mail sent, newest first."""
    address = request.args.get("to", "").strip()
    return render_template("sandbox/mailbox.html", mails=outbox.delivered(address), address=address)


@area.page("/mailbox/<uuid:mail>", allow=ANYONE)
def mail(mail: UUID) -> ResponseReturnValue:
    """Show one mail as text, with its links to follow."""
    found = outbox.delivered_mail(mail)
    links = [word for word in found.text.split() if word.startswith(wiring.settings().url + "/")]
    return render_template("sandbox/mail.html", mail=found, links=links, attachments=_attachments(mail))


@area.page("/mailbox/<uuid:mail>/attachments/<int:number>", allow=ANYONE)
def attachment(mail: UUID, number: int) -> ResponseReturnValue:
    """Open what went with a mail."""
    found = _attachments(mail)
    if number >= len(found):
        raise Missing
    return send_file(BytesIO(found[number].pdf), mimetype="application/pdf", download_name=found[number].name)


def _attachments(mail: UUID) -> tuple[Attachment, ...]:
    written = outbox.known(mail)
    return letters.attachments(written.kind, written.facts)


@area.page("/mailbox/<uuid:mail>/html", allow=ANYONE)
def mail_as_sent(mail: UUID) -> ResponseReturnValue:
    """Show one mail as its reader sees it, alone on the page and unable to do anything but be read."""
    response = make_response(outbox.delivered_mail(mail).html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response
