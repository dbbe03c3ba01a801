"""Records between organisations: offering one to another organisation, and taking those that others offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for

from app.accounts import oversight
from app.accounts import record_shares as domain
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import ARCHIVE_PEOPLE
from app.web.forms import Form, TextField
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.memberships import Actor


class CodeForm(Form):
    """The code of the other organisation."""

    code = TextField("Code of the other organisation")


@area.page("/<uuid:organisation>/records-from-elsewhere", allow=ARCHIVE_PEOPLE)
def records_from_elsewhere(actor: Actor) -> ResponseReturnValue:
    """Show the code by which others offer records, and what they offer."""
    organisation_id = actor.organisation.id
    return page(
        "records_from_elsewhere",
        actor,
        "people",
        code=domain.code_of(organisation_id),
        offered=domain.offered_to(organisation_id),
    )


@area.action("/<uuid:organisation>/records-from-elsewhere/<uuid:share>/accept", allow=ARCHIVE_PEOPLE)
def accept_record(actor: Actor, share: UUID) -> ResponseReturnValue:
    """Take a record that is offered; it shows once its person shares it."""
    with transaction():
        found = domain.accept(actor, share)
    is_shared = found.state == domain.State.SHARED
    return _to_records(actor, "Taken. It shows on their page." if is_shared else "Taken. It shows once its person shares it.")


@area.action("/<uuid:organisation>/records-from-elsewhere/<uuid:share>/decline", allow=ARCHIVE_PEOPLE)
def decline_record(actor: Actor, share: UUID) -> ResponseReturnValue:
    """Leave a record with who offers it."""
    with transaction():
        domain.decline(actor, share)
    return _to_records(actor, "Declined. The record stays with the other organisation.")


@area.page("/<uuid:organisation>/people/<uuid:membership>/record", allow=ARCHIVE_PEOPLE)
def record_offer(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Ask to which organisation somebody's record is to be offered, and show to which it is."""
    return _offer_page(actor, membership, CodeForm(formdata=None))


@area.action("/<uuid:organisation>/people/<uuid:membership>/record", allow=ARCHIVE_PEOPLE)
def offer_record(actor: Actor, membership: UUID) -> ResponseReturnValue:
    """Offer somebody's record to another organisation; they and it have to agree."""
    form = CodeForm()
    try:
        with transaction():
            domain.offer(actor, membership, form.code.data or "")
    except (Conflict, Invalid) as refusal:
        form.refuse(refusal)
        return _offer_page(actor, membership, form), refusal.status
    flash("Offered. It is shared once both the person and the other organisation agree.", "success")
    return redirect(url_for("workspace.record_offer", organisation=actor.organisation.id, membership=membership), 303)


@area.action("/<uuid:organisation>/record-offers/<uuid:share>/withdraw", allow=ARCHIVE_PEOPLE)
def withdraw_record(actor: Actor, share: UUID) -> ResponseReturnValue:
    """Take an offer back that is not shared yet."""
    with transaction():
        found = domain.withdraw(actor, share)
    flash("The offer is taken back.", "success")
    return redirect(url_for("workspace.record_offer", organisation=actor.organisation.id, membership=found.membership_id), 303)


def _offer_page(actor: Actor, membership: UUID, form: CodeForm) -> str:
    member = oversight.member(actor, membership)
    return page("record_offer", actor, "people", member=member, form=form, shares=domain.of_member(member))


def _to_records(actor: Actor, message: str) -> Response:
    flash(message, "success")
    return redirect(url_for("workspace.records_from_elsewhere", organisation=actor.organisation.id), 303)
