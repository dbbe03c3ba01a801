"""Signed webhooks leaving from the queue, after the commit that queued them and never inside a request."""

import http.client
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from billing.sandbox.controls import troubles
from billing.sandbox.store import Store

log = logging.getLogger(__name__)

TIMEOUT = 10
LEASE = 30
BACKOFF = (1, 5, 30, 120, 600, 1800, 3600)
# What delayed webhooks wait, and how long those are gathered that leave in the wrong order.
DELAY_SECONDS = 60
GATHERING_SECONDS = 3


@dataclass(frozen=True)
class Parcel:
    """An event that this process alone may deliver for the length of a lease."""

    event: str
    lease: str
    attempts: int
    payload: str
    troubles: frozenset[str] = frozenset()


@dataclass
class Deliveries:
    """Posts queued events to one address; all its times are real times, whatever the shop's clock says."""

    store: Store
    now: Callable[[], int]
    url: str
    secret: str
    _woken: threading.Event = field(default_factory=threading.Event)
    _is_closed: bool = False

    def wake(self) -> None:
        """Say that something may be due."""
        self._woken.set()

    def close(self) -> None:
        """Let the thread end after what it is doing."""
        self._is_closed = True
        self.wake()

    def run(self, catch_up: Callable[[], None]) -> None:
        """Let time pass and deliver what is due, every second and whenever woken, until closed."""
        while not self._is_closed:
            self._woken.clear()
            try:
                catch_up()
                self.deliver_due()
            except Exception:
                # The thread must outlive a full disk or a store locked for long; the queue is durable.
                log.exception("sandbox deliveries failed and will be tried again")
            self._woken.wait(1)

    def deliver_due(self) -> int:
        """Deliver everything that is due now, oldest first; return how many were accepted."""
        accepted = 0
        while not self._is_closed and (parcel := self.take()) is not None:
            was_accepted = self._send(parcel)
            self.put_back(parcel, was_accepted=was_accepted)
            accepted += was_accepted
        return accepted

    def take(self) -> Parcel | None:
        """Take a lease on the oldest event that is due and that no other process holds; None when there is none."""
        moment = time.time()
        with self.store.reading(self.now()) as work:
            wrong = troubles(work)
            wait = DELAY_SECONDS if "delay" in wrong else GATHERING_SECONDS if "reorder" in wrong else 0
            waiting = work.connection.execute(
                "SELECT 1 FROM deliveries WHERE delivered_at IS NULL AND due <= ? AND COALESCE(lease_until, 0) < ?",
                (moment - wait, moment),
            ).fetchone()
        if waiting is None:
            return None
        lease = secrets.token_hex(8)
        with self.store.writing(self.now()) as work:
            row = work.connection.execute(
                "UPDATE deliveries SET lease = :lease, lease_until = :until WHERE event = ("
                " SELECT d.event FROM deliveries d JOIN objects o ON o.id = d.event"
                " WHERE d.delivered_at IS NULL AND d.due <= :due AND COALESCE(d.lease_until, 0) < :now"
                " ORDER BY o.seq * :order LIMIT 1) RETURNING event, attempts",
                {
                    "lease": lease,
                    "until": moment + LEASE,
                    "now": moment,
                    "due": moment - wait,
                    "order": -1 if "reorder" in wrong else 1,
                },
            ).fetchone()
            event = None if row is None else work.find("event", row[0])
        return None if event is None else Parcel(row[0], lease, row[1], json.dumps(event), frozenset(wrong))

    def put_back(self, parcel: Parcel, *, was_accepted: bool) -> None:
        """Mark an event delivered or due again later, unless the lease was lost meanwhile."""
        moment = time.time()
        wait = BACKOFF[min(parcel.attempts, len(BACKOFF) - 1)]
        with self.store.writing(self.now()) as work:
            work.connection.execute(
                "UPDATE deliveries SET attempts = attempts + 1, lease = NULL, lease_until = NULL, due = :due,"
                " delivered_at = :delivered WHERE event = :event AND lease = :lease",
                {
                    "due": moment + wait,
                    "delivered": moment if was_accepted else None,
                    "event": parcel.event,
                    "lease": parcel.lease,
                },
            )
            event = work.find("event", parcel.event)
            if was_accepted and event is not None:
                work.put("event", event | {"pending_webhooks": 0})

    def _send(self, parcel: Parcel) -> bool:
        """Post a parcel, unless the controls say that it is lost on the way; a lost one counts as accepted."""
        if "drop" in parcel.troubles:
            return True
        if "fail_once" in parcel.troubles and parcel.attempts == 0:
            return False
        was_accepted = self._post(parcel.payload)
        if "duplicate" in parcel.troubles:
            self._post(parcel.payload)
        return was_accepted

    def _post(self, payload: str) -> bool:
        from stripe import WebhookSignature  # noqa: PLC0415 - 0.4 s to import, which the start of the shop need not wait for

        address = urlsplit(self.url)
        connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = connect(address.hostname or "", address.port, timeout=TIMEOUT)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": WebhookSignature.generate_signature_header(payload, self.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (Lanyard sandbox)",
        }
        target = address.path or "/"
        try:
            connection.request("POST", f"{target}?{address.query}" if address.query else target, payload.encode(), headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            log.info("webhook not delivered to %s: %s", self.url, error)
            return False
        finally:
            connection.close()
        return 200 <= response.status < 300  # noqa: PLR2004 - the range of success
