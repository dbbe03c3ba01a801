"""A customer as the operator sees it: its subscription, how much it may owe, its quotes and invoices, and who is to own it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for

from app import joining
from app.accounts import memberships, organisations
from app.kernel import clock
from app.kernel.errors import Invalid, Missing, Refusal
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation, wiring
from app.web.area import signed_in_person
from app.web.forms import Form, TextField
from app.web.office.area import area
from app.web.pounds import read_pounds
from billing import changing, credit, entitlements, invoices, quotes, subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


class CreditForm(Form):
    """How much a customer may owe."""

    limit = TextField("Credit limit in pounds")


@area.page("/customers/<uuid:customer>", allow=RUN_THE_SHOP)
def customer(customer: UUID) -> ResponseReturnValue:
    """Show a customer with what it owes and may owe."""
    limit_minor = credit.limit_of(customer)
    return _page(customer, CreditForm(formdata=None, limit=f"{limit_minor // 100}.{limit_minor % 100:02}"))


@area.action("/customers/<uuid:customer>/credit", allow=RUN_THE_SHOP)
def set_credit(customer: UUID) -> ResponseReturnValue:
    """Set how much a customer may owe; what waited for its payment and is within the limit now is given at once."""
    form = CreditForm()
    try:
        limit_minor = read_pounds(form.limit.data or "", "limit")
        with transaction():
            credit.set_limit(customer, limit_minor, by=signed_in_person().id)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(customer, form), refusal.status
    _bring_up_to_date(customer)
    flash("The credit limit is set.", "success")
    return redirect(url_for("office.customer", customer=customer), 303)


@area.action("/customers/<uuid:customer>/owner", allow=RUN_THE_SHOP)
def invite_owner(customer: UUID) -> ResponseReturnValue:
    """Send whoever is to own an organisation that nobody owns yet a new invitation."""
    with transaction():
        member = joining.invite_owner(customer, by=signed_in_person().id, days=wiring.settings().invitation_days)
    flash(f"We have sent {member.name} a new invitation. The earlier link no longer works.", "success")
    return redirect(url_for("office.customer", customer=customer), 303)


def _bring_up_to_date(customer: UUID) -> None:
    """Look at the subscription again under the new limit; when the provider does not answer, the next look does it."""
    subscription = subscriptions.live(customer)
    if subscription is None or not subscription.is_by_invoice:
        return
    try:
        changing.refresh_surely(wiring.gateway(), subscription.provider_id)
    except Refusal:
        flash(
            "The payment provider does not answer just now, so seats that wait for payment are looked at again later.",
            "attention",
        )


def _page(customer: UUID, form: CreditForm) -> str:
    organisation = organisations.find(customer)
    if organisation is None:
        raise Missing
    return render_template(
        "office/customer.html",
        nav=navigation.office(),
        here="customers",
        organisation=organisation,
        subscription=subscriptions.live(customer),
        entitlement=entitlements.of_organisation(customer, wiring.grace(), clock.now()),
        invoices=invoices.of_organisation(customer),
        quotes=quotes.of_organisation(customer),
        owner_to_come=memberships.owner_to_come(customer),
        form=form,
    )
