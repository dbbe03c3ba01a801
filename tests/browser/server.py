"""The shop as a process of its own, as whoever tries it out would start it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS_TO_OPEN = 60


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class ShopProcess:
    """`python -m app run` on a folder."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.with_name(f"{data.name}-{self.port}.log")
        command = [sys.executable, "-m", "app", "run", "--port", str(self.port), "--data", str(data), *options]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LANYARD", "STRIPE", "DATABASE"))
        }
        with self.log.open("wb") as log:
            # In a session of its own, as in a terminal, so that Ctrl-C can reach all of it.
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )

    def wait_until_open(self) -> ShopProcess:
        """Wait until it says that it is open; gives itself."""
        self.wait_until_it_says("Ctrl-C stops it.")
        return self

    def wait_until_it_says(self, words: str) -> None:
        """Wait until it has printed some words."""
        limit = time.monotonic() + SECONDS_TO_OPEN
        while words not in self.said():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < limit, self.said()
            time.sleep(0.02)

    def said(self) -> str:
        """Give everything it has printed."""
        return self.log.read_text()

    def found(self, pattern: str) -> str:
        """Give what a pattern finds in what it has printed."""
        found = re.search(pattern, self.said())
        assert found, (pattern, self.said())
        return found[1] if found.re.groups else found[0]

    def wait(self, seconds: float) -> int:
        """Wait for its end and give the exit status."""
        return self._process.wait(seconds)

    def interrupt(self, seconds: float = 15) -> int:
        """Press Ctrl-C, which reaches every process of the terminal, and give the exit status."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.wait(seconds)

    def has_left_something(self) -> bool:
        """Whether a process of it is still there."""
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        """Stop it, whatever it takes."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
