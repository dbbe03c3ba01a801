"""Stripe as the payment provider: the only place that speaks its SDK; the sandbox answers to the same calls elsewhere."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import stripe

from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from billing import stripe_invoicing, stripe_objects
from billing.gateway import (
    Agreement,
    ForgedEvent,
    Order,
    Plan,
    Preview,
    ProviderCheckout,
    ProviderEvent,
    ProviderInvoice,
    Snapshot,
    Wish,
)
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from billing.price_cards import Card

TIMEOUT_SECONDS = 20
RETRIES = 2
TOLERANCE_SECONDS = 300
PRODUCT = "lanyard_seats"
INVOICES = 36
PORTAL_VERSION = "1"
# Seats are changed in the shop only, which knows how many are in use; invoices are listed there too.
PORTAL_FEATURES = {
    "customer_update": {"enabled": True, "allowed_updates": ["address", "tax_id"]},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    "subscription_update": {"enabled": False},
    "invoice_history": {"enabled": False},
}
# Without this the SDK writes a file under the home directory.
stripe.enable_telemetry = False


class StripeGateway:
    """Stripe, or the sandbox, behind the `Gateway` protocol."""

    api_version: str = stripe.api_version or ""

    def __init__(self, key: str, webhook_secret: str, *, address: str | None = None) -> None:
        """Speak to Stripe with a key, or to the sandbox at `address`."""
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": address} if address else {},
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
            max_network_retries=RETRIES,
        )
        self._webhook_secret = webhook_secret
        self._prices: dict[str, str] = {}
        self._tax_rates: dict[int, str] = {}
        self._portal: str | None = None

    def customer(self, organisation_id: UUID, name: str, address: str, attempt: int) -> str:
        """Make the customer of an organisation; asking twice with the same words and attempt gives the same one."""
        words = hashlib.sha256(f"{name}\0{address}".encode()).hexdigest()[:16]
        with _translated():
            made = self._client.v1.customers.create(
                {"name": name, "email": address, "metadata": {"organisation": str(organisation_id)}},
                {"idempotency_key": f"customer-{organisation_id}-{words}-{attempt}"},
            )
        return made.id

    def open_checkout(self, order: Order) -> ProviderCheckout:
        """Open the hosted page for an order; asking twice gives the same page."""
        metadata = {"organisation": str(order.organisation_id), "checkout": str(order.checkout_id)}
        key = f"checkout-{order.checkout_id}-{order.attempt}"
        rates = [] if order.vat_percent is None else [self._tax_rate(order.vat_percent, key)]
        params: dict[str, Any] = {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "customer": order.customer_id,
            "client_reference_id": str(order.checkout_id),
            "line_items": [{"price": self._price(order.card, order.interval, key), "quantity": order.seats}],
            "subscription_data": {"metadata": metadata, **({"default_tax_rates": rates} if rates else {})},
            "metadata": metadata,
            "success_url": order.paid_url,
            "cancel_url": order.back_url,
        }
        with _translated():
            options: Any = {"idempotency_key": key}
            return stripe_objects.checkout(self._client.v1.checkout.sessions.create(cast("Any", params), options))

    def checkout(self, provider_id: str) -> ProviderCheckout:
        """Fetch a hosted page."""
        with _translated():
            return stripe_objects.checkout(self._client.v1.checkout.sessions.retrieve(provider_id))

    def expire_checkout(self, provider_id: str) -> ProviderCheckout:
        """Close a hosted page; one that is over already is given as it stands."""
        found = self.checkout(provider_id)
        if not found.is_open:
            return found
        try:
            with _translated():
                return stripe_objects.checkout(self._client.v1.checkout.sessions.expire(provider_id))
        except Invalid:
            return self.checkout(provider_id)

    def subscription(self, provider_id: str) -> Snapshot:
        """Fetch a subscription."""
        with _translated():
            return stripe_objects.snapshot(self._fetched(provider_id))

    def preview(self, wish: Wish) -> Preview:
        """Say what a change would cost today."""
        with _translated():
            found = self._fetched(wish.subscription_id)
            details = self._change_of(found, wish) | {"proration_behavior": "always_invoice"}
            params: Any = {"subscription": wish.subscription_id, "subscription_details": details}
            return stripe_objects.preview(self._client.v1.invoices.create_preview(params))

    def change(self, wish: Wish) -> None:
        """Charge a change at once; it is pending while its payment is not complete."""
        with _translated():
            found = self._fetched(wish.subscription_id)
            now = stripe_objects.snapshot(found)
            is_made = (now.quantity, now.interval) == (wish.seats, wish.interval)
            if now.pending_until is None and not is_made:
                self._release(found, wish.key)
                params: Any = self._change_of(found, wish) | {"proration_behavior": "always_invoice"}
                if not now.is_by_invoice:
                    params["payment_behavior"] = "pending_if_incomplete"
                self._client.v1.subscriptions.update(wish.subscription_id, params, {"idempotency_key": wish.key})
            if now.is_by_invoice:
                stripe_invoicing.open_drafts(self._client, wish.subscription_id, wish.key)

    def plan(self, plan: Plan) -> None:
        """Have a schedule change the subscription at the end of its period and let go of it afterwards."""
        with _translated():
            found = self._fetched(plan.subscription_id)
            item = found.items.data[0]
            rates = {"default_tax_rates": [rate.id for rate in found.default_tax_rates]} if found.default_tax_rates else {}
            schedule: Any = found.schedule
            schedules = self._client.v1.subscription_schedules
            if schedule is None:
                start: Any = {"from_subscription": plan.subscription_id}
                schedule = schedules.create(start, {"idempotency_key": f"{plan.key}-schedule"})
            params: Any = {
                "end_behavior": "release",
                "proration_behavior": "none",
                "phases": [
                    {
                        "start_date": schedule.current_phase.start_date,
                        "end_date": item.current_period_end,
                        "items": [{"price": item.price.id, "quantity": item.quantity}],
                        **rates,
                    },
                    {
                        "items": [{"price": self._price(plan.card, plan.interval, plan.key), "quantity": plan.seats}],
                        "duration": {"interval": plan.interval.value, "interval_count": 1},
                        "proration_behavior": "none",
                        **rates,
                    },
                ],
            }
            schedules.update(schedule.id, params, {"idempotency_key": f"{plan.key}-{schedule.id}"})

    def drop_plan(self, subscription_id: str, key: str) -> None:
        """Release the schedule of a subscription."""
        with _translated():
            self._release(self._fetched(subscription_id), key)

    def end_with_term(self, subscription_id: str, key: str, *, is_wanted: bool, reason: str | None = None) -> None:
        """Set or unset that a subscription ends with its period."""
        with _translated():
            found = self._fetched(subscription_id)
            if found.cancel_at_period_end == is_wanted:
                return
            self._release(found, key)
            params: Any = {"cancel_at_period_end": is_wanted}
            if is_wanted and reason is not None:
                params["cancellation_details"] = {"feedback": reason}
            self._client.v1.subscriptions.update(subscription_id, params, {"idempotency_key": key})

    def give_up(self, subscription_id: str, key: str) -> None:
        """Void the invoice that a pending update waits for."""
        with _translated():
            found = self._fetched(subscription_id)
            if found.pending_update is not None and isinstance(found.latest_invoice, str):
                self._client.v1.invoices.void_invoice(found.latest_invoice, {}, {"idempotency_key": f"{key}-give-up"})

    def take_back(self, subscription_id: str, key: str) -> None:
        """Cancel a subscription now, and refund its invoice by a credit note for all of its lines."""
        with _translated():
            found = self._fetched(subscription_id)
            if found.status != "canceled":
                self._client.v1.subscriptions.cancel(subscription_id, {"invoice_now": False, "prorate": False})
            paid: Any = self._client.v1.invoices.list({"subscription": subscription_id, "status": "paid"}).data
            for invoice in paid:
                if invoice.total and not invoice.post_payment_credit_notes_amount:
                    kind = "invoice_line_item"
                    lines = [{"type": kind, "invoice_line_item": line.id, "amount": line.amount} for line in invoice.lines.data]
                    params: Any = {"invoice": invoice.id, "lines": lines, "refund_amount": invoice.total, "reason": "duplicate"}
                    self._client.v1.credit_notes.create(params, {"idempotency_key": f"{key}-{invoice.id}"})

    def agree(self, agreement: Agreement) -> str:
        """Begin a subscription whose invoices are sent, and give its id."""
        with _translated():
            price = self._price(agreement.card, Interval.YEAR, agreement.key)
            terms: dict[str, Any] = {"items": [{"price": price, "quantity": agreement.seats}]}
            if agreement.vat_percent is not None:
                terms["default_tax_rates"] = [self._tax_rate(agreement.vat_percent, agreement.key)]
            return stripe_invoicing.agree(self._client, agreement, terms)

    def receive(self, invoice_id: str) -> None:
        """Mark an invoice as paid out of band."""
        try:
            with _translated():
                stripe_invoicing.receive(self._client, invoice_id)
        except Invalid:
            # Somebody else was quicker: what counts is that it is paid.
            with _translated():
                if self._client.v1.invoices.retrieve(invoice_id).status != "paid":
                    raise

    def call_off(self, subscription_id: str, key: str) -> None:
        """End a subscription at once, void what is open and give back what was paid."""
        with _translated():
            stripe_invoicing.take_open_back(self._client, subscription_id, key)
        self.take_back(subscription_id, key)

    def invoices(self, subscription_id: str) -> list[ProviderInvoice]:
        """Fetch the newest invoices of a subscription."""
        with _translated():
            found = self._client.v1.invoices.list({"subscription": subscription_id, "limit": INVOICES})
            notes = self._credit_notes(found.data)
            return [
                stripe_objects.invoice(invoice, cast("Any", invoice.lines.auto_paging_iter()), notes[invoice.id])
                for invoice in found.data
            ]

    def _credit_notes(self, invoices: list[stripe.Invoice]) -> dict[str, list[Any]]:
        """Fetch what was taken back of the invoices of one customer, by invoice; they only carry its sum."""
        notes: dict[str, list[Any]] = {invoice.id: [] for invoice in invoices}
        if any(invoice.pre_payment_credit_notes_amount or invoice.post_payment_credit_notes_amount for invoice in invoices):
            customer: Any = invoices[0].customer
            for note in self._client.v1.credit_notes.list({"customer": customer, "limit": 100}).auto_paging_iter():
                notes.get(str(note.invoice), []).append(note)
        return notes

    def portal(self, customer_id: str, back_url: str) -> str:
        """Open the customer portal, set up for the card, the address and ending with the term."""
        with _translated():
            params: Any = {"customer": customer_id, "configuration": self._portal_configuration(), "return_url": back_url}
            return self._client.v1.billing_portal.sessions.create(params).url

    def price_drift(self, card: Card, interval: Interval) -> str | None:
        """Compare the Price of a card with the card, band by band."""
        lookup_key = _lookup_key(card, interval)
        with _translated():
            found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "limit": 1, "expand": ["data.tiers"]}).data
        if not found:
            return None
        theirs = [(tier.up_to, tier.unit_amount) for tier in found[0].tiers or []]
        ours = [(band.last, band.unit_minor(interval)) for band in card.bands]
        is_same = theirs == ours and found[0].currency == card.currency.lower() and found[0].tiers_mode == card.mode
        return None if is_same else f"Price {found[0].id} ({lookup_key}) differs from version {card.version} of the price card."

    def event(self, payload: bytes, signature: str) -> ProviderEvent:
        """Read a webhook; raises ForgedEvent when it is not signed by Stripe, too old or from the future."""
        try:
            self._client.construct_event(payload, signature, self._webhook_secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, ValueError) as error:
            message = "This message is not signed by the payment provider."
            raise ForgedEvent(message, why=str(error)) from error
        signed_at = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
        if signed_at > time.time() + TOLERANCE_SECONDS:
            message = "This message was signed in the future."
            raise ForgedEvent(message, signed_at=signed_at)
        return stripe_objects.event(json.loads(payload))

    def _fetched(self, provider_id: str) -> stripe.Subscription:
        return self._client.v1.subscriptions.retrieve(provider_id, {"expand": stripe_objects.EXPANDED})

    def _change_of(self, found: stripe.Subscription, wish: Wish) -> dict[str, Any]:
        """Say a change in Stripe's words."""
        price = self._price(wish.card, wish.interval, wish.key)
        return {
            "items": [{"id": found.items.data[0].id, "price": price, "quantity": wish.seats}],
            "proration_date": int(wish.counted_at.timestamp()),
        }

    def _release(self, found: stripe.Subscription, key: str) -> None:
        """Let go of the schedule of a subscription, if it has one."""
        schedule: Any = found.schedule
        if schedule is not None:
            self._client.v1.subscription_schedules.release(schedule.id, {}, {"idempotency_key": f"{key}-{schedule.id}"})

    def _portal_configuration(self) -> str:
        """Give how our portal is set up, made when Stripe does not have it yet."""
        if self._portal is None:
            configurations = self._client.v1.billing_portal.configurations
            for found in configurations.list({"active": True, "limit": 100}).auto_paging_iter():
                if found.metadata and "lanyard_portal" in found.metadata and found.metadata["lanyard_portal"] == PORTAL_VERSION:
                    self._portal = found.id
                    break
            else:
                params: Any = {"features": PORTAL_FEATURES, "metadata": {"lanyard_portal": PORTAL_VERSION}}
                self._portal = configurations.create(params, {"idempotency_key": f"portal-{PORTAL_VERSION}"}).id
        return self._portal

    def _price(self, card: Card, interval: Interval, key: str) -> str:
        """Give the Price of a card and interval, made from the card when Stripe does not have it yet."""
        lookup_key = _lookup_key(card, interval)
        if lookup_key not in self._prices:
            with _translated():
                self._prices[lookup_key] = self._find_price(lookup_key) or self._make_price(lookup_key, card, interval, key)
        return self._prices[lookup_key]

    def _find_price(self, lookup_key: str) -> str | None:
        found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
        return found[0].id if found else None

    def _make_price(self, lookup_key: str, card: Card, interval: Interval, key: str) -> str:
        """Make the Price, unless somebody else is just doing so: its lookup key is given once."""
        try:
            self._client.v1.products.retrieve(PRODUCT)
        except stripe.InvalidRequestError:
            with suppress(stripe.InvalidRequestError):
                self._client.v1.products.create(
                    {"id": PRODUCT, "name": "Lanyard seats", "unit_label": "seat"}, {"idempotency_key": f"product-{key}"}
                )
        tiers: list[Any] = [
            {"up_to": "inf" if band.last is None else band.last, "unit_amount": band.unit_minor(interval)} for band in card.bands
        ]
        params: Any = {
            "product": PRODUCT,
            "currency": card.currency.lower(),
            "billing_scheme": "tiered",
            "tiers_mode": card.mode.value,
            "tiers": tiers,
            "recurring": {"interval": interval.value},
            "tax_behavior": "exclusive",
            "lookup_key": lookup_key,
            "metadata": {"card_version": str(card.version)},
        }
        try:
            return self._client.v1.prices.create(params, {"idempotency_key": f"price-{key}"}).id
        except stripe.InvalidRequestError:
            found = self._find_price(lookup_key)
            if found is None:
                raise
            return found

    def _tax_rate(self, percent: int, key: str) -> str:
        """Give the exclusive VAT rate, made when Stripe does not have it yet."""
        if percent not in self._tax_rates:
            with _translated():
                for rate in self._client.v1.tax_rates.list({"active": True, "limit": 100}).auto_paging_iter():
                    if rate.metadata and "lanyard_vat" in rate.metadata and rate.metadata["lanyard_vat"] == str(percent):
                        self._tax_rates[percent] = rate.id
                        break
                else:
                    made = self._client.v1.tax_rates.create(
                        {
                            "display_name": "VAT",
                            "percentage": float(percent),
                            "inclusive": False,
                            "country": "GB",
                            "metadata": {"lanyard_vat": str(percent)},
                        },
                        {"idempotency_key": f"vat-{key}"},
                    )
                    self._tax_rates[percent] = made.id
        return self._tax_rates[percent]


def _lookup_key(card: Card, interval: Interval) -> str:
    return f"lanyard_seats_v{card.version}_{interval}"


@contextmanager
def _translated() -> Iterator[None]:
    """Turn Stripe's errors into ours.

    `definite` tells whether Stripe has answered: its answer is kept under the idempotency key, so that a new try needs a new key.
    """
    try:
        yield
    except stripe.CardError as error:
        message = "The bank declined the card. Nothing was charged. Change the card and try again."
        raise Conflict(message, provider_message=str(error), definite=True) from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise Missing(param=error.param) from error
        message = "The payment provider did not accept this request. Nothing was charged."
        raise Invalid(message, provider_message=str(error), param=error.param, definite=True) from error
    except stripe.StripeError as error:
        message = "The payment provider does not answer just now. Nothing was charged. Please try again in a minute."
        definite = error.http_status is not None and not isinstance(error, stripe.RateLimitError)
        raise Unavailable(message, provider_message=str(error), definite=definite) from error
