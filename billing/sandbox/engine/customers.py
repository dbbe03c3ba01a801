"""Customers and the cards they pay with, as far as test cards go."""

import re
from dataclasses import dataclass

from billing.sandbox.engine import events
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, declined, missing
from billing.sandbox.rendering import wire
from billing.sandbox.store import JSON, Work, new_id

SAYS_NO = "Your card was declined."
GB_VAT = re.compile(r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})")
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@dataclass(frozen=True)
class Card:
    """A test card: its digits, and what its bank answers."""

    number: str
    brand: str
    charges: bool
    asks: bool = False
    asks_always: bool = False
    attaches: bool = True
    disputes: bool = False
    refuses_refunds: bool = False

    @property
    def last4(self) -> str:
        """Return the digits that may be shown."""
        return self.number[-4:]


VISA = Card("4242424242424242", "visa", charges=True)
DECLINED = Card("4000000000000002", "visa", charges=False, attaches=False)
CHALLENGED = Card("4000002500003155", "visa", charges=True, asks=True)
CHALLENGED_ALWAYS = Card("4000002760003184", "visa", charges=True, asks=True, asks_always=True)
FAILING_LATER = Card("4000000000000341", "visa", charges=False)
CHALLENGED_AGAIN = Card("4000000000003220", "visa", charges=True, asks=True, asks_always=True)
DISPUTED = Card("4000000000000259", "visa", charges=True, disputes=True)
REFUSING_REFUNDS = Card("4000000000005126", "visa", charges=True, refuses_refunds=True)
BY_NUMBER = {
    card.number: card
    for card in (
        *(VISA, DECLINED, CHALLENGED, CHALLENGED_ALWAYS, CHALLENGED_AGAIN),
        *(FAILING_LATER, DISPUTED, REFUSING_REFUNDS),
    )
}
READY_MADE = {
    "pm_card_visa": VISA,
    "pm_card_authenticationRequired": CHALLENGED_ALWAYS,
    "pm_card_chargeDeclined": DECLINED,
    "pm_card_chargeCustomerFail": FAILING_LATER,
    "pm_card_createDispute": DISPUTED,
    "pm_card_refundFail": REFUSING_REFUNDS,
    "pm_card_threeDSecure2Required": CHALLENGED_AGAIN,
    "pm_card_threeDSecureRequired": CHALLENGED_AGAIN,
}


@dataclass(frozen=True)
class Holder:
    """What a buyer says beside the card's number; the expiry is month and year, the address is in the United Kingdom."""

    email: str | None = None
    name: str | None = None
    postcode: str | None = None
    expiry: tuple[int, int] = (12, 2034)
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    business_name: str | None = None
    vat_number: str | None = None

    @property
    def address(self) -> JSON:
        """Return the billing address, as far as it was asked for."""
        country = "GB" if self.line1 else None
        return dict.fromkeys(ADDRESS) | {
            "city": self.city,
            "country": country,
            "line1": self.line1,
            "line2": self.line2,
            "postal_code": self.postcode,
        }


def create(work: Work, params: JSON) -> JSON:
    """Create a customer, with a first card when one is given."""
    settings = params.get("invoice_settings", {})
    body = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": _address(params.get("address")),
        "balance": 0,
        "created": work.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": params.get("email"),
        "invoice_prefix": new_id("", 8)[1:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged({}, params),
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": params.get("phone"),
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": _clock(work, params),
    }
    first = attach(work, body, params["payment_method"], "payment_method") if "payment_method" in params else None
    _set_default_card(work, body, settings, first)
    work.put("customer", body)
    events.record(work, "customer.created", body)
    return body


def update(work: Work, body: JSON, params: JSON) -> JSON:
    """Change what is known of a customer."""
    before = wire(work, body)
    body["metadata"] = merged(body["metadata"], params)
    for name in ("description", "email", "name", "phone"):
        if name in params:
            body[name] = params[name] or None
    if "address" in params:
        body["address"] = _address(params["address"], body["address"])
    body["preferred_locales"] = params.get("preferred_locales", body["preferred_locales"])
    _set_default_card(work, body, params.get("invoice_settings", {}), None)
    work.put("customer", body)
    events.record_change(work, "customer.updated", before, body)
    return body


def read_vat_number(typed: str) -> str | None:
    """Return a United Kingdom VAT number as it is kept, such as GB123456789; None when it is none."""
    plain = re.sub(r"[\s.-]", "", typed).upper()
    number = plain if plain.startswith("GB") else f"GB{plain}"
    return number if GB_VAT.fullmatch(number) else None


def create_tax_id(work: Work, customer: JSON, params: JSON) -> JSON:
    """Keep a tax number of a customer. Raises Refusal when it has not the form of one."""
    value = read_vat_number(params["value"])
    if value is None:
        raise Refusal(says=f"Invalid value for {params['type']}.", code="tax_id_invalid", param="value")
    return add_tax_id(work, customer, value)


