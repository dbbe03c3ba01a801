"""Quotes in every state and an invoice that is to be paid, made through the domain in the data folder of the shop that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import factory, settings
from app.accounts import people
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import invoicing, quotes, replies
from billing.quotes import Wanted
from tests import quoting
from tests.browser.records import OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from billing.quotes import Quote

STATES = ("drafted", "open", "declined", "invoiced")


def make(data: Path) -> dict[str, str]:
    """Have the operator prepare quotes for organisations that are new; gives what leads to their pages."""
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(data)}))
    factory.open_gateway(app, app.config["SETTINGS"])
    try:
        with app.app_context():
            known = _quote(app)
            db.session.remove()
            db.engine.dispose()
    finally:
        app.extensions["sandbox"].close()
        app.extensions["jobs"].close()
    return known


def _quote(app: Flask) -> dict[str, str]:
    with transaction():
        made = {state: _prepare(state).id for state in STATES}
        replies.decline(made["declined"], "The budget went elsewhere.")
        replies.accept(made["invoiced"], quoting.TYPED, invitation_days=14)
    assert invoicing.begin(app.extensions["gateway"], made["invoiced"]) is quotes.State.INVOICED
    db.session.rollback()
    found = {state: quotes.known(quote_id) for state, quote_id in made.items()}
    return {
        **{f"{state}_quote": str(quote.id) for state, quote in found.items()},
        **{f"{state}_link": f"/quotes/{quote.token}" for state, quote in found.items()},
        "invoice": found["invoiced"].invoice_id or "",
        "customer": str(found["invoiced"].organisation_id),
    }


def _prepare(state: str) -> Quote:
    operator = people.with_address(OPERATOR)
    assert operator is not None
    wanted = Wanted(
        seats=2400,
        organisation=f"The {state} organisation",
        name="Ben Hale",
        address="ben.hale@example.org",
        note="As agreed by telephone.\nOne invoice for all of our sites.",
    )
    quote = quotes.prepare(wanted, by=operator.id, organisation_id=None, vat_percent=20)
    if state != "drafted":
        quotes.send(quote.id, by=operator.id, days=30)
    return quote
