"""Stripe's objects read into our own words; what comes in are objects of its SDK, and nothing of them goes any further."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing.gateway import (
    Billed,
    Line,
    Preview,
    ProviderCheckout,
    ProviderCreditNote,
    ProviderEvent,
    ProviderInvoice,
    Snapshot,
)
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

# Where we sell: an address at home does not name the country.
HOME = "GB"
# What is fetched along with a subscription, because a snapshot tells of it.
EXPANDED = [
    "schedule.phases.items.price",
    "default_payment_method",
    "customer.invoice_settings.default_payment_method",
    "customer.tax_ids",
    "discounts.source.coupon",
    "latest_invoice",
]


def checkout(session: Any, invoice: Any = None) -> ProviderCheckout:
    """Read a hosted checkout, and how a debit for its invoice stands where it is complete and unpaid."""
    return ProviderCheckout(
        id=session.id,
        url=session.url,
        is_open=session.status == "open",
        is_paid=session.status == "complete" and session.payment_status in {"paid", "no_payment_required"},
        is_expired=session.status == "expired",
        has_failed=invoice is not None and (invoice.status == "void" or debit_failed(invoice)),
        subscription_id=session.subscription and id_of(session.subscription),
        gross_minor=session.amount_total or 0,
    )


def debit_failed(invoice: Any) -> bool:
    """Read from an invoice that was fetched with its payments whether the bank has refused a debit for it.

    One without any payment was not tried yet, and one whose payment was only recorded was paid elsewhere.
    """
    intents = [getattr(payment.payment, "payment_intent", None) for payment in invoice.payments.data]
    stands = {getattr(intent, "status", None) for intent in intents}
    return invoice.status == "open" and bool(stands) and stands <= {"requires_payment_method", "canceled"}


def snapshot(subscription: Any) -> Snapshot:
    """Read a subscription that was fetched with what is expanded."""
    item = subscription.items.data[0]
    metadata = subscription.metadata.to_dict()
    details = subscription.cancellation_details
    rates = subscription.default_tax_rates
    ends_at = item.current_period_end if subscription.cancel_at_period_end else subscription.cancel_at
    planned = _planned(subscription.schedule, item.current_period_end)
    pending = subscription.pending_update
    discount = subscription.discounts[0] if subscription.discounts else None
    coupon = None if discount is None else discount.source.coupon
    return Snapshot(
        id=subscription.id,
        checkout_id=_uuid(metadata.get("checkout")),
        status=subscription.status,
        quantity=item.quantity or 0,
        interval=_interval(item.price),
        card_version=int(item.price.metadata["card_version"]),
        vat_percent=int(rates[0].percentage) if rates else None,
        period_start=moment(item.current_period_start),
        period_end=moment(item.current_period_end),
        cancel_at=None if ends_at is None else moment(ends_at),
        was_asked_to_end=details is not None and details.reason in {"cancellation_requested", "payment_disputed"},
        coming_seats=None if planned is None else planned.quantity or 0,
        coming_interval=None if planned is None else _interval(planned.price),
        pending_until=None if pending is None else moment(pending.expires_at),
        pays_with=_card_words(subscription),
        pays_by_debit=pays_by_debit(subscription),
        owes_change=owes_change(subscription),
        discount_percent=None if coupon is None or coupon.percent_off is None else int(coupon.percent_off),
        discount_minor=None if coupon is None else coupon.amount_off,
        discount_until=None if discount is None or discount.end is None else moment(discount.end),
        billed=_billed(subscription.customer),
        is_by_invoice=subscription.collection_method == "send_invoice",
        quote_id=_uuid(metadata.get("quote")),
    )


def invoice(found: Any, lines: Iterable[Any], credit_notes: Iterable[Any]) -> ProviderInvoice:
    """Read an invoice with its lines, and what was taken back of it."""
    net = found.total_excluding_tax if found.total_excluding_tax is not None else found.subtotal
    tax_ids = found.customer_tax_ids or []
    return ProviderInvoice(
        id=found.id,
        number=found.number,
        status=found.status or "draft",
        why=found.billing_reason or "",
        net_minor=net,
        vat_minor=found.total - net,
        gross_minor=found.total,
        remaining_minor=found.amount_remaining,
        currency=found.currency.upper(),
        issued_at=moment(found.status_transitions.finalized_at or found.created),
        paid_at=_moment(found.status_transitions.paid_at),
        tries_again_at=_moment(found.next_payment_attempt),
        url=found.hosted_invoice_url,
        paid_minor=found.amount_paid,
        discount_minor=found.subtotal - net,
        due_at=_moment(found.due_date),
        voided_at=_moment(found.status_transitions.voided_at),
        is_sent=found.collection_method == "send_invoice",
        buyer=found.customer_name or "",
        buyer_address=_address(found.customer_address),
        buyer_vat_number=tax_ids[0].value if tax_ids else None,
        fields=tuple((field.name, field.value) for field in found.custom_fields or []),
        lines=tuple(_line(line) for line in lines),
        credit_notes=tuple(_credit_note(note) for note in credit_notes),
        problem=getattr(found.last_finalization_error, "message", None) if found.status == "draft" else None,
    )


def _line(line: Any) -> Line:
    """Read a line of an invoice; the price of one is said only where the line is that many times it."""
    unit = Decimal(getattr(line.pricing, "unit_amount_decimal", None) or 0)
    is_whole = unit == int(unit) and int(unit) * (line.quantity or 0) == line.amount
    return Line(
        words=line.description or "",
        quantity=line.quantity,
        unit_minor=int(unit) if is_whole else None,
        net_minor=line.amount,
        starts_at=moment(line.period.start),
        ends_at=moment(line.period.end),
    )


def _credit_note(note: Any) -> ProviderCreditNote:
    net = note.total_excluding_tax if note.total_excluding_tax is not None else note.subtotal
    return ProviderCreditNote(
        id=note.id,
        number=note.number,
        why=note.memo,
        net_minor=net,
        vat_minor=note.total - net,
        gross_minor=note.total,
        refunded_minor=sum(refund.amount_refunded for refund in note.refunds),
        issued_at=moment(note.effective_at or note.created),
        lines=tuple(
            Line(words=line.description or "", quantity=line.quantity, unit_minor=None, net_minor=line.amount)
            for line in note.lines.data
        ),
    )


def _address(address: Any) -> tuple[str, ...]:
    """Give an address as the lines of an envelope."""
    if address is None:
        return ()
    town = " ".join(part for part in (address.city, address.postal_code) if part)
    country = None if address.country == HOME else address.country
    parts = (address.line1, address.line2, town, address.state, country)
    return tuple(part for part in parts if part)


def preview(found: Any) -> Preview:
    """Read what a change would cost."""
    net = found.total_excluding_tax if found.total_excluding_tax is not None else found.subtotal
    return Preview(net_minor=net, vat_minor=found.total - net, gross_minor=found.total)


def event(payload: dict[str, Any]) -> ProviderEvent:
    """Read a message whose signature was checked."""
    about = payload["data"]["object"]
    kind = payload["type"]
    metadata = about.get("metadata") or {}
    parent = about.get("parent") or {}
    if kind.startswith("customer.subscription."):
        subscription_id = about["id"]
    elif kind.startswith("invoice."):
        subscription_id = (parent.get("subscription_details") or {}).get("subscription")
    elif kind.startswith("subscription_schedule."):
        subscription_id = about.get("subscription") or about.get("released_subscription")
    else:
        subscription_id = None
    return ProviderEvent(
        id=payload["id"],
        kind=kind,
        created_at=moment(payload["created"]),
        api_version=payload.get("api_version"),
        object_id=about.get(_looked_at(kind)) or "",
        checkout_id=_uuid(about.get("client_reference_id") or metadata.get("checkout")),
        subscription_id=subscription_id,
        payload=payload,
    )


def _looked_at(kind: str) -> str:
    """Say where in its object a message holds the id of what is to be looked at."""
    if kind.startswith("customer.tax_id."):
        return "customer"
    return "invoice" if kind.startswith("credit_note.") else "id"


def moment(timestamp: int) -> datetime:
    """Read a time."""
    return datetime.fromtimestamp(timestamp, UTC)


def _billed(customer: Any) -> Billed | None:
    """Read who is billed, with the VAT number that was given last; of a customer who was deleted nothing is left."""
    if _is_deleted(customer):
        return None
    address = customer.address
    numbers = [found.value for found in customer.tax_ids.data if found.type == "gb_vat"]
    return Billed(
        name=customer.name,
        business_name=getattr(customer, "business_name", None),
        line1=getattr(address, "line1", None),
        line2=getattr(address, "line2", None),
        city=getattr(address, "city", None),
        postcode=getattr(address, "postal_code", None),
        country=getattr(address, "country", None),
        vat_number=numbers[0] if numbers else None,
    )


def _moment(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else moment(timestamp)


def _planned(schedule: Any, period_end: int) -> Any:
    """Give what a subscription is to have from the end of its period on, if that is planned."""
    if schedule is None or schedule.status != "active":
        return None
    return next((phase.items[0] for phase in schedule.phases if phase.start_date >= period_end), None)


def method_of(subscription: Any) -> Any:
    """Give with what a subscription is paid."""
    if subscription.default_payment_method or _is_deleted(subscription.customer):
        return subscription.default_payment_method
    return subscription.customer.invoice_settings.default_payment_method


def _is_deleted(customer: Any) -> bool:
    """Whether a customer was deleted at the provider, so that only the id is left."""
    return bool(getattr(customer, "deleted", False))


def pays_by_debit(subscription: Any) -> bool:
    """Whether a subscription is paid by bank debit."""
    return getattr(method_of(subscription), "type", None) == "bacs_debit"


def owes_change(subscription: Any) -> bool:
    """Whether a change that was made at once is still to be paid, as while a bank debit is on its way."""
    latest = subscription.latest_invoice
    if latest is None or subscription.pending_update is not None or subscription.collection_method != "charge_automatically":
        return False
    return bool(latest.billing_reason == "subscription_update" and latest.status == "open")


def _card_words(subscription: Any) -> str | None:
    """Say with which card, or from which account, is paid."""
    method = method_of(subscription)
    card = getattr(method, "card", None)
    debit = getattr(method, "bacs_debit", None)
    if debit is not None:
        return f"Direct Debit from the account ending {debit.last4}"
    if card is None:
        return None
    return f"{card.brand.capitalize()} ending {card.last4}, expires {card.exp_month:02}/{card.exp_year}"


def _interval(price: Any) -> Interval:
    return Interval(price.recurring.interval if price.recurring else "")


def id_of(value: Any) -> str:
    """Give the id of what may be expanded."""
    return value if isinstance(value, str) else str(value.id)


def _uuid(value: str | None) -> UUID | None:
    """Read an id of ours that came back; None for what another program put there."""
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
