"""Quiet hours: when the organisation's people are left in peace."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from wtforms import BooleanField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.accounts import quiet_hours as domain
from app.accounts.quiet_hours import Rule
from app.kernel import clock
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import SET_QUIET_HOURS
from app.web.forms import Form, TextField
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class QuietForm(Form):
    """The hours and the days."""

    is_on = BooleanField("Hold mails that can wait")
    begins = TextField("From")
    ends = TextField("Until")
    days_off = SelectMultipleField(
        "And on whole days",
        choices={str(number): day for number, day in enumerate(DAYS)},
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    holds_invitations = BooleanField("Hold invitations that somebody sends by hand as well")


@area.page("/<uuid:organisation>/quiet-hours", allow=SET_QUIET_HOURS)
def quiet_hours(actor: Actor) -> ResponseReturnValue:
    """Show the quiet hours, as a form that changes them."""
    rule = domain.of([actor.organisation.id])[actor.organisation.id]
    data = {
        "is_on": rule.is_on,
        "begins": f"{rule.begins:%H:%M}",
        "ends": f"{rule.ends:%H:%M}",
        "days_off": [str(day) for day in rule.days_off],
        "holds_invitations": rule.holds_invitations,
    }
    return _page(actor, QuietForm(formdata=None, data=data))


@area.action("/<uuid:organisation>/quiet-hours", allow=SET_QUIET_HOURS)
def set_quiet_hours(actor: Actor) -> ResponseReturnValue:
    """Change the quiet hours."""
    form = QuietForm()
    try:
        with transaction():
            domain.save(actor.organisation.id, _rule(form), by=actor.person.id)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    flash("Saved. Mails that can wait rest like this from now on.", "success")
    return redirect(url_for("workspace.quiet_hours", organisation=actor.organisation.id), 303)


def _rule(form: QuietForm) -> Rule:
    days = frozenset(int(day) for day in form.days_off.data or () if day in {str(number) for number in range(len(DAYS))})
    begins, ends = _time(form.begins.data, "begins"), _time(form.ends.data, "ends")
    return Rule(form.is_on.data, begins, ends, days, form.holds_invitations.data)


def _time(typed: str | None, field: str) -> time:
    """Read a time of day; raises Invalid, for the form's field, for what is none."""
    try:
        return time.fromisoformat(typed or "").replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as error:
        raise Invalid("Give a time of day, such as 20:00.", field=field) from error


def _page(actor: Actor, form: QuietForm) -> str:
    rule = domain.of([actor.organisation.id])[actor.organisation.id]
    return page("quiet_hours", actor, "settings", form=form, until=domain.until(rule, clock.now()))
