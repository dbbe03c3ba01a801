"""Quick exit: away from a page at once, signed out, to a page that tells nobody where one was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, url_for
from flask_login import current_user

from app.accounts import sign_ins
from app.kernel.transaction import transaction
from app.permissions import ANYONE
from app.web.area import Area
from app.web.membership import sessions

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

area = Area("leaving")


@area.action("/quick-exit", allow=ANYONE)
def quick_exit() -> ResponseReturnValue:
    """End the sign-in of this browser and leave."""
    if current_user.is_authenticated:
        with transaction():
            sign_ins.end(sessions.present().id)
    sessions.end()
    return redirect(url_for("leaving.left"), 303)


@area.page("/left", allow=ANYONE)
def left() -> ResponseReturnValue:
    """Show nothing of ours and go on to a harmless page elsewhere."""
    return render_template("leaving/left.html")
