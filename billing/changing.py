"""Changing a subscription at the edge: what it would cost, having it made, and finishing what was left half-done.

The provider is asked with no transaction open. Whatever it answers, the subscription is fetched again, and what stands there
decides. Each of these is safe to run twice, at the same time, and after a kill in the middle.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, Refusal, Unavailable
from app.kernel.transaction import transaction
from billing import additions, changes, credit, invoices, price_cards, quotes, reactions, receipts
from billing.changes import Change, Kind, Offer, State
from billing.gateway import Plan, Wish
from billing.price_cards import Interval
from billing.subscriptions import Subscription, known

if TYPE_CHECKING:
    from uuid import UUID

    from billing.gateway import Gateway

log = structlog.get_logger(__name__)
LOOKS = 20
# A change lets go of the plan until it is paid: near its end the term could renew without the plan.
TOO_NEAR = timedelta(days=1)
# A bank debit takes up to seven working days.
TOO_NEAR_BY_DEBIT = timedelta(days=14)
# An invoice is to be paid before it would be given up for the sake of the plan.
TOO_NEAR_BY_INVOICE = timedelta(days=quotes.DAYS_TO_PAY) + TOO_NEAR
BETWEEN_LOOKS_SECONDS = 0.25


def offer_seats(gateway: Gateway, organisation_id: UUID, added: int) -> Offer:
    """Say what so many more seats cost today; raises Invalid, Conflict, or Unavailable when the figures do not agree."""
    subscription = changes.changeable(organisation_id)
    seats, then_seats, then_interval = changes.more_seats(subscription, added)
    return _offer(gateway, subscription, seats, subscription.paid_interval, (then_seats, then_interval))


def offer_year(gateway: Gateway, organisation_id: UUID) -> Offer:
    """Say what a year costs from today, less the days of the month that are left; raises Conflict where a year is paid."""
    subscription = changes.changeable(organisation_id)
    if subscription.cancel_at is not None or subscription.paid_interval is Interval.YEAR:
        message = "This subscription cannot be switched to yearly now. Open Billing to see where it stands."
        raise Conflict(message)
    if subscription.pays_by_debit:
        message = (
            "A switch to yearly is paid at once, which a Direct Debit cannot do. Change to a card under Billing first, "
            "or cancel with this term and buy the year after it."
        )
        raise Conflict(message)
    if subscription.discount_until is not None and subscription.discount_at(clock.now()) is not None:
        message = "A promotion code for paying by the month is running. You can switch to yearly as soon as it has run out."
        raise Conflict(message)
    coming = (subscription.coming_seats, Interval.YEAR if subscription.coming_seats else None)
    seats = changes.sold(subscription, subscription.bought, Interval.YEAR)
    return _offer(gateway, subscription, seats, Interval.YEAR, coming)


def carry_out(gateway: Gateway, change_id: UUID) -> State:
    """Have a change made that was asked for, and give where it stands; a plan for the renewal follows when it is paid.

    Raises the provider's refusal; the change is then settled, unless the provider only did not answer.
    """
    change = changes.known(change_id)
    state, subscription_id = State(change.state), change.subscription_id
    provider_id = known(subscription_id).provider_id
    try:
        if state is State.ASKED:
            _ask(gateway, change, provider_id)
        elif state is State.PLANNING:
            gateway.plan(_plan(change, provider_id))
    except Refusal as refusal:
        if isinstance(refusal, Unavailable) and not refusal.facts.get("definite"):
            raise
        # It may have been made all the same: only what stands at the provider tells.
        with suppress(Refusal):
            refresh_surely(gateway, provider_id)
        with transaction():
            changes.refuse(change_id, state, str(refusal.facts.get("provider_message", refusal.message)))
        with suppress(Refusal):
            refresh_surely(gateway, provider_id)
        raise
    with transaction():
        changes.mark_answered(change_id)
    refresh_surely(gateway, provider_id)
    after = State(changes.known(change_id).state)
    return carry_out(gateway, change_id) if after is State.PLANNING and state is not State.PLANNING else after


def give_up(gateway: Gateway, change_id: UUID) -> State:
    """Give up a change that waits for its payment: nothing is charged any more, and nothing is changed.

    Raises the provider's refusal, unless that comes from the change having been paid a moment before.
    """
    change = changes.known(change_id)
    if change.state == State.WAITING and change.is_at_once:
        provider_id = known(change.subscription_id).provider_id
        try:
            gateway.give_up(provider_id, f"change-{change_id}", change.from_seats)
        except Invalid:
            refresh_surely(gateway, provider_id)
            if changes.known(change_id).state == State.WAITING:
                raise
        refresh_surely(gateway, provider_id)
    state = State(changes.known(change_id).state)
    return carry_out(gateway, change_id) if state is State.PLANNING else state


def look(gateway: Gateway, change_id: UUID) -> State:
    """Ask the provider whether a change is made by now, and finish what is left to do; gives where it stands."""
    change = changes.known(change_id)
    if change.is_open and change.state == State.WAITING:
        provider_id = known(change.subscription_id).provider_id
        refresh_surely(gateway, provider_id)
        change = changes.known(change_id)
        if change.state == State.WAITING and change.is_at_once and (_endangers_plan(change) or gateway.has_failed(provider_id)):
            return give_up(gateway, change_id)
    return _finish(gateway, change_id)


def finish_left_alone(gateway: Gateway) -> int:
    """Finish the changes that nobody is busy with any more, as after a kill or a lost message; gives how many were settled."""
    settled = 0
    for change_id in [change.id for change in changes.left_alone()]:
        try:
            settled += look(gateway, change_id) not in changes.OPEN
        except Refusal as refusal:
            log.warning("change not finished", change=str(change_id), why=refusal.message)
        except Exception:
            # One change that cannot be finished must not stop the others.
            log.exception("change not finished", change=str(change_id))
    return settled


def refresh_surely(gateway: Gateway, provider_id: str) -> None:
    """Bring a subscription up to date, waiting while another worker is at it: it may have asked before us."""
    for _ in range(LOOKS):
        try:
            reactions.refresh(gateway, provider_id)
        except Conflict:
            time.sleep(BETWEEN_LOOKS_SECONDS)
        else:
            return
    log.warning("subscription stays leased", provider_id=provider_id)


def _finish(gateway: Gateway, change_id: UUID) -> State:
    """Go on with a change that still has something to ask the provider."""
    state = State(changes.known(change_id).state)
    return carry_out(gateway, change_id) if state in {State.ASKED, State.PLANNING} else state


def _offer(
    gateway: Gateway,
    subscription: Subscription,
    seats: int,
    interval: Interval,
    coming: tuple[int | None, Interval | None],
) -> Offer:
    if subscription.pays_by_debit and changes.open_of(subscription.id) is not None:
        message = "Another change of this subscription is being paid by Direct Debit. Open Billing to see where it stands."
        raise Conflict(message)
    card = price_cards.of_version(subscription.card_version)
    counted_at = additions.counted_from(subscription.period_start, clock.now())
    ours = additions.cost(subscription, card, seats, interval, counted_at)
    if coming[0] is not None:
        _refuse_to_lose_plan(subscription, ours.gross_minor)
    subscription_id, was = subscription.id, changes.as_it_is(subscription)
    wish = Wish(
        key=f"offer-{subscription_id}",
        subscription_id=subscription.provider_id,
        card=card,
        interval=interval,
        seats=seats,
        counted_at=counted_at,
    )
    theirs = gateway.preview(wish)
    if abs(theirs.net_minor - ours.net_minor) > 1:
        log.error("figures differ", subscription=str(subscription_id), ours=ours.net_minor, theirs=theirs.net_minor)
        message = "The payment provider gives another figure than ours, so we have stopped. Nothing was charged. Please tell us."
        raise Unavailable(message)
    return Offer(
        subscription_id=subscription_id,
        was=was,
        seats=seats,
        interval=interval,
        then_seats=coming[0],
        then_interval=coming[1],
        counted_at=counted_at,
        cost=theirs,
    )


def _refuse_to_lose_plan(subscription: Subscription, gross_minor: int) -> None:
    """Refuse a change that may not be paid before the renewal, which would then come without what is planned for it."""
    left = subscription.period_end - clock.now()
    if subscription.is_by_invoice and left < TOO_NEAR_BY_INVOICE and not _is_within_limit(subscription, gross_minor):
        message = (
            "What you have planned comes with the renewal, which is less than 31 days away, and an invoice may be paid later. "
            "Add seats after it, or undo the plan."
        )
    elif subscription.pays_by_debit and left < TOO_NEAR_BY_DEBIT:
        message = (
            "What you have planned comes with the renewal, which is less than 14 days away, and a Direct Debit may take longer. "
            "Change more after it, or undo the plan."
        )
    elif left < TOO_NEAR:
        message = (
            "What you have planned comes with the renewal, which is less than a day away. Change more after it, or undo the plan."
        )
    else:
        return
    raise Conflict(message)


def _is_within_limit(subscription: Subscription, gross_minor: int) -> bool:
    """Whether what is added is given at once, because no more is owed with it than the operator allows."""
    organisation_id = subscription.organisation_id
    return invoices.owed_besides(organisation_id, ()) + gross_minor <= credit.limit_of(organisation_id)


def _endangers_plan(change: Change) -> bool:
    """Whether an invoice still waits so near to the renewal that what is planned for it would come too late."""
    subscription = known(change.subscription_id)
    is_near = subscription.is_by_invoice and subscription.period_end - clock.now() < TOO_NEAR
    # Money that came by bank, and that the provider is not told of yet, may be for it.
    return is_near and change.then_seats is not None and not receipts.waiting()


def _ask(gateway: Gateway, change: Change, provider_id: str) -> None:
    """Ask the provider for what a change is to be now."""
    key = f"change-{change.id}"
    match Kind(change.kind):
        case Kind.MORE_SEATS | Kind.YEARLY:
            gateway.change(
                Wish(
                    key=key,
                    subscription_id=provider_id,
                    card=price_cards.of_version(known(change.subscription_id).card_version),
                    interval=Interval(change.interval),
                    seats=change.seats,
                    counted_at=change.counted_at,
                )
            )
        case Kind.DROP_PLAN:
            gateway.drop_plan(provider_id, key)
        case Kind.END | Kind.GO_ON:
            gateway.end_with_term(provider_id, key, is_wanted=change.kind == Kind.END, reason=change.reason)


def _plan(change: Change, provider_id: str) -> Plan:
    """Say what a change has to come with the renewal."""
    return Plan(
        key=f"change-{change.id}-plan-{change.then_seats}",
        subscription_id=provider_id,
        card=price_cards.of_version(known(change.subscription_id).card_version),
        interval=Interval(change.then_interval or change.interval),
        seats=change.then_seats or change.seats,
    )
