"""Mail domains: whose addresses let people join by themselves; added, confirmed by a mail, and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from wtforms import BooleanField, SelectField

from app.accounts import mail_domains as domain
from app.accounts import oversight
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import SET_WAYS_IN
from app.web.forms import Form, TextField
from app.web.workspace import wishes
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


class MailDomainForm(Form):
    """A domain, a mailbox there that confirms it, and what it does."""

    domain = TextField("Domain")
    mailbox = TextField("Mailbox that confirms it")
    team = SelectField("Into which team")
    needs_approval = BooleanField("I approve each one first")


@area.page("/<uuid:organisation>/mail-domains", allow=SET_WAYS_IN)
def mail_domains(actor: Actor) -> ResponseReturnValue:
    """Show the domains by which people can join, and ask for another."""
    return _page(actor, MailDomainForm(formdata=None))


@area.action("/<uuid:organisation>/mail-domains", allow=SET_WAYS_IN)
def add_mail_domain(actor: Actor) -> ResponseReturnValue:
    """Add a domain, and mail a link to the mailbox that confirms it."""
    form = MailDomainForm()
    try:
        with transaction():
            added = domain.add(
                actor,
                form.domain.data or "",
                form.mailbox.data or "",
                team_id=next(iter(wishes.uuids([form.team.data])), None) if form.team.data else None,
                needs_approval=form.needs_approval.data,
            )
    except (Invalid, Conflict, NotAllowed) as refusal:
        form.refuse(refusal)
        return _page(actor, form), refusal.status
    flash(f"We have sent a mail to {form.mailbox.data}@{added.domain}. Its link confirms the domain.", "success")
    return redirect(url_for("workspace.mail_domains", organisation=actor.organisation.id), 303)


@area.action("/<uuid:organisation>/mail-domains/<uuid:mail_domain>/remove", allow=SET_WAYS_IN)
def remove_mail_domain(actor: Actor, mail_domain: UUID) -> ResponseReturnValue:
    """Remove a domain, so that nobody joins by it any more."""
    with transaction():
        found = domain.remove(actor, mail_domain)
    flash(f"{found.domain} lets nobody in any more. Those who came by it stay.", "success")
    return redirect(url_for("workspace.mail_domains", organisation=actor.organisation.id), 303)


def _page(actor: Actor, form: MailDomainForm) -> str:
    titles = wishes.team_choices(oversight.teams_of(actor))
    form.team.choices = {"": "No team", **titles}
    return page(
        "mail_domains",
        actor,
        "settings",
        form=form,
        domains=domain.of_organisation(actor.organisation.id),
        titles=titles,
        over_since=clock.now() - domain.LASTS,
    )
