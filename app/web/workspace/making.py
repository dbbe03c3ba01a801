"""Having a change of the subscription made, and leading to the page that says the truth about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for

from app.kernel.errors import Unavailable
from app.web import wiring
from billing import changing
from billing.changes import State

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


def made(actor: Actor, change_id: UUID, done: str) -> ResponseReturnValue:
    """Have a change made that was asked for; `done` is said when it is, and else its own page says where it stands.

    Raises the provider's refusal, unless the provider only did not answer: then it is kept and made as soon as that does.
    """
    organisation_id = actor.organisation.id
    try:
        state = changing.carry_out(wiring.gateway(), change_id)
    except Unavailable as refusal:
        if refusal.facts.get("definite"):
            raise
        state = State.ASKED
    if state is State.DONE:
        flash(done, "success")
        return redirect(url_for("workspace.billing", organisation=organisation_id), 303)
    return redirect(url_for("workspace.change", organisation=organisation_id, change=change_id), 303)
