"""Money that goes back: what happens when the provider tells of a dispute or a refund, or when we go and ask.

As all reactions, these ask the provider with no transaction open, believe only what is fetched, and are safe to run twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.transaction import transaction
from billing import disputes, refunds, subscriptions

if TYPE_CHECKING:
    from billing.gateway import Gateway, ProviderDispute

DISPUTE, REFUND = "charge.dispute.", "refund."


def is_about(kind: str) -> bool:
    """Whether an event of this kind tells of money that goes back."""
    return kind.startswith((DISPUTE, REFUND))


def look(gateway: Gateway, kind: str, object_id: str) -> str | None:
    """Fetch what an event is about; gives the subscription that was ended because of it and is to be brought up to date."""
    if kind.startswith(DISPUTE):
        return _take_in(gateway, gateway.dispute(object_id))
    found = gateway.refund(object_id)
    with transaction():
        refunds.record(found)
    return None


def look_at_all(gateway: Gateway) -> int:
    """Ask about every recent dispute and refund, as if no message had come; gives how many there are."""
    found, given_back = gateway.disputes(disputes.known_ids()), gateway.refunds(refunds.known_ids())
    for dispute in found:
        _take_in(gateway, dispute)
    with transaction():
        for refund in given_back:
            refunds.record(refund)
    return len(found) + len(given_back)


def _take_in(gateway: Gateway, found: ProviderDispute) -> str | None:
    """Copy a dispute; one that is lost ends the subscription that it is about, unless another has taken its place."""
    with transaction():
        dispute = disputes.record(found)
        if dispute is None or dispute.state != disputes.State.LOST or dispute.ended_at is not None:
            return None
        provider_id = dispute.provider_subscription_id
        subscription = subscriptions.with_provider_id(provider_id)
        is_running = subscription is not None and subscription.is_live
    if is_running:
        gateway.end_at_once(provider_id, f"dispute-{found.id}")
    with transaction():
        disputes.mark_ended(found.id)
    return provider_id if is_running else None
