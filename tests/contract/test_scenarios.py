"""The scenarios pass on the sandbox with our client, fail where it is broken on purpose, and never run with a live key."""

from importlib.resources import files
from pathlib import Path

import pytest

from app import cli
from app.cli import scenarios
from app.settings import BadSetting
from billing.sandbox.engine import amounts, collection, invoice_lines, prorations, schedules

THEIRS = Path(str(files("billing_e2e") / "scenarios"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Give up at once on what the sandbox, which never has to settle, does not show."""
    monkeypatch.setattr("billing_e2e.runner.STRIPE_CHECK_TIMEOUT", 0)


def test_every_scenario_passes_on_a_sandbox(capsys):
    assert cli.run(["scenarios"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in told] == ["passed"] * len(told)
    assert len(told) == len([*THEIRS.glob("*.yml"), *scenarios.OWN.glob("*.yml")]) >= 10


@pytest.mark.parametrize(
    ("file", "place", "broken"),
    [
        (THEIRS / "signup-card-problems.yml", (collection, "is_good"), lambda _: True),
        (THEIRS / "plan-change.yml", (prorations, "share"), lambda *_: 0),
        (scenarios.OWN / "bands.yml", (amounts, "taxes"), lambda *_: []),
        (scenarios.OWN / "more-seats.yml", (prorations, "share"), lambda amount, *_: amount),
        (scenarios.OWN / "fewer-at-renewal.yml", (schedules, "enter_next_phase"), lambda _work, subscription: subscription),
        (scenarios.OWN / "month-to-year.yml", (invoice_lines, "lines"), lambda *_: []),
    ],
)
def test_a_broken_sandbox_fails_them(monkeypatch, capsys, file, place, broken):
    assert cli.run(["scenarios", str(file)]) == 0
    monkeypatch.setattr(*place, broken)
    assert cli.run(["scenarios", str(file)]) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize("key", [None, "sk_live_123", "rk_live_123", "pk_test_123", "sk_test_sandbox_1"])
def test_only_a_test_key_reaches_stripe(monkeypatch, capsys, key):
    monkeypatch.delenv("STRIPE_TEST_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("STRIPE_TEST_KEY", key)
    assert cli.run(["scenarios", "--target", "stripe"]) == 1
    assert "never with a live one" in capsys.readouterr().err
    with pytest.raises(BadSetting):
        cli.scenarios.settings.stripe_test_key()