def add_tax_id(work: Work, customer: JSON, value: str) -> JSON:
    """Keep a VAT number of a customer, once."""
    for kept in work.all("tax_id", customer=customer["id"]):
        if kept["value"] == value:
            return kept
    body = {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": "GB",
        "created": work.now,
        "customer": customer["id"],
        "livemode": False,
        "owner": {"customer": customer["id"], "type": "customer"},
        "type": "gb_vat",
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    work.put("tax_id", body)
    events.record(work, "customer.tax_id.created", body)
    return body


def tax_id_values(work: Work, key: str) -> list[JSON]:
    """Return the tax numbers of a customer as a document carries them."""
    return [{"type": found["type"], "value": found["value"]} for found in work.all("tax_id", customer=key)]


def _address(sent: JSON | str | None, kept: JSON | None = None) -> JSON | None:
    if not isinstance(sent, dict):
        return None if sent == "" else kept
    return dict.fromkeys(ADDRESS) | (kept or {}) | {name: value or None for name, value in sent.items()}


def _clock(work: Work, params: JSON) -> str | None:
    key: str | None = params.get("test_clock")
    if key is not None and work.find("test_helpers.test_clock", key) is None:
        raise missing(noun="test clock", key=key, param="test_clock", status=400)
    return key


def _set_default_card(work: Work, body: JSON, settings: JSON, first: JSON | None) -> None:
    if "default_payment_method" not in settings:
        return
    key = settings["default_payment_method"]
    if first is not None and key in READY_MADE:
        key = first["id"]
    if key:
        owned_card(work, body["id"], key, "invoice_settings[default_payment_method]")
    body["invoice_settings"]["default_payment_method"] = key or None


def make_card(work: Work, card: Card, holder: Holder) -> JSON:
    """Create the payment method for a card; it belongs to nobody yet."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": holder.address,
            "email": holder.email,
            "name": holder.name,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "GB",
            "display_brand": card.brand,
            "exp_month": holder.expiry[0],
            "exp_year": holder.expiry[1],
            "fingerprint": f"sandbox{card.last4}",
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": work.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_number": card.number,
    }


def attach(work: Work, customer: JSON, key: str, param: str) -> JSON:
    """Give a ready-made test card, or one not yet anybody's, to a customer. Raises Refusal when it is another's."""
    if key in READY_MADE:
        if not READY_MADE[key].attaches:
            raise declined(says=SAYS_NO)
        body = make_card(work, READY_MADE[key], Holder())
    else:
        found = work.find("payment_method", key)
        if found is None:
            raise missing(noun="PaymentMethod", key=key, param=param, status=400)
        body = found
    if body["customer"] not in {None, customer["id"]}:
        message = "The payment method you provided has already been attached to a customer."
        raise Refusal(says=message, code="payment_method_unexpected_state", param=param)
    body["customer"] = customer["id"]
    return work.put("payment_method", body)


def owned_card(work: Work, customer: str, key: str, param: str) -> JSON:
    """Return a customer's own payment method. Raises Refusal when it is not theirs."""
    body = work.find("payment_method", key)
    if body is None or body["customer"] != customer:
        message = (
            f"The customer does not have a payment method with the ID {key}. The payment method must be attached to the customer."
        )
        raise Refusal(says=message, code="resource_missing", param=param)
    return body


def usual_card(work: Work, customer: JSON, preferred: str | None) -> JSON | None:
    """Return the payment method of a subscription, else the customer's default."""
    key = preferred or customer["invoice_settings"]["default_payment_method"]
    return None if key is None else work.find("payment_method", key)


def card_to_charge(work: Work, customer: JSON, preferred: str | None) -> JSON | None:
    """Return the payment method an invoice is charged to; where the next payment was made to fail, it is one that does, once."""
    card = usual_card(work, customer, preferred)
    if card is None or not customer.get("_fails_next"):
        return card
    customer["_fails_next"] = False
    work.put("customer", customer)
    return card | {"_number": FAILING_LATER.number}


def is_disputing(method: JSON) -> bool:
    """Say whether the holder of a card disputes what is charged to it; whoever is debited does not."""
    return method["type"] == "card" and BY_NUMBER[method["_number"]].disputes


def is_refusing_refunds(method: JSON) -> bool:
    """Say whether the bank behind a card sends refunds back."""
    return method["type"] == "card" and BY_NUMBER[method["_number"]].refuses_refunds


def set_delinquent(work: Work, key: str, *, delinquent: bool) -> None:
    """Note on the customer whether their latest charge failed."""
    body = work.find("customer", key)
    if body is not None and body["delinquent"] != delinquent:
        before = wire(work, body)
        body["delinquent"] = delinquent
        work.put("customer", body)
        events.record_change(work, "customer.updated", before, body)
