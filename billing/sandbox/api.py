"""The HTTP API: the key, the version, the check of every request, replayed answers, one transaction a request."""

import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from flask import Request as HttpRequest
from flask import Response

from billing.sandbox import coverage, endpoints, operations
from billing.sandbox.engine import test_clocks
from billing.sandbox.parameters import unflattened
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import API_VERSION, expand
from billing.sandbox.request_check import checked
from billing.sandbox.store import JSON, Store, Work, new_id

log = logging.getLogger(__name__)

REMEMBERED = 24 * 3600


@dataclass
class Api:
    """Answers requests under /v1."""

    store: Store
    now: Callable[[], int]
    key: str
    public_url: str
    catch_up: Callable[[], None]
    _in_flight: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: HttpRequest) -> Response:
        """Answer one request as Stripe would."""
        # The body is read first, whatever happens next: what is left unread would be taken for the next request.
        encoded = request.get_data(as_text=True) if request.method == "POST" else request.query_string.decode(errors="replace")
        request_id = new_id("req", 14)
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        idempotency_key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            status, body, is_replayed = self._answer(request, encoded, request_id, idempotency_key)
        except Refusal as refusal:
            status, body, is_replayed = refusal.status, {"error": refusal.error}, False
        except Exception:
            # As at Stripe, a failure of the server itself is an answer too, and leaves no trace in the store.
            log.exception("the sandbox failed to answer %s %s", request.method, request.path)
            error = {"type": "api_error", "message": "The sandbox failed; its log says why."}
            status, body, is_replayed = 500, {"error": error}, False
        if is_replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(json.dumps(body), status=status, headers=headers, content_type="application/json")

    def _answer(self, request: HttpRequest, encoded: str, request_id: str, idempotency_key: str | None) -> tuple[int, JSON, bool]:
        self._authorise(request)
        # Not request.path: the mount under the shop's own address is not part of Stripe's.
        address = request.path
        params = checked(request.method, address, unflattened(encoded))
        found = endpoints.find(request.method, address)
        if found is None:
            message = f"Stripe has {request.method} {address}; the sandbox does not cover it yet."
            raise Refusal(says=message, status=404, code="sandbox_uncovered")
        operation, key = found
        coverage.require(operation.covered, params)
        self.catch_up()

        def run(work: Work) -> JSON:
            test_clocks.follow(work, key, params)
            asked = operations.Request(work, key, params, self.public_url)
            return expand(work, operation.answer(asked), params.get("expand", []))

        if request.method == "GET":
            with self.store.reading(self.now()) as work:
                return 200, run(work), False
        fingerprint = sha256(json.dumps([request.method, address, encoded]).encode()).hexdigest()
        with self._alone(idempotency_key), self.store.writing(self.now()) as work:
            work.request = {"id": request_id, "idempotency_key": idempotency_key}
            remembered = None if idempotency_key is None else recalled(work, idempotency_key, fingerprint)
            if remembered is not None:
                return *remembered, True
            status, body = outcome(work, run)
            if idempotency_key is not None:
                remember(work, idempotency_key, fingerprint, status, body)
            return status, body, False

    def _authorise(self, request: HttpRequest) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not given:
            message = "You did not provide an API key, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            raise Refusal(says=message, status=401)
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refusal(says=f"Invalid API Key provided: {given[:8]}****{given[-4:]}", status=401)
        version = request.headers.get("Stripe-Version")
        if version != API_VERSION:
            raise Refusal(says=f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} only.")

    @contextmanager
    def _alone(self, idempotency_key: str | None) -> Iterator[None]:
        """Refuse a request while another with the same key is being carried out (by this process)."""
        if idempotency_key is None:
            yield
            return
        with self._guard:
            if idempotency_key in self._in_flight:
                message = (
                    "There is currently another in-progress request using this Idempotent Key "
                    f"({idempotency_key}). Please try again later."
                )
                raise Refusal(says=message, status=409, kind="idempotency_error", code="idempotency_key_in_use")
            self._in_flight.add(idempotency_key)
        try:
            yield
        finally:
            with self._guard:
                self._in_flight.discard(idempotency_key)


def outcome(work: Work, run: Callable[[Work], JSON]) -> tuple[int, JSON]:
    """Carry out an operation; a refusal undoes what it did, unless it says that its effects stay."""
    try:
        with work.attempt():
            try:
                return 200, run(work)
            except Refusal as refusal:
                if not refusal.keeps_effects:
                    raise
                kept = refusal
    except Refusal as refusal:
        return refusal.status, {"error": refusal.error}
    return kept.status, {"error": kept.error}


def recalled(work: Work, key: str, fingerprint: str) -> tuple[int, JSON] | None:
    """Return the answer given to this key within 24 hours. Raises Refusal when it was another request's."""
    row = work.connection.execute(
        "SELECT fingerprint, status, body FROM answers WHERE key = ? AND created > ?", (key, work.now - REMEMBERED)
    ).fetchone()
    if row is None:
        return None
    if row[0] != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
        raise Refusal(says=message, kind="idempotency_error")
    return row[1], json.loads(row[2])


def remember(work: Work, key: str, fingerprint: str, status: int, body: JSON) -> None:
    """Keep the answer for whoever asks again, in the transaction that it reports."""
    work.connection.execute("DELETE FROM answers WHERE created <= ?", (work.now - REMEMBERED,))
    work.connection.execute(
        "INSERT OR REPLACE INTO answers (key, fingerprint, status, body, created) VALUES (?, ?, ?, ?, ?)",
        (key, fingerprint, status, json.dumps(body), work.now),
    )
