"""A sandbox on a clock that stands still until told, the SDK talking to it over HTTP, and a shop that hears webhooks."""

import threading

import pytest
import stripe

from billing.sandbox.server import Sandbox
from tests.sandbox.sandbox_shop import KEY, PUBLIC, SECRET, Clock, HookServer, Shop

stripe.enable_telemetry = False  # it writes under the home directory


@pytest.fixture
def hook():
    server = HookServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_sandbox(tmp_path, clock, hook):
    made = []

    def make():
        sandbox = Sandbox(data=tmp_path, now=clock, public_url=PUBLIC, webhook_url=hook.url, webhook_secret=SECRET, key=KEY)
        made.append(sandbox)
        return sandbox

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture
def sandbox(make_sandbox):
    return make_sandbox()


@pytest.fixture
def base(sandbox):
    return sandbox.listen()


@pytest.fixture
def client_for():
    clients = []

    def make(base, key=KEY, **options):
        http = stripe.RequestsClient(timeout=10)
        clients.append(http)
        return stripe.StripeClient(key, base_addresses={"api": base}, http_client=http, max_network_retries=0, **options)

    yield make
    for http in clients:
        http.close()


@pytest.fixture
def client(base, client_for):
    return client_for(base)


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def shop(v1, base):
    return Shop(v1, base)
