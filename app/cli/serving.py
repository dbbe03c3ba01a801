"""`run` and `worker`: the shop with everything it needs in one process, or the background work alone."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from app import factory, settings
from app.cli import demo, upkeep
from app.kernel.db import db
from app.web import logs

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from flask import Flask

    from app.settings import Settings

PORT = 8000
LAST_PORT = 65535
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with; whoever starts the shop chooses
THREADS = 8
GRACEFUL_SECONDS = 5
TRIES = 10


def add_commands(commands: Any) -> None:
    """Add the subcommands that keep running."""
    run = commands.add_parser("run", help="set everything up and run the shop, its jobs and, where no money moves, the sandbox")
    run.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    run.add_argument("--port", type=_port, default=PORT, help=f"the port to listen on ({PORT})")
    run.add_argument("--data", type=Path, help="the folder that holds all data (./var)")
    run.add_argument("--no-demo", action="store_true", help="start empty, with a one-time link for the first operator")
    run.set_defaults(do=run_shop)
    worker = commands.add_parser("worker", help="run the background work alone, beside web processes started otherwise")
    worker.add_argument("--data", type=Path, help="the folder that holds all data (./var)")
    worker.set_defaults(do=run_worker)


def run_shop(options: argparse.Namespace) -> int:
    """Set up and serve until told to stop; a port already taken is said before anything else happens."""
    listener = _listen(options.host, options.port)
    if listener is None:
        print(
            f"Port {options.port} is taken on {options.host}. Stop what runs there, or choose another: --port 8001",
            file=sys.stderr,
        )
        return 1
    try:
        app = _set_up(options)
    except BaseException:
        # Nobody else will: gunicorn closes it, but only once it runs.
        listener.close()
        raise
    _Server(app, listener, with_demo=not options.no_demo).run()
    return 0


def _set_up(options: argparse.Namespace) -> Flask:
    """Read the settings, make everything ready and say what the address means for others."""
    shown = f"[{options.host}]" if ":" in options.host else options.host
    host = "127.0.0.1" if options.host in EVERYWHERE else shown
    default = f"http://{host}:{options.port}"
    chosen = settings.from_environment(data=options.data, url=default)
    logs.configure(chosen.log_format)
    app = _prepared(chosen)
    if options.host in EVERYWHERE and chosen.url == default:
        print("Others reach the shop only once LANYARD_URL says by which address, such as http://192.168.1.20:8000.", flush=True)
    return app


def _prepared(chosen: Settings) -> Flask:
    """Make the application with its database and shelf up to date, before a worker is forked: what is wrong is said here, once.

    Nothing of it stays open, because a connection must not be shared with the worker.
    """
    app = factory.create_app(chosen)
    with app.app_context():
        upkeep.migrate_and_load()
        db.session.remove()
        db.engine.dispose()
    app.extensions["jobs"].close()
    return app


def run_worker(options: argparse.Namespace) -> int:
    """Do background work until told to stop."""
    chosen = settings.from_environment(data=options.data)
    logs.configure(chosen.log_format)
    app = factory.create_app(chosen)
    upkeep.demand_schema(app)
    factory.open_gateway(app, chosen)
    consumer = app.extensions["jobs"].consumer()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    consumer.start()
    print("Working. Ctrl-C stops it.", flush=True)
    stop.wait()
    consumer.stop(graceful=True)
    return 0


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with one worker of eight threads; the jobs and the sandbox live in that worker."""

    def __init__(self, app: Flask, listener: socket.socket, *, with_demo: bool) -> None:
        self._app = app
        self._settings: Settings = app.config["SETTINGS"]
        self._listener = listener
        self._port = listener.getsockname()[1]
        self._with_demo = with_demo
        self._running: list[Any] = []
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn needs; the socket is bound already."""
        for name, value in {
            "bind": [f"fd://{self._listener.fileno()}"],
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "timeout": 60,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "lanyard",
            "worker_exit": self._stop,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Connect the shop inside the worker and start what runs beside it."""
        # Ctrl-C reaches every process of a terminal. The worker hears of it from its parent, too, and gunicorn can hang when the
        # second signal arrives while it deals with the first.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Until it serves there is nothing to finish: what is half-made goes on at the next start. The exception that gunicorn
        # raises may come while Python collects memory, where it would be printed and forgotten.
        once_served = signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
        app = self._app
        factory.open_gateway(app, self._settings, webhook_url=f"http://127.0.0.1:{self._port}/hooks/stripe")
        greeting = demo.make(app) if self._settings.is_sandbox and self._with_demo else demo.first_operator_link(app)
        wsgi = factory.with_sandbox(app)
        if "sandbox" in app.extensions:
            self._running.append(app.extensions["sandbox"].close)
        consumer = app.extensions["jobs"].consumer()
        consumer.start()
        app.extensions["jobs"].nudge_all()
        self._running.append(lambda: consumer.stop(graceful=True))
        signal.signal(signal.SIGQUIT, once_served)
        print(f"\nLanyard is open at {self._settings.url}\n{greeting}\nCtrl-C stops it.", flush=True)
        return wsgi

    def _stop(self, _server: object, _worker: object) -> None:
        for stop in reversed(self._running):
            stop()


def _listen(host: str, port: int) -> socket.socket | None:
    """Bind the port, waiting a few seconds for one that is just being given up; None when it stays taken.

    Raises BadSetting when this machine does not have the address, or does not let us have the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(TRIES):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except PermissionError as error:
            raise settings.BadSetting(
                f"--port {port}: {error.strerror}. Ports below 1024 need more rights; choose another."
            ) from error
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise settings.BadSetting(
                    f"--host {host}: {error.strerror}. Give an address of this machine, or 0.0.0.0 for all it has."
                ) from error
            threading.Event().wait(0.5)
        else:
            listener.set_inheritable(True)
            return listener
    return None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PORT)) and 1 <= int(text) <= LAST_PORT):
        message = f"ports go from 1 to {LAST_PORT}, and {text[:20]!r} is none of them"
        raise argparse.ArgumentTypeError(message)
    return int(text)
