"""The mail: every kind is rendered whole, goes out once, and none of them stops another."""

from __future__ import annotations

import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, ClassVar

import pytest
import sqlalchemy as sa
import structlog

from app import factory, letters, mail, settings
from app.accounts import one_time_links, registrations
from app.accounts.one_time_links import OneTimeLink, Purpose
from app.accounts.organisations import Kind
from app.accounts.registrations import Registration
from app.kernel import outbox
from app.kernel.db import db, uuid7
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator


def write(app, kind, address="ruth@example.org", **facts):
    with app.app_context(), transaction():
        outbox.write(kind, address, **facts)


def sweep(app):
    with app.app_context():
        return mail.send_due()


def rows(app, model=DeliveredMail):
    with app.app_context():
        return list(db.session.scalars(sa.select(model).order_by(model.id)))


@pytest.fixture
def facts_of(app, make_person):
    """Give the facts of a mail of each kind, with rows behind them."""
    person_id = make_person("<b>Ruth</b> & Co", "ruth@example.org")
    with app.app_context():
        with transaction():
            wish = registrations.read(name="<i>Eve</i>", address="eve@example.org", kind=Kind.INDIVIDUAL, organisation_name="")
            registrations.ask(wish, "hash", network="n")
            reset = one_time_links.issue(Purpose.RESET_PASSWORD, timedelta(hours=1), person_id=person_id)
            move = one_time_links.issue(Purpose.CHANGE_ADDRESS, timedelta(hours=1), person_id=person_id, address="r@example.net")
        registration = db.session.scalars(sa.select(Registration)).one()
        known = {
            "confirm_registration": {"registration_id": str(registration.id)},
            "reset_password": {"link_id": str(reset.id)},
            "confirm_address": {"link_id": str(move.id)},
            "password_changed": {"person_id": str(person_id)},
            "address_changed": {"person_id": str(person_id)},
        }
    return lambda kind: known.get(kind, {})


KINDS = (
    "confirm_registration",
    "already_registered",
    "reset_password",
    "no_account",
    "password_changed",
    "confirm_address",
    "address_taken",
    "address_changed",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_of_each_kind_has_a_subject_a_text_and_a_page(app, facts_of, kind):
    with app.app_context():
        rendered = letters.render(kind, facts_of(kind))
    assert 10 < len(rendered.subject) < 78
    assert "\n" not in rendered.subject
    assert rendered.text.startswith("Hello")
    assert all(len(line) <= 78 or "http" in line for line in rendered.text.splitlines())
    assert "<h1>" in rendered.html
    assert "{" not in rendered.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_never_markup_in_a_mail(app, facts_of, kind):
    with app.app_context():
        html = letters.render(kind, facts_of(kind)).html
    assert "<b>Ruth" not in html
    assert "<i>Eve" not in html


def test_what_a_stranger_typed_as_a_name_is_not_mailed_to_others(app, facts_of):
    with app.app_context():
        for kind, name in (("confirm_registration", "Eve"), ("confirm_address", "Ruth")):
            rendered = letters.render(kind, facts_of(kind))
            assert name not in rendered.text + rendered.html


def test_links_are_whole_addresses_of_this_shop(app, facts_of):
    with app.app_context():
        rendered = letters.render("reset_password", facts_of("reset_password"))
        link = db.session.scalars(sa.select(OneTimeLink).where(OneTimeLink.purpose == "reset_password")).one()
        wanted = f"http://127.0.0.1:8000/reset-password/{one_time_links.token(link)}"
    assert wanted in rendered.text
    assert f'href="{wanted}"' in rendered.html


def test_a_mail_lands_in_the_mailbox_once(app):
    write(app, "no_account")
    assert [sweep(app), sweep(app)] == [1, 0]
    [delivered] = rows(app)
    assert (delivered.address, delivered.subject) == ("ruth@example.org", "There is no account with this address")
    assert "http://127.0.0.1:8000/register" in delivered.text


def test_a_slow_worker_stops_before_its_lease_ends_and_leaves_the_rest_due(app, monkeypatch):
    write(app, "no_account")
    monkeypatch.setattr(mail, "STOP_AFTER_SECONDS", -1)
    assert sweep(app) == 0
    [row] = rows(app, OutboxMail)
    assert (row.tries, row.sent_at) == (0, None)
    assert row.due_at is not None


def test_workers_at_the_same_moment_send_each_mail_once(app):
    for number in range(12):
        write(app, "no_account", f"person{number}@example.org")
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: sweep(app), range(4))) == 12
    assert len(rows(app)) == 12


def test_a_mail_that_cannot_be_rendered_is_kept_and_stops_no_other(app):
    write(app, "a_kind_nobody_knows")
    write(app, "password_changed", person_id=str(uuid7()))
    write(app, "no_account")
    assert sweep(app) == 3
    assert [delivered.subject for delivered in rows(app)] == ["There is no account with this address"]
    unknown, rowless, sent = rows(app, OutboxMail)
    assert (unknown.tries, unknown.sent_at, unknown.last_error) == (1, None, "KeyError")
    assert unknown.due_at is not None
    assert rowless.last_error.startswith("NoResultFound")
    assert sent.sent_at is not None


