"""A person's own data: taking everything away, and having the account deleted after a week in which that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, flash, redirect, render_template, url_for
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app import erasing
from app.accounts import erasures, person_exports
from app.kernel import clock
from app.kernel.errors import Conflict
from app.kernel.transaction import transaction
from app.permissions import SIGNED_IN
from app.web import context, wiring
from app.web.area import signed_in_person
from app.web.membership import profile
from app.web.membership.refusals import AccountForm, shown_on
from app.web.membership.routes import area
from catalog.learning import certificates

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


class DeletionForm(AccountForm):
    """The password as proof."""

    current = PasswordField("Present password", [InputRequired("Give your present password.")])


@area.page("/profile/export", allow=SIGNED_IN)
def export() -> ResponseReturnValue:
    """Show what can be taken away, and what was made."""
    exports = person_exports.of(signed_in_person().id)
    return render_template("membership/export.html", exports=exports, days=person_exports.KEPT.days)


@area.action("/profile/export", allow=SIGNED_IN)
def ask_for_export() -> ResponseReturnValue:
    """Have an export made in the background."""
    try:
        with transaction():
            person_exports.ask(signed_in_person().id)
    except Conflict as refusal:
        flash(refusal.message, "attention")
        return redirect(url_for("membership.export"), 303)
    flash("Your export is being made. It takes a minute or two, and you can leave this page.", "success")
    return redirect(url_for("membership.export"), 303)


@area.page("/profile/exports/<uuid:export_id>.zip", allow=SIGNED_IN)
def exported(export_id: UUID) -> ResponseReturnValue:
    """Give somebody an export of theirs."""
    content = person_exports.content_of(signed_in_person().id, export_id)
    headers = {"Content-Disposition": 'attachment; filename="my-lanyard-data.zip"', "Cache-Control": "no-store"}
    return Response(content, content_type="application/zip", headers=headers)


@area.page("/profile/deletion", allow=SIGNED_IN)
def deletion() -> ResponseReturnValue:
    """Say what goes and what stays, until when; or that it was asked for and can be undone."""
    return _page(DeletionForm())


@area.action("/profile/deletion", allow=SIGNED_IN)
def ask_for_deletion() -> ResponseReturnValue:
    """Have the account deleted in a week."""
    form, person = DeletionForm(), signed_in_person()
    if form.validate():
        with shown_on(form):
            erasing.demand_free(person)
            proof = profile.prove(person, form.current.data or "")
            with transaction():
                asked = erasing.ask(proof)
            flash(f"Your account will be deleted on {context.day(asked.due_at)}. Until then you can undo it here.", "success")
            return redirect(url_for("membership.deletion"), 303)
    return _page(form), form.status


@area.action("/profile/deletion/undo", allow=SIGNED_IN)
def undo_deletion() -> ResponseReturnValue:
    """Keep the account after all."""
    with transaction():
        erasures.undo(signed_in_person().id)
    flash("Undone. Your account stays as it is.", "success")
    return redirect(url_for("membership.profile"), 303)


def _page(form: DeletionForm) -> str:
    person = signed_in_person()
    asked = erasures.open_of(person.id)
    why_not = ""
    try:
        erasing.demand_free(person)
    except Conflict as refusal:
        why_not = refusal.message
    goes_at = asked.due_at if asked else clock.now() + erasures.WAIT
    years = wiring.settings().evidence_years
    return render_template(
        "membership/deletion.html",
        form=form,
        asked=asked,
        why_not=why_not,
        goes_at=goes_at,
        evidence_years=years,
        evidence_until=certificates.months_later(goes_at.date(), certificates.MONTHS_A_YEAR * years),
    )
