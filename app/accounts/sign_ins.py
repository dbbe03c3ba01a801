"""Sign-ins: how a person gets in with a login and password, and the sessions they have open, each of which can be ended."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import credentials, people
from app.accounts.people import Person
from app.kernel import clock, limits
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed

TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_ADDRESS = 5
TRIES_PER_NETWORK = 100
SHORT_STAY = timedelta(hours=12)
LONG_STAY = timedelta(days=30)
SIGHTING_INTERVAL = timedelta(minutes=5)
KEPT_AFTER_END = timedelta(days=30)


class SignIn(Model):
    """One browser in which a person is signed in; times are real ones, because the browser keeps them too."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    agent: Mapped[str]
    keep: Mapped[bool]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "person_id"), sa.Index(None, "expires_at"))

    def is_due_for_sighting(self) -> bool:
        """Whether it is long enough since the session was last seen to note it again."""
        return self.last_seen_at <= clock.real_now() - SIGHTING_INTERVAL


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody knew the password of a person, and the hash it was checked against."""

    person_id: UUID
    password_hash: str
    better_hash: str


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that counts, with its person and, where it has just begun, the token that only the browser keeps."""

    sign_in: SignIn
    person: Person
    token: str


def count_try(login: str, network: str) -> None:
    """Count a try at a password before it is checked; raises NotAllowed when there were too many.

    Its transaction is committed before the password is checked, so that tries made at the same moment count as well.
    """
    is_within = limits.spend(f"sign-in:network:{network}", TRIES_PER_NETWORK, TRY_WINDOW)
    if not is_within or not limits.spend(_counter(login, network), TRIES_PER_ADDRESS, TRY_WINDOW):
        message = "Too many tries. Wait 15 minutes, or reset your password."
        raise NotAllowed(message)


def prove(login: str, password: str) -> Proof:
    """Check an address or user name and a password, outside of any transaction.

    Raises Invalid in the same words and after the same time whether the login is unknown or the password wrong.
    """
    person = people.with_login(login)
    seen = person.password_hash if person else None
    if not credentials.verify(seen, password) or person is None or seen is None:
        name = "e-mail address" if "@" in login else "user name"
        message = f"We do not know this {name} with this password. Check both, or reset your password."
        raise Invalid(message)
    better = credentials.hash_password(password) if credentials.is_outdated(seen) else seen
    return Proof(person.id, seen, better)


def prove_again(person: Person, password: str) -> Proof:
    """Check the password of someone who is signed in, outside of any transaction; raises Invalid when it is wrong."""
    if not credentials.verify(person.password_hash, password):
        message = "This is not your present password. Type it again, or reset it."
        raise Invalid(message, field="current")
    return Proof(person.id, person.password_hash, person.password_hash)


def begin_with(proof: Proof, *, network: str, agent: str, keep: bool) -> Session:
    """Sign a person in who proved their password; raises Conflict when it was changed in the meantime."""
    hold(proof)
    person = db.session.get_one(Person, proof.person_id)
    for login in filter(None, (person.address, person.user_name)):
        limits.clear(_counter(login, network))
    return begin(person, agent=agent, keep=keep)


def hold(proof: Proof) -> None:
    """Make sure that a proved password still is the password, until the transaction ends; raises Conflict when it is not."""
    statement = sa.update(Person).where(Person.id == proof.person_id, Person.password_hash == proof.password_hash)
    if db.session.scalar(statement.values(password_hash=proof.better_hash).returning(Person.id)) is None:
        message = "Your password was changed a moment ago. Sign in with the new one."
        raise Conflict(message)


def begin(person: Person, *, agent: str, keep: bool = False) -> Session:
    """Sign a person in: for 30 days when they want to stay signed in, else for 12 hours."""
    token = secrets.token_urlsafe(32)
    now = clock.real_now()
    sign_in = SignIn(
        id=uuid7(),
        person_id=person.id,
        token_hash=_hashed(token),
        agent=agent,
        keep=keep,
        created_at=now,
        last_seen_at=now,
        expires_at=now + (LONG_STAY if keep else SHORT_STAY),
        revoked_at=None,
    )
    db.session.add(sign_in)
    db.session.flush()
    return Session(sign_in, person, token)


def find(token: str) -> Session | None:
    """Give the live sign-in of a token and its person, in one query; None for one that is unknown, expired or revoked."""
    query = sa.select(SignIn, Person).join(Person, Person.id == SignIn.person_id)
    row = db.session.execute(query.where(SignIn.token_hash == _hashed(token), _is_live())).first()
    return Session(row[0], row[1], token) if row else None


def note_sighting(sign_in_id: UUID) -> None:
    """Note that a session was seen now, at most every five minutes."""
    now = clock.real_now()
    statement = sa.update(SignIn).where(SignIn.id == sign_in_id, SignIn.last_seen_at <= now - SIGHTING_INTERVAL)
    db.session.execute(statement.values(last_seen_at=now))


def of(person_id: UUID) -> list[SignIn]:
    """Give the live sign-ins of a person, the one seen last first."""
    query = sa.select(SignIn).where(SignIn.person_id == person_id, _is_live())
    return list(db.session.scalars(query.order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())))


def end(sign_in_id: UUID) -> None:
    """End the sign-in of the browser that asks for it; one that has ended already stays as it is."""
    _end(SignIn.id == sign_in_id)


def revoke(person_id: UUID, sign_in_id: UUID) -> None:
    """End a sign-in of a person; raises Missing when they have no such sign-in, or it has ended."""
    if not _end(SignIn.person_id == person_id, SignIn.id == sign_in_id):
        message = "This sign-in has already ended."
        raise Missing(message)


def revoke_others(person_id: UUID, keep_id: UUID | None) -> int:
    """End every sign-in of a person except the one they use now, if any, and give how many ended."""
    return _end(SignIn.person_id == person_id, SignIn.id.is_distinct_from(keep_id))


def forget_ended() -> int:
    """Remove the sign-ins that ended a month ago or earlier and give how many there were."""
    long_ago = clock.real_now() - KEPT_AFTER_END
    ended = sa.or_(SignIn.expires_at <= long_ago, SignIn.revoked_at <= long_ago)
    return len(db.session.execute(sa.delete(SignIn).where(ended).returning(SignIn.id)).all())


def _end(*which: sa.ColumnElement[bool]) -> int:
    """End the live sign-ins that are meant and give how many there were."""
    statement = sa.update(SignIn).where(_is_live(), *which).values(revoked_at=clock.real_now())
    return len(db.session.scalars(statement.returning(SignIn.id)).all())


def _is_live() -> sa.ColumnElement[bool]:
    return sa.and_(SignIn.revoked_at.is_(None), SignIn.expires_at > clock.real_now())


def _counter(login: str, network: str) -> str:
    """Give the name of the counter for tries at one address or user name from one network."""
    return f"sign-in:address:{people.login_key(login)}:{network}"


def _hashed(token: str) -> str:
    """Give a token as it is kept: whoever reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()
