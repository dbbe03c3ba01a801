"""How a refusal of the domain gets back onto the form that caused it, or onto a page that says what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import render_template

from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.web.forms import Form
from app.web.membership.routes import area

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.typing import ResponseReturnValue


class AccountForm(Form):
    """A form that remembers with which status it was refused."""

    status = Invalid.status


@contextmanager
def shown_on(form: AccountForm) -> Iterator[None]:
    """Show what the domain refuses on the form and go on after the block, where the form is rendered again."""
    try:
        yield
    except Invalid as refusal:
        form.refuse(refusal)
    except NotAllowed as refusal:
        form.form_errors.append(refusal.message)
        form.status = refusal.status


@area.blueprint.errorhandler(Conflict)
def _too_late(refusal: Conflict) -> ResponseReturnValue:
    """Say why a link or a form no longer works, with the ways on."""
    return render_template("membership/too_late.html", message=refusal.message), refusal.status
