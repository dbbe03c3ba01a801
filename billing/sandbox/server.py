"""The sandbox put together: one object with a WSGI application, a loopback listener and a delivery thread."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from wsgiref.types import WSGIApplication

from flask import Flask, Response, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import MethodNotAllowed, NotFound

from billing.sandbox.api import Api
from billing.sandbox.controls import Controls
from billing.sandbox.deliveries import Deliveries
from billing.sandbox.engine import passing_time
from billing.sandbox.engine.deadlines import deadline
from billing.sandbox.invoice_pages import InvoicePages
from billing.sandbox.listener import Listener
from billing.sandbox.pages import Pages
from billing.sandbox.portal_pages import PortalPages
from billing.sandbox.store import Store

KEY_PREFIX = "sk_test_sandbox"
METHODS = ["GET", "POST", "DELETE"]
CLOSING_SECONDS = 1


class Sandbox:
    """A Stripe-shaped server on one file; several processes may each have one on the same file."""

    wsgi: WSGIApplication

    def __init__(
        self,
        *,
        data: Path,
        now: Callable[[], datetime],
        public_url: str,
        webhook_url: str,
        webhook_secret: str,
        key: str,
    ) -> None:
        """Open the store under `data`. Raises ValueError when the key is not a sandbox key."""
        if not key.startswith(KEY_PREFIX):
            message = f"The sandbox takes only keys that begin with {KEY_PREFIX}."
            raise ValueError(message)
        self._now = now
        public_url = public_url.rstrip("/")
        self._store = Store(data / "stripe_sandbox.sqlite3", deadline=deadline, on_queued=self._wake, public_url=public_url)
        self._deliveries = Deliveries(self._store, self._seconds, webhook_url, webhook_secret)
        self.controls = Controls(self._store, self._seconds)
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None
        api = Api(self._store, self._seconds, key, public_url, self.catch_up)
        pages = [kind(self._store, self._seconds, public_url, self.catch_up) for kind in (Pages, InvoicePages, PortalPages)]
        self.wsgi = application(api, pages)

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    def _wake(self) -> None:
        self._deliveries.wake()

    def listen(self) -> str:
        """Serve on 127.0.0.1 from a daemon thread; return the base address for the SDK."""
        if self._listener is None:
            self._listener = Listener(self.wsgi)
        return self._listener.address

    def start_deliveries(self) -> None:
        """Let time pass and deliver webhooks from a daemon thread, every second and whenever something is queued."""
        if self._thread is None:
            run = self._deliveries.run
            self._thread = threading.Thread(target=run, args=(self.catch_up,), name="stripe-sandbox-deliveries", daemon=True)
            self._thread.start()

    def deliver_due(self) -> int:
        """Deliver every webhook that is due now; return how many were accepted."""
        return self._deliveries.deliver_due()

    def catch_up(self) -> None:
        """Do everything that the passing of time makes due, each step in its own transaction."""
        while self._is_behind():
            with self._store.writing(self._seconds()) as work:
                passing_time.step(work)

    def _is_behind(self) -> bool:
        with self._store.reading(self._seconds()) as work:
            return work.next_due() is not None

    def close(self) -> None:
        """Stop listening and delivering; the store keeps what is not delivered yet."""
        self._deliveries.close()
        if self._thread is not None:
            # It may be waiting for an answer from the very shop that is being stopped; its lease runs out by itself.
            self._thread.join(CLOSING_SECONDS)
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def application(api: Api, pages: list[Pages | InvoicePages | PortalPages]) -> Flask:
    """Return the WSGI application: the API under /v1, the hosted pages, and their style sheet."""
    app = Flask(__name__)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for part in pages:
        part.register(app)

    def answer(rest: str) -> Response:  # noqa: ARG001 - the API reads the whole address itself
        return api.answer(request)

    app.add_url_rule("/v1/<path:rest>", "api", answer, methods=METHODS)

    @app.errorhandler(NotFound)
    @app.errorhandler(MethodNotAllowed)
    def no_such_page(error: NotFound | MethodNotAllowed) -> Response:
        return pages[0].notice("missing", status=error.code or 404)

    return app
