"""Withdrawing at the edge: ending the subscription at once and giving the money back, safe to run twice and after a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.kernel.errors import Refusal
from app.kernel.transaction import transaction
from billing import changing, subscriptions, withdrawals
from billing.withdrawals import State

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway

log = structlog.get_logger(__name__)


def carry_out(gateway: Gateway, withdrawal_id: UUID) -> State:
    """End the subscription of a withdrawal and give back what goes back, and give where it stands."""
    withdrawal = withdrawals.known(withdrawal_id)
    if withdrawal.state == State.DONE:
        return State.DONE
    provider_id = subscriptions.known(withdrawal.subscription_id).provider_id
    gateway.give_back(provider_id, withdrawals.parts_of(withdrawal), f"withdrawal-{withdrawal_id}")
    with transaction():
        withdrawals.mark_done(withdrawal_id)
    changing.refresh_surely(gateway, provider_id)
    return State.DONE


def finish_left_alone(gateway: Gateway) -> int:
    """Finish the withdrawals that nobody is busy with any more, as after a kill; gives how many were finished."""
    finished = 0
    for withdrawal_id in withdrawals.left_alone():
        try:
            finished += carry_out(gateway, withdrawal_id) is State.DONE
        except Refusal as refusal:
            log.warning("withdrawal not finished", withdrawal=str(withdrawal_id), why=refusal.message)
        except Exception:
            # One that cannot be finished must not stop the others.
            log.exception("withdrawal not finished", withdrawal=str(withdrawal_id))
    return finished
