"""A sandbox on a clock that stands still until told, and the SDK talking to it."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import stripe

from billing.sandbox.server import Sandbox

KEY = "sk_test_sandbox_contract"

stripe.enable_telemetry = False  # it writes under the home directory


class Clock:
    """The shop's clock."""

    def __init__(self):
        self.moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def forward(self, **step):
        self.moment += timedelta(**step)


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, clock):
    running = Sandbox(
        data=tmp_path_factory.mktemp("sandbox"),
        now=clock,
        public_url="http://127.0.0.1:8000/sandbox/stripe",
        webhook_url="http://127.0.0.1:9/hooks/stripe",
        webhook_secret="whsec_contract",
        key=KEY,
    )
    yield running
    running.close()


@pytest.fixture(scope="module")
def base(sandbox):
    return sandbox.listen()


class Recorder(stripe.RequestsClient):
    """The SDK's own HTTP client, keeping what went and came over the wire."""

    def __init__(self):
        super().__init__(timeout=10)
        self.asked = []
        self.seen = []

    def request(self, method, url, headers, post_data=None):
        address = urlsplit(url)
        self.asked.append((method.upper(), address.path, address.query or post_data or ""))
        answer = super().request(method, url, headers, post_data)
        self.seen.append(json.loads(answer[0]))
        return answer


@pytest.fixture(scope="module")
def http():
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture(scope="module")
def client(base, http):
    return stripe.StripeClient(KEY, base_addresses={"api": base}, http_client=http, max_network_retries=0)
