"""Mails I get: how often each kind of mail comes that is not necessary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from wtforms import SelectField

from app.accounts import mail_choices
from app.accounts.mail_choices import Choice, Topic
from app.kernel.transaction import transaction
from app.permissions import SIGNED_IN
from app.web import topic_words
from app.web.area import signed_in_person
from app.web.membership.refusals import AccountForm
from app.web.membership.routes import area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def _switch(topic: Topic) -> SelectField:
    choices = {choice.value: topic_words.CHOICES[choice] for choice in mail_choices.OFFERED[topic]}
    return SelectField(topic_words.TOPICS[topic][0], choices=choices)


class MailsForm(AccountForm):
    """How often the mails of each topic come."""

    notices = _switch(Topic.NOTICES)
    courses = _switch(Topic.COURSES)
    reminders = _switch(Topic.REMINDERS)


@area.page("/profile/mails", allow=SIGNED_IN)
def mails_i_get() -> ResponseReturnValue:
    """Show a switch for each kind of mail that is not necessary."""
    chosen = mail_choices.of_address(signed_in_person().address_key or "")
    return _page(MailsForm(formdata=None, data={topic.value: choice.value for topic, choice in chosen.items()}))


@area.action("/profile/mails", allow=SIGNED_IN)
def choose_mails() -> ResponseReturnValue:
    """Keep how often each kind of mail comes."""
    form = MailsForm()
    if not form.validate():
        return _page(form), form.status
    with transaction():
        wanted = {topic: Choice(form[topic.value].data) for topic in Topic}
        mail_choices.choose_for_person(signed_in_person(), wanted)
    flash("Saved. Mails come like this from now on.", "success")
    return redirect(url_for("membership.mails_i_get"), 303)


def _page(form: MailsForm) -> str:
    hints = {topic.value: words[1] for topic, words in topic_words.TOPICS.items()}
    return render_template("membership/mails_i_get.html", form=form, hints=hints)
