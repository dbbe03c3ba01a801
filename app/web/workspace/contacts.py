"""The safeguarding contacts of an organisation: shown to those who see its people, and changed by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from wtforms import TextAreaField

from app.accounts import safeguarding_contacts as safeguarding
from app.accounts.safeguarding_contacts import Wish
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import SEE_CONTACTS, SET_CONTACTS
from app.web.forms import Form, TextField, trimmed
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


class ContactsForm(Form):
    """Whom people turn to, and how they reach them."""

    lead_name = TextField("Safeguarding lead: name")
    lead_contact = TextField("Safeguarding lead: phone or e-mail")
    deputy_name = TextField("Deputy: name")
    deputy_contact = TextField("Deputy: phone or e-mail")
    local_numbers = TextAreaField("Local numbers", filters=[trimmed])


@area.page("/<uuid:organisation>/safeguarding-contacts", allow=SEE_CONTACTS)
def safeguarding_contacts(actor: Actor) -> ResponseReturnValue:
    """Show whom people are told to turn to, as a form that changes it."""
    return _page(actor, ContactsForm(formdata=None, obj=safeguarding.of(actor.organisation.id)))


@area.action("/<uuid:organisation>/safeguarding-contacts", allow=SET_CONTACTS)
def set_safeguarding_contacts(actor: Actor) -> ResponseReturnValue:
    """Change whom people are told to turn to."""
    form = ContactsForm()
    wish = Wish(
        lead_name=form.lead_name.data or "",
        lead_contact=form.lead_contact.data or "",
        deputy_name=form.deputy_name.data or "",
        deputy_contact=form.deputy_contact.data or "",
        local_numbers=form.local_numbers.data or "",
    )
    try:
        with transaction():
            safeguarding.save(actor.organisation.id, wish, by=actor.person.id)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    flash("Saved. Learners are shown this from now on.", "success")
    return redirect(url_for("workspace.safeguarding_contacts", organisation=actor.organisation.id), 303)


def _page(actor: Actor, form: ContactsForm) -> str:
    return page("safeguarding_contacts", actor, "contacts", form=form)
