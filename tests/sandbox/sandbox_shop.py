"""What the sandbox's tests share: a clock, a webhook address, and a shop with something to sell."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

KEY = "sk_test_sandbox_tests"
SECRET = "whsec_tests"  # noqa: S105 - a secret of these tests only
PUBLIC = "http://127.0.0.1:8000/sandbox/stripe"
YEAR = [
    *((4, 9000), (9, 3600), (24, 1800), (49, 1080), (99, 720)),
    *((249, 450), (499, 360), (999, 270), ("inf", 225)),
]
CARD = {
    "number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ruth Okafor",
    "postcode": "SW1A 1AA",
    "line1": "1 High Street",
    "city": "Exampleton",
}


class Clock:
    """The shop's clock."""

    def __init__(self):
        self.moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def forward(self, **step):
        self.moment += timedelta(**step)


class HookServer(ThreadingHTTPServer):
    """The shop as far as webhooks see it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hook)
        self.heard: list[tuple[str, str]] = []
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks/stripe?from=sandbox"


class Hook(BaseHTTPRequestHandler):
    """The shop's webhook address: keeps what it hears, and answers as it is told."""

    server: HookServer

    def do_POST(self):
        payload = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((payload, self.headers["Stripe-Signature"]))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Stay silent."""


class Buyer:
    """A browser on the hosted pages of one sandbox."""

    def __init__(self, base):
        self.base = base

    def page(self, session):
        return requests.get(f"{self.base}/checkout/{session.id}", timeout=10)

    def pay(self, session, headers=None, **typed):
        return requests.post(
            f"{self.base}/checkout/{session.id}", data=CARD | typed, headers=headers, allow_redirects=False, timeout=10
        )


class Shop(Buyer):
    """What the tests sell, and the buyer's browser."""

    def __init__(self, v1, base):
        super().__init__(base)
        self.v1 = v1
        self.product = v1.products.create({"name": "Lanyard", "unit_label": "seat"})
        self.vat = v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False, "country": "GB"})
        self.year = self.price()

    def price(self, mode="graduated", interval="year", bands=YEAR, **more):
        return self.v1.prices.create(
            {
                "product": self.product.id,
                "currency": "gbp",
                "recurring": {"interval": interval},
                "billing_scheme": "tiered",
                "tiers_mode": mode,
                "tiers": [{"up_to": up_to, "unit_amount": amount} for up_to, amount in bands],
                "tax_behavior": "exclusive",
                **more,
            }
        )

    def session(self, quantity=25, price=None, **more):
        return self.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "ui_mode": "hosted_page",
                "line_items": [{"price": (price or self.year).id, "quantity": quantity}],
                "subscription_data": {"default_tax_rates": [self.vat.id], "metadata": {"organisation": "7"}},
                "success_url": "http://127.0.0.1:8000/done?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://127.0.0.1:8000/prices",
                "client_reference_id": "7",
                "metadata": {"checkout": "9"},
                "customer_email": "ruth@example.org",
                **more,
            }
        )

    def bought(self, quantity=25, **more):
        session = self.session(quantity, **more)
        assert self.pay(session).status_code == 303
        return self.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})

    def set_card(self, subscription, card):
        attached = self.v1.payment_methods.attach(card, {"customer": subscription.customer})
        self.v1.subscriptions.update(subscription.id, {"default_payment_method": attached.id})
