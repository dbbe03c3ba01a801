"""Reactions: what happens when the provider tells us something, or when we go and ask.

These run at the edge, in jobs and behind the page after payment: they ask the provider with no transaction open, and write what
it says in transactions of their own. Each is safe to run twice, at the same time, and after a kill in the middle.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from app.accounts import organisations
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing, Refusal, Unavailable
from app.kernel.transaction import transaction
from billing import (
    changes,
    checkouts,
    customers,
    events,
    invoices,
    money_back,
    notices,
    price_cards,
    promotions,
    seats,
    settling,
    subscriptions,
    vat_documents,
)
from billing.checkouts import Checkout
from billing.gateway import Order, Reduction

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway

log = structlog.get_logger(__name__)
CREDIT_NOTE = "credit_note."
NOT_ISSUED = "invoice.finalization_failed"
BUSY = "This subscription is being brought up to date already."
ABOUT_BILLED = frozenset({"customer.updated", "customer.tax_id.created", "customer.tax_id.updated", "customer.tax_id.deleted"})
# A worker stops well before the lease on its events ends, because another one then takes those it has not come to.
STOP_AFTER_SECONDS = events.LEASE.total_seconds() / 2


def open_checkout(gateway: Gateway, checkout_id: UUID, *, address: str, page_url: str) -> str:
    """Open the provider's page for an order and give its address; every older open order of the organisation is closed.

    Raises Conflict when one of them turns out to be paid or this one was overtaken by a newer one, Unavailable when the provider
    does not answer.
    """
    checkout = db.session.get_one(Checkout, checkout_id)
    try:
        provider = gateway.open_checkout(_order(gateway, checkout, address, page_url))
    except Missing as missing:
        if missing.facts.get("param") != "customer":
            raise
        with transaction():
            customers.forget(checkout.organisation_id)
            checkouts.try_again(checkout_id)
        return open_checkout(gateway, checkout_id, address=address, page_url=page_url)
    except Refusal as refusal:
        if refusal.facts.get("definite"):
            with transaction():
                checkouts.try_again(checkout_id)
        raise
    if provider.gross_minor != checkout.gross_minor:
        log.error("figures differ", checkout=str(checkout_id), ours=checkout.gross_minor, theirs=provider.gross_minor)
        gateway.expire_checkout(provider.id)
        message = "The payment page shows another figure than ours, so we have stopped. Nothing was charged. Please tell us."
        raise Unavailable(message)
    with transaction():
        checkouts.record(checkout_id, provider)
    if provider.url is None:
        message = "This order is already paid or closed. Reload the page to see where it stands."
        raise Conflict(message)
    _leave_one_open(gateway, checkout_id, provider.id)
    return provider.url


def _order(gateway: Gateway, checkout: Checkout, address: str, page_url: str) -> Order:
    """Say what is to be paid for."""
    return Order(
        checkout_id=checkout.id,
        attempt=checkout.attempt,
        organisation_id=checkout.organisation_id,
        customer_id=customer_of(gateway, checkout.organisation_id, address, checkout.attempt),
        card=price_cards.of_version(checkout.card_version),
        interval=checkout.paid_interval,
        seats=checkout.seats,
        vat_percent=checkout.vat_percent,
        reduction=_reduction(checkout),
        paid_url=f"{page_url}?returned=paid",
        back_url=f"{page_url}?returned=back",
    )


def _reduction(checkout: Checkout) -> Reduction | None:
    """Say what the promotion of an order takes off, if it has one."""
    if checkout.promotion_id is None:
        return None
    promotion = promotions.known(checkout.promotion_id)
    return Reduction(
        key=promotion.id.hex,
        code=promotion.code,
        percent=promotion.percent,
        amount_minor=promotion.amount_minor,
        currency=promotion.currency,
        months=promotion.months,
    )


def customer_of(gateway: Gateway, organisation_id: UUID, address: str, attempt: int) -> str:
    """Give the provider's customer of an organisation, made when it has none."""
    known = customers.provider_id(organisation_id)
    if known is not None:
        return known
    made = gateway.customer(organisation_id, organisations.known(organisation_id).name, address, attempt)
    with transaction():
        customers.keep(organisation_id, made)
    return customers.provider_id(organisation_id) or made


