"""`scenarios`: what a subscription goes through in its life, played with our client on the sandbox or on Stripe."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import settings
from app.kernel import clock
from billing.sandbox.server import KEY_PREFIX, Sandbox
from billing.stripe_gateway import StripeGateway

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

OWN = Path(__file__).parents[2] / "tests" / "contract" / "scenarios"
KEY = f"{KEY_PREFIX}_scenarios"
NOWHERE = "http://127.0.0.1:9/"
UNUSED = "whsec_scenarios"  # no message is delivered


def add_commands(commands: Any) -> None:
    """Add the subcommand that plays scenarios."""
    words = "play the life of subscriptions on test clocks, on a sandbox of its own or on a Stripe account in test mode"
    play = commands.add_parser("scenarios", help=words, description=words)
    play.add_argument("--target", choices=("sandbox", "stripe"), default="sandbox", help="stripe needs STRIPE_TEST_KEY")
    play.add_argument("files", nargs="*", type=Path, help="scenario files (those of billing-e2e and our own)")
    play.set_defaults(do=run)


def run(options: argparse.Namespace) -> int:
    """Play the scenarios and say how each went; exit status 1 when one of them failed."""
    if find_spec("billing_e2e") is None:
        print(
            "Scenarios need the package billing-e2e: python3 -m app test installs it, or pip install billing-e2e.",
            file=sys.stderr,
        )
        return 1
    from app.cli import scenario_steps  # noqa: PLC0415 - needs the package

    if options.target == "stripe":
        return scenario_steps.play(StripeGateway(settings.stripe_test_key(), ""), options.files or None)
    with tempfile.TemporaryDirectory() as folder, opened_sandbox(Path(folder)) as gateway:
        return scenario_steps.play(gateway, options.files or None)


@contextmanager
def opened_sandbox(folder: Path) -> Iterator[StripeGateway]:
    """Open a sandbox that ends subscriptions after the last retry, as the scenarios expect, and give our gateway to it."""
    sandbox = Sandbox(data=folder, now=clock.real_now, public_url=NOWHERE, webhook_url=NOWHERE, webhook_secret=UNUSED, key=KEY)
    try:
        sandbox.controls.end_after_retries(is_wanted=True)
        yield StripeGateway(KEY, "", address=sandbox.listen())
    finally:
        sandbox.close()
