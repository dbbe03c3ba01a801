"""The steps that our scenarios have beside those of billing-e2e: what the shop asks of the provider, through its own gateway."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from billing_e2e import checks, runner, scenario

from app.cli.scenarios import OWN
from app.kernel.errors import Refusal
from billing import additions, price_cards
from billing.gateway import Plan, Wish
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from billing.gateway import Snapshot
    from billing.stripe_gateway import StripeGateway

VAT_PERCENT = 20
# Two flat prices by the month, for the scenarios that come with the package.
FLAT = {"monthly_price": ("lanyard_scenarios_small", 1000), "upgrade_price": ("lanyard_scenarios_large", 3000)}


@dataclass(frozen=True)
class Ours:
    """A step of ours: its name and what is given with it."""

    name: str
    given: Any


NAMES = ("buy", "seats", "pay_by", "at_renewal", "ends")


class Runner(runner.Runner):  # type: ignore[misc]  # billing-e2e has no types
    """Plays the steps of the package and ours."""

    def __init__(self, gateway: StripeGateway, values: dict[str, str]) -> None:
        """Play with our gateway and its client; `values` fill the names in the files."""
        super().__init__(scenario.Config("", vars=values), gateway.client)
        self._gateway = gateway
        self._asked = 0

    def _step(self, step: Any, run: Any) -> Any:
        if not isinstance(step, Ours):
            return super()._step(step, run)
        started = time.monotonic()
        label = f"{step.name.replace('_', ' ')} {step.given}"
        try:
            detail, passed = self._ask(step, run), True
        except (checks.CheckFailed, Refusal) as error:
            facts = getattr(error, "facts", {})
            detail, passed = f"{error} {facts.get('provider_message', '')}".strip(), False
        return runner.StepResult(label, passed, detail, time.monotonic() - started, run.now)

    def _ask(self, step: Ours, run: Any) -> str:
        """Ask the provider for what a step says; gives what came of it."""
        self._asked += 1
        key, given = f"scenario-{run.tag}-{self._asked}", step.given
        card = price_cards.seed()
        if step.name == "buy":
            return self._buy(run, key, int(given["seats"]), Interval(given["interval"]))
        now = self._gateway.subscription(run.subscription_id)
        match step.name:
            case "seats":
                return self._change(run, now, key, int(given), now.interval)
            case "pay_by":
                return self._change(run, now, key, now.quantity, Interval(given))
            case "at_renewal":
                plan = Plan(key=key, subscription_id=now.id, card=card, interval=now.interval, seats=int(given))
                self._gateway.plan(plan)
                coming = self._gateway.subscription(now.id).coming_seats
                return _demand(coming == int(given), f"{coming} seats are planned for the renewal")
            case _:
                self._gateway.end_with_term(now.id, key, is_wanted=bool(given))
                ends = self._gateway.subscription(now.id).cancel_at is not None
                return _demand(ends is bool(given), "it ends with the term" if ends else "it goes on")

    def _buy(self, run: Any, key: str, seats: int, interval: Interval) -> str:
        price = self._gateway.price(price_cards.seed(), interval, key)
        params: Any = {
            "customer": run.customer.id,
            "items": [{"price": price, "quantity": seats}],
            "default_tax_rates": [self._gateway.tax_rate(VAT_PERCENT, key)],
        }
        run.subscription_id = self._gateway.client.v1.subscriptions.create(params).id
        found = self._gateway.subscription(run.subscription_id)
        return f"{found.quantity} seats by the {found.interval}, {found.status}"

    def _change(self, run: Any, now: Snapshot, key: str, seats: int, interval: Interval) -> str:
        """Change a subscription now, and hold the invoice against what was previewed and what we had reckoned."""
        card = price_cards.seed()
        counted_at = additions.counted_from(now.period_start, run.now)
        wish = Wish(key=key, subscription_id=now.id, card=card, interval=interval, seats=seats, counted_at=counted_at)
        shown = self._gateway.preview(wish)
        reckoned = additions.cost_of(now, card, seats, interval, counted_at)
        _demand(abs(shown.net_minor - reckoned.net_minor) <= 1, f"shown {shown.net_minor}, reckoned {reckoned.net_minor}")
        self._gateway.change(wish)
        after, newest = self._gateway.subscription(now.id), self._gateway.invoices(now.id)[0]
        _demand((after.quantity, after.interval) == (seats, interval), f"{after.quantity} seats by the {after.interval}")
        return _demand(newest.gross_minor == shown.gross_minor, f"shown {shown.gross_minor}, invoiced {newest.gross_minor}")


def play(gateway: StripeGateway, paths: Iterable[Path] | None = None) -> int:
    """Play scenario files, those of the package and ours unless some are named; gives 0 when all of them pass."""
    is_good = True
    with contextlib.ExitStack() as stack:
        known = files("billing_e2e") / "scenarios"
        theirs = stack.enter_context(as_file(known))
        chosen = list(paths) if paths is not None else [*sorted(theirs.glob("*.yml")), *sorted(OWN.glob("*.yml"))]
        player = Runner(gateway, _prices(gateway))
        stack.callback(player.http.close)
        for path in chosen:
            result = player.run(read(path))
            is_good &= result.passed
            print(f"{'passed' if result.passed else 'FAILED'}  {result.scenario}", flush=True)
            for problem in (*(f"{step.label}: {step.detail}" for step in result.steps if not step.passed), *result.errors):
                print(f"        {problem}")
    return 0 if is_good else 1


def read(path: Path) -> Any:
    """Read a scenario file with the steps of the package and ours."""
    steps: Any = scenario.STEPS
    for name in NAMES:
        steps.setdefault(name, _reader(name))
    return scenario.load_scenario(path)


def _reader(name: str) -> Callable[[Any], Any]:
    return lambda step: Ours(name, step[name])


def _prices(gateway: StripeGateway) -> dict[str, str]:
    """Give the prices that the package's scenarios name, made when the provider does not have them yet."""
    prices, found = gateway.client.v1.prices, {}
    for name, (lookup_key, amount) in FLAT.items():
        known = prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
        if known:
            found[name] = known[0].id
        else:
            params: Any = {
                "product_data": {"name": "Lanyard scenarios"},
                "currency": "gbp",
                "recurring": {"interval": "month"},
                "unit_amount": amount,
                "lookup_key": lookup_key,
            }
            found[name] = prices.create(params).id
    return found


def _demand(is_so: bool, words: str) -> str:  # noqa: FBT001 - what is demanded stands first
    if not is_so:
        raise checks.CheckFailed(words)
    return words
