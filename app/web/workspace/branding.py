"""Name and colours: how the mails and the pages of an organisation look, with a mail to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask_wtf.file import FileField

from app import letters
from app.accounts import brands, invitations
from app.accounts.brands import Wish
from app.kernel import clock
from app.kernel.errors import Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import SET_BRAND
from app.web import lone_mail, wiring
from app.web.forms import Form, TextField
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from app.kernel.pictures import Picture


class BrandForm(Form):
    """The name, the colour and the logo."""

    name = TextField("Name of the organisation")
    colour = TextField("Colour")
    logo = FileField("Logo")


@area.page("/<uuid:organisation>/brand", allow=SET_BRAND)
def name_and_colours(actor: Actor) -> ResponseReturnValue:
    """Show how the organisation looks, as a form that changes it."""
    brand = brands.of(actor.organisation.id)
    colour = brand.colour if brand else brands.USUAL_COLOUR
    return _page(actor, BrandForm(formdata=None, data={"name": actor.organisation.name, "colour": colour}))


@area.action("/<uuid:organisation>/brand", allow=SET_BRAND)
def set_name_and_colours(actor: Actor) -> ResponseReturnValue:
    """Change how the organisation looks; without a new picture the logo stays."""
    form = BrandForm()
    try:
        wish = Wish(form.name.data or "", form.colour.data or "", _logo(actor))
        with transaction():
            brands.save(actor.organisation.id, wish, by=actor.person.id)
    except (Invalid, NotAllowed) as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    flash("Saved. Your mails look like this from now on.", "success")
    return redirect(url_for("workspace.name_and_colours", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/brand/remove-logo", allow=SET_BRAND)
def remove_logo(actor: Actor) -> ResponseReturnValue:
    """Take the logo away."""
    with transaction():
        brands.remove_logo(actor.organisation.id, by=actor.person.id)
    flash("The logo is removed. Your mails carry the name instead.", "success")
    return redirect(url_for("workspace.name_and_colours", organisation=actor.organisation.id), 303)


@area.page("/<uuid:organisation>/brand/mail", allow=SET_BRAND)
def brand_mail(actor: Actor) -> ResponseReturnValue:
    """Show an invitation as its reader would see it, with a link that leads nowhere."""
    guest = invitations.Guest(actor.membership.id, actor.person.name, actor.person.address, has_seat=True)
    days = wiring.settings().invitation_days
    facts = invitations.facts_of_preview(actor.organisation, guest, clock.now(), days, "")
    rendered = letters.render(invitations.MAIL, facts, organisation_id=actor.organisation.id)
    return lone_mail.page(rendered.html, rendered.look)


def _logo(actor: Actor) -> Picture | None:
    """Give the picture that was sent, if any, as a logo, outside of any transaction."""
    sent = request.files.get("logo")
    content = sent.read() if sent else b""
    if not content:
        return None
    with transaction():
        brands.spend_picture(actor.organisation.id)
    return brands.fitted(content)


def _page(actor: Actor, form: BrandForm) -> str:
    return page("name_and_colours", actor, "settings", form=form, brand=brands.of(actor.organisation.id))
