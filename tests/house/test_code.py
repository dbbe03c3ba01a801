"""How the code is written, where linters do not look: what may be called where, sentences, lengths and names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = ("app", "billing", "catalog")
LONGEST = 400
CUPBOARDS = frozenset({"utils", "util", "helpers", "common", "services", "misc", "models", "views", "forms"})
# What the forms of all areas share is one class and one field; each area keeps its own forms.
NAMED_EXCEPTION = "app/web/forms.py"

# Reading the machine's clock: the shop has its own. Each exception with its reason.
CLOCK_CALLS = frozenset(
    {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.monotonic"}
)
CLOCK_READERS = {
    ("app/kernel/clock.py", "datetime.now"): "it is the clock",
    ("app/kernel/db.py", "time.time_ns"): "an id of version 7 holds the real millisecond",
    ("app/kernel/transaction.py", "time.monotonic"): "waiting for the turn to write ends after some seconds",
    ("app/mail.py", "time.monotonic"): "a worker stops before its lease ends",
    ("app/web/kept_pages.py", "time.monotonic"): "a kept page is believed for a real second",
    ("app/cli/scenario_steps.py", "time.monotonic"): "a step is told with how long it took",
    ("app/cli/gate.py", "time.monotonic"): "the gate says how long each step took",
    ("billing/reactions.py", "time.monotonic"): "the same",
    ("billing/stripe_gateway.py", "time.time"): "a signature is good for some real minutes",
    ("billing/sandbox/deliveries.py", "time.time"): "webhooks are signed and repeated in real time, as Stripe's are",
    ("billing/sandbox/engine/events.py", "time.time"): "the same",
}

# Floats: money never is one. Each exception with its reason.
FLOATS = {
    ("billing/stripe_prices.py", "float()"): "Stripe's API takes the percentage of a tax rate as a float",
    ("billing/sandbox/rendering.py", "float()"): "Stripe's API gives it as one",
    ("billing/sandbox/listener.py", "0.05"): "seconds between two looks at a flag",
    ("billing/changing.py", "0.25"): "seconds between two looks at a lease",
    ("billing/reactions.py", "events.LEASE.total_seconds() / 2"): "seconds of a lease",
    ("billing/sandbox/engine/amounts.py", "Decimal(percent) * amount / 100"): "a Decimal divided, exactly",
}


@cache
def modules(*folders: str) -> dict[str, ast.Module]:
    """Give the syntax tree of every module in some folders, by its path."""
    paths = chain.from_iterable((PROJECT / folder).rglob("*.py") for folder in folders)
    return {path.relative_to(PROJECT).as_posix(): ast.parse(path.read_text()) for path in sorted(paths)}


def name_of(node: ast.expr) -> str:
    """Give what is called or read, such as `os.environ`."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.Module) -> set[str]:
    """Give the names of everything that a module calls."""
    return {name_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_only_the_transaction_commits():
    found = {path for path, tree in modules(*ROOMS).items() if any(called.endswith(".commit") for called in calls(tree))}
    assert found == {"app/kernel/transaction.py"}


def test_only_the_settings_read_the_environment():
    readers = {
        path
        for path, tree in modules(*ROOMS).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and name_of(node) in {"os.environ", "os.getenv", "os.environb", "os.putenv"}
    }
    assert readers == {"app/settings.py", "app/__main__.py"}


def test_only_the_gateway_and_the_sandbox_import_stripe():
    importers = {
        path
        for path, tree in modules(*ROOMS).items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "stripe" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stripe")
    }
    assert "billing/stripe_gateway.py" in importers
    assert {path for path in importers if not path.startswith("billing/sandbox/")} == {
        *(
            "billing/stripe_gateway.py",
            "billing/stripe_debits.py",
            "billing/stripe_errors.py",
            "billing/stripe_money_back.py",
            "billing/stripe_prices.py",
            "billing/stripe_promotions.py",
            "billing/stripe_endings.py",
        ),
    }


def test_only_the_clock_knows_what_time_it_is():
    found = {(path, called) for path, tree in modules(*ROOMS).items() for called in calls(tree) & CLOCK_CALLS}
    assert found == set(CLOCK_READERS)


def test_no_float_comes_near_money():
    found = set()
    near_money = modules("billing") | {"app/kernel/money.py": modules("app")["app/kernel/money.py"]}
    for path, tree in near_money.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                found.add((path, str(node.value)))
            elif isinstance(node, ast.Call) and name_of(node.func) == "float":
                found.add((path, "float()"))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not is_a_path(node):
                found.add((path, ast.unparse(node)))
    assert found == set(FLOATS)


def is_a_path(node: ast.BinOp) -> bool:
    """Whether a slash joins the parts of a path, which end in a text."""
    return isinstance(node.right, ast.Constant | ast.JoinedStr) and not isinstance(getattr(node.right, "value", ""), int)


def test_every_module_begins_with_a_sentence():
    wrong = [
        path
        for path, tree in modules(*ROOMS, "tests", "benchmarks", "migrations").items()
        if path != "tests/__init__.py" and not (ast.get_docstring(tree) or "").endswith(".") and "/versions/" not in path
    ]
    assert wrong == []


def test_no_module_is_too_long_to_be_about_one_thing():
    lengths = {path: len((PROJECT / path).read_text().splitlines()) for path in modules(*ROOMS)}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_module_is_a_cupboard():
    named = {path for path in modules(*ROOMS, "tests", "benchmarks") if CUPBOARDS & set(re.split(r"[/.]", path))}
    assert named == {NAMED_EXCEPTION}


def test_every_opt_out_names_its_rule_and_gives_its_reason():
    reason = r"(: |\[)[\w, -]+\]?  ?(- |# )?\S"
    wrong = [
        f"{path}:{number}"
        for path in modules(*ROOMS, "tests", "benchmarks", "migrations")
        for number, line in enumerate((PROJECT / path).read_text().splitlines(), start=1)
        for mark in ("# no" + "qa", "# type: " + "ignore")
        if mark in line and not re.search(re.escape(mark) + reason, line)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ROOMS)
def test_importing_a_package_imports_nothing_else(package):
    ask = f"import sys; before = set(sys.modules); import {package}; print(*sorted(set(sys.modules) - before))"
    answer = subprocess.run([sys.executable, "-c", ask], cwd=PROJECT, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [package]


def test_the_web_holds_no_query():
    for path, tree in modules("app").items():
        if path.startswith("app/web/"):
            assert not any(called.startswith(("db.session", "sa.")) for called in calls(tree)), path


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os\nos.environ.get('A')", "os.environ.get"),
        ("import time as t\nt.time()", "t.time"),
        ("session.commit()", "session.commit"),
    ],
)
def test_calls_are_read_as_they_are_written(code, found):
    assert found in calls(ast.parse(code))
