"""The controls of the sandbox: what goes wrong when somebody wants to see it go wrong. They survive a restart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.sandbox.engine import collection, disputes
from billing.sandbox.engine.invoice_lines import money
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Store, Work

# What may happen to webhooks on their way, each a switch of the store.
TROUBLES = ("duplicate", "reorder", "delay", "drop", "fail_once")
MOST_SHOWN = 20
LIVING = frozenset({"active", "past_due", "unpaid", "incomplete"})
OPEN = frozenset({"needs_response", "under_review"})


@dataclass(frozen=True)
class Payer:
    """A customer with a running subscription, whose next payment may be declined or whose next invoice may not be issued."""

    id: str
    name: str
    will_fail: bool
    will_not_be_issued: bool


@dataclass(frozen=True)
class Payment:
    """A charge, and where the dispute about it stands; `dispute` is the id of one that is open."""

    id: str
    payer: str
    amount: str
    paid_at: datetime
    state: str
    can_be_disputed: bool
    dispute: str | None


@dataclass
class Controls:
    """What can be turned on and off, on the sandbox's store and clock."""

    store: Store
    now: Callable[[], int]

    def troubles(self) -> set[str]:
        """Return what happens to webhooks on their way at present."""
        with self.store.reading(self.now()) as work:
            return troubles(work)

    def set_troubles(self, names: Iterable[str]) -> None:
        """Let these things happen to webhooks, and no others."""
        wanted = set(names)
        with self.store.writing(self.now()) as work:
            for name in TROUBLES:
                work.set_switch(name, "on" if name in wanted else None)
            # Whatever waits may be due at once now.
            work.has_queued = True

    def end_after_retries(self, *, is_wanted: bool) -> None:
        """Say whether a subscription is canceled when the last retry has failed; it stays, unpaid, otherwise."""
        with self.store.writing(self.now()) as work:
            work.set_switch(collection.AFTER_RETRIES, "cancel" if is_wanted else None)

    def payers(self) -> list[Payer]:
        """Return the customers who have a running subscription, newest first."""
        with self.store.reading(self.now()) as work:
            living = [body for body in work.all("subscription") if body["status"] in LIVING]
            found = {body["customer"]: stored(work, "customer", body["customer"]) for body in living}
            return [_payer(key, body) for key, body in found.items()][:MOST_SHOWN]

    def fail_next_payment(self, customer: str) -> None:
        """Have a customer's next payment declined, once. Raises KeyError when there is no such customer."""
        with self.store.writing(self.now()) as work:
            body = _found(work, "customer", customer)
            work.put("customer", body | {"_fails_next": True})

    def block_next_invoice(self, customer: str) -> None:
        """Have the next renewal's invoice of a customer not be issued, once. Raises KeyError when there is no such customer."""
        with self.store.writing(self.now()) as work:
            body = _found(work, "customer", customer)
            work.put("customer", body | {"_fails_issue": True})

    def payments(self) -> list[Payment]:
        """Return the newest charges."""
        with self.store.reading(self.now()) as work:
            return [_payment(work, body) for body in work.all("charge")[:MOST_SHOWN]]

    def open_dispute(self, charge: str) -> None:
        """Have the cardholder dispute a charge. Raises KeyError when there is no such charge, or it is disputed already."""
        with self.store.writing(self.now()) as work:
            try:
                disputes.open_on(work, _found(work, "charge", charge), "fraudulent")
            except Refusal as refusal:
                raise KeyError(charge) from refusal

    def close_dispute(self, dispute: str, *, is_won: bool) -> None:
        """Have the bank decide an open dispute. Raises KeyError when there is none."""
        with self.store.writing(self.now()) as work:
            body = _found(work, "dispute", dispute)
            if body["status"] not in OPEN:
                raise KeyError(dispute)
            disputes.decide(work, body, "won" if is_won else "lost")


def troubles(work: Work) -> set[str]:
    """Read what happens to webhooks on their way."""
    return {name for name in TROUBLES if work.switch(name) is not None}


def _payer(key: str, body: JSON) -> Payer:
    return Payer(key, _name(body), bool(body.get("_fails_next")), bool(body.get("_fails_issue")))


def _payment(work: Work, body: JSON) -> Payment:
    about = work.all("dispute", charge=body["id"])
    newest = about[0] if about else None
    state = "paid"
    if body["amount_refunded"]:
        state = "refunded" if body["refunded"] else "refunded in part"
    elif newest is not None:
        state = "disputed" if newest["status"] in OPEN else f"dispute {newest['status']}"
    return Payment(
        id=body["id"],
        payer=_name(stored(work, "customer", body["customer"])),
        amount=money(body["amount"], body["currency"]),
        paid_at=datetime.fromtimestamp(body["created"], UTC),
        state=state,
        can_be_disputed=newest is None and not body["refunded"],
        dispute=newest["id"] if newest is not None and newest["status"] in OPEN else None,
    )


def _name(customer: JSON) -> str:
    return str(customer["name"] or customer["email"] or customer["id"])


def _found(work: Work, kind: str, key: str) -> JSON:
    body = work.find(kind, key)
    if body is None:
        raise KeyError(key)
    return body
