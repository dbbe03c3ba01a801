"""Buying when something comes between: a refused card, the bank's question, the back button, a reload, a second tab."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import look_at

DECLINED = "4000 0000 0000 0002"
ASKS = "4000 0025 0000 3155"
numbers = itertools.count()


@pytest.fixture
def buyer(come):
    """Give somebody whose organisation has ordered 25 seats and who is on the provider's page."""
    visitor = come()
    visitor.open("/register?seats=25&interval=year")
    visitor.register(f"buyer{next(numbers)}@example.org", "St Luke")
    visitor.press("Pay £984.96")
    visitor.heads("Pay for Lanyard seats")
    return visitor


def test_a_refused_card_is_said_at_its_field_and_another_one_pays(buyer):
    assert look_at(buyer, "light") == []
    buyer.pay(Card_number=DECLINED)
    buyer.sees("Your card was declined. Nothing was charged. Try another card.")
    assert look_at(buyer, "light") == []
    buyer.fill_in({"Security code": "123"})
    buyer.pay()
    buyer.is_served()


def test_the_bank_says_no_and_then_yes(buyer):
    buyer.pay(Card_number=ASKS)
    buyer.heads("Confirm your payment")
    assert look_at(buyer, "light") == []
    buyer.press("Fail")
    buyer.sees("Your bank did not confirm the payment. Nothing was charged.")
    buyer.pay(Card_number=ASKS)
    buyer.press("Complete")
    buyer.is_served()


def test_whoever_leaves_the_payment_page_has_not_paid_and_can_go_on(buyer):
    hosted = buyer.page.url
    buyer.follow("Back to the shop")
    buyer.heads("You have not paid yet")
    buyer.sees("Nothing was charged.")
    assert look_at(buyer, "light") == []
    buyer.press("I have paid: check now")
    buyer.sees("We have just asked the payment provider: nothing is paid yet.")
    buyer.heads("You have not paid yet")
    buyer.follow("Go on to payment")
    assert buyer.page.url == hosted
    buyer.page.go_back()
    buyer.heads("You have not paid yet")
    buyer.page.go_forward()
    buyer.pay()
    buyer.is_served()


def test_the_back_button_of_the_browser_leads_to_the_same_order(buyer):
    hosted = buyer.page.url
    buyer.page.go_back()
    buyer.heads("Your order")
    buyer.press("Pay £984.96")
    assert buyer.page.url == hosted


def test_reloading_the_page_after_payment_pays_and_serves_only_once(buyer):
    buyer.pay()
    buyer.is_served()
    for _ in range(3):
        buyer.page.reload()
        buyer.heads("Thank you. Your seats are ready")
    returned = buyer.page.url
    buyer.page.go_back()
    buyer.page.wait_for_load_state()
    buyer.open(returned.partition("checkouts/")[0] + "history")
    expect(buyer.page.get_by_text("The seats of an order are ready")).to_have_count(1)
    expect(buyer.page.get_by_text("The subscription began with 25 seats")).to_have_count(1)
    buyer.open("/buy?seats=25&interval=year")
    buyer.sees("St Luke has a subscription already.")


def test_a_second_order_in_another_tab_closes_the_payment_page_of_the_first(buyer):
    first = buyer.page.url
    buyer.open("/buy?seats=30&interval=year")
    buyer.press(f"Pay {buyer.page.locator('main dd').last.inner_text()}")
    buyer.heads("Pay for Lanyard seats")
    buyer.sees("30 seats")
    second = buyer.page.url
    assert second != first
    buyer.open(first)
    buyer.heads("This payment page has expired")
    buyer.follow("Back to the shop")
    buyer.heads("This order is closed")
    assert look_at(buyer, "light") == []
    buyer.open(second)
    buyer.pay()
    buyer.is_served()
    buyer.sees("St Luke has 30 seats.")


@pytest.fixture
def code(come, demo_password):
    """Have the operator make a promotion code, and give it."""
    operator = come()
    operator.sign_in("olive.marsh@demo.example", demo_password)
    operator.open("/office/money")
    operator.follow("Promotion codes")
    operator.heads("Promotion codes")
    spelt = f"AUTUMN{next(numbers)}"
    operator.fill_in({"Code": spelt, "Per cent off": "20", "For how many payments": "1"})
    operator.press("Make the code")
    operator.sees(f"The code {spelt} can be used now")
    return spelt


def test_a_promotion_code_and_a_vat_number_go_with_the_order_to_the_billing_page(come, code):
    visitor = come()
    visitor.open("/buy?seats=25&interval=year")
    visitor.fill_in({"Promotion code": "NOSUCH"})
    visitor.press("Use this code")
    visitor.sees("We do not know this code.")
    visitor.fill_in({"Promotion code": code})
    visitor.press("Use this code")
    visitor.sees("£787.97")
    assert look_at(visitor, "light") == []
    visitor.follow("Create an account")
    visitor.register(f"buyer{next(numbers)}@example.org", "St Luke")
    visitor.press("Pay £787.97")
    visitor.heads("Pay for Lanyard seats")
    visitor.sees("£787.97")
    visitor.fill_in({"VAT number (optional)": "GB12"})
    visitor.pay()
    visitor.sees("Enter the VAT number as GB and nine digits")
    assert look_at(visitor, "light") == []
    visitor.fill_in({"VAT number (optional)": "GB123456789"})
    visitor.pay()
    visitor.is_served()
    visitor.follow("Billing")
    visitor.sees("20% off each payment until")
    visitor.sees("GB123456789")
    visitor.sees("1 High Street, Exampleton, SW1A 1AA")
    assert look_at(visitor, "dark") == []


def test_an_order_paid_by_direct_debit_says_that_it_is_on_its_way_and_is_not_bought_twice(buyer):
    hosted = buyer.page.url
    buyer.choose(buyer.page.get_by_label("By Direct Debit, in some days"))
    buyer.fill_in({"Billing address": "1 High Street", "Town or city": "Exampleton", "Billing postcode": "SW1A 1AA"})
    buyer.fill_in({"Name of the account holder": "Ruth Amadi", "Sort code": "10-88-00", "Account number": "1"})
    assert look_at(buyer, "light") == []
    buyer.press("Pay £984.96")
    buyer.sees("Enter one of the test account numbers")
    buyer.fill_in({"Account number": "00012345"})
    buyer.press("Pay £984.96")
    buyer.heads("Your Direct Debit is on its way")
    assert look_at(buyer, "light") == []
    buyer.open(hosted)
    buyer.heads("Your payment is on its way")
    buyer.open("/buy?seats=25&interval=year")
    buyer.sees("St Luke has ordered already and pays by Direct Debit")
    buyer.follow("See where it stands")
    buyer.heads("Billing")
    buyer.sees("is being paid by Direct Debit: £984.96")
    assert look_at(buyer, "dark") == []
