"""Reactions: what happens when the provider tells us something, or when we go and ask.

These run at the edge, in jobs and behind the page after payment: they ask the provider with no transaction open, and write what
it says in transactions of their own. Each is safe to run twice, at the same time, and after a kill in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.accounts.organisations import Organisation
from app.kernel.db import db
from app.kernel.errors import Conflict, Refusal, Unavailable
from app.kernel.transaction import transaction
from billing import checkouts, events, price_cards, seats, subscriptions
from billing.checkouts import Checkout
from billing.gateway import Order

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway

log = structlog.get_logger(__name__)


def open_checkout(gateway: Gateway, checkout_id: UUID, *, address: str, page_url: str) -> str:
    """Open the provider's page for an order and give its address; every other open order of the organisation is closed first.

    Raises Conflict when one of them turns out to have been paid already, Unavailable when the provider does not answer.
    """
    checkout = db.session.get_one(Checkout, checkout_id)
    for other_id, provider_id in checkouts.others_open(checkout):
        _close(gateway, other_id, provider_id)
    organisation = db.session.get_one(Organisation, checkout.organisation_id)
    customer_id = checkouts.customer_of(organisation.id)
    if customer_id is None:
        customer_id = gateway.customer(organisation.id, organisation.name, address)
        with transaction():
            checkouts.keep_customer(organisation.id, customer_id)
    order = Order(
        checkout_id=checkout.id,
        attempt=checkout.attempt,
        organisation_id=organisation.id,
        customer_id=customer_id,
        card=price_cards.of_version(checkout.card_version),
        interval=checkout.paid_interval,
        seats=checkout.seats,
        vat_percent=checkout.vat_percent,
        paid_url=f"{page_url}?returned=paid",
        back_url=f"{page_url}?returned=back",
    )
    try:
        provider = gateway.open_checkout(order)
    except Refusal as refusal:
        if refusal.facts.get("definite"):
            with transaction():
                checkouts.try_again(checkout.id)
        raise
    if provider.gross_minor != checkout.gross_minor:
        log.error("figures differ", checkout=str(checkout.id), ours=checkout.gross_minor, theirs=provider.gross_minor)
        gateway.expire_checkout(provider.id)
        message = "The payment page shows another figure than ours, so we have stopped. Nothing was charged. Please tell us."
        raise Unavailable(message)
    with transaction():
        checkouts.record(checkout.id, provider)
    if provider.url is None:
        message = "This order is already paid or closed. Reload the page to see where it stands."
        raise Conflict(message)
    return provider.url


def serve(gateway: Gateway, checkout_id: UUID, provider_id: str | None = None) -> checkouts.State:
    """Find out whether an order is paid and, if it is, turn it into seats; gives where the order stands."""
    checkout = checkouts.known(checkout_id)
    if checkout is None or (provider_id := checkout.provider_id or provider_id) is None:
        return checkouts.State.OPEN if checkout is None else checkouts.State(checkout.state)
    provider = gateway.checkout(provider_id)
    snapshot = gateway.subscription(provider.subscription_id) if provider.subscription_id else None
    with transaction():
        state = checkouts.record(checkout_id, provider)
    if snapshot is None or state not in {checkouts.State.PAID, checkouts.State.STUCK}:
        return state
    with transaction():
        served = checkouts.serve(checkout_id, snapshot)
    return checkouts.State.SERVED if served else state


def refresh(gateway: Gateway, provider_id: str) -> None:
    """Fetch a subscription again and bring our copy up to date; raises Conflict while another worker is doing just that."""
    subscription = subscriptions.with_provider_id(provider_id)
    if subscription is None:
        snapshot = gateway.subscription(provider_id)
        if snapshot.checkout_id is not None:
            serve(gateway, snapshot.checkout_id)
        return
    with transaction():
        token = subscriptions.lease(subscription.id)
    if token is None:
        message = "This subscription is being brought up to date already."
        raise Conflict(message)
    snapshot = gateway.subscription(provider_id)
    with transaction():
        if subscriptions.refresh(subscription.id, snapshot, token):
            row = subscriptions.with_provider_id(provider_id)
            if row is not None and not row.is_live:
                seats.release_all(row, "subscription ended")


def apply_due(gateway: Gateway) -> int:
    """Apply the stored events that are due; gives how many. The sweep of the inbox."""
    with transaction():
        due = [(event.id, event.kind, event.checkout_id, event.object_id, event.subscription_id) for event in events.lease_due()]
    for event_id, kind, checkout_id, object_id, subscription_id in due:
        try:
            if kind.startswith("checkout.session.") and checkout_id is not None:
                serve(gateway, checkout_id, object_id)
            elif subscription_id is not None:
                refresh(gateway, subscription_id)
        except Exception as error:
            # One event that cannot be applied must not stop the others; it is kept and shown.
            log.warning("event failed", event_id=event_id, exc_info=True)
            with transaction():
                events.mark_failed(event_id, f"{type(error).__name__}: {error}")
        else:
            with transaction():
                events.mark_applied(event_id)
    return len(due)


def serve_paid(gateway: Gateway) -> int:
    """Serve the orders that are paid and not served, as after a kill, and mark those that resist; gives how many moved."""
    moved = 0
    for checkout in checkouts.paid_not_served():
        moved += serve(gateway, checkout.id) is checkouts.State.SERVED
    with transaction():
        return moved + checkouts.mark_stuck()


def _close(gateway: Gateway, checkout_id: UUID, provider_id: str) -> None:
    """Close another open order, so that it cannot be paid beside the new one."""
    provider = gateway.expire_checkout(provider_id)
    with transaction():
        state = checkouts.record(checkout_id, provider)
    if state is not checkouts.State.EXPIRED:
        message = "An earlier order of yours has just been paid. Open Billing to see your seats; nothing more was charged."
        raise Conflict(message)
