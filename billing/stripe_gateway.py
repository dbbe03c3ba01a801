"""Stripe as the payment provider: the only place that speaks its SDK; the sandbox answers to the same calls elsewhere."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, cast

import stripe

from app.kernel.errors import Invalid
from billing import stripe_debits, stripe_endings, stripe_invoicing, stripe_objects, stripe_prices, stripe_promotions
from billing.gateway import (
    ForgedEvent,
    GivenBack,
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
from billing.stripe_errors import translated as _translated
from billing.stripe_money_back import StripeMoneyBack

if TYPE_CHECKING:
    from uuid import UUID

    from billing.agreements import Agreement
    from billing.price_cards import Card

TIMEOUT_SECONDS = 20
RETRIES = 2
TOLERANCE_SECONDS = 300
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


class StripeGateway(StripeMoneyBack):
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
        self._sold = stripe_prices.Sold(self._client)
        self._portal: str | None = None

    @property
    def client(self) -> stripe.StripeClient:
        """The client of the SDK, for scenarios that do at the provider what the shop never does."""
        return self._client

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
        rates = [] if order.vat_percent is None else [self.tax_rate(order.vat_percent, key)]
        params: dict[str, Any] = {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "customer": order.customer_id,
            "client_reference_id": str(order.checkout_id),
            "line_items": [{"price": self.price(order.card, order.interval, key), "quantity": order.seats}],
            "subscription_data": {"metadata": metadata, **({"default_tax_rates": rates} if rates else {})},
            "metadata": metadata,
            "success_url": order.paid_url,
            "cancel_url": order.back_url,
            "billing_address_collection": "required",
            "tax_id_collection": {"enabled": True},
            "customer_update": {"name": "auto", "address": "auto"},
            "allowed_payment_method_types": ["card", "bacs_debit"],
        }
        if order.reduction is not None:
            with _translated():
                code = stripe_promotions.promotion_code(self._client, order.reduction)
            params["discounts"] = [{"promotion_code": code}]
        with _translated():
            options: Any = {"idempotency_key": key}
            return stripe_objects.checkout(self._client.v1.checkout.sessions.create(cast("Any", params), options))

    def checkout(self, provider_id: str) -> ProviderCheckout:
        """Fetch a hosted page, and how the debit stands by which it is being paid."""
        with _translated():
            session = self._client.v1.checkout.sessions.retrieve(provider_id)
            is_waiting = session.status == "complete" and session.payment_status == "unpaid"
            return stripe_objects.checkout(
                session, stripe_debits.with_payments(self._client, session.invoice) if is_waiting else None
            )

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
                    # A bank debit cannot be waited for by a pending update: those seats are held back by us until it is paid.
                    params["payment_behavior"] = "allow_incomplete" if now.pays_by_debit else "pending_if_incomplete"
                self._client.v1.subscriptions.update(wish.subscription_id, params, {"idempotency_key": wish.key})
            if now.is_by_invoice:
                stripe_invoicing.open_drafts(self._client, wish.subscription_id, wish.key)

    def plan(self, plan: Plan) -> None:
        """Have a schedule change the subscription at the end of its period and let go of it afterwards."""
        with _translated():
            found = self._fetched(plan.subscription_id)
            item = found.items.data[0]
            kept: dict[str, Any] = {}
            if found.default_tax_rates:
                kept["default_tax_rates"] = [rate.id for rate in found.default_tax_rates]
            discounts: Any = found.discounts
            if discounts:
                kept["discounts"] = [{"discount": discount.id} for discount in discounts]
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
                        **kept,
                    },
                    {
                        "items": [{"price": self.price(plan.card, plan.interval, plan.key), "quantity": plan.seats}],
                        "duration": {"interval": plan.interval.value, "interval_count": 1},
                        "proration_behavior": "none",
                        **kept,
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
            # What is cancelled on the portal has a date only, in flexible billing mode.
            ends = found.cancel_at_period_end or found.cancel_at is not None
            if ends == is_wanted:
                return
            self._release(found, key)
            has_date_only = ends and not found.cancel_at_period_end
            params: Any = {"cancel_at": ""} if has_date_only else {"cancel_at_period_end": is_wanted}
            if is_wanted and reason is not None:
                params["cancellation_details"] = {"feedback": reason}
            self._client.v1.subscriptions.update(subscription_id, params, {"idempotency_key": key})

    def give_up(self, subscription_id: str, key: str, seats: int) -> None:
        """Void the invoice that a pending update waits for, that a debit did not pay, or that was sent and not paid yet."""
        with _translated():
            found = self._fetched(subscription_id)
            latest: Any = found.latest_invoice
            if found.pending_update is not None:
                self._client.v1.invoices.void_invoice(latest.id, {}, {"idempotency_key": f"{key}-give-up"})
            elif found.collection_method == "send_invoice":
                stripe_invoicing.take_seats_back(self._client, found, seats, key)
            elif stripe_objects.owes_change(found):
                stripe_debits.take_seats_back(self._client, found, seats, key)

    def take_back(self, subscription_id: str, key: str) -> None:
        """Cancel a subscription now, void what is open and refund its invoice by a credit note for all of its lines."""
        with _translated():
            stripe_endings.take_back(self._client, self._fetched(subscription_id), key)

    def give_back(self, subscription_id: str, parts: tuple[GivenBack, ...], key: str) -> None:
        """Refund parts of the invoices of a subscription by a credit note for each, and cancel it now."""
        with _translated():
            stripe_endings.give_back(self._client, self._fetched(subscription_id), parts, key)

    def has_failed(self, subscription_id: str) -> bool:
        """Say whether the bank has refused the debit for a change, or its invoice was sent and taken back or written off."""
        with _translated():
            found = self._fetched(subscription_id)
            if found.collection_method == "send_invoice":
                return stripe_invoicing.has_failed(self._client, found)
            return stripe_objects.owes_change(found) and stripe_debits.has_failed(self._client, found.latest_invoice)

    def agree(self, agreement: Agreement) -> str:
        """Begin a subscription whose invoices are sent, and give its id."""
        with _translated():
            price = self.price(agreement.card, Interval.YEAR, agreement.key)
            terms: dict[str, Any] = {"items": [{"price": price, "quantity": agreement.seats}]}
            if agreement.vat_percent is not None:
                terms["default_tax_rates"] = [self.tax_rate(agreement.vat_percent, agreement.key)]
            if agreement.discount_percent is not None:
                coupon = stripe_promotions.coupon_of_quotes(self._client, agreement.discount_percent)
                terms["discounts"] = [{"coupon": coupon}]
            return stripe_invoicing.agree(self._client, agreement, terms)

    def receive(self, invoice_id: str) -> bool:
        """Mark an invoice as paid out of band."""
        try:
            with _translated():
                return stripe_invoicing.receive(self._client, invoice_id)
        except Invalid:
            # Somebody else was quicker: what counts is that it is paid, and how.
            with _translated():
                known = stripe_invoicing.is_received(self._client, invoice_id)
            if known is None:
                raise
            return known

    def call_off(self, subscription_id: str, key: str) -> None:
        """End a subscription at once, void what is open and give back what was paid."""
        with _translated():
            stripe_invoicing.take_open_back(self._client, subscription_id, key)
        self.take_back(subscription_id, key)

    def invoices(self, subscription_id: str) -> list[ProviderInvoice]:
        """Fetch the newest invoices of a subscription."""
        with _translated():
            return self._read(self._client.v1.invoices.list({"subscription": subscription_id, "limit": INVOICES}).data)

    def invoice(self, invoice_id: str) -> ProviderInvoice:
        """Fetch one invoice."""
        with _translated():
            [found] = self._read([self._client.v1.invoices.retrieve(invoice_id)])
            return found

    def _read(self, found: list[stripe.Invoice]) -> list[ProviderInvoice]:
        """Read the invoices of one customer with their lines and what was taken back of them."""
        notes = self._credit_notes(found)
        return [
            stripe_objects.invoice(invoice, cast("Any", invoice.lines.auto_paging_iter()), notes[invoice.id]) for invoice in found
        ]

    def _credit_notes(self, invoices: list[stripe.Invoice]) -> dict[str, list[Any]]:
        """Fetch what was taken back of the invoices of one customer, by invoice; they only carry its sum."""
        notes: dict[str, list[Any]] = {invoice.id: [] for invoice in invoices}
        if any(invoice.pre_payment_credit_notes_amount or invoice.post_payment_credit_notes_amount for invoice in invoices):
            customer: Any = invoices[0].customer
            for note in self._client.v1.credit_notes.list({"customer": customer, "limit": 100}).auto_paging_iter():
                if note.status != "void":
                    notes.get(str(note.invoice), []).append(note)
        return notes

    def portal(self, customer_id: str, back_url: str) -> str:
        """Open the customer portal, set up for the card, the address and ending with the term."""
        with _translated():
            params: Any = {"customer": customer_id, "configuration": self._portal_configuration(), "return_url": back_url}
            return self._client.v1.billing_portal.sessions.create(params).url

    def price_drift(self, card: Card, interval: Interval) -> str | None:
        """Compare the Price of a card with the card, band by band."""
        with _translated():
            return self._sold.drift(card, interval)

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
        price = self.price(wish.card, wish.interval, wish.key)
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

    def price(self, card: Card, interval: Interval, key: str) -> str:
        """Give the Price of a card and interval, made from the card when Stripe does not have it yet."""
        with _translated():
            return self._sold.price(card, interval, key)

    def tax_rate(self, percent: int, key: str) -> str:
        """Give the exclusive VAT rate, made when Stripe does not have it yet."""
        with _translated():
            return self._sold.tax_rate(percent, key)
