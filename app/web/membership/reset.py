"""Choosing a new password when the old one is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from app.accounts import one_time_links, password_changes, people
from app.accounts.one_time_links import Purpose
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.membership import sessions
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class ForgottenForm(AccountForm):
    """The address whose password is forgotten."""

    address = EmailField("E-mail address", [InputRequired("Give your e-mail address.")])


class NewPasswordForm(AccountForm):
    """The password that takes its place."""

    password = PasswordField("New password", [InputRequired("Choose a password.")])


@area.page("/reset-password", allow=ANYONE)
def forgotten_password() -> ResponseReturnValue:
    """Ask for the address to which the link is to be mailed."""
    return render_template("membership/forgotten_password.html", form=ForgottenForm())


@area.action("/reset-password", allow=ANYONE)
def ask_for_reset() -> ResponseReturnValue:
    """Mail a link; the answer is the same whether the address has an account or not."""
    form = ForgottenForm()
    if form.validate():
        with shown_on(form):
            address = people.read_address(form.address.data or "")
            with transaction():
                password_changes.ask_for_reset(address, network=sessions.network())
            return redirect(url_for("membership.reset_sent"), 303)
    return render_template("membership/forgotten_password.html", form=form), form.status


@area.page("/reset-password/sent", allow=ANYONE)
def reset_sent() -> ResponseReturnValue:
    """Say to look for the mail."""
    return render_template("membership/reset_sent.html")


@area.page("/reset-password/<token>", allow=ANYONE)
def new_password(token: str) -> ResponseReturnValue:
    """Ask for the new password; opening the link changes nothing."""
    one_time_links.opened(Purpose.RESET_PASSWORD, token)
    return render_template("membership/new_password.html", form=NewPasswordForm())


@area.action("/reset-password/<token>", allow=ANYONE)
def reset_password(token: str) -> ResponseReturnValue:
    """Set the new password and end every sign-in."""
    form = NewPasswordForm()
    if form.validate():
        with shown_on(form):
            password_hash = password_changes.choose_for(token, form.password.data or "")
            with transaction():
                password_changes.reset(token, password_hash)
            flash("Your password is changed. Sign in with the new one.", "success")
            return redirect(url_for("membership.sign_in_page"), 303)
    one_time_links.opened(Purpose.RESET_PASSWORD, token)
    return render_template("membership/new_password.html", form=form), form.status
