"""How many visitors a second are answered, beside bare Flask on the same server in the same run.

`python3 -m benchmarks.visitors` inside .venv. Rounds take turns, so that whatever else the machine does falls on both; the median
of each counts. It ends with 1 when a page answers fewer than 0.85 of what bare Flask does.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGES = ("/", "/courses", "/prices", "/prices?seats=40&interval=month")
WANTED = 0.85
ROUNDS = 7
SECONDS = 1.5
CONNECTIONS = 8
SECONDS_TO_OPEN = 60


def main() -> int:
    """Start the server, measure in turns and print the ratios."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as data:
        environment = os.environ | {"LANYARD_DATA": data, "LANYARD_URL": f"http://127.0.0.1:{port}"}
        for command in ("migrate", "load"):
            subprocess.run(  # noqa: S603 - our own
                [sys.executable, "-m", "app", command], cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        server_command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "8", "--workers", "1"]
        options = ["--bind", f"127.0.0.1:{port}", "--log-level", "error", "benchmarks.bare_and_shop:application"]
        server = subprocess.Popen([*server_command, *options], cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
        try:
            _wait_for(port)
            return _measure(port)
        finally:
            server.terminate()
            server.wait()


def _measure(port: int) -> int:
    rates: dict[str, list[float]] = {path: [] for path in ("/bare", *PAGES)}
    for path in rates:
        _rate(port, path, 0.3)
    for _ in range(ROUNDS):
        for path, found in rates.items():
            found.append(_rate(port, path, SECONDS))
    bare = statistics.median(rates["/bare"])
    print(f"{'bare Flask':34}{bare:8.0f} a second")
    worst = 1e9
    for path in PAGES:
        rate = statistics.median(rates[path])
        worst = min(worst, rate / bare)
        print(f"{path:34}{rate:8.0f} a second   {rate / bare:.2f} of bare Flask")
    print(f"The least is {worst:.2f}; wanted is {WANTED}.")
    return 0 if worst >= WANTED else 1


def _rate(port: int, path: str, seconds: float) -> float:
    """Ask over some connections that stay open, each as fast as it is answered, and give the answers a second."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    counts = [0] * CONNECTIONS
    until = time.monotonic() + seconds

    def ask(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.monotonic() < until:
                connection.sendall(request)
                _read(connection)
                counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONNECTIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def _read(connection: socket.socket) -> None:
    """Read one answer to its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    read = len(body)
    while read < length:
        read += len(_some(connection))


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        message = "the server closed the connection"
        raise RuntimeError(message)
    return data


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + SECONDS_TO_OPEN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
