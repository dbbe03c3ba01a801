"""`test`: everything that decides whether a change is good, in one command."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

PROJECT = Path(__file__).parents[2]


def add_commands(commands: Any) -> None:
    """Add the subcommand of the gate."""
    test = commands.add_parser(
        "test",
        help="run the gate: linters, types, import rules, templates and every test",
        description="Run the gate. Paths and any other pytest option run only a part of the tests, such as -k seats.",
    )
    test.add_argument("--full", action="store_true", help="every page in every scheme and the full Hypothesis budgets")
    test.set_defaults(do=run, pytest=[])


def run(options: argparse.Namespace) -> int:
    """Run every check to its end, tell which failed, and give 1 if any did."""
    tools = Path(sys.executable).parent
    steps: list[tuple[str, list[str]]] = []
    if not options.pytest:
        steps = [
            ("lint", [str(tools / "ruff"), "check", "."]),
            ("format", [str(tools / "ruff"), "format", "--check", "."]),
            ("types", [str(tools / "mypy")]),
            ("imports", [str(tools / "lint-imports")]),
            ("content", [sys.executable, "-m", "app", "content", "check"]),
            ("templates", [str(tools / "djlint"), "templates", "billing/sandbox/templates", "--lint", "--quiet"]),
        ]
    budget = ["--full"] if options.full else [] if options.pytest else ["--quick"]
    part = options.pytest or ["-n", "2", "--dist", "loadgroup"]
    steps.append(("tests", [sys.executable, "-m", "pytest", *budget, *part]))
    failed = []
    for name, command in steps:
        began = time.monotonic()
        print(f"── {name}", flush=True)
        if subprocess.run(command, cwd=PROJECT, check=False).returncode:  # noqa: S603 - our own commands
            failed.append(name)
        print(f"   {name}: {'FAILED' if name in failed else 'fine'} after {time.monotonic() - began:.0f} s", flush=True)
    print(f"The gate is {'red: ' + ', '.join(failed) if failed else 'green'}.", flush=True)
    return 1 if failed else 0
