"""Certificates for the operator: found by their number, seen as anybody sees them, and revoked with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from wtforms import BooleanField, TextAreaField

from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation
from app.web.area import signed_in_person
from app.web.forms import Form, TextField, trimmed
from app.web.office.area import area
from catalog.learning import certificate_numbers, certificates

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

UNSURE = "Tick this once you are sure: a revocation cannot be taken back."


class NumberForm(Form):
    """The number of a certificate to look for."""

    number = TextField("Certificate number")


class RevocationForm(Form):
    """Why a certificate is revoked, and that this is meant."""

    because = TextAreaField("Why it is revoked", filters=[trimmed])
    is_sure = BooleanField("This is the certificate I mean, and I know that it stays revoked")


@area.page("/certificates", allow=RUN_THE_SHOP)
def certificates_page() -> ResponseReturnValue:
    """Ask for the number of a certificate, and lead to it."""
    form = NumberForm(formdata=request.args, meta={"csrf": False})
    status = 200
    if form.number.data:
        try:
            number = certificate_numbers.read(form.number.data)
            certificates.of_number(number)
        except (Invalid, Missing) as refusal:
            form.number.errors = [refusal.message]
            status = refusal.status
        else:
            return redirect(url_for("office.certificate", number=number), 303)
    return render_template("office/certificates.html", nav=navigation.office(), here="certificates", form=form), status


@area.page("/certificates/<number>", allow=RUN_THE_SHOP)
def certificate(number: str) -> ResponseReturnValue:
    """Show a certificate with the way to revoke it."""
    return _page(number, RevocationForm(formdata=None))


@area.action("/certificates/<number>/revoke", allow=RUN_THE_SHOP)
def revoke_certificate(number: str) -> ResponseReturnValue:
    """Revoke a certificate for good, with a reason that is kept."""
    form = RevocationForm()
    if not form.is_sure.data:
        form.refuse(Invalid(UNSURE, field="is_sure"))
        return _page(number, form), Invalid.status
    try:
        with transaction():
            certificates.revoke(number, form.because.data or "", by=signed_in_person().id)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(number, form), refusal.status
    flash("The certificate is revoked. Whoever checks it is told so from now on.", "success")
    return redirect(url_for("office.certificate", number=number), 303)


def _page(number: str, form: RevocationForm) -> str:
    held = certificates.of_number(number)
    return render_template("office/certificate.html", nav=navigation.office(), here="certificates", held=held, form=form)
