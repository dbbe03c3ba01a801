"""Registering: the form, the page that says to check one's mail, and the link in that mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, url_for
from flask_login import current_user
from wtforms import EmailField, HiddenField, PasswordField, RadioField
from wtforms.validators import InputRequired

from app.accounts import credentials, registrations, sign_ins
from app.accounts.organisations import Kind
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import signed_in_person
from app.web.forms import TextField
from app.web.membership import paths, sessions
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

JOINING = "joining"
KINDS = {
    Kind.ORGANISATION.value: "For my organisation",
    Kind.INDIVIDUAL.value: "Just for me",
    JOINING: "To join one that is here already",
}


class RegistrationForm(AccountForm):
    """What a visitor gives to have an account."""

    name = TextField("Your name", [InputRequired("Give your name.")])
    address = EmailField("E-mail address", [InputRequired("Give your e-mail address.")])
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])
    kind = RadioField("Who is it for?", [InputRequired("Say who it is for.")], choices=KINDS, default=Kind.ORGANISATION.value)
    organisation_name = TextField("Name of your organisation")
    next = HiddenField()

    def wish(self) -> registrations.Wish:
        """Read what was given; raises Invalid with the field to mend."""
        if self.kind.data == JOINING:
            return registrations.read_joiner(name=self.name.data or "", address=self.address.data or "")
        return registrations.read(
            name=self.name.data or "",
            address=self.address.data or "",
            kind=Kind(self.kind.data),
            organisation_name=self.organisation_name.data or "",
        )


@area.page("/register", allow=ANYONE)
def registration() -> ResponseReturnValue:
    """Ask for what an account needs; whoever has one and is signed in goes on."""
    if current_user.is_authenticated:
        return redirect(paths.after_sign_in(signed_in_person(), paths.wanted()), 303)
    return render_template("membership/registration.html", form=RegistrationForm(next=paths.wanted()))


@area.action("/register", allow=ANYONE)
def register() -> ResponseReturnValue:
    """Mail a link to the address; the answer is the same whether it has an account or not, or asks too often."""
    form = RegistrationForm()
    if form.validate():
        with shown_on(form):
            wish = form.wish()
            credentials.check_choice(form.password.data or "", name=wish.name, address=wish.address)
            with transaction():
                may_ask = registrations.count_try(sessions.network())
            if may_ask:
                password_hash = credentials.hash_password(form.password.data or "")
                with transaction():
                    registrations.ask(wish, password_hash, network=sessions.network(), next_path=paths.same_site(form.next.data))
            return redirect(url_for("membership.registration_sent"), 303)
    return render_template("membership/registration.html", form=form), form.status


@area.page("/register/sent", allow=ANYONE)
def registration_sent() -> ResponseReturnValue:
    """Say to look for the mail."""
    return render_template("membership/registration_sent.html")


@area.page("/register/<token>", allow=ANYONE)
def registration_confirmation(token: str) -> ResponseReturnValue:
    """Show the button that confirms an address; opening the link changes nothing."""
    return render_template("membership/registration_confirmation.html", registration=registrations.opened(token))


@area.action("/register/<token>", allow=ANYONE)
def confirm_registration(token: str) -> ResponseReturnValue:
    """Make the account, sign its person in and take them to what they came for."""
    with transaction():
        person, wanted = registrations.confirm(token)
        live = sign_ins.begin(person, agent=sessions.agent())
    sessions.start(live)
    return redirect(paths.after_sign_in(person, wanted.next_path), 303)
