"""Changing a subscription as its owner would: bought on the sandbox's page, then more, fewer, yearly, monthly, ended."""

from __future__ import annotations

from datetime import timedelta

import requests
import sqlalchemy as sa

from app.kernel import clock
from app.kernel.db import db
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import changes, changing, customers, reactions, subscriptions
from billing.changes import Kind
from billing.price_cards import Interval
from tests.buying import CARD, open_page, order, pay

DECLINED_LATER, ASKS_ALWAYS, GOOD = "4000 0000 0000 0341", "4000 0027 6000 3184", "4242 4242 4242 4242"


def buy(shop, owner, gateway, number=10, interval=Interval.MONTH):
    """Buy seats with a good card and give the subscription's id."""
    checkout_id = order(owner, number, interval)
    open_page(gateway, checkout_id)
    assert pay(shop, checkout_id) == 303
    reactions.serve(gateway, checkout_id)
    return row(owner).id


def row(owner):
    """Give the subscription as it stands in the database now."""
    db.session.rollback()
    db.session.expire_all()
    return subscriptions.live(owner.organisation.id)


def travel(shop, **step):
    """Move the clock, and let what the provider tells arrive as a reconciliation would find it."""
    with transaction():
        clock.advance(timedelta(**step))
    shop.extensions["sandbox"].catch_up()


def sees(gateway, owner):
    """Bring the subscription up to date and give it."""
    changing.refresh_surely(gateway, row(owner).provider_id)
    return row(owner)


def use_card(shop, gateway, owner, number):
    """Change the card on the provider's portal."""
    page = portal_page(shop, gateway, owner)
    answer = requests.post(f"{page}/card", data=CARD | {"number": number}, timeout=20, allow_redirects=False)
    assert answer.status_code == 303


def portal_page(shop, gateway, owner):
    """Open the provider's portal and give where the sandbox serves it."""
    customer = customers.provider_id(owner.organisation.id)
    assert customer is not None
    url = gateway.portal(customer, "http://127.0.0.1:8000/back")
    return f"{shop.extensions['sandbox'].listen()}/portal/{url.rpartition('/')[2]}"


def pay_invoice(shop, url, number=GOOD):
    """Pay an invoice on the provider's page; gives the HTTP status."""
    page = f"{shop.extensions['sandbox'].listen()}/invoices/{url.rpartition('/')[2]}"
    return requests.post(page, data=CARD | {"number": number}, timeout=20, allow_redirects=False).status_code


def add(owner, gateway, number):
    """Ask for more seats and have that carried out; gives the id of the change and where it stands."""
    offer = changing.offer_seats(gateway, owner.organisation.id, number)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    return change_id, changing.carry_out(gateway, change_id)


def ask(operation):
    """Keep a change that is asked for and give its id."""
    with transaction():
        return operation().id


def do(gateway, operation):
    """Ask for a change and have it carried out; gives where it stands."""
    return changing.carry_out(gateway, ask(operation))


def mails():
    """Give the kinds of the mails that were written since the seats were bought, in order."""
    query = sa.select(OutboxMail.kind).where(OutboxMail.kind != "seats_bought").order_by(OutboxMail.id)
    return list(db.session.scalars(query))
