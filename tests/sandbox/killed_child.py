"""A process that sells without pause until it is killed; started by the crash test."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import requests
import stripe

from billing.sandbox.server import Sandbox
from tests.sandbox.sandbox_shop import KEY, SECRET, Shop


def main() -> None:
    """Open sessions and pay them, each twice, for ever."""
    stripe.enable_telemetry = False
    sandbox = Sandbox(
        data=Path(sys.argv[1]),
        now=lambda: datetime.now(UTC),
        public_url="http://127.0.0.1:8000/sandbox/stripe",
        webhook_url=sys.argv[2],
        webhook_secret=SECRET,
        key=KEY,
    )
    base = sandbox.listen()
    sandbox.start_deliveries()
    http = stripe.RequestsClient(timeout=10, session=requests.Session())
    client = stripe.StripeClient(KEY, base_addresses={"api": base}, http_client=http, max_network_retries=0)
    shop = Shop(client.v1, base)
    sys.stdout.write("selling\n")
    sys.stdout.flush()
    while True:
        shop.bought(25)


if __name__ == "__main__":
    main()