def _leave_one_open(gateway: Gateway, checkout_id: UUID, provider_id: str) -> None:
    """See to it that of several open orders only the newest can be paid, whichever of two tabs comes here first.

    Each order stands in the database before its page is opened. So either this one sees a newer order and closes itself, or the
    newer one, which comes here after its own page was opened, sees this one with its page and closes it.
    """
    checkout = db.session.get_one(Checkout, checkout_id)
    if checkouts.is_overtaken(checkout):
        _close(gateway, checkout_id, provider_id)
        message = "You have started a newer order in the meantime, so this one is closed. Nothing was charged."
        raise Conflict(message)
    for older_id, older_provider_id in checkouts.overtaken_by(checkout):
        if not _close(gateway, older_id, older_provider_id):
            _close(gateway, checkout_id, provider_id)
            message = "An earlier order of yours has just been paid. Open Billing to see your seats; nothing more was charged."
            raise Conflict(message)


def serve(gateway: Gateway, checkout_id: UUID, provider_id: str | None = None) -> checkouts.State:
    """Find out whether an order is paid and, if it is, turn it into seats; gives where the order stands."""
    checkout = checkouts.known(checkout_id)
    if checkout is None or (provider_id := checkout.provider_id or provider_id) is None:
        return checkouts.State.OPEN if checkout is None else checkouts.State(checkout.state)
    provider = gateway.checkout(provider_id)
    if provider.has_failed and provider.subscription_id:
        # The subscription must not live on unpaid; the order stays unfinished until it is ended, however often that takes.
        gateway.take_back(provider.subscription_id, f"checkout-{checkout_id}-failed")
    snapshot = gateway.subscription(provider.subscription_id) if provider.subscription_id else None
    found = gateway.invoices(snapshot.id) if snapshot is not None else []
    with transaction():
        state = checkouts.record(checkout_id, provider)
    if snapshot is None or state not in {checkouts.State.PAID, checkouts.State.STUCK}:
        return state
    with transaction():
        served = checkouts.serve(checkout_id, snapshot)
        if served:
            customers.keep_billed(checkout.organisation_id, snapshot.billed)
        subscription = subscriptions.with_provider_id(snapshot.id)
        if served and subscription is not None:
            invoices.keep(subscription, found)
            vat_documents.copy(subscription, found)
    if not served and checkouts.is_second(checkout_id, snapshot):
        # Two orders of one organisation were paid, as from two tabs: the money of the second goes back at once.
        gateway.take_back(snapshot.id, f"checkout-{checkout_id}-back")
        with transaction():
            checkouts.mark_refunded(checkout_id)
        log.error("second payment refunded", checkout=str(checkout_id), subscription=snapshot.id)
        return checkouts.State.REFUNDED
    return checkouts.State.SERVED if served else state


def refresh(gateway: Gateway, provider_id: str) -> frozenset[str]:
    """Fetch a subscription again and bring our copy up to date; gives the ids of its invoices that were looked at.

    Raises Conflict while another worker is doing just that.
    """
    subscription = subscriptions.with_provider_id(provider_id)
    if subscription is None:
        snapshot = gateway.subscription(provider_id)
        if snapshot.checkout_id is not None:
            serve(gateway, snapshot.checkout_id)
        return frozenset()
    subscription_id = subscription.id
    with transaction():
        token = subscriptions.lease(subscription_id)
        waited = changes.waiting_of(subscription_id)
    if token is None:
        raise Conflict(BUSY)
    try:
        snapshot, found = gateway.subscription(provider_id), gateway.invoices(provider_id)
    except Exception:
        with transaction():
            subscriptions.give_back(subscription_id, token)
        raise
    with transaction():
        snapshot = settling.as_paid(subscriptions.known(subscription_id), snapshot, found)
        before = subscriptions.refresh(subscription_id, snapshot, token, found)
        if before is None:
            return frozenset()
        row = subscriptions.known(subscription_id)
        paid = invoices.keep(row, found)
        settled = settling.settle(row, snapshot, waited)
        customers.keep_billed(row.organisation_id, snapshot.billed)
        vat_documents.copy(row, found)
        notices.write(before, row, settled, paid)
        if not row.is_live:
            seats.release_all(row, seats.SUBSCRIPTION_ENDED)
    return frozenset(invoice.id for invoice in found)


def refresh_invoice(gateway: Gateway, invoice_id: str) -> None:
    """Fetch one invoice of ours again, as that of a subscription in whose place there is another one now.

    Raises Conflict while another worker brings its subscription up to date.
    """
    subscription_id = invoices.known(invoice_id).subscription_id
    with transaction():
        token = subscriptions.lease(subscription_id)
    if token is None:
        raise Conflict(BUSY)
    try:
        found = [gateway.invoice(invoice_id)]
        with transaction():
            row = subscriptions.known(subscription_id)
            notices.tell_paid(row, invoices.keep(row, found))
            vat_documents.copy(row, found)
    finally:
        with transaction():
            subscriptions.give_back(subscription_id, token)


