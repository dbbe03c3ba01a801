"""Seats that are missing for what somebody wants to do: what they cost today, or whom to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.accounts import newcomers
from app.kernel.errors import Missing, Refusal
from app.permissions import BUY_SEATS, GIVE_SEATS
from app.web import wiring
from billing import changes, changing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.accounts.memberships import Actor
    from app.shortfalls import Kind
    from billing.changes import Offer

UNKNOWN = "The payment provider does not know this subscription, so we cannot say what they cost. Please tell us."


@dataclass(frozen=True, slots=True)
class MissingSeats:
    """How many seats are missing, what for as its form says it, and what they cost; without an offer why not, or whom to ask."""

    number: int
    kind: Kind
    fields: list[tuple[str, str]]
    offer: Offer | None
    is_by_invoice: bool
    why_not: str
    owners: list[str]

    @property
    def added(self) -> int:
        """How many seats the offer adds, which may be more where the price list sells them so."""
        return self.offer.seats - self.offer.from_seats if self.offer else 0


def of(actor: Actor, number: int, kind: Kind, fields: Iterable[tuple[str, str]]) -> MissingSeats:
    """Say what the missing seats cost to whoever may buy them, and to everybody else whom to ask."""
    offer, why_not, is_by_invoice = None, "", False
    may_buy = actor.roles & BUY_SEATS.roles and actor.roles & GIVE_SEATS.roles
    if may_buy:
        try:
            is_by_invoice = changes.changeable(actor.organisation.id).is_by_invoice
            offer = changing.offer_seats(wiring.gateway(), actor.organisation.id, number)
        except Refusal as refusal:
            why_not = UNKNOWN if isinstance(refusal, Missing) else refusal.message
    people = [] if may_buy else newcomers.those_who_let_in(actor.organisation.id)
    owners = [member.name for member in people if member.is_owner]
    return MissingSeats(number, kind, list(fields), offer, is_by_invoice, why_not, owners)
