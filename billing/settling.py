"""Settling changes: what the provider says about a subscription decides where the change that was asked for stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing import changes, credit
from billing.changes import Change, Kind, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from billing.gateway import ProviderInvoice, Snapshot
    from billing.subscriptions import Subscription

# Why there is an invoice for added seats, in the provider's words.
ADDED = "subscription_update"


def as_paid(subscription: Subscription, snapshot: Snapshot, found: Sequence[ProviderInvoice]) -> Snapshot:
    """Give what the provider says without the seats that it has added and that a bank debit has not paid yet.

    `found` are its invoices: when nothing else is to be paid, what there was before is paid for, whatever becomes of the change.
    """
    unpaid = {invoice.why for invoice in found if invoice.status in credit.UNPAID}
    if snapshot.status == "past_due" and not snapshot.is_by_invoice and not unpaid:
        snapshot = replace(snapshot, status="active")
    change = changes.open_of(subscription.id)
    if change is None or not snapshot.owes_change or snapshot.quantity not in {change.seats, change.from_seats}:
        return snapshot
    status = "active" if snapshot.status == "past_due" and unpaid <= {ADDED} else snapshot.status
    return replace(snapshot, status=status, quantity=change.from_seats, pending_until=snapshot.period_end)


def settle(subscription: Subscription, snapshot: Snapshot, waited: UUID | None) -> Change | None:
    """Move the open change by what the provider says, and keep the cap on new assignments; gives it when it is settled now.

    `waited` is the change that was waiting before the provider was asked: only that one can have lapsed.
    """
    change = changes.open_of(subscription.id)
    if change is None:
        return None
    change = changes.locked(change.id)
    state = State(change.state)
    if state in {State.ASKED, State.WAITING}:
        if _is_made(change, snapshot) and not _waits_for_invoice(change, subscription):
            change.is_applied = True
            changes.move(change, State.DONE if _is_planned(change, snapshot) else State.PLANNING)
        elif state is State.WAITING and change.id == waited and snapshot.pending_until is None and not _is_made(change, snapshot):
            if change.then_seats is not None:
                change.then_seats -= change.added
            change.seats = change.from_seats
            changes.move(change, State.LAPSED if _is_planned(change, snapshot) else State.PLANNING)
    elif state is State.PLANNING and _is_planned(change, snapshot):
        changes.move(change, State.DONE if change.is_applied else State.LAPSED)
    if change.is_open:
        _keep_cap(subscription, change)
        return None
    return change


def _is_made(change: Change, snapshot: Snapshot) -> bool:
    """Whether the provider has made what was asked for now."""
    match Kind(change.kind):
        case Kind.MORE_SEATS | Kind.YEARLY:
            is_so = (snapshot.quantity, snapshot.interval) == (change.seats, change.interval)
            return is_so and snapshot.pending_until is None
        case Kind.DROP_PLAN:
            return snapshot.coming_seats is None
        case Kind.END:
            return snapshot.cancel_at is not None
        case Kind.GO_ON:
            return snapshot.cancel_at is None
        case _:
            return True


def _waits_for_invoice(change: Change, subscription: Subscription) -> bool:
    """Whether the provider has added seats that cannot be given until their invoice is paid."""
    return change.kind == Kind.MORE_SEATS and subscription.withheld > 0


def _is_planned(change: Change, snapshot: Snapshot) -> bool:
    """Whether the provider has planned what is to come."""
    return change.then_seats is None or (snapshot.coming_seats, snapshot.coming_interval) == (
        change.then_seats,
        change.then_interval,
    )


def _keep_cap(subscription: Subscription, change: Change) -> None:
    """Keep to what is planned while the provider does not hold the plan: seats that are not paid for yet do not raise it."""
    if change.then_seats is None:
        return
    is_paid = change.is_applied or not change.added
    subscription.coming_seats = change.then_seats if is_paid else change.then_seats - change.added
    subscription.coming_interval = change.then_interval
