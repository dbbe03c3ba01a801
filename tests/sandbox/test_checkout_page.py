"""Buying on the hosted page: the figures, the answers of the test cards, and never twice."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.sandbox.sandbox_shop import CARD

EDGES = [edge + step for edge in (4, 9, 24, 49, 99, 249, 499, 999) for step in (-1, 0, 1)]
BANDS = [(4, 9000), (5, 3600), (15, 1800), (25, 1080), (50, 720), (150, 450), (250, 360), (500, 270), (10**9, 225)]


def by_hand(quantity):
    net = 0
    for width, amount in BANDS:
        here = min(quantity, width)
        net += here * amount
        quantity -= here
    return net


def test_twenty_five_seats_for_a_year_cost_984_96_including_vat(shop, v1):
    session = shop.session(25)
    assert (session.amount_subtotal, session.total_details.amount_tax, session.amount_total) == (82080, 16416, 98496)
    answer = shop.pay(session)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:8000/done?session={session.id}"

    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice.payments", "line_items"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.customer_details.email == "ruth@example.org"
    assert done.subscription.status == "active"
    assert done.subscription.metadata.to_dict() == {"organisation": "7"}
    assert done.subscription.items.data[0].quantity == 25
    assert done.invoice.status == "paid"
    assert (done.invoice.subtotal, done.invoice.total_taxes[0].amount, done.invoice.total) == (82080, 16416, 98496)
    assert done.invoice.parent.subscription_details.subscription == done.subscription.id
    assert [(line.quantity, line.amount) for line in done.invoice.lines.data] == [
        *((4, 36000), (5, 18000), (15, 27000), (1, 1080))
    ]
    assert sum(line.taxes[0].amount for line in done.invoice.lines.data) == 16416
    assert done.invoice.payments.data[0].status == "paid"
    assert done.line_items.data[0].amount_total == 98496


@pytest.mark.parametrize("quantity", [1, 2, *EDGES, 1500, 2000])
def test_at_every_edge_of_a_band_session_and_invoice_agree_with_a_sum_by_hand(shop, quantity):
    done = shop.bought(quantity)
    net = by_hand(quantity)
    tax = (net * 20 + 50) // 100
    assert (done.amount_subtotal, done.amount_total) == (net, net + tax)
    assert (done.invoice.subtotal, done.invoice.total) == (net, net + tax)
    assert sum(line.amount for line in done.invoice.lines.data) == net


def test_a_volume_price_charges_every_unit_at_one_band(shop):
    price = shop.price("volume", "month", [(4, 1000), (9, 400), ("inf", 200)])
    assert [shop.session(quantity, price).amount_subtotal for quantity in (4, 5, 9, 10)] == [4000, 2000, 3600, 2000]


def test_tax_is_rounded_half_up_once_on_the_net_total(shop, v1):
    odd = v1.tax_rates.create({"display_name": "Odd", "percentage": "2.5", "inclusive": False})
    price = shop.price(bands=[("inf", 1)])
    data = {"subscription_data": {"default_tax_rates": [odd.id]}}
    assert [shop.session(net, price, **data).total_details.amount_tax for net in (19, 20, 21, 59, 60)] == [0, 1, 1, 1, 2]


def test_a_tax_rate_of_the_line_counts_before_that_of_the_subscription(shop):
    none = shop.v1.tax_rates.create({"display_name": "Exempt", "percentage": 0, "inclusive": False})
    lines = [{"price": shop.year.id, "quantity": 5, "tax_rates": [none.id]}]
    done = shop.bought(line_items=lines)
    assert done.amount_total == done.invoice.total == 39600


def test_the_page_shows_who_buys_what_in_which_bands_and_how_it_renews(shop, v1):
    customer = v1.customers.create({"name": "St Anselm's Parish", "email": "office@anselm.example"})
    session = v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.year.id, "quantity": 25}],
            "subscription_data": {"default_tax_rates": [shop.vat.id]},
            "success_url": "https://shop.example/done",
            "cancel_url": "https://shop.example/prices",
            "customer": customer.id,
        }
    )
    answer = shop.page(session)
    for words in (
        *("no money moves", "St Anselm&#39;s Parish", "office@anselm.example", "25 seats"),
        *("4 × £90.00", "5 × £36.00", "15 × £18.00", "1 × £10.80"),  # noqa: RUF001 - a multiplication sign is meant
        *("£820.80", "VAT (20%)", "£164.16", "£984.96", "Total today including VAT"),
        "Renews every year at £984.96 including VAT, next on 23 November 2027, until you cancel.",
        'href="https://shop.example/prices"',
    ):
        assert words in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self' https://shop.example; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def test_with_a_customer_the_subscription_is_theirs_and_no_second_customer_is_made(shop, v1):
    customer = v1.customers.create({"email": "office@anselm.example"})
    session = v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.year.id, "quantity": 1}],
            "success_url": "https://shop.example/done",
            "customer": customer.id,
        }
    )
    shop.pay(session)
    assert [subscription.customer for subscription in v1.subscriptions.list().data] == [customer.id]
    assert len(v1.customers.list().data) == 1


def test_a_declined_card_changes_nothing_and_the_form_comes_back_filled_in_but_for_the_security_code(shop, v1):
    session = shop.session()
    before = len(v1.events.list({"limit": 100}).data)
    answer = shop.pay(session, number="4000 0000 0000 0002", cvc="987")
    assert answer.status_code == 402
    assert "Your card was declined. Nothing was charged." in answer.text
    assert 'value="Ruth Okafor"' in answer.text
    assert "987" not in answer.text
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    assert (v1.subscriptions.list().data, v1.customers.list().data, v1.invoices.list().data) == ([], [], [])
    assert len(v1.events.list({"limit": 100}).data) == before
    assert shop.pay(session).status_code == 303


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"number": ""}, "Enter a card number."),
        ({"number": "5555 5555 5555 4444"}, "Enter one of the test card numbers"),
        ({"expiry": "13/34"}, "Enter the expiry date as month and year"),
        ({"expiry": "10/26"}, "This card has expired."),
        ({"cvc": "12"}, "Enter the security code"),
        ({"name": " "}, "Enter the name on the card."),
        ({"postcode": ""}, "Enter the billing postcode of the card."),
    ],
)
def test_a_slip_in_the_form_is_named_with_a_link_to_its_field(shop, typed, words):
    answer = shop.pay(shop.session(), **typed)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert words in answer.text
    assert f'href="#{next(iter(typed))}"' in answer.text


def test_the_address_is_asked_for_when_the_shop_did_not_give_one_and_makes_the_customer(shop, v1):
    session = v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.year.id, "quantity": 1}],
            "success_url": "https://shop.example/done",
        }
    )
    assert shop.pay(session).status_code == 422
    assert shop.pay(session, email="ann@example.org").status_code == 303
    assert v1.customers.list().data[0].email == "ann@example.org"


def test_the_address_the_shop_gave_cannot_be_changed_on_the_page(shop, v1):
    shop.pay(shop.session(), email="mallory@example.org")
    assert v1.customers.list().data[0].email == "ruth@example.org"


def ask(shop, session):
    answer = shop.pay(session, number="4000 0025 0000 3155")
    assert answer.status_code == 303
    question = shop.base + answer.headers["Location"]
    assert "Confirm your payment" in requests.get(question, timeout=10).text
    return question


def test_a_confirmed_three_d_secure_payment_completes(shop, v1):
    session = shop.session()
    question = ask(shop, session)
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    answer = requests.post(question, data={"outcome": "complete"}, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"http://127.0.0.1:8000/done?session={session.id}")
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_failed_three_d_secure_payment_changes_nothing_and_can_be_tried_again(shop, v1):
    session = shop.session()
    answer = requests.post(ask(shop, session), data={"outcome": "fail"}, allow_redirects=False, timeout=10)
    assert answer.status_code == 402
    assert "Your bank did not confirm the payment." in answer.text
    for typed in ("4000 0025 0000 3155", "12/34", "Ruth Okafor", "SW1A 1AA"):
        assert f'value="{typed}"' in answer.text
    assert v1.subscriptions.list().data == []
    assert shop.pay(session).status_code == 303


def test_the_bank_cannot_be_asked_about_another_sessions_payment(shop):
    question = ask(shop, shop.session())
    other = shop.session()
    address = question.replace(question.split("/checkout/")[1].split("/")[0], other.id)
    assert requests.post(address, data={"outcome": "complete"}, timeout=10).status_code == 404


def test_many_submits_at_once_make_one_subscription_and_all_go_to_the_shop(shop, v1):
    session = shop.session()
    barrier = threading.Barrier(8)

    def submit(_):
        barrier.wait()
        return shop.pay(session)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(submit, range(8)))
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {
        (303, f"http://127.0.0.1:8000/done?session={session.id}")
    }
    assert len(v1.subscriptions.list().data) == len(v1.invoices.list().data) == len(v1.customers.list().data) == 1


def test_a_session_expires_after_a_day_and_its_page_says_so(shop, v1, clock):
    session = shop.session()
    clock.forward(hours=24)
    page = shop.page(session)
    assert (page.status_code, "This payment page has expired" in page.text) == (410, True)
    assert shop.pay(session).status_code == 410
    assert v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert v1.events.list({"type": "checkout.session.expired"}).data[0].data.object.id == session.id


def test_a_session_that_was_expired_or_paid_cannot_be_expired(shop, v1):
    session = shop.session()
    assert v1.checkout.sessions.expire(session.id).url is None
    for over in (session, shop.bought()):
        with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
            v1.checkout.sessions.expire(over.id)


def test_a_finished_session_and_an_unknown_one_have_pages_of_their_own(shop):
    assert "already paid" in shop.page(shop.bought()).text
    unknown = requests.get(f"{shop.base}/checkout/cs_test_none", timeout=10)
    assert (unknown.status_code, "cannot find that payment page" in unknown.text) == (404, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 303),
    ],
)
def test_a_form_from_another_site_is_refused(shop, headers, status):
    assert shop.pay(shop.session(), headers=headers).status_code == status


def test_mounted_under_the_shops_own_address_the_pages_find_their_form_and_their_style(shop, sandbox):
    session = shop.session()
    mounted = Client(DispatcherMiddleware(NotFound(), {"/sandbox/stripe": sandbox.wsgi}))
    path = session.url.removeprefix("http://127.0.0.1:8000")
    page = mounted.get(path)
    assert page.status_code == 200
    assert f'action="{path}"' in page.text
    style = re.search(r'<link rel="stylesheet" href="([^"]+)">', page.text)
    assert style is not None
    sheet = mounted.get(style[1])
    assert (sheet.status_code, sheet.mimetype) == (200, "text/css")
    sheet.close()
    answer = mounted.post(path, data=CARD | {"number": "4000002500003155"}, headers={"Origin": "http://127.0.0.1:8000"})
    assert answer.headers["Location"].startswith(f"{path}/confirm/")


def test_what_is_not_there_is_a_page_too(base):
    answer = requests.get(f"{base}/nothing", timeout=10)
    assert (answer.status_code, "<h1>We cannot find that payment page</h1>" in answer.text) == (404, True)
