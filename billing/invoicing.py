"""Invoicing at the edge: an accepted quote becomes a subscription by invoice, whoever is killed between any two steps.

The provider is asked with no transaction open, under the quote's id; what it answers is fetched again and written once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.kernel.errors import Missing, Refusal
from app.kernel.transaction import transaction
from billing import customers, price_cards, quotes, reactions, replies
from billing.agreements import Agreement, PostalAddress
from billing.quotes import State

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway
    from billing.quotes import Quote

log = structlog.get_logger(__name__)
# By what the provider calls a customer that it does not know: in what is sent, and in the address of a request.
NAMES_OF_CUSTOMER = frozenset({"customer", "id"})


def begin(gateway: Gateway, quote_id: UUID) -> State:
    """Have the subscription of an accepted quote begun and its invoice opened, and give where the quote stands.

    Raises the provider's refusal; the quote stays accepted then, and is tried again.
    """
    quote = quotes.known(quote_id)
    if quote.state != State.ACCEPTED or quote.organisation_id is None:
        return State(quote.state)
    organisation_id, address, attempt = quote.organisation_id, quote.finance_address or quote.for_address, quote.attempt
    customer_id = reactions.customer_of(gateway, organisation_id, address, attempt)
    try:
        provider_id = gateway.agree(_agreement(quotes.known(quote_id), organisation_id, customer_id))
    except Refusal as refusal:
        is_forgotten = isinstance(refusal, Missing) and refusal.facts.get("param") in NAMES_OF_CUSTOMER
        if is_forgotten or refusal.facts.get("definite"):
            with transaction():
                replies.try_again(quote_id, str(refusal.facts.get("provider_message", refusal.message)))
                if is_forgotten:
                    customers.forget(organisation_id)
        raise
    snapshot, found = gateway.subscription(provider_id), gateway.invoices(provider_id)
    with transaction():
        state = replies.invoice(quote_id, snapshot, found)
        problem = quotes.known(quote_id).problem
    if state is State.ACCEPTED:
        # Somebody bought by card meanwhile: this subscription ends before anything is paid for it.
        gateway.call_off(provider_id, f"quote-{quote_id}-back")
        with transaction():
            replies.withdraw(quote_id)
        log.error("quote withdrawn", quote=str(quote_id), subscription=provider_id)
        return State.WITHDRAWN
    if problem is not None:
        log.error("figures differ", quote=str(quote_id), problem=problem)
    return state


def finish_left_alone(gateway: Gateway) -> int:
    """Invoice the accepted quotes that nobody is busy with any more, as after a kill; gives how many moved. A sweep."""
    moved = 0
    for quote_id in [quote.id for quote in quotes.left_alone()]:
        try:
            moved += begin(gateway, quote_id) is not State.ACCEPTED
        except Refusal as refusal:
            log.warning("quote not invoiced", quote=str(quote_id), why=refusal.message)
        except Exception:
            # One quote that cannot be invoiced must not stop the others; it is shown to the operator.
            log.exception("quote not invoiced", quote=str(quote_id))
    return moved


def _agreement(quote: Quote, organisation_id: UUID, customer_id: str) -> Agreement:
    """Say what was agreed."""
    return Agreement(
        key=f"quote-{quote.id}-{quote.attempt}",
        quote_id=quote.id,
        organisation_id=organisation_id,
        customer_id=customer_id,
        card=price_cards.of_version(quote.card_version),
        seats=quote.seats,
        vat_percent=quote.vat_percent,
        discount_percent=quote.discount_percent,
        days_to_pay=quotes.DAYS_TO_PAY,
        purchase_order=quote.purchase_order,
        address=_address(quote),
    )


def _address(quote: Quote) -> PostalAddress | None:
    """Give the address that was given with the acceptance; none was asked for at first."""
    if quote.line1 is None or quote.city is None or quote.postcode is None:
        return None
    return PostalAddress(line1=quote.line1, line2=quote.line2, city=quote.city, postcode=quote.postcode)
