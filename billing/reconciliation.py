"""Reconciliation: rebuild the truth from the provider as if every webhook had been lost, and say where we differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from app.kernel.db import db
from app.kernel.errors import Conflict, Refusal
from billing import checkouts, invoices, money_back, price_checks, reactions, seats, vat_documents
from billing.invoices import Invoice
from billing.subscriptions import Subscription
from billing.vat_documents import VatDocument

if TYPE_CHECKING:
    from billing.gateway import Gateway

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconciliation looked at, and what it could not put right, in words for the operator."""

    checkouts: int
    subscriptions: int
    differences: tuple[str, ...]


def run(gateway: Gateway) -> Report:
    """Ask the provider about every unfinished order and every live subscription, and bring our copies up to date."""
    differences = []
    unfinished = [(checkout.id, checkout.provider_id) for checkout in checkouts.unfinished()]
    for checkout_id, provider_id in unfinished:
        try:
            state = reactions.serve(gateway, checkout_id, provider_id)
        except Refusal as refusal:
            differences.append(f"Order {checkout_id}: {refusal.message}")
        except Exception as error:
            # Whatever is wrong with one must not keep the others from being asked about.
            log.exception("reconciliation failed")
            differences.append(f"Order {checkout_id}: something unexpected ({type(error).__name__}); the log says more.")
        else:
            if state in {checkouts.State.PAID, checkouts.State.STUCK}:
                differences.append(f"Order {checkout_id}: paid, but not served.")
    differences += _look_at_money_back(gateway)
    live, seen, refused = _refresh_all(gateway)
    differences += refused
    differences += _look_at_others(gateway, seen)
    over = db.session.scalars(sa.select(Subscription.provider_id).where(Subscription.is_over, Subscription.is_live))
    differences += [f"Subscription {provider_id}: more seats are taken than are paid for." for provider_id in over]
    differences += [f"Subscription {row_id}: the count of taken seats is wrong." for row_id in seats.miscounted()]
    differences += price_checks.run(gateway)
    for difference in differences:
        log.warning("drift", difference=difference)
    return Report(len(unfinished), live, tuple(differences))


def _look_at_money_back(gateway: Gateway) -> list[str]:
    """Ask about disputes and refunds; gives what stood in the way."""
    try:
        money_back.look_at_all(gateway)
    except Refusal as refusal:
        return [f"Disputes and refunds: {refusal.message}"]
    except Exception as error:
        # Whatever is wrong here must not keep the subscriptions from being asked about.
        log.exception("reconciliation failed")
        return [f"Disputes and refunds: something unexpected ({type(error).__name__}); the log says more."]
    return []


def _refresh_all(gateway: Gateway) -> tuple[int, set[str], list[str]]:
    """Ask about every subscription that is live or has an invoice without its document.

    Gives how many, the ids of the invoices that were looked at with them, and what went wrong.
    """
    differences, seen = [], set[str]()
    is_copied = sa.exists().where(VatDocument.id == Invoice.id)
    is_behind = sa.exists().where(Invoice.subscription_id == Subscription.id, ~is_copied)
    query = sa.select(Subscription.provider_id).where(sa.or_(Subscription.is_live, is_behind)).order_by(Subscription.id)
    asked = list(db.session.scalars(query))
    for provider_id in asked:
        try:
            seen |= reactions.refresh(gateway, provider_id)
        except Conflict:
            # Another worker is asking about this one at this moment, which is just as good.
            continue
        except Refusal as refusal:
            differences.append(f"Subscription {provider_id}: {refusal.message}")
        except Exception as error:
            # Whatever is wrong with one must not keep the others from being asked about.
            log.exception("reconciliation failed")
            differences.append(f"Subscription {provider_id}: something unexpected ({type(error).__name__}); the log says more.")
    return len(asked), seen, differences


def _look_at_others(gateway: Gateway, seen: set[str]) -> list[str]:
    """Ask about the invoices that may have changed and were not looked at; gives what went wrong.

    They are the unpaid ones of subscriptions that ended or were replaced, and those of which something was taken back.
    """
    differences = []
    asked = set(invoices.unpaid_ids()) - seen
    try:
        asked |= {note.invoice_id for note in gateway.credit_notes() if vat_documents.is_behind(note)}
    except Refusal as refusal:
        differences.append(f"Credit notes: {refusal.message}")
    except Exception as error:
        # Whatever is wrong here must not keep the invoices from being asked about.
        log.exception("reconciliation failed")
        differences.append(f"Credit notes: something unexpected ({type(error).__name__}); the log says more.")
    for invoice_id in sorted(asked):
        try:
            reactions.refresh_invoice(gateway, invoice_id)
        except Conflict:
            # Another worker is at its subscription at this moment; the next reconciliation comes soon.
            continue
        except Refusal as refusal:
            differences.append(f"Invoice {invoice_id}: {refusal.message}")
        except Exception as error:
            # Whatever is wrong with one must not keep the others from being asked about.
            log.exception("reconciliation failed")
            differences.append(f"Invoice {invoice_id}: something unexpected ({type(error).__name__}); the log says more.")
    return differences


def sweep(gateway: Gateway) -> int:
    """Reconcile as a job; what it finds goes to the log, and it never asks to be run again at once."""
    run(gateway)
    return 0
