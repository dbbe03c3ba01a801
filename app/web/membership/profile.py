"""The profile: what a person changes about their own account, and where they are signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from app.accounts import (
    address_changes,
    credentials,
    erasures,
    memberships,
    mergers,
    one_time_links,
    password_changes,
    people,
    profile_values,
    sign_ins,
)
from app.accounts.one_time_links import Purpose
from app.kernel.transaction import transaction
from app.permissions import ANYONE, SIGNED_IN
from app.web import field_words
from app.web.area import signed_in_person
from app.web.forms import TextField
from app.web.membership import sessions
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


class NameForm(AccountForm):
    """The name a person goes by."""

    name = TextField("Your name", [InputRequired("Give your name.")])


class PasswordChangeForm(AccountForm):
    """The present password and the one to come."""

    current = PasswordField("Present password", [InputRequired("Give your present password.")])
    password = PasswordField("New password", [InputRequired("Choose a password.")])


class AddressChangeForm(AccountForm):
    """The address to come, and the password as proof."""

    address = EmailField("New e-mail address", [InputRequired("Give the new address.")])
    current = PasswordField("Present password", [InputRequired("Give your present password.")])


@area.page("/profile", allow=SIGNED_IN)
def profile() -> ResponseReturnValue:
    """Show a person's account and where they are signed in."""
    person = signed_in_person()
    return render_template(
        "membership/profile.html",
        sign_ins=sign_ins.of(person.id),
        present=sessions.present(),
        erasure=erasures.open_of(person.id),
        questions=mergers.open_for(person.id),
        known=_known(person.id),
    )


@area.page("/profile/name", allow=SIGNED_IN)
def name_change() -> ResponseReturnValue:
    """Ask for the name."""
    return render_template("membership/name_change.html", form=NameForm(name=signed_in_person().name))


@area.action("/profile/name", allow=SIGNED_IN)
def rename() -> ResponseReturnValue:
    """Change the name."""
    form = NameForm()
    if form.validate():
        with shown_on(form):
            with transaction():
                people.rename(signed_in_person().id, form.name.data or "")
            flash("Your name is changed.", "success")
            return redirect(url_for("membership.profile"), 303)
    return render_template("membership/name_change.html", form=form), form.status


@area.page("/profile/password", allow=SIGNED_IN)
def password_change() -> ResponseReturnValue:
    """Ask for the present password and the new one."""
    return render_template("membership/password_change.html", form=PasswordChangeForm())


@area.action("/profile/password", allow=SIGNED_IN)
def change_password() -> ResponseReturnValue:
    """Change the password and end the other sign-ins."""
    form, person = PasswordChangeForm(), signed_in_person()
    if form.validate():
        with shown_on(form):
            proof = prove(person, form.current.data or "")
            password_hash = credentials.choose(form.password.data or "", name=person.name, address=person.login)
            with transaction():
                password_changes.change(proof, password_hash, keep_id=sessions.present().id)
            flash("Your password is changed, and you are signed out everywhere else.", "success")
            return redirect(url_for("membership.profile"), 303)
    return render_template("membership/password_change.html", form=form), form.status


@area.page("/profile/address", allow=SIGNED_IN)
def address_change() -> ResponseReturnValue:
    """Ask for the new address and the password."""
    return render_template("membership/address_change.html", form=AddressChangeForm())


@area.action("/profile/address", allow=SIGNED_IN)
def ask_address_change() -> ResponseReturnValue:
    """Mail a link to the new address; the answer is the same whether it has an account or not."""
    form = AddressChangeForm()
    if form.validate():
        with shown_on(form):
            address = people.read_address(form.address.data or "")
            proof = prove(signed_in_person(), form.current.data or "")
            with transaction():
                address_changes.ask(proof, address, network=sessions.network())
            flash(f"We have sent a mail to {address}. Open the link in it to move your account there.", "success")
            return redirect(url_for("membership.profile"), 303)
    return render_template("membership/address_change.html", form=form), form.status


@area.page("/change-address/<token>", allow=ANYONE)
def address_confirmation(token: str) -> ResponseReturnValue:
    """Show the button that moves an account to the new address; opening the link changes nothing."""
    link = one_time_links.opened(Purpose.CHANGE_ADDRESS, token)
    return render_template("membership/address_confirmation.html", link=link)


@area.action("/change-address/<token>", allow=ANYONE)
def confirm_address(token: str) -> ResponseReturnValue:
    """Move the account to the new address."""
    with transaction():
        address_changes.confirm(token)
    flash("Your e-mail address is changed. Sign in with the new one from now on.", "success")
    return redirect(url_for("membership.profile"), 303)


@area.action("/profile/sign-ins/<uuid:sign_in>/revoke", allow=SIGNED_IN)
def revoke_sign_in(sign_in: UUID) -> ResponseReturnValue:
    """End one of the person's sign-ins."""
    with transaction():
        sign_ins.revoke(signed_in_person().id, sign_in)
    flash("That device is signed out.", "success")
    return redirect(url_for("membership.profile"), 303)


@area.action("/profile/sign-ins/revoke-others", allow=SIGNED_IN)
def revoke_other_sign_ins() -> ResponseReturnValue:
    """End all of the person's sign-ins but this one."""
    with transaction():
        sign_ins.revoke_others(signed_in_person().id, sessions.present().id)
    flash("You are signed out everywhere else.", "success")
    return redirect(url_for("membership.profile"), 303)


def _known(person_id: UUID) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give what each organisation that a person belongs to keeps in its profile fields about them."""
    known = profile_values.own(person_id)
    return [
        (
            place.organisation.name,
            [(field.name, field_words.written(field, value)) for field, value in known[place.membership.id]],
        )
        for place in memberships.places_of(person_id)
        if place.membership.id in known
    ]


def prove(person: people.Person, password: str) -> sign_ins.Proof:
    """Count a try at the password of who is signed in, then check it."""
    with transaction():
        sign_ins.count_try(person.login, sessions.network())
    return sign_ins.prove_again(person, password)
