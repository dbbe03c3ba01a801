"""Records that a person shares between organisations: each is asked about, and ends when they want it to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for

from app.accounts import record_shares
from app.kernel.transaction import transaction
from app.permissions import SIGNED_IN
from app.web.area import signed_in_person
from app.web.membership.routes import area

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@area.page("/profile/records", allow=SIGNED_IN)
def shared_records() -> ResponseReturnValue:
    """Show which organisation asks to show a record to which other one, and what is shared."""
    return render_template("membership/shared_records.html", shares=record_shares.of_person(signed_in_person().id))


@area.action("/profile/records/<uuid:share>/share", allow=SIGNED_IN)
def share_record(share: UUID) -> ResponseReturnValue:
    """Share one's own record with the organisation it is offered to."""
    with transaction():
        found = record_shares.agree(signed_in_person().id, share)
    is_shared = found.state == record_shares.State.SHARED
    flash(
        "Your record is shared." if is_shared else "Agreed. It is shared as soon as the other organisation takes it.", "success"
    )
    return redirect(url_for("membership.shared_records"), 303)


@area.action("/profile/records/<uuid:share>/end", allow=SIGNED_IN)
def end_sharing(share: UUID) -> ResponseReturnValue:
    """Share a record no longer, or not at all."""
    with transaction():
        record_shares.end(signed_in_person().id, share)
    flash("It is not shared any more.", "success")
    return redirect(url_for("membership.shared_records"), 303)
