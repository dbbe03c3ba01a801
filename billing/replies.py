"""Replies to quotes: whoever has the link accepts or declines, once, and what was accepted is invoiced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.accounts import invitations, memberships, organisations, people
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid
from billing import invoice_recipients, invoices, quotes, subscriptions, vat_documents
from billing.quotes import Quote, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from billing.gateway import ProviderInvoice, Snapshot

LONGEST_LINE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What somebody gives who accepts a quote, as they typed it; `terms_version` is that of the terms they were shown."""

    name: str
    purchase_order: str
    finance_name: str
    finance_address: str
    line1: str
    line2: str
    city: str
    postcode: str
    terms_version: int


def accept(quote_id: UUID, acceptance: Acceptance, *, invitation_days: int) -> Quote:
    """Accept a quote; whoever comes second finds it accepted. An organisation that is new is founded and its owner invited.

    Raises Invalid for what cannot be used, Conflict when it has expired, was declined, or a subscription is running.
    """
    quote = quotes.locked(quote_id)
    if State(quote.state) in {State.ACCEPTED, State.INVOICED}:
        return quote
    _demand_open(quote)
    quote.accepted_by = people.read_name(acceptance.name)
    quote.purchase_order = quotes.read_words(acceptance.purchase_order, quotes.LONGEST_ORDER, "purchase_order") or None
    quote.finance_name = people.read_name(acceptance.finance_name, "finance_name")
    try:
        quote.finance_address = people.read_address(acceptance.finance_address)
    except Invalid as refusal:
        raise Invalid(refusal.message, field="finance_address") from refusal
    quote.line1 = _read_line(acceptance.line1, "line1", "Give the first line of the address.")
    quote.line2 = _read_line(acceptance.line2, "line2") or None
    quote.city = _read_line(acceptance.city, "city", "Give the town or city.")
    quote.postcode = _read_line(acceptance.postcode, "postcode", "Give the postcode.").upper()
    quote.terms_version = acceptance.terms_version
    quote.accepted_at = clock.now()
    if quote.organisation_id is None:
        quote.organisation_id = _found(quote, invitation_days)
    if subscriptions.is_running(quote.organisation_id):
        raise quotes.has_subscription(quote.for_organisation)
    try:
        with db.session.begin_nested():
            quotes.move(quote, State.ACCEPTED)
    except sa.exc.IntegrityError as error:
        message = f"Another quote for {quote.for_organisation} has just been accepted, so nothing was done with this one."
        raise Conflict(message) from error
    return quote


def decline(quote_id: UUID, because: str) -> Quote:
    """Decline a quote, with a reason if somebody gives one; whoever comes second finds it declined. Raises Conflict otherwise."""
    quote = quotes.locked(quote_id)
    if quote.state == State.DECLINED:
        return quote
    _demand_open(quote)
    quote.declined_because = quotes.read_words(because, quotes.LONGEST_NOTE, "because") or None
    quotes.move(quote, State.DECLINED)
    quotes.mail("quote_declined", quote, [people.known(quote.by_id).address])
    return quote


def invoice(quote_id: UUID, snapshot: Snapshot, found: Sequence[ProviderInvoice]) -> State:
    """Turn an accepted quote into a subscription with its first invoice, once; gives where the quote stands.

    It stays accepted when another subscription has begun meanwhile: then it is to be withdrawn.
    """
    quote = quotes.locked(quote_id)
    if quote.state != State.ACCEPTED or quote.organisation_id is None:
        return State(quote.state)
    live = subscriptions.live(quote.organisation_id)
    if live is not None and live.provider_id != snapshot.id and live.status != "canceled":
        return State.ACCEPTED
    subscription = subscriptions.begin(quote.organisation_id, snapshot, found)
    invoices.keep(subscription, found)
    vat_documents.copy(subscription, found)
    invoice_recipients.add_finance_contact(quote.organisation_id, quote.finance_address or quote.for_address)
    first = next((invoice for invoice in found if invoice.number is not None), None)
    quote.invoice_id = None if first is None else first.id
    # Whatever was refused before has come right.
    quote.problem = None
    if first is None or first.gross_minor != quote.gross_minor:
        quote.problem = "The provider's first invoice has another total than the quote."
    billed = first or quote
    quotes.move(quote, State.INVOICED)
    quotes.mail(
        "quote_accepted",
        quote,
        [quote.for_address, quote.finance_address, people.known(quote.by_id).address],
        is_waiting=subscription.withheld > 0,
        gross_minor=billed.gross_minor,
        vat_minor=billed.vat_minor,
        invoice=None if first is None else first.number,
        due_at=None if first is None or first.due_at is None else first.due_at.isoformat(),
    )
    return State.INVOICED


def withdraw(quote_id: UUID) -> None:
    """Note that an accepted quote came to nothing, because another subscription had begun."""
    quote = quotes.locked(quote_id)
    if quote.state == State.ACCEPTED:
        quotes.move(quote, State.WITHDRAWN)


def try_again(quote_id: UUID, why: str) -> None:
    """Count one more attempt to have a quote invoiced, after the provider refused the last one for good."""
    quote = quotes.locked(quote_id)
    quote.attempt += 1
    quote.problem = why[:500]


def _read_line(typed: str, field: str, demand: str = "") -> str:
    """Read a line of an address; raises Invalid when it cannot be printed, or with a demand that is not met."""
    line = " ".join(quotes.read_words(typed, LONGEST_LINE, field).split())
    if demand and not line:
        raise Invalid(demand, field=field)
    return line


def _found(quote: Quote, invitation_days: int) -> UUID:
    """Found the organisation of a quote that was made for one by name, and invite whom it was for to be its owner."""
    organisation = organisations.found(quote.for_organisation, Kind.ORGANISATION, by=quote.by_id)
    membership = memberships.invite(organisation.id, quote.for_name, quote.for_address, {Role.OWNER})
    invitations.send(membership, by=quote.by_id, days=invitation_days)
    return organisation.id


def _demand_open(quote: Quote) -> None:
    if quote.is_open:
        return
    words = {State.SENT: "has expired", State.EXPIRED: "has expired", State.DECLINED: "was declined"}
    stands = words.get(State(quote.state), "is closed")
    message = f"Quote {quote.number} {stands}, so nothing was done. Ask for a new one on the price page."
    raise Conflict(message)
