"""The right to cancel of whoever bought for themselves: what goes back, before it is asked for and afterwards."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flask import redirect, url_for
from wtforms import IntegerField
from wtforms.validators import Optional

from app.kernel.errors import Unavailable
from app.kernel.transaction import transaction
from app.permissions import BUY_SEATS
from app.web import wiring
from app.web.forms import Form
from app.web.workspace.area import area, page
from billing import withdrawals, withdrawing

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


class WithdrawalForm(Form):
    """What was shown to go back."""

    shown_minor = IntegerField("What goes back, in pence", [Optional()])


@area.page("/<uuid:organisation>/billing/withdrawal", allow=BUY_SEATS)
def withdrawal(actor: Actor) -> ResponseReturnValue:
    """Say what goes back, where the withdrawal stands, or that there is no such right any more; this only reads."""
    right = withdrawals.right_of(actor.organisation.id, keeps_used_days=wiring.settings().keeps_used_days)
    newest = withdrawals.newest_of(actor.organisation.id)
    return page("withdrawal", actor, "billing", right=None if newest and newest.state == "asked" else right, withdrawal=newest)


@area.action("/<uuid:organisation>/billing/withdrawal", allow=BUY_SEATS)
def withdraw(actor: Actor) -> ResponseReturnValue:
    """Cancel at once and get the money back."""
    newest = withdrawals.newest_of(actor.organisation.id)
    withdrawal_id = newest.id if newest is not None and newest.state == "asked" else None
    if withdrawal_id is None:
        with transaction():
            shown = WithdrawalForm().shown_minor.data
            withdrawal_id = withdrawals.ask(actor, keeps_used_days=wiring.settings().keeps_used_days, shown_minor=shown).id
    # Where the provider does not answer it is kept, and done as soon as that does; the page says so.
    with suppress(Unavailable):
        withdrawing.carry_out(wiring.gateway(), withdrawal_id)
    return redirect(url_for("workspace.withdrawal", organisation=actor.organisation.id), 303)
