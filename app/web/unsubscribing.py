"""The link in each mail that is not necessary: a page with a button that stops such mails; mail programs press it as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, request, url_for

from app import letters, mail_kinds
from app.accounts import mail_choices, people
from app.accounts.mail_choices import Choice
from app.kernel import links, outbox
from app.kernel.errors import Missing
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web import topic_words
from app.web.area import Area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.mail_choices import Topic

area = Area("unsubscribing", "/mails")


@area.page("/<token>", allow=ANYONE)
def fewer_mails(token: str) -> ResponseReturnValue:
    """Show what the button would stop, or that it is stopped; opening the link changes nothing."""
    address, topic = _meant(token)
    is_stopped = mail_choices.of_address(people.address_key(address))[topic] is Choice.NEVER
    words = topic_words.TOPICS[topic]
    return render_template("unsubscribing/fewer_mails.html", token=token, address=address, words=words, is_stopped=is_stopped)


@area.action("/<token>", allow=ANYONE)
def stop_mails(token: str) -> ResponseReturnValue:
    """Stop mails of one topic to one address, pressed by its reader or, with one click, by the program they read mails with."""
    address, topic = _meant(token)
    with transaction():
        mail_choices.choose(people.address_key(address), {topic: Choice.NEVER})
    if "List-Unsubscribe" in request.form:
        return "Done.", 200, {"Content-Type": "text/plain; charset=utf-8"}
    return redirect(url_for("unsubscribing.fewer_mails", token=token), 303)


def _meant(token: str) -> tuple[str, Topic]:
    """Give the reader and the topic of the mail that a link came in; raises Missing for a link that is not ours."""
    written = outbox.known(links.read(letters.UNSUBSCRIBING, token))
    topic = mail_kinds.of(written.kind).topic
    if topic is None:
        raise Missing
    return written.address, topic
