"""Where everyone with a workspace begins: their organisations, what needs doing today, and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import redirect, render_template, url_for

from app.accounts import (
    invitations,
    join_requests,
    mail_domains,
    memberships,
    organisations,
    oversight,
    safeguarding_contacts,
)
from app.accounts.memberships import Role
from app.accounts.memberships import State as MembershipState
from app.accounts.organisations import Kind
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import BUY_SEATS, SEE_BILLING, SEE_WORKSPACE, SET_CONTACTS, SIGNED_IN
from app.web import wiring
from app.web.area import signed_in_person
from app.web.forms import Form, TextField
from app.web.workspace import billing
from app.web.workspace.area import area, page
from billing import entitlements, invoices, seats, subscriptions

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

NOON, EVENING = 12, 18


class OrganisationForm(Form):
    """The name of a new organisation."""

    name = TextField("Name of the organisation")


@area.page("/", allow=SIGNED_IN)
def organisations_page() -> ResponseReturnValue:
    """Show the organisations a person belongs to."""
    return _organisations_page(OrganisationForm(formdata=None))


@area.action("/", allow=SIGNED_IN)
def found_organisation() -> ResponseReturnValue:
    """Start another organisation."""
    form, person = OrganisationForm(), signed_in_person()
    try:
        with transaction():
            organisation = organisations.found(form.name.data or "", Kind.ORGANISATION, by=person.id)
            memberships.add(organisation, person, {Role.OWNER})
    except (Conflict, Invalid) as refusal:
        form.refuse(refusal)
        return _organisations_page(form), refusal.status
    return redirect(url_for("workspace.today", organisation=organisation.id), 303)


@area.page("/<uuid:organisation>/", allow=SEE_WORKSPACE)
def today(actor: Actor) -> ResponseReturnValue:
    """Show what needs doing today, the seats, and the first steps until they are done."""
    count = seats.count(actor.organisation.id)
    entitlement = entitlements.of_organisation(actor.organisation.id, wiring.grace(), clock.now())
    subscription = subscriptions.live(actor.organisation.id)
    return page(
        "today",
        actor,
        "today",
        greeting=_greeting(actor),
        seats=count,
        entitlement=entitlement,
        subscription=subscription,
        renewal=billing.renewal(subscription),
        owed=None if subscription is None else invoices.owed(subscription),
        waiting=invitations.waiting(actor.organisation.id) if oversight.is_over_everybody(actor) else [],
        may_invite=oversight.is_over_everybody(actor),
        has_contacts=safeguarding_contacts.of(actor.organisation.id) is not None,
        may_set_contacts=bool(actor.roles & SET_CONTACTS.roles),
        may_buy=bool(actor.roles & BUY_SEATS.roles),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def _organisations_page(form: OrganisationForm) -> str:
    person = signed_in_person()
    former = memberships.places_of(person.id, MembershipState.ARCHIVED)
    return render_template(
        "workspace/organisations.html",
        places=memberships.places_of(person.id),
        former=former,
        offered=mail_domains.offered(person),
        asked=join_requests.organisations_asked(person.id),
        form=form,
    )


def _greeting(actor: Actor) -> str:
    hour = clock.now().astimezone(ZoneInfo(actor.organisation.zone)).hour
    part = "morning" if hour < NOON else "afternoon" if hour < EVENING else "evening"
    return f"Good {part}, {actor.membership.name.split()[0]}"
