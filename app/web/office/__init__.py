"""The operator's office: customers, and money that went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for

from app.kernel import clock, outbox
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation, wiring
from app.web.area import signed_in_person
from app.web.office import certificates, credit, invoices, prices, promotions, quotes, receipts
from app.web.office.area import area
from billing import checkouts, customers, disputes, events, price_checks, reconciliation, refunds, withdrawals
from billing import credit as credit_limits
from billing import invoices as provider_invoices
from billing import overview as business
from billing import receipts as receipts_of_bank
from billing.gateway import API_VERSION

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.accounts.organisations import Organisation
    from billing.invoices import Invoice

__all__ = ["area", "certificates", "credit", "invoices", "prices", "promotions", "quotes", "receipts"]

# Messages travel in a cookie, which holds only so much.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Debt:
    """An invoice that is to be paid, whose it is, how much that customer may owe, and whether its money has been noted."""

    invoice: Invoice
    organisation: Organisation
    is_overdue: bool
    limit_minor: int
    is_noted: bool


@area.page("/", allow=RUN_THE_SHOP)
def overview() -> ResponseReturnValue:
    """Show the business at one look: seats, what a year is worth, what renews when, and who has the most seats."""
    found = business.today(clock.now())
    return render_template("office/overview.html", nav=navigation.office(), here="overview", overview=found)


@area.page("/customers", allow=RUN_THE_SHOP)
def customers_page() -> ResponseReturnValue:
    """Show the organisations with what they have bought and where they stand."""
    found = customers.newest(wiring.grace(), clock.now())
    return render_template("office/customers.html", nav=navigation.office(), here="customers", customers=found)


@area.page("/money", allow=RUN_THE_SHOP)
def money() -> ResponseReturnValue:
    """Show what was paid and not served, disputes and refunds, whether prices agree, and the provider's newest messages."""
    return render_template(
        "office/money.html",
        nav=navigation.office(),
        here="money",
        unserved=checkouts.paid_not_served(),
        events=events.newest(),
        mails=outbox.failed(),
        refunded=checkouts.refunded(),
        prices=price_checks.newest(),
        disputes=disputes.newest(),
        refunds=refunds.newest(),
        withdrawals=withdrawals.overdue(),
        other_versions=events.of_other_versions(API_VERSION),
        spoken=API_VERSION,
        sandbox_url=url_for("sandbox.control") if wiring.settings().is_sandbox else None,
        owed=_owed(),
        to_send_back=receipts_of_bank.refused(),
    )


def _owed() -> list[Debt]:
    """Give the invoices that are to be paid, the oldest date first."""
    found, now = provider_invoices.to_be_paid(), clock.now()
    limits = credit_limits.limits_of(organisation.id for _, organisation in found)
    noted = receipts_of_bank.of_invoices(invoice.id for invoice, _ in found)
    return [
        Debt(
            invoice=invoice,
            organisation=organisation,
            is_overdue=invoice.due_at is not None and invoice.due_at <= now,
            limit_minor=limits.get(organisation.id, 0),
            is_noted=invoice.id in noted,
        )
        for invoice, organisation in found
    ]


@area.action("/money/events/<event>/replay", allow=RUN_THE_SHOP)
def replay_event(event: str) -> ResponseReturnValue:
    """Have a message of the provider applied once more."""
    with transaction():
        events.replay(event, by=signed_in_person().id)
    flash("The message will be applied again in a moment.", "success")
    return redirect(url_for("office.money"), 303)


@area.action("/money/reconcile", allow=RUN_THE_SHOP)
def reconcile() -> ResponseReturnValue:
    """Ask the provider about everything now."""
    report = reconciliation.run(wiring.gateway())
    for difference in report.differences[:MOST_SHOWN]:
        flash(difference, "attention")
    if len(report.differences) > MOST_SHOWN:
        flash(f"{len(report.differences) - MOST_SHOWN} more differ: python3 -m app reconcile lists them all.", "attention")
    flash(f"Asked about {report.checkouts} orders and {report.subscriptions} subscriptions.", "success")
    return redirect(url_for("office.money"), 303)
