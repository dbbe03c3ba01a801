"""The sandbox's memory: objects, idempotency records and queued deliveries in one SQLite file."""

import fcntl
import json
import secrets
import sqlite3
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  due INTEGER,
  created INTEGER GENERATED ALWAYS AS (json_extract(body, '$.created')) VIRTUAL,
  customer TEXT GENERATED ALWAYS AS (json_extract(body, '$.customer')) VIRTUAL,
  product TEXT GENERATED ALWAYS AS (json_extract(body, '$.product')) VIRTUAL,
  status TEXT GENERATED ALWAYS AS (json_extract(body, '$.status')) VIRTUAL,
  active INTEGER GENERATED ALWAYS AS (json_extract(body, '$.active')) VIRTUAL,
  type TEXT GENERATED ALWAYS AS (json_extract(body, '$.type')) VIRTUAL,
  currency TEXT GENERATED ALWAYS AS (json_extract(body, '$.currency')) VIRTUAL,
  email TEXT GENERATED ALWAYS AS (json_extract(body, '$.email')) VIRTUAL,
  lookup_key TEXT GENERATED ALWAYS AS (json_extract(body, '$.lookup_key')) VIRTUAL,
  subscription TEXT GENERATED ALWAYS AS (
    COALESCE(json_extract(body, '$.parent.subscription_details.subscription'), json_extract(body, '$.subscription'))
  ) VIRTUAL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_subscription ON objects (subscription, kind) WHERE subscription IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_lookup_key ON objects (lookup_key) WHERE lookup_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (created);
CREATE TABLE IF NOT EXISTS deliveries (
  event TEXT PRIMARY KEY, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  lease TEXT, lease_until REAL, delivered_at REAL
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due) WHERE delivered_at IS NULL;
CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# Columns that came after the first files were made: they are added to those that lack them.
LATER_COLUMNS = {
    "charge": "json_extract(body, '$.charge')",
    "payment_intent": (
        "COALESCE(json_extract(body, '$._payments[0].payment.payment_intent'), json_extract(body, '$.payment_intent'))"
    ),
    "test_clock": "json_extract(body, '$.test_clock')",
}
LATER_INDEXES = """
DROP INDEX IF EXISTS objects_by_due;
CREATE INDEX IF NOT EXISTS objects_by_clock_and_due ON objects (test_clock, due, seq) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_payment_intent ON objects (payment_intent, kind) WHERE payment_intent IS NOT NULL;
"""

COLUMNS = frozenset(
    {"created", "customer", "product", "status", "active", "type", "currency", "email", "lookup_key", "subscription"}
) | frozenset(LATER_COLUMNS)
KEPT = "json_extract(body, '$.deleted') IS NULL"
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a fresh identifier such as `sub_…`."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(length))


@dataclass
class Filters:
    """Which objects of a kind are asked for: columns that must have one of some values, and comparisons."""

    any_of: dict[str, list[Any]] = field(default_factory=dict)
    none_of: dict[str, list[Any]] = field(default_factory=dict)
    compared: dict[str, dict[str, int]] = field(default_factory=dict)

    def clauses(self) -> tuple[str, list[Any]]:
        """Return the SQL conditions, made of the constant names above only, and the values they bind."""
        parts: list[str] = []
        values: list[Any] = []
        for negation, chosen in (("", self.any_of), ("NOT ", self.none_of)):
            for name, wanted in chosen.items():
                parts.append(f"{known(name)} {negation}IN ({', '.join('?' * len(wanted))})")
                values.extend(wanted)
        for name, bounds in self.compared.items():
            for operator, bound in bounds.items():
                parts.append(f"{known(name)} {COMPARISONS[operator]} ?")
                values.append(bound)
        return "".join(f" AND {part}" for part in parts), values


def known(column: str) -> str:
    """Return the column's name. Raises KeyError when it is not one of the store's."""
    if column not in COLUMNS:
        raise KeyError(column)
    return column


