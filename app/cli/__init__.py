"""The command line: every subcommand, its help, and what it answers to the shell."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from app.cli import content, gate, lighthouse, scenarios, serving, upkeep
from app.kernel.errors import Refusal
from app.settings import BadSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = "Lanyard: training seats, the courses they open, and a history of who held one. Without a command it runs the shop."


def parser() -> argparse.ArgumentParser:
    """Make the parser of all subcommands."""
    made = argparse.ArgumentParser(prog="python3 -m app", description=DESCRIPTION)
    commands = made.add_subparsers(dest="command", metavar="command", title="commands")
    for part in (serving, upkeep, content, gate, lighthouse, scenarios):
        part.add_commands(commands)
    return made


def run(arguments: Sequence[str]) -> int:
    """Run a subcommand and give the exit status: 0 when it did what it says."""
    known = parser()
    words = list(arguments)
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help"}):
        words = ["run", *words]
    options, extra = known.parse_known_args(words)
    if extra:
        if options.command != "test":
            known.error(f"unknown: {' '.join(extra)}")
        options.pytest = extra
    if options.command != "test":
        # What the shop writes is for its own user alone; the tests start programs that run as somebody else.
        os.umask(0o077)
    try:
        status: int = options.do(options)
    except (BadSetting, Refusal) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return status
