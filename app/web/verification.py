"""Checking a certificate: anybody with its number sees whether it is genuine and where it stands, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, request, url_for

from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import Area
from app.web.forms import Form, TextField
from app.web.membership import sessions
from catalog.learning import certificate_numbers, certificates

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("verification", "/verify")


class NumberForm(Form):
    """The number of a certificate, as somebody types it."""

    number = TextField("Certificate number")


@area.page("", allow=ANYONE)
def search() -> ResponseReturnValue:
    """Ask for a number, and lead to the page of that number."""
    typed = request.args.get("number", "").strip()
    if not typed:
        return render_template("verification/search.html", form=_form(""), is_unknown=False)
    try:
        number = certificate_numbers.read(typed)
    except Invalid as refusal:
        return _refused(typed, refusal)
    return redirect(url_for("verification.certificate", number=number), 303)


@area.page("/<number>", allow=ANYONE)
def certificate(number: str) -> ResponseReturnValue:
    """Show whether the certificate with a number is genuine; asking for numbers that do not exist is limited."""
    try:
        read = certificate_numbers.read(number)
    except Invalid as refusal:
        return _refused(number, refusal)
    if read != number:
        return redirect(url_for("verification.certificate", number=read), 303)
    try:
        held = certificates.of_number(number)
    except Missing as refusal:
        with transaction():
            certificates.count_guess(sessions.network())
        return render_template("verification/search.html", form=_form(number), is_unknown=True), refusal.status
    return render_template("verification/certificate.html", held=held)


def _form(typed: str) -> NumberForm:
    """Make the form; it only asks, so it needs no token, and a stranger needs no cookie for it."""
    return NumberForm(formdata=None, meta={"csrf": False}, number=typed)


def _refused(typed: str, refusal: Invalid) -> ResponseReturnValue:
    form = _form(typed)
    form.refuse(refusal)
    return render_template("verification/search.html", form=form, is_unknown=False), refusal.status
