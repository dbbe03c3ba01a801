"""Stripe as the payment provider: the only place that speaks its SDK; the sandbox answers to the same calls elsewhere."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import stripe

from app.kernel.errors import Invalid, Missing, Unavailable
from billing.gateway import ForgedEvent, Order, ProviderCheckout, ProviderEvent, Snapshot
from billing.price_cards import Card, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_SECONDS = 20
RETRIES = 2
TOLERANCE_SECONDS = 300
PRODUCT = "lanyard_seats"
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
            return _checkout(self._client.v1.checkout.sessions.create(cast("Any", params), options))

    def checkout(self, provider_id: str) -> ProviderCheckout:
        """Fetch a hosted page."""
        with _translated():
            return _checkout(self._client.v1.checkout.sessions.retrieve(provider_id))

    def expire_checkout(self, provider_id: str) -> ProviderCheckout:
        """Close a hosted page; one that is over already is given as it stands."""
        found = self.checkout(provider_id)
        if not found.is_open:
            return found
        try:
            with _translated():
                return _checkout(self._client.v1.checkout.sessions.expire(provider_id))
        except Invalid:
            return self.checkout(provider_id)

    def subscription(self, provider_id: str) -> Snapshot:
        """Fetch a subscription."""
        with _translated():
            return _snapshot(self._client.v1.subscriptions.retrieve(provider_id))

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
        return _event(json.loads(payload))

    def _price(self, card: Card, interval: Interval, key: str) -> str:
        """Give the Price of a card and interval, made from the card when Stripe does not have it yet."""
        lookup_key = f"lanyard_seats_v{card.version}_{interval}"
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
            "tiers_mode": "graduated",
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


@contextmanager
def _translated() -> Iterator[None]:
    """Turn Stripe's errors into ours.

    `definite` tells whether Stripe has answered: its answer is kept under the idempotency key, so that a new try needs a new key.
    """
    try:
        yield
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise Missing(param=error.param) from error
        message = "The payment provider did not accept this request. Nothing was charged."
        raise Invalid(message, provider_message=str(error), param=error.param, definite=True) from error
    except stripe.StripeError as error:
        message = "The payment provider does not answer just now. Nothing was charged. Please try again in a minute."
        definite = error.http_status is not None and not isinstance(error, stripe.RateLimitError)
        raise Unavailable(message, provider_message=str(error), definite=definite) from error


def _checkout(session: stripe.checkout.Session) -> ProviderCheckout:
    return ProviderCheckout(
        id=session.id,
        url=session.url,
        is_open=session.status == "open",
        is_paid=session.status == "complete" and session.payment_status in {"paid", "no_payment_required"},
        is_expired=session.status == "expired",
        subscription_id=_id(session.subscription),
        gross_minor=session.amount_total or 0,
    )


def _snapshot(subscription: stripe.Subscription) -> Snapshot:
    item = subscription.items.data[0]
    metadata = subscription.metadata.to_dict()
    details = subscription.cancellation_details
    rates = subscription.default_tax_rates
    ends_at = item.current_period_end if subscription.cancel_at_period_end else subscription.cancel_at
    return Snapshot(
        id=subscription.id,
        checkout_id=_uuid(metadata.get("checkout")),
        status=subscription.status,
        quantity=item.quantity or 0,
        interval=Interval(item.price.recurring.interval if item.price.recurring else ""),
        card_version=int(item.price.metadata["card_version"]),
        vat_percent=int(rates[0].percentage) if rates else None,
        period_start=_moment(item.current_period_start),
        period_end=_moment(item.current_period_end),
        cancel_at=None if ends_at is None else _moment(ends_at),
        was_asked_to_end=details is not None and details.reason in {"cancellation_requested", "payment_disputed"},
    )


def _event(payload: dict[str, Any]) -> ProviderEvent:
    about = payload["data"]["object"]
    kind = payload["type"]
    metadata = about.get("metadata") or {}
    parent = about.get("parent") or {}
    if kind.startswith("customer.subscription."):
        subscription_id = about["id"]
    elif kind.startswith("invoice."):
        subscription_id = (parent.get("subscription_details") or {}).get("subscription")
    else:
        subscription_id = None
    return ProviderEvent(
        id=payload["id"],
        kind=kind,
        created_at=_moment(payload["created"]),
        api_version=payload.get("api_version"),
        object_id=about.get("id") or "",
        checkout_id=_uuid(about.get("client_reference_id") or metadata.get("checkout")),
        subscription_id=subscription_id,
        payload=payload,
    )


def _id(value: str | stripe.StripeObject | None) -> str | None:
    """Give the id of what may be expanded."""
    return value if value is None or isinstance(value, str) else cast("str", cast("Any", value).id)


def _uuid(value: str | None) -> UUID | None:
    """Read an id of ours that came back; None for what another program put there."""
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
