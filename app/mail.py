"""The mail: what stands in the outbox is rendered from its template and sent, each mail by itself, so that none stops another."""

from __future__ import annotations

import smtplib
import ssl
import time
import traceback
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import unquote, urlsplit

import structlog
from flask import current_app

from app import letters, mail_looks, mail_sorting
from app.kernel import clock, outbox
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail
from app.kernel.transaction import transaction

if TYPE_CHECKING:
    from uuid import UUID

    from app.letters import Facts, Rendered
    from app.settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 15
# A worker stops well before its lease ends, because another one then takes the mails it has not come to.
STOP_AFTER_SECONDS = outbox.LEASE.total_seconds() / 2
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it was taken from the outbox."""

    id: UUID
    kind: str
    address: str
    facts: Facts
    organisation_id: UUID | None = None


class Carrier(Protocol):
    """Whoever takes a rendered mail to its address and marks it as sent."""

    def carry(self, letter: Letter, rendered: Rendered) -> None:
        """Take one mail; raises whatever goes wrong."""

    def close(self) -> None:
        """Put down what was opened."""


def send_due() -> int:
    """Send what is due, batch by batch, and give how many were tried; one that fails waits for later. The sweep of the outbox."""
    stop_at = time.monotonic() + STOP_AFTER_SECONDS
    carrier = _carrier()
    tried = 0
    try:
        while batch := _take(stop_at):
            tried += _send_each(carrier, batch, stop_at)
    finally:
        carrier.close()
    return tried


def _send_each(carrier: Carrier, batch: list[Letter], stop_at: float) -> int:
    """Send the mails of one batch until it is time to stop, and give how many were tried."""
    for tried, letter in enumerate(batch):
        if time.monotonic() > stop_at:
            log.warning("mail is slow", left=len(batch) - tried)
            return tried
        _send(carrier, letter)
    return len(batch)


def _take(stop_at: float) -> list[Letter]:
    """Take mails that go out now; those that rest, are not wanted or become one with others are sorted out on the way."""
    while time.monotonic() < stop_at:
        with transaction():
            outbox.release()
            leased = outbox.lease_due()
            going = mail_sorting.sort(leased)
        if going or not leased:
            return [Letter(mail.id, mail.kind, mail.address, mail.facts, mail.organisation_id) for mail in going]
    return []


def _send(carrier: Carrier, letter: Letter) -> None:
    """Render and carry one mail; whatever goes wrong is logged and kept with it, without what it says, which names people."""
    try:
        carrier.carry(letter, letters.render_mail(letter.id, letter.kind, letter.facts, letter.organisation_id))
    except Exception as error:  # noqa: BLE001 - one mail stops no other
        said = _class_and_code(error)
        stack = "".join(traceback.format_tb(error.__traceback__))
        log.error("mail failed", mail=str(letter.id), kind=letter.kind, error=said, stack=stack)  # noqa: TRY400 - the same reason
        with transaction():
            outbox.mark_failed(letter.id, said)


def _class_and_code(error: Exception) -> str:
    """Give the class of an error and, from a mail server, the number it answered with."""
    codes = {code for code, _ in error.recipients.values()} if isinstance(error, smtplib.SMTPRecipientsRefused) else set()
    if isinstance(error, smtplib.SMTPResponseException):
        codes = {error.smtp_code}
    return " ".join([type(error).__name__, *(str(code) for code in sorted(codes))])


class _Mailbox:
    """The sandbox's carrier: mails stay in the shop, where the mailbox page shows them."""

    def carry(self, letter: Letter, rendered: Rendered) -> None:
        """Put the mail into the mailbox and mark it as sent, in one transaction."""
        with transaction():
            if outbox.mark_sent(letter.id):
                delivered = DeliveredMail(
                    id=letter.id,
                    sent_at=clock.now(),
                    address=letter.address,
                    subject=rendered.subject,
                    text=rendered.text,
                    html=rendered.html,
                )
                db.session.add(delivered)

    def close(self) -> None:
        """Nothing is open."""


class _MailServer:
    """The carrier for real mail: one connection to the mail server, opened when it is needed and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: smtplib.SMTP | None = None

    def carry(self, letter: Letter, rendered: Rendered) -> None:
        """Send the mail, then mark it as sent; its Message-ID is always the same, so a repeated one can be recognised."""
        message = compose(letter, rendered, self._settings)
        try:
            if self._connection is None:
                self._connection = _connect(self._settings.mail_url or "")
            self._connection.send_message(message)
        except Exception:
            self.close()
            raise
        with transaction():
            outbox.mark_sent(letter.id)

    def close(self) -> None:
        """Leave the mail server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def compose(letter: Letter, rendered: Rendered, settings: Settings) -> EmailMessage:
    """Write a mail as it goes over the wire; raises ValueError for a header that would hold a second line."""
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = rendered.subject
    sender = parseaddr(settings.mail_from)[1]
    message["From"] = Address(rendered.look.sender, addr_spec=sender) if rendered.look.sender else settings.mail_from
    message["To"] = letter.address
    message["Date"] = format_datetime(clock.real_now())
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2] or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    if rendered.unsubscribe_url:
        # RFC 8058: whoever reads mails can stop these with one press, without opening a page.
        message["List-Unsubscribe"] = f"<{rendered.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    if rendered.look.logo:
        page = cast("list[EmailMessage]", message.get_payload())[1]
        page.add_related(rendered.look.logo, "image", "png", cid=f"<{mail_looks.LOGO}>", disposition="inline")
    for attachment in rendered.attachments:
        message.add_attachment(attachment.pdf, maintype="application", subtype="pdf", filename=attachment.name)
    return message


def _connect(mail_url: str) -> smtplib.SMTP:
    """Open a connection to the mail server, encrypted unless it is on this very machine."""
    parts = urlsplit(mail_url)
    host = parts.hostname or ""
    secure = ssl.create_default_context()
    if parts.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=secure)
    else:
        connection = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_SECONDS)
    try:
        connection.ehlo()
        if parts.scheme == "smtp" and (host not in LOOPBACK or connection.has_extn("starttls")):
            connection.starttls(context=secure)
        if parts.username:
            connection.login(unquote(parts.username), unquote(parts.password or ""))
    except Exception:
        connection.close()
        raise
    return connection


def _carrier() -> Carrier:
    settings = _settings()
    return _MailServer(settings) if settings.mail_url else _Mailbox()


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
