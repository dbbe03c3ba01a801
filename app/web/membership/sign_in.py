"""Signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, url_for
from flask_login import current_user
from wtforms import BooleanField, HiddenField, PasswordField
from wtforms.validators import InputRequired

from app.accounts import people, sign_ins
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import signed_in_person
from app.web.forms import TextField
from app.web.membership import paths, sessions
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


class SignInForm(AccountForm):
    """What a person gives to come in."""

    address = TextField("E-mail address or user name", [InputRequired("Give your e-mail address or user name.")])
    password = PasswordField("Password", [InputRequired("Give your password.")])
    keep = BooleanField("Keep me signed in on this device for 30 days")
    next = HiddenField()


@area.page("/sign-in", allow=ANYONE)
def sign_in_page() -> ResponseReturnValue:
    """Ask for address or user name, and password; whoever is signed in goes on."""
    if current_user.is_authenticated:
        return redirect(paths.after_sign_in(signed_in_person(), paths.wanted()), 303)
    return render_template("membership/sign_in_page.html", form=SignInForm(next=paths.wanted()))


@area.action("/sign-in", allow=ANYONE)
def sign_in() -> ResponseReturnValue:
    """Sign a person in; the try is counted before the password is checked."""
    form = SignInForm()
    if form.validate():
        with shown_on(form):
            login = people.read_login(form.address.data or "")
            with transaction():
                sign_ins.count_try(login, sessions.network())
            proof = sign_ins.prove(login, form.password.data or "")
            with transaction():
                live = sign_ins.begin_with(proof, network=sessions.network(), agent=sessions.agent(), keep=form.keep.data)
            sessions.start(live)
            return redirect(paths.after_sign_in(live.person, form.next.data), 303)
    return render_template("membership/sign_in_page.html", form=form), form.status


@area.action("/sign-out", allow=ANYONE)
def sign_out() -> ResponseReturnValue:
    """End the sign-in of this browser; whoever was signed out already arrives at the same place."""
    if current_user.is_authenticated:
        with transaction():
            sign_ins.end(sessions.present().id)
    sessions.end()
    return redirect(url_for("membership.signed_out"), 303)


@area.page("/signed-out", allow=ANYONE)
def signed_out() -> ResponseReturnValue:
    """Say that nobody is signed in here any more."""
    return render_template("membership/signed_out.html")
