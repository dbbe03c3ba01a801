"""Buying as a buyer's browser would: the order, the sandbox's page, the card."""

from __future__ import annotations

import requests

from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import checkouts, reactions
from billing.checkouts import Checkout
from billing.price_cards import Interval

PAGE = "http://127.0.0.1:8000/workspace/x/checkouts/y"
CARD = {
    "number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ruth",
    "postcode": "SW1A 1AA",
    "line1": "1 High Street",
    "city": "Exampleton",
}


def order(owner, number=25, interval=Interval.YEAR, *, for_me=False):
    """Start an order and give its id."""
    with transaction():
        return checkouts.start(owner, number, interval, vat_percent=20, seat_for_buyer=for_me).id


def open_page(gateway, checkout_id):
    """Open the provider's page for an order and give its address."""
    return reactions.open_checkout(gateway, checkout_id, address="ruth@example.org", page_url=PAGE)


def debit(shop, checkout_id, account="00012345"):
    """Pay on the sandbox's page by Direct Debit; gives the HTTP status."""
    return pay(shop, checkout_id, "", method="bacs_debit", account=account, sort_code="108800", account_name="Ruth")


def pay(shop, checkout_id, number=CARD["number"], **more):
    """Pay on the sandbox's page; gives the HTTP status."""
    db.session.rollback()
    provider_id = db.session.get_one(Checkout, checkout_id).provider_id
    page = f"{shop.extensions['sandbox'].listen()}/checkout/{provider_id}"
    sent = {**CARD, "number": number, "email": "ruth@example.org", **more}
    return requests.post(page, data=sent, timeout=20, allow_redirects=False).status_code
