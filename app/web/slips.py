"""The page for people with a joining slip: user name and PIN, and a password of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app import slips
from app.accounts import credentials, joining_slips, people, sign_ins
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import Area
from app.web.forms import Form, TextField
from app.web.membership import sessions

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("slips", "/slip")
LONGEST = 60


class SlipForm(Form):
    """What stands on a slip, and the password that takes the PIN's place."""

    user_name = TextField("User name", [InputRequired("Give the user name on your slip.")])
    pin = TextField("PIN", [InputRequired("Give the PIN on your slip.")])
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])


@area.page("", allow=ANYONE)
def slip() -> ResponseReturnValue:
    """Ask for what stands on the slip; the QR code on it fills the user name in."""
    return _page(SlipForm(formdata=None, user_name=request.args.get("name", "")[:LONGEST]))


@area.action("", allow=ANYONE)
def use_slip() -> ResponseReturnValue:
    """Set the password, let whoever was invited join, and sign them in; the try is counted before the PIN is compared."""
    form = SlipForm()
    if not form.validate():
        return _page(form), Invalid.status
    try:
        user_name, password = people.read_login(form.user_name.data or ""), form.password.data or ""
        credentials.check_choice(password, name=user_name.replace(".", ""), address=user_name)
        with transaction():
            claim = joining_slips.count_try(user_name, sessions.network())
        proved = joining_slips.demand_pin(claim, form.pin.data or "")
        password_hash = credentials.hash_password(password)
        with transaction():
            member, person = slips.open_with(proved, password_hash)
            live = sign_ins.begin(person, agent=sessions.agent())
    except (Conflict, Invalid, NotAllowed) as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    sessions.start(live)
    flash("Welcome. From now on you sign in with your user name and the password that you chose.", "success")
    return redirect(url_for("classroom.my_learning", organisation=member.organisation_id), 303)


def _page(form: SlipForm) -> str:
    return render_template("slips/slip.html", form=form)