def _is_left_behind(invoice_id: str, provider_id: str | None) -> bool:
    """Whether an invoice of ours is of a subscription in whose place there is another one now."""
    return provider_id is not None and subscriptions.with_provider_id(provider_id) is None and invoices.is_known(invoice_id)


def apply_due(gateway: Gateway) -> int:
    """Apply the stored events that are due; gives how many. The sweep of the inbox."""
    with transaction():
        due = [(event.id, event.kind, event.checkout_id, event.object_id, event.subscription_id) for event in events.lease_due()]
    stop_at = time.monotonic() + STOP_AFTER_SECONDS
    for event_id, kind, checkout_id, object_id, subscription_id in due:
        if time.monotonic() > stop_at:
            log.warning("the provider is slow", left=len(due))
            break
        try:
            _apply(gateway, kind, checkout_id, object_id, subscription_id)
        except Exception as error:
            # One event that cannot be applied must not stop the others; it is kept and shown.
            # A refusal, such as while another worker is at the same subscription, says itself what it is.
            log.warning("event failed", event_id=event_id, error=str(error), exc_info=not isinstance(error, Refusal))
            with transaction():
                events.mark_failed(event_id, f"{type(error).__name__}: {error}")
        else:
            with transaction():
                events.mark_applied(event_id)
    return len(due)


def _apply(gateway: Gateway, kind: str, checkout_id: UUID | None, object_id: str, subscription_id: str | None) -> None:
    """Go and ask the provider about what an event tells of."""
    if kind.startswith("checkout.session.") and checkout_id is not None:
        serve(gateway, checkout_id, object_id)
    elif money_back.is_about(kind):
        ended = money_back.look(gateway, kind, object_id)
        if ended is not None:
            refresh(gateway, ended)
    elif kind.startswith(CREDIT_NOTE):
        _look_at_credited(gateway, object_id)
    elif kind.startswith("invoice.") and _is_left_behind(object_id, subscription_id):
        refresh_invoice(gateway, object_id)
    elif subscription_id is not None:
        refresh(gateway, subscription_id)
        if kind == NOT_ISSUED:
            _demand_issue(gateway, subscription_id, object_id)
    elif kind in ABOUT_BILLED and (provider_id := customers.subscription_of(object_id)) is not None:
        refresh(gateway, provider_id)


def _look_at_credited(gateway: Gateway, invoice_id: str) -> None:
    """Look again at an invoice of ours of which something was taken back, or is again asked for."""
    if invoices.is_known(invoice_id):
        provider_id = subscriptions.known(invoices.known(invoice_id).subscription_id).provider_id
        if invoice_id not in refresh(gateway, provider_id):
            refresh_invoice(gateway, invoice_id)


def _demand_issue(gateway: Gateway, subscription_id: str, invoice_id: str) -> None:
    """Raise Conflict with the reason while an invoice cannot be issued, so that its message stays among those that failed."""
    problem = next((invoice.problem for invoice in gateway.invoices(subscription_id) if invoice.id == invoice_id), None)
    if problem is not None:
        message = f"The provider cannot issue this invoice: {problem} Mend that there and issue it, then apply this again."
        raise Conflict(message)


def serve_paid(gateway: Gateway) -> int:
    """Serve the orders that are paid and not served, as after a kill, and mark those that resist; gives how many moved."""
    moved = 0
    for checkout_id in [checkout.id for checkout in checkouts.paid_not_served()]:
        try:
            moved += serve(gateway, checkout_id) is checkouts.State.SERVED
        except Exception:
            # One order that cannot be served must not stop the others; it is marked and shown to the operator.
            log.exception("order not served", checkout=str(checkout_id))
    with transaction():
        stuck = checkouts.mark_stuck()
        closed = checkouts.close_forgotten()
    for checkout_id in stuck:
        log.error("order paid and not served", checkout=str(checkout_id))
    return moved + len(stuck) + len(closed)


def _close(gateway: Gateway, checkout_id: UUID, provider_id: str) -> bool:
    """Close an open order, so that it can no longer be paid; False when it was paid before."""
    provider = gateway.expire_checkout(provider_id)
    with transaction():
        return checkouts.record(checkout_id, provider) is checkouts.State.EXPIRED
