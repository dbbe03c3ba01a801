"""Consents: pages behind links in mails, where people agree to what others asked, or say no; opening them changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for

from app import merging
from app.accounts import memberships, mergers, organisations
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import Area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("consents", "/consent")


@area.page("/merger/<token>", allow=ANYONE)
def merger(token: str) -> ResponseReturnValue:
    """Ask the holder of an account whether another record is theirs as well."""
    found = mergers.opened(token)
    return render_template(
        "consents/merger.html",
        token=token,
        organisation=organisations.known(found.organisation_id),
        own=memberships.of_organisation(found.organisation_id, found.goes_id),
        hint=mergers.hint_of(memberships.of_organisation(found.organisation_id, found.stays_id)),
        expires_at=found.expires_at,
    )


@area.action("/merger/<token>/confirm", allow=ANYONE)
def confirm_merger(token: str) -> ResponseReturnValue:
    """Put both records together."""
    with transaction():
        found = mergers.opened(token)
        merging.confirm(found)
    flash("Your records are one now. You find everything you have learned under the other one: sign in with that.", "success")
    return redirect(url_for("membership.sign_in_page"), 303)


@area.action("/merger/<token>/decline", allow=ANYONE)
def decline_merger(token: str) -> ResponseReturnValue:
    """Leave both records apart."""
    with transaction():
        merging.decline(mergers.opened(token))
    flash("Nothing was changed. The two records stay apart, and your organisation sees that you said so.", "success")
    return redirect(url_for("membership.sign_in_page"), 303)
