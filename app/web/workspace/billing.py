"""What an organisation pays: the whole of it on one page, the card, ending the subscription, and undoing what is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from wtforms import RadioField
from wtforms.validators import Optional

from app.kernel import clock, journal
from app.kernel.errors import Conflict, Missing
from app.kernel.transaction import transaction
from app.permissions import ARCHIVE_PEOPLE, BUY_SEATS, GIVE_SEATS_AGAIN, SEE_BILLING
from app.web import wiring
from app.web.forms import Form
from app.web.workspace import history_words
from app.web.workspace.area import area, page
from app.web.workspace.making import made
from billing import (
    changes,
    checkouts,
    customers,
    disputes,
    entitlements,
    figures,
    former_seats,
    invoices,
    price_cards,
    quotes,
    seats,
    subscriptions,
    vat_documents,
    withdrawals,
)
from billing.price_cards import Interval

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from billing.figures import Figure
    from billing.subscriptions import Subscription

REASONS = {
    "too_expensive": "It costs too much",
    "unused": "We do not use it enough",
    "missing_features": "Something we need is missing",
    "low_quality": "The courses are not what we hoped for",
    "too_complex": "It is too complicated",
    "switched_service": "We use something else now",
    "other": "Something else",
}


class CancellationForm(Form):
    """Why a subscription is ended, if somebody likes to say."""

    reason = RadioField("Why, if you like to say", [Optional()], choices=REASONS)


@area.page("/<uuid:organisation>/billing", allow=SEE_BILLING)
def billing(actor: Actor) -> ResponseReturnValue:
    """Show what the organisation pays, until when, for how many seats, what comes next, and what happened."""
    subscription = subscriptions.live(actor.organisation.id)
    return page(
        "billing",
        actor,
        "billing",
        subscription=subscription,
        customer=customers.of_organisation(actor.organisation.id),
        right=withdrawals.right_of(actor.organisation.id, keeps_used_days=wiring.settings().keeps_used_days),
        debited=checkouts.processing(actor.organisation.id),
        change=None if subscription is None else changes.open_of(subscription.id),
        entitlement=entitlements.of_organisation(actor.organisation.id, wiring.grace(), clock.now()),
        renewal=renewal(subscription),
        dispute=disputes.open_of(actor.organisation.id),
        owed=None if subscription is None else invoices.owed(subscription),
        invoices=invoices.of_organisation(actor.organisation.id),
        copied=vat_documents.copied(actor.organisation.id),
        quotes=quotes.of_organisation(actor.organisation.id),
        seats=seats.count(actor.organisation.id),
        history=history_words.describe(
            actor.organisation.id,
            journal.of(actor.organisation.id, history_words.ABOUT_MONEY, limit=30),
        ),
        grace_days=wiring.settings().grace_days,
        may_see_unused=bool(actor.roles & ARCHIVE_PEOPLE.roles),
        may_give_again=bool(actor.roles & GIVE_SEATS_AGAIN.roles) and former_seats.are_there(actor.organisation.id),
    )


@area.action("/<uuid:organisation>/billing/portal", allow=BUY_SEATS)
def open_portal(actor: Actor) -> ResponseReturnValue:
    """Send somebody to the provider's page where the card is changed."""
    customer_id = customers.provider_id(actor.organisation.id)
    if customer_id is None:
        message = "There is no card to change yet. You give it when you buy seats."
        raise Conflict(message)
    back_url = wiring.settings().url + url_for("workspace.billing", organisation=actor.organisation.id)
    try:
        return redirect(wiring.gateway().portal(customer_id, back_url), 303)
    except Missing as missing:
        message = "The payment provider does not know this organisation. Please tell us, so that we can look into it."
        raise Conflict(message) from missing


@area.page("/<uuid:organisation>/billing/cancel", allow=BUY_SEATS)
def cancellation(actor: Actor) -> ResponseReturnValue:
    """Say what ending the subscription means, and ask for the reason if somebody likes to give one."""
    subscription = changes.changeable(actor.organisation.id, also_unpaid=True)
    return page("cancellation", actor, "billing", subscription=subscription, form=CancellationForm(formdata=None))


@area.action("/<uuid:organisation>/billing/cancel", allow=BUY_SEATS)
def cancel(actor: Actor) -> ResponseReturnValue:
    """End the subscription with what is paid for."""
    reason = CancellationForm().reason.data
    with transaction():
        change_id = changes.end(actor, reason if reason in REASONS else None).id
    return made(actor, change_id, "The subscription ends with this term. You can undo that here until then.")


@area.action("/<uuid:organisation>/billing/go-on", allow=BUY_SEATS)
def go_on(actor: Actor) -> ResponseReturnValue:
    """Let a subscription that would end go on after all."""
    with transaction():
        change_id = changes.go_on(actor).id
    return made(actor, change_id, "The subscription goes on as before.")


@area.action("/<uuid:organisation>/billing/drop-plan", allow=BUY_SEATS)
def drop_plan(actor: Actor) -> ResponseReturnValue:
    """Let go of what is planned for the renewal."""
    with transaction():
        change_id = changes.drop_plan(actor).id
    return made(actor, change_id, "The renewal stays as it is now.")


@area.page("/<uuid:organisation>/seats-again", allow=GIVE_SEATS_AGAIN)
def seats_again(actor: Actor) -> ResponseReturnValue:
    """Show who had a seat when the subscription ended, those who had it longest first."""
    count = seats.count(actor.organisation.id)
    return page("seats_again", actor, "people", former=former_seats.of_organisation(actor.organisation.id), seats=count)


@area.action("/<uuid:organisation>/seats-again", allow=GIVE_SEATS_AGAIN)
def give_seats_again(actor: Actor) -> ResponseReturnValue:
    """Give their seats back to those who had one when the subscription ended, as many as are free."""
    with transaction():
        given = former_seats.give_again(actor.organisation.id, by=actor.person.id)
    flash(f"{given:,} {'person has a seat' if given == 1 else 'people have their seats'} again.", "success")
    return redirect(url_for("workspace.people", organisation=actor.organisation.id), 303)


def renewal(subscription: Subscription | None) -> Figure | None:
    """Give what the next renewal will cost by the card that was bought and by what is planned for it."""
    if subscription is None:
        return None
    card = price_cards.of_version(subscription.card_version)
    number = subscription.coming_seats or max(1, subscription.ordered)
    interval = Interval(subscription.coming_interval or subscription.interval)
    return figures.figure(card, number, interval, subscription.vat_percent, subscription.discount_at(subscription.period_end))