class Work:
    """One transaction: what a request, a page or the passing of time reads and changes, all of it or nothing."""

    def __init__(
        self, connection: sqlite3.Connection, now: int, deadline: Callable[[JSON], int | None], public_url: str = ""
    ) -> None:
        """Wrap an open transaction at the sandbox's time `now` (seconds since 1970); pages are under `public_url`."""
        self.connection = connection
        self.now = now
        self.request: JSON = {"id": None, "idempotency_key": None}
        self.has_queued = False
        self.public_url = public_url
        self.told_at: int | None = None
        self._deadline = deadline

    def find(self, kind: str, key: str) -> JSON | None:
        """Return the object, or None when there is none of that kind under that id, or none any more."""
        body = self.remembered(kind, key)
        return None if body is None or body.get("deleted") else body

    def remembered(self, kind: str, key: str) -> JSON | None:
        """Return the object also when it was deleted, because others still name it."""
        row = self.connection.execute("SELECT body FROM objects WHERE id = ? AND kind = ?", (key, kind)).fetchone()
        return None if row is None else json.loads(row[0])

    def position(self, kind: str, key: str) -> int | None:
        """Return where the object stands in the order of creation."""
        row = self.connection.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (key, kind)).fetchone()
        return None if row is None else int(row[0])

    def put(self, kind: str, body: JSON) -> JSON:
        """Insert or replace the object, noting when time will next have something to do with it."""
        self.connection.execute(
            "INSERT INTO objects (id, kind, body, due) VALUES (:id, :kind, :body, :due)"
            " ON CONFLICT (id) DO UPDATE SET body = :body, due = :due",
            {"id": body["id"], "kind": kind, "body": json.dumps(body), "due": self._deadline(body)},
        )
        return body

    def select(
        self, kind: str, filters: Filters, *, limit: int, before: int | None = None, after: int | None = None
    ) -> list[JSON]:
        """Return up to `limit` objects, newest first: those older than `before`, or the nearest newer than `after`."""
        conditions, values = filters.clauses()
        order = "DESC" if after is None else "ASC"
        edge, bound = ("seq > ?", after) if after is not None else ("seq < ?", before or 2**62)
        rows = self.connection.execute(
            f"SELECT body FROM objects WHERE kind = ? AND {edge}{conditions} AND {KEPT} ORDER BY seq {order} LIMIT ?",  # noqa: S608 - only constants of this module are spliced in; every value is bound
            [kind, bound, *values, limit],
        ).fetchall()
        found = [json.loads(row[0]) for row in rows]
        return found if after is None else found[::-1]

    def all(self, kind: str, **columns: str) -> list[JSON]:
        """Return every object of the kind whose columns have these values, newest first."""
        return self.select(kind, Filters(any_of={name: [value] for name, value in columns.items()}), limit=-1)

    def next_due(self, clock: str | None = None, until: int | None = None) -> tuple[str, int] | None:
        """Return the id and the moment of the object that time has to deal with first, if it is not in the future.

        Objects on a test clock are left to it; those on `clock` are looked for when it is given.
        """
        row = self.connection.execute(
            "SELECT kind || ' ' || id, due FROM objects WHERE due <= ? AND test_clock IS ? ORDER BY due, seq LIMIT 1",
            (self.now if until is None else until, clock),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def clock_of(self, key: str) -> str | None:
        """Return the test clock that an object, or the customer it belongs to, is bound to."""
        row = self.connection.execute(
            "SELECT CASE o.kind WHEN 'test_helpers.test_clock' THEN o.id ELSE COALESCE(o.test_clock, c.test_clock) END"
            " FROM objects o LEFT JOIN objects c ON c.id = o.customer WHERE o.id = ?",
            (key,),
        ).fetchone()
        return None if row is None else row[0]

    def move_to(self, moment: int) -> None:
        """Go on at the time of a test clock; events are still dated with the time outside of it."""
        self.told_at = self.now if self.told_at is None else self.told_at
        self.now = moment

    def remove(self, key: str) -> None:
        """Forget an object."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (key,))

    def switch(self, name: str) -> str | None:
        """Return how a switch of the sandbox itself stands; None when it was never set."""
        row = self.connection.execute("SELECT value FROM switches WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def set_switch(self, name: str, value: str | None) -> None:
        """Set a switch of the sandbox itself, or put it back with None."""
        self.connection.execute("DELETE FROM switches WHERE name = ?", (name,))
        if value is not None:
            self.connection.execute("INSERT INTO switches (name, value) VALUES (?, ?)", (name, value))

    def count(self, name: str) -> int:
        """Return the next number of a gapless sequence."""
        row = self.connection.execute(
            "INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (name,),
        ).fetchone()
        return int(row[0])

    def queue(self, event: str, due: float) -> None:
        """Queue the event for delivery; it leaves after this transaction has committed."""
        self.connection.execute("INSERT INTO deliveries (event, due) VALUES (?, ?)", (event, due))
        self.has_queued = True

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what is done inside when it raises, without giving up the transaction."""
        self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO attempt")
            raise
        finally:
            self.connection.execute("RELEASE attempt")


class Store:
    """The file, and how to open transactions on it; several processes may share it."""

    def __init__(
        self, path: Path, *, deadline: Callable[[JSON], int | None], on_queued: Callable[[], None], public_url: str = ""
    ) -> None:
        """Open or create the file; `deadline` reads an object's next due moment, `on_queued` runs after a commit."""
        self._path = path
        self._deadline = deadline
        self._on_queued = on_queued
        self._public_url = public_url
        self._writing = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone(), closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            have = {row[1] for row in connection.execute("PRAGMA table_xinfo(objects)")}
            for name, source in LATER_COLUMNS.items():
                if name not in have:
                    connection.execute(f"ALTER TABLE objects ADD COLUMN {name} TEXT GENERATED ALWAYS AS ({source}) VIRTUAL")
            connection.executescript(LATER_INDEXES)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Queue writers in front of SQLite, first the threads and then the processes: its own waiting is by chance."""
        with self._writing, self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def reading(self, now: int) -> Iterator[Work]:
        """Open a transaction that sees one state throughout and changes nothing."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN DEFERRED")
            yield Work(connection, now, self._deadline, self._public_url)

    @contextmanager
    def writing(self, now: int) -> Iterator[Work]:
        """Open a transaction that commits at the end, or leaves no trace when anything raises or the process dies."""
        with self._alone(), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            work = Work(connection, now, self._deadline, self._public_url)
            yield work
            connection.execute("COMMIT")
        if work.has_queued:
            self._on_queued()
