"""Another process that counts: it reads a row and writes it back one higher, as often as it is told.

Usage: python -m tests.house.counter TIMES with the shop's environment; says when it is ready and waits for a line.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from app import factory, settings
from app.kernel import clock
from app.kernel.transaction import transaction


def main(times: str) -> None:
    app = factory.create_app(settings.from_environment())
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(times)):
        with app.app_context(), transaction():
            clock.advance(timedelta(seconds=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
