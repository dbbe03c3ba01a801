"""A process that plays steps of the journey and kills itself at a given point; started by the kill test, never by the product.

It prepares an application and then forks a child for each command that it reads, one JSON object a line: which steps to play, at
which point to die, and how many minutes have passed. A point is just before or just after a commit of the shop, a commit of the
sandbox or a call to the provider. For each child it answers with one JSON object a line: how it ended, and what it had to say.

Usage: python -m tests.journeys.launcher, with the shop's environment.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
import traceback
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
import time_machine
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

from app import factory, settings
from app.accounts import credentials
from app.kernel import clock
from app.kernel.db import db
from app.web import logs
from billing.sandbox import store
from tests.journeys import steps


class Points:
    """Counts the points that a child comes by, and ends it at the one it was told."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.last: int | None = None
        self._counting = threading.Lock()

    def come_by(self, what: str) -> None:
        """Come by a point, perhaps for good."""
        with self._counting:
            if len(self.passed) == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.passed.append(what)

    def around(self, what: str, do: Any, *arguments: Any, **options: Any) -> Any:
        """Do something with a point just before and a point just after it."""
        self.come_by(f"before {what}")
        done = do(*arguments, **options)
        self.come_by(f"after {what}")
        return done


points = Points()


class SilentHandler(WSGIRequestHandler):
    """Answers without a line in the log for each request."""

    def log_request(self, *_: Any) -> None:
        """Say nothing."""


class SandboxConnection(sqlite3.Connection):
    """A connection of the sandbox, whose commits are points."""

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        """Execute a statement."""
        if statement != "COMMIT":
            return super().execute(statement, *arguments)
        done: sqlite3.Cursor = points.around("the sandbox commits", super().execute, statement)
        return done


def watch() -> None:
    """Make a point of every commit and every call."""
    send = requests.Session.send
    commit = db.engine.dialect.do_commit
    connect = sqlite3.connect

    def counted_send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        path = (request.path_url or "").partition("?")[0]
        answer: requests.Response = points.around(f"{request.method} {path}", send, session, request, **options)
        return answer

    def counted_connect(path: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        if Path(path).name == "stripe_sandbox.sqlite3":
            options["factory"] = SandboxConnection
        return connect(path, *arguments, **options)

    requests.Session.send = counted_send  # type: ignore[method-assign,assignment]  # the tests' own process
    db.engine.dialect.do_commit = partial(points.around, "the shop commits", commit)  # type: ignore[method-assign]  # the same
    store.sqlite3.connect = counted_connect  # type: ignore[attr-defined]  # the same


def main() -> None:
    """Answer commands until there are no more."""
    # Whatever else is printed goes with the errors.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    environment = settings.from_environment()
    logs.configure("json")
    credentials.configure("cheap")
    app = factory.create_app(environment)
    with app.app_context():
        watch()
    # One rehearsal in this process loads and compiles what every child would otherwise have to.
    print(json.dumps(rehearse(app)), file=answers, flush=True)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as answer:
                json.dump(play(app, **json.loads(line)), answer)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        how = {"killed": os.WIFSIGNALED(status), **(json.loads(said) if said else {})}
        print(json.dumps(how), file=answers, flush=True)


def rehearse(app: Any) -> dict[str, Any]:
    """Play the journey without what makes documents and without an end, and leave nothing open that a child must not share."""
    names = [name for name in steps.WAYS["asked"] if name not in steps.WITH_DOCUMENTS]
    answer = play(app, names=[*names, *steps.BEFORE_DOCUMENTS], last=None, minutes=0)
    app.extensions["sandbox"].close()
    app.extensions["jobs"].close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    return answer


def play(app: Any, *, names: list[str], last: int | None, minutes: int) -> dict[str, Any]:
    """Play steps in this process, which is a child, and give the points it came by, and the problem if there is one."""
    points.last = last
    # Only the provider's messages arrive over the network; the browser is Werkzeug's, in this process.
    server = make_server("127.0.0.1", 0, app, request_handler=SilentHandler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    try:
        with time_machine.travel(clock.real_now() + timedelta(minutes=minutes)):
            factory.open_gateway(app, app.config["SETTINGS"], webhook_url=f"http://127.0.0.1:{server.server_port}/hooks/stripe")
            site = DispatcherMiddleware(app, {factory.SANDBOX_MOUNT: app.extensions["sandbox"].wsgi})
            # The queue was made in the rehearsal, and its file is another one now.
            app.extensions["jobs"].queue.storage.initialize_schema()
            # Opening the stores is of no interest.
            points.passed.clear()
            scene = steps.Scene(app, site)
            for name in names:
                steps.STEPS[name](scene)
    except Exception:  # noqa: BLE001 - whatever went wrong is told to the parent
        return {"points": points.passed, "problem": traceback.format_exc()}
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    return {"points": points.passed, "problem": None}


if __name__ == "__main__":
    main()
