"""The first operator: how whoever starts a new shop gets the account that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from app.accounts import credentials, one_time_links, people, registrations, sign_ins
from app.accounts.one_time_links import Purpose
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.forms import TextField
from app.web.membership import paths, sessions
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class FirstOperatorForm(AccountForm):
    """Who runs the shop."""

    name = TextField("Your name", [InputRequired("Give your name.")])
    address = EmailField("E-mail address", [InputRequired("Give your e-mail address.")])
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])


@area.page("/first-operator/<token>", allow=ANYONE)
def first_operator(token: str) -> ResponseReturnValue:
    """Ask for what the operator's account needs; opening the link changes nothing."""
    one_time_links.opened(Purpose.FIRST_OPERATOR, token)
    return render_template("membership/first_operator.html", form=FirstOperatorForm())


@area.action("/first-operator/<token>", allow=ANYONE)
def open_first_operator(token: str) -> ResponseReturnValue:
    """Make the operator's account, sign them in and take them to the office."""
    form = FirstOperatorForm()
    one_time_links.opened(Purpose.FIRST_OPERATOR, token)
    if form.validate():
        with shown_on(form):
            name, address = people.read_name(form.name.data or ""), people.read_address(form.address.data or "")
            password_hash = credentials.choose(form.password.data or "", name=name, address=address)
            with transaction():
                person = registrations.open_first_operator(token, name, address, password_hash)
                live = sign_ins.begin(person, agent=sessions.agent())
            sessions.start(live)
            return redirect(paths.OFFICE, 303)
    return render_template("membership/first_operator.html", form=form), form.status
