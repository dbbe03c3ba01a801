"""The sandbox's own pages, where no money moves: a clock that can be moved, what can go wrong, and a mailbox with every mail."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from flask import current_app, flash, redirect, render_template, request, send_file, url_for

from app import letters, mail_looks
from app.kernel import clock, outbox
from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web import lone_mail, wiring
from app.web.area import Area

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.letters import Attachment
    from billing.sandbox.controls import Controls

area = Area("sandbox", "/sandbox")

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
# What can happen to the provider's messages, by the names that the payment sandbox has for it.
TROUBLES = {
    "duplicate": ("Arrive twice", "Each message is sent again right after it arrived."),
    "reorder": ("Arrive in the wrong order", "Messages gather for three seconds; then the newest leaves first."),
    "delay": ("Arrive late", "Each message waits a minute."),
    "drop": ("Get lost", "No message arrives, and none is sent again. Reconciling puts everything right."),
    "fail_once": ("Fail at first", "The first try of each message fails, and the next one a second later does not."),
}


@area.page("/", allow=ANYONE)
def control() -> ResponseReturnValue:
    """Show the clock with the buttons that move it, who pays, what was paid, and what happens to messages on their way."""
    controls = _controls()
    return render_template(
        "sandbox/control.html",
        present=clock.now(),
        steps=list(STEPS),
        payers=controls.payers(),
        payments=controls.payments(),
        troubles=TROUBLES,
        chosen=controls.troubles(),
    )


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


@area.action("/payers/<payer>/fail", allow=ANYONE)
def fail_next_payment(payer: str) -> ResponseReturnValue:
    """Have the next payment of an organisation declined."""
    with _or_missing():
        _controls().fail_next_payment(payer)
    flash("Their next payment will be declined, once.", "success")
    return redirect(url_for("sandbox.control"), 303)


@area.action("/payers/<payer>/block-invoice", allow=ANYONE)
def block_next_invoice(payer: str) -> ResponseReturnValue:
    """Have the next renewal's invoice of an organisation not be issued."""
    with _or_missing():
        _controls().block_next_invoice(payer)
    flash("The invoice of their next renewal will not be issued, once.", "success")
    return redirect(url_for("sandbox.control"), 303)


@area.action("/payments/<payment>/dispute", allow=ANYONE)
def open_dispute(payment: str) -> ResponseReturnValue:
    """Have the cardholder dispute a payment."""
    with _or_missing():
        _controls().open_dispute(payment)
    flash("The payment is disputed. The shop hears of it in a moment.", "success")
    return redirect(url_for("sandbox.control"), 303)


@area.action("/disputes/<dispute>/close", allow=ANYONE)
def close_dispute(dispute: str) -> ResponseReturnValue:
    """Have the bank decide a dispute."""
    is_won = request.form.get("outcome") == "won"
    if not is_won and request.form.get("outcome") != "lost":
        raise Invalid("Choose how the dispute ends: won or lost.")
    with _or_missing():
        _controls().close_dispute(dispute, is_won=is_won)
    flash("The dispute is won." if is_won else "The dispute is lost, and the money is gone.", "success")
    return redirect(url_for("sandbox.control"), 303)


@area.action("/messages", allow=ANYONE)
def trouble_messages() -> ResponseReturnValue:
    """Choose what happens to the provider's messages on their way; nothing chosen is as it should be."""
    chosen = set() if "reset" in request.form else set(request.form.getlist("trouble"))
    _controls().set_troubles(chosen)
    flash("Messages travel as you have chosen." if chosen else "Messages arrive once, in order and at once.", "success")
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
    written = outbox.known(mail)
    return lone_mail.page(outbox.delivered_mail(mail).html, mail_looks.of(written.kind, written.organisation_id))


def _controls() -> Controls:
    controls: Controls = current_app.extensions["sandbox"].controls
    return controls


@contextmanager
def _or_missing() -> Iterator[None]:
    """Answer as for any address that leads nowhere when the payment sandbox does not know what is meant."""
    try:
        yield
    except KeyError as error:
        raise Missing from error
