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
from billing.sandbox.rendering import stored
from billing.sandbox.store import Store, Work

log = logging.getLogger(__name__)

TIMEOUT = 10
LEASE = 30
BACKOFF = (1, 5, 30, 120, 600, 1800, 3600)
# What delayed webhooks wait, and how long those are gathered that leave in the wrong order.
DELAY_SECONDS = 60
GATHERING_SECONDS = 3


@dataclass(frozen=True)
class Parcel:
    """An event that this process alone may deliver to one address for the length of a lease.

    `key` is the event's id, and the endpoint's after it unless it is the shop's own.
    """

    key: str
    lease: str
    attempts: int
    payload: str
    url: str
    secret: str
    troubles: frozenset[str] = frozenset()


@dataclass
class Deliveries:
    """Posts queued events to the shop and to other endpoints; its times are real times, whatever the shop's clock says."""

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
                " SELECT d.event FROM deliveries d JOIN objects o ON o.id = substr(d.event, 1, instr(d.event || ' ', ' ') - 1)"
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
            return None if row is None else self._parcel(work, row[0], lease, row[1])

    def _parcel(self, work: Work, key: str, lease: str, attempts: int) -> Parcel:
        """Address an event; one for an endpoint that is gone has no address any more."""
        event, _, endpoint_id = key.partition(" ")
        payload, wrong = json.dumps(stored(work, "event", event)), frozenset(troubles(work))
        if not endpoint_id:
            return Parcel(key, lease, attempts, payload, self.url, self.secret, wrong)
        endpoint = work.find("webhook_endpoint", endpoint_id) or {"url": "", "_secret": ""}
        return Parcel(key, lease, attempts, payload, endpoint["url"], endpoint["_secret"], wrong)

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
                    "event": parcel.key,
                    "lease": parcel.lease,
                },
            )
            event = work.find("event", parcel.key.partition(" ")[0])
            if was_accepted and event is not None:
                work.put("event", event | {"pending_webhooks": max(0, event["pending_webhooks"] - 1)})

    def _send(self, parcel: Parcel) -> bool:
        """Post a parcel, unless the controls say that it is lost on the way; a lost one counts as accepted."""
        if "drop" in parcel.troubles or not parcel.url:
            return True
        if "fail_once" in parcel.troubles and parcel.attempts == 0:
            return False
        was_accepted = self._post(parcel)
        if "duplicate" in parcel.troubles:
            self._post(parcel)
        return was_accepted

    def _post(self, parcel: Parcel) -> bool:
        from stripe import WebhookSignature  # noqa: PLC0415 - 0.4 s to import, which the start of the shop need not wait for

        address = urlsplit(parcel.url)
        connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = connect(address.hostname or "", address.port, timeout=TIMEOUT)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": WebhookSignature.generate_signature_header(parcel.payload, parcel.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (Lanyard sandbox)",
        }
        target = address.path or "/"
        try:
            connection.request("POST", f"{target}?{address.query}" if address.query else target, parcel.payload.encode(), headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            log.info("webhook not delivered to %s: %s", parcel.url, error)
            return False
        finally:
            connection.close()
        return 200 <= response.status < 300  # noqa: PLR2004 - the range of success