class Received(socketserver.StreamRequestHandler):
    """A mail server that keeps what it gets, and refuses an address that begins with no."""

    kept: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """Speak as much SMTP as smtplib does."""
        self.say("220 mail.example")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                lines = []
                while (data := self.rfile.readline()) != b".\r\n":
                    lines.append(data)
                self.kept.append(b"".join(lines))
            if verb == "QUIT":
                return
            self.say("550 no such address" if line.upper().startswith("RCPT TO:<NO") else "250 fine")

    def say(self, line: str) -> None:
        """Answer with a line."""
        self.wfile.write(line.encode() + b"\r\n")


@pytest.fixture
def mail_server() -> Iterator[socketserver.ThreadingTCPServer]:
    """Give a mail server on this machine."""
    Received.kept.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Received) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def make_posting_app(environment):
    """Give a maker of applications that send real mail to a port of this machine."""
    made = []

    def make(port):
        sender = {"LANYARD_MAIL": f"smtp://127.0.0.1:{port}", "LANYARD_MAIL_FROM": "Lanyard <hello@training.example.org>"}
        app = factory.create_app(settings.from_environment({**environment, **sender}))
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        app.extensions["jobs"].close()


def test_a_real_mail_says_who_it_is_from_what_it_is_and_that_no_one_typed_it(make_posting_app, mail_server):
    app = make_posting_app(mail_server.server_address[1])
    write(app, "no_account")
    assert sweep(app) == 1
    [row] = rows(app, OutboxMail)
    assert row.sent_at is not None
    assert rows(app) == []
    message = message_from_bytes(Received.kept[0], policy=policy.default)
    assert message["Subject"] == "There is no account with this address"
    assert message["From"] == "Lanyard <hello@training.example.org>"
    assert message["To"] == "ruth@example.org"
    assert message["Message-ID"] == f"<{row.id}@training.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "/register" in text.get_content()
    assert "<h1>" in html.get_content()


def test_a_refused_address_is_kept_and_the_next_mail_leaves(make_posting_app, mail_server):
    app = make_posting_app(mail_server.server_address[1])
    write(app, "no_account", "nobody@example.org")
    write(app, "no_account", "ruth@example.org")
    assert sweep(app) == 2
    refused, sent = rows(app, OutboxMail)
    assert refused.sent_at is None
    assert refused.last_error == "SMTPRecipientsRefused 550"
    assert sent.sent_at is not None


def test_neither_the_log_nor_the_outbox_says_whose_mail_failed(make_posting_app, mail_server):
    app = make_posting_app(mail_server.server_address[1])
    write(app, "no_account", "nobody@example.org")
    with structlog.testing.capture_logs() as logged:
        sweep(app)
    [entry] = [entry for entry in logged if entry["event"] == "mail failed"]
    assert entry["error"] == "SMTPRecipientsRefused 550"
    assert "send_message" in entry["stack"]
    assert "nobody@" not in str(entry) + str([row.last_error for row in rows(app, OutboxMail)])


def test_a_mail_that_was_sent_meanwhile_is_not_marked_as_failed(app):
    write(app, "no_account")
    [row] = rows(app, OutboxMail)
    with app.app_context(), transaction():
        outbox.mark_sent(row.id)
        outbox.mark_failed(row.id, "TimeoutError")
    [row] = rows(app, OutboxMail)
    assert row.sent_at is not None
    assert (row.tries, row.due_at, row.last_error) == (0, None, None)


def test_a_mail_server_that_is_away_loses_nothing(make_posting_app):
    with socketserver.TCPServer(("127.0.0.1", 0), Received) as server:
        free_port = server.server_address[1]
    app = make_posting_app(free_port)
    write(app, "no_account")
    assert sweep(app) == 1
    [row] = rows(app, OutboxMail)
    assert (row.tries, row.sent_at) == (1, None)
    assert "ConnectionRefusedError" in row.last_error


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("ruth@example.org\nBcc: eve@example.org", "Hello"),
        ("ruth@example.org\r\nBcc: eve@example.org", "Hello"),
        ("ruth@example.org", "Hello\nBcc: eve@example.org"),
        ("ruth@example.org", "Hello\rBcc: eve@example.org"),
    ],
)
def test_no_header_can_be_smuggled_in(app, address, subject):
    letter = mail.Letter(uuid7(), "no_account", address, {})
    with pytest.raises(ValueError, match="linefeed or carriage return"):
        mail.compose(letter, letters.Rendered(subject, "text", "html"), app.config["SETTINGS"])


def test_a_name_with_a_second_line_makes_no_header(app, make_person):
    person_id = make_person("Ruth\nBcc: eve@example.org", "ruth@example.org")
    with app.app_context():
        rendered = letters.render("password_changed", {"person_id": str(person_id)})
        letter = mail.Letter(uuid7(), "password_changed", "ruth@example.org", {})
        message = mail.compose(letter, rendered, app.config["SETTINGS"])
    assert message["Bcc"] is None
    assert rendered.subject == "Your password was changed"
