"""From the price page through a quote, a purchase order and a bank transfer to seats that are given, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import look_at

WAYS = {
    "by mouse": {},
    "without JavaScript": {"java_script_enabled": False},
    "on a small phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_quote_is_taken_to_the_finance_office_accepted_paid_by_bank_and_seats_are_given(come, demo_password, way):
    slug = way.replace(" ", "-").lower()
    buyer = come(**WAYS[way])
    buyer.open("/prices?seats=120&interval=year")
    buyer.follow("Get a quote")
    buyer.heads("Get a quote")
    buyer.follow("Create an account")
    buyer.register(f"buyer-{slug}@example.org", f"St Bede {slug}", "Ben Hale")
    buyer.heads("Get a quote")
    buyer.sees("To pay, including VAT")
    buyer.press("Send a quote for £1,841.40")
    buyer.page.wait_for_url("**/quotes/*")
    number = buyer.page.locator("h1").inner_text()
    assert re.fullmatch(r"Quote Q-\d{4}-\d{4}", number)
    link = buyer.path()

    finance = come(**WAYS[way])
    finance.open(link)
    finance.heads(number)
    accept(finance, f"accounts-{slug}@example.org")
    finance.open(link)
    invoice = finance.page.locator("dd").filter(has_text=re.compile("^SANDBOX-")).first.inner_text()

    buyer.open("/workspace/")
    buyer.follow(f"Workspace of St Bede {slug}")
    buyer.follow("Billing")
    buyer.sees("waiting for payment")
    buyer.sees(invoice)
    is_well_made(buyer)

    operator = come(**WAYS[way])
    operator.sign_in("olive.marsh@demo.example", demo_password)
    operator.open("/office/money")
    operator.follow(invoice)
    operator.fill_in({"Amount in pounds": "1,841.40", "Reference on the statement": f"BACS {slug}"})
    operator.choose(operator.page.get_by_label("I have seen this amount on the bank statement"))
    operator.press("Mark it as received")
    operator.sees("The invoice is marked as paid.")

    buyer.page.reload()
    expect(buyer.page.get_by_text("waiting for payment")).to_have_count(0)
    buyer.open(buyer.path().removesuffix("billing") + "people")
    buyer.sees("120 seats free")
    buyer.follow("Invite people")
    buyer.fill(Their_name="Amy")
    buyer.fill_in({"Their e-mail address": f"amy-{slug}@example.org"})
    buyer.press("Send the invitation")
    buyer.sees("We have sent Amy an invitation.")


def accept(finance, address):
    """Open the PDF, and accept the quote with a purchase order: at first without saying that one may."""
    document = finance.page.request.get(finance.page.get_by_role("link", name="Open the PDF").get_attribute("href"))
    assert (document.status, document.headers["content-type"]) == (200, "application/pdf")
    assert document.body().startswith(b"%PDF-")
    finance.fill_in(
        {
            "Purchase order number, if you have one": "PO-4711",
            "Your name": "Frances Doyle",
            "Who the invoice goes to": "Accounts",
            "Their e-mail address": address,
            "Address of the organisation": "1 High Street",
            "Town or city": "Exampleton",
            "Postcode": "SW1A 1AA",
        }
    )
    finance.press("Accept for £1,841.40")
    finance.sees("Tick this to accept")
    finance.choose(finance.page.get_by_label("I may order this for the organisation, and agree to the terms"))
    finance.press("Accept for £1,841.40")
    finance.sees("Frances Doyle accepted this quote")
    finance.sees("PO-4711")
    is_well_made(finance)
    finance.page.reload()
    finance.sees("Frances Doyle accepted this quote")


def is_well_made(visitor):
    """Look at the page that is open, where scripts can run: axe is one."""
    assert not visitor.has_scripts or look_at(visitor, "light") == []
