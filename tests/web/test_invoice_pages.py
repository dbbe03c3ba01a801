"""Invoices in a browser: the PDF, the statement, the table for bookkeepers and who gets them; and all of them in the office."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from app import mail
from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import billing_press
from billing import invoices, printing
from billing.price_cards import Interval
from billing.vat_documents import VatDocument
from tests import changing as acts


@pytest.fixture
def bought(parish, connect):
    """Have the parish buy ten seats by the month, and give the id of its invoice."""
    gateway = connect()
    with parish.app.app_context():
        acts.buy(parish.app, memberships.actor(people.known(parish.owner_id), parish.id), gateway, 10, Interval.MONTH)
        return invoices.of_organisation(parish.id)[0].id


def print_all(parish):
    with parish.app.app_context():
        printing.print_missing(billing_press.of_process)
        mail.send_due()


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_the_invoice_opens_as_a_pdf_once_it_is_printed(parish, bought):
    here = f"{parish.home}billing/documents/{bought}.pdf"
    parish.owner.get(here, 404)
    assert "is being printed" in parish.owner.words
    print_all(parish)
    parish.owner.get(here)
    assert parish.owner.response.mimetype == "application/pdf"
    assert parish.owner.response.get_data().startswith(b"%PDF")
    assert parish.owner.response.headers["Cache-Control"] == "no-store"


def test_billing_leads_to_the_invoices_and_they_to_the_pdf(parish, bought):
    print_all(parish)
    parish.owner.get(f"{parish.home}billing")
    parish.owner.click("All invoices and who gets them")
    for words in ("SANDBOX-0001", "£62.00", "£12.40", "£74.40", "ruth@example.org (owners and billing contacts)"):
        assert words in parish.owner.words
    parish.owner.click("SANDBOX-0001 as PDF")
    assert parish.owner.response.get_data().startswith(b"%PDF")


def test_an_invoice_that_is_not_copied_yet_is_listed_without_a_link(parish, bought):
    with parish.app.app_context(), transaction():
        db.session.execute(sa.delete(VatDocument))
    for page in ("billing", "billing/invoices"):
        parish.owner.get(f"{parish.home}{page}")
        assert "SANDBOX-0001" in parish.owner.words
        links = [link["href"] for link in parish.owner.page.select("main a")]
        assert not [link for link in links if f"{bought}.pdf" in link]


def test_somebody_without_an_account_gets_the_invoices_until_removed(parish, bought):
    here = f"{parish.home}billing/invoices"
    parish.owner.get(here)
    parish.owner.submit("Send invoices there too", {"address": "nowhere"}, status=422)
    assert "nowhere" in str(parish.owner.page)
    parish.owner.submit("Send invoices there too", {"address": "books@example.org"})
    assert "Invoices go to books@example.org as well" in parish.owner.words
    print_all(parish)
    parish.owner.get("/sandbox/mailbox?to=books")
    parish.owner.click("Invoice SANDBOX-0001 for St Mary")
    parish.owner.click("Invoice SANDBOX-0001.pdf")
    assert parish.owner.response.get_data().startswith(b"%PDF")
    parish.owner.get(here)
    parish.owner.submit("Remove books@example.org")
    assert "That address gets no more invoices" in parish.owner.words
    parish.owner.get(f"{parish.home}billing")
    assert "Ruth Amadi took an address off those who get the invoices" in parish.owner.words


def test_the_statement_is_a_page_and_a_pdf_of_the_days_asked_for(parish, bought):
    parish.owner.get(f"{parish.home}billing/statement")
    for words in ("Invoice SANDBOX-0001", "Payment of invoice SANDBOX-0001", "Nothing is to be paid."):
        assert words in parish.owner.words
    parish.owner.click("as PDF")
    assert parish.owner.response.get_data().startswith(b"%PDF")
    parish.owner.get(f"{parish.home}billing/statement?since=2020-01-01&until=2020-01-31")
    assert "Nothing moved on these days" in parish.owner.words
    parish.owner.get(f"{parish.home}billing/statement?since=2020-02-01&until=2020-01-31", 422)
    assert "The last day comes before the first one" in parish.owner.words
    parish.owner.get(f"{parish.home}billing/statement.pdf?since=soon", 422)


def test_bookkeepers_get_a_row_for_each_document(parish, bought):
    parish.owner.get(f"{parish.home}billing/documents.csv")
    (row,) = table(parish.owner.response)
    assert (row["Number"], row["Customer"], row["Net"], row["VAT %"], row["VAT"], row["Total"], row["State"]) == (
        "SANDBOX-0001",
        "St Mary",
        "62.00",
        "20",
        "12.40",
        "74.40",
        "paid",
    )


def test_the_billing_contact_may_and_an_admin_may_not(parish, bought):
    parish.member("bill@example.org", Role.BILLING).get(f"{parish.home}billing/invoices")
    parish.member("ada@example.org", Role.ADMIN).get(f"{parish.home}billing/invoices", 403)


def test_the_office_has_every_invoice_of_a_month_with_its_sums(parish, bought, operator):
    print_all(parish)
    operator.get("/office/invoices")
    for words in ("SANDBOX-0001", "St Mary", "£62.00", "£12.40", "£74.40"):
        assert words in operator.words
    operator.click("as a table (CSV)")
    assert [row["Number"] for row in table(operator.response)] == ["SANDBOX-0001"]
    operator.get(f"/office/invoices/{bought}.pdf")
    assert operator.response.get_data().startswith(b"%PDF")
    operator.get("/office/invoices?month=2020-01")
    assert "Nothing was issued in this month" in operator.words
    operator.get("/office/invoices?month=soon", 422)
