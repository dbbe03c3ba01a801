"""What a mail domain opens to people outside: the page behind the link that confirms one, and joining by one's own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, render_template, url_for

from app import ways_in
from app.accounts import mail_domains
from app.kernel.transaction import transaction
from app.permissions import ANYONE, SIGNED_IN
from app.web.area import Area, signed_in_person
from app.web.ways_in import welcome

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

area = Area("mail_domains", "/mail-domain")


@area.page("/<token>", allow=ANYONE)
def confirmation(token: str) -> ResponseReturnValue:
    """Show the button that confirms a domain, or that it is confirmed; opening the link changes nothing."""
    found, organisation = mail_domains.opened(token)
    return render_template("mail_domains/confirmation.html", domain=found, organisation=organisation, token=token)


@area.action("/<token>", allow=ANYONE)
def confirm(token: str) -> ResponseReturnValue:
    """Confirm a domain."""
    with transaction():
        mail_domains.confirm(token)
    return redirect(url_for("mail_domains.confirmation", token=token), 303)


@area.action("/<uuid:mail_domain>/join", allow=SIGNED_IN)
def join(mail_domain: UUID) -> ResponseReturnValue:
    """Join an organisation because of one's own address, or ask to."""
    with transaction():
        person = signed_in_person()
        offered = mail_domains.offer(person, mail_domain)
        organisation_id = offered.organisation.id
        outcome = ways_in.join(ways_in.by_domain(offered), person)
    return welcome(organisation_id, outcome, otherwise=url_for("workspace.organisations_page"))
