"""The outbox: a mail is written, as a kind and facts, in the transaction that causes it, and rendered and sent afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import batches, clock, nudges
from app.kernel.db import Model, UtcDateTime, db, uuid7
from app.kernel.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

SWEEP = "mail"
LEASE = timedelta(minutes=2)
BATCH = 50
# A mail that is older has been sent, or never will be.
A_WHILE = timedelta(days=1)
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))


class OutboxMail(Model):
    """A mail to be sent once; the times by which it is sent are real ones, because other machines keep them.

    It may be held until a moment of the shop's clock, go out in one mail with others, or be put away as not wanted or not true
    any more.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    address: Mapped[str]
    organisation_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]]
    written_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    bundled_in: Mapped[UUID | None]
    unwanted_at: Mapped[datetime | None]
    outdated_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "due_at"), sa.Index(None, "organisation_id", "address"), sa.Index(None, "held_until"))


class DeliveredMail(Model):
    """A mail as the sandbox's mailbox page shows it."""

    id: Mapped[UUID] = mapped_column(sa.ForeignKey("outbox_mail.id"), primary_key=True)
    sent_at: Mapped[datetime]
    address: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]


def write(kind: str, address: str | None, *, organisation_id: UUID | None = None, **facts: object) -> UUID | None:
    """Write a mail of a kind (the name of its template) to an address; it leaves after the commit. Gives its id.

    Who has no address gets none.
    """
    if address is None:
        return None
    mail = OutboxMail(
        id=uuid7(),
        kind=kind,
        address=address,
        organisation_id=organisation_id,
        facts=facts,
        written_at=clock.now(),
        due_at=clock.real_now(),
    )
    db.session.add(mail)
    nudges.ask(SWEEP)
    return mail.id


def write_all(kind: str, mails: Iterable[tuple[str | None, Mapping[str, object]]], *, organisation_id: UUID) -> None:
    """Write a mail of the same kind to many, each with facts of its own, in one statement; those without an address get none."""
    given = ((uuid7(), address, facts) for address, facts in mails if address is not None)
    rows = batches.of(given, id=sa.Uuid(), address=sa.String(), facts=sa.JSON())
    written, due = sa.literal(clock.now(), UtcDateTime()), sa.literal(clock.real_now(), UtcDateTime())
    named, organisation, untried = sa.literal(kind, sa.String()), sa.literal(organisation_id, sa.Uuid()), sa.literal(0)
    mails_to_write = sa.select(rows.c.id, named, rows.c.address, organisation, rows.c.facts, written, due, untried)
    columns = ("id", "kind", "address", "organisation_id", "facts", "written_at", "due_at", "tries")
    batches.insert(OutboxMail, columns, mails_to_write)
    nudges.ask(SWEEP)


def lease_due() -> list[OutboxMail]:
    """Take the mails that are due, oldest first, so that no other worker takes them for a while.

    Those about accounts, which somebody sits and waits for, go before those that organisations send.
    """
    now = clock.real_now()
    order = (OutboxMail.organisation_id.is_not(None), OutboxMail.due_at, OutboxMail.id)
    due = sa.select(OutboxMail.id).where(OutboxMail.due_at <= now).order_by(*order).limit(BATCH)
    leased = sa.update(OutboxMail).where(OutboxMail.id.in_(due.with_for_update(skip_locked=True)), OutboxMail.due_at <= now)
    ids = db.session.scalars(leased.values(due_at=now + LEASE).returning(OutboxMail.id)).all()
    in_order = (OutboxMail.organisation_id.is_not(None), OutboxMail.written_at, OutboxMail.id)
    return list(db.session.scalars(sa.select(OutboxMail).where(OutboxMail.id.in_(ids)).order_by(*in_order)))


def hold(mail_ids: Collection[UUID], until: datetime) -> None:
    """Have leased mails rest until a moment of the shop's clock."""
    _set_aside(mail_ids, held_until=until)


def release() -> int:
    """Let go of the mails that have rested long enough, in one statement; gives how many."""
    rested = sa.update(OutboxMail).where(OutboxMail.held_until <= clock.now()).values(held_until=None, due_at=clock.real_now())
    return len(db.session.execute(rested.returning(OutboxMail.id)).all())


def put_away(mail_ids: Collection[UUID]) -> None:
    """Keep leased mails without sending them, because their readers do not want them."""
    _set_aside(mail_ids, unwanted_at=clock.now())


def put_away_outdated(mail_ids: Collection[UUID]) -> None:
    """Keep leased mails without sending them, because what they say is not true any more."""
    _set_aside(mail_ids, outdated_at=clock.now())


def redirect(readers: Iterable[tuple[UUID, str]], address: str) -> None:
    """Have what some readers, each an organisation and an address, have not been sent yet go to another address."""
    given = batches.of(readers, organisation_id=sa.Uuid(), address=sa.String())
    is_theirs = sa.tuple_(OutboxMail.organisation_id, OutboxMail.address).in_(sa.select(*given.c))
    statement = sa.update(OutboxMail).where(is_theirs, OutboxMail.sent_at.is_(None)).values(address=address)
    db.session.execute(statement.execution_options(synchronize_session=False))


def gather(readers: Iterable[tuple[UUID | None, str]], kinds: Collection[str]) -> list[OutboxMail]:
    """Lease whatever else of some kinds is due now to the same readers, each an organisation and an address."""
    now = clock.real_now()
    given = batches.of(readers, organisation_id=sa.Uuid(), address=sa.String())
    is_theirs = sa.tuple_(OutboxMail.organisation_id, OutboxMail.address).in_(sa.select(*given.c))
    due = sa.select(OutboxMail.id).where(is_theirs, OutboxMail.kind.in_(kinds), OutboxMail.due_at <= now)
    leased = sa.update(OutboxMail).where(OutboxMail.id.in_(due.with_for_update(skip_locked=True)), OutboxMail.due_at <= now)
    return list(db.session.scalars(leased.values(due_at=now + LEASE).returning(OutboxMail)))


def bundle(kind: str, mails: Collection[OutboxMail]) -> None:
    """Write one mail to the reader of several that were leased, which go out in it and no more by themselves."""
    first = min(mails, key=lambda mail: mail.id)
    ids = sorted(mail.id for mail in mails)
    bundle_id = write(kind, first.address, organisation_id=first.organisation_id, mails=[str(one) for one in ids])
    _set_aside(ids, bundled_in=bundle_id)


def mark_sent(mail_id: UUID) -> bool:
    """Mark a mail as sent; False when it already was."""
    statement = sa.update(OutboxMail).where(OutboxMail.id == mail_id, OutboxMail.sent_at.is_(None))
    marked = db.session.execute(statement.values(sent_at=clock.now(), due_at=None, last_error=None).returning(OutboxMail.id))
    return marked.first() is not None


def mark_failed(mail_id: UUID, error: str) -> None:
    """Keep a failed mail with its error and try again later; after the last try it stays for the operator to see.

    One that somebody else has sent or set aside meanwhile stays as it is.
    """
    is_unsent = sa.and_(OutboxMail.id == mail_id, OutboxMail.held_until.is_(None), _goes_out())
    tries = db.session.scalar(sa.select(OutboxMail.tries).where(is_unsent))
    if tries is None:
        return
    due_at = clock.real_now() + BACKOFF[tries] if tries < len(BACKOFF) else None
    db.session.execute(sa.update(OutboxMail).where(is_unsent).values(tries=tries + 1, last_error=error[:500], due_at=due_at))


def addresses_about(person_id: UUID) -> set[str]:
    """Give the addresses of mails that were about the account of a person, such as the one they had before."""
    is_about = OutboxMail.facts["person_id"].as_string() == str(person_id)
    return set(db.session.scalars(sa.select(OutboxMail.address).where(is_about)))


def forget(addresses: Collection[str], inside: Mapping[UUID, Collection[str]], about: Collection[UUID]) -> None:
    """Remove every mail to some addresses, sent or not, and those sent by some organisations that were about some things, by id.

    Inside an organisation, its own mails to some further addresses go as well. By name nothing goes: others may have the same.
    """
    is_theirs = sa.or_(
        _is_to(addresses),
        *(sa.and_(OutboxMail.organisation_id == one, _is_to(further)) for one, further in inside.items() if further),
    )
    says = sa.cast(OutboxMail.facts, sa.String())
    is_about = sa.and_(
        OutboxMail.organisation_id.in_(list(inside)),
        # One that rests over quiet hours goes out still: it names nobody, and may tell of others too.
        sa.or_(
            OutboxMail.sent_at.is_not(None), (OutboxMail.written_at <= clock.now() - A_WHILE) & OutboxMail.held_until.is_(None)
        ),
        sa.or_(*(says.contains(str(one)) for one in about)),
    )
    which = db.session.scalars(sa.select(OutboxMail.id).where(is_theirs | is_about)).all()
    for model in (DeliveredMail, OutboxMail):
        is_meant = model.id.in_(batches.ids(which))
        db.session.execute(sa.delete(model).where(is_meant).execution_options(synchronize_session=False))


def _is_to(addresses: Collection[str]) -> sa.ColumnElement[bool]:
    return OutboxMail.address.in_(addresses) | sa.func.lower(OutboxMail.address).in_(addresses)


def failed(limit: int = 50) -> list[OutboxMail]:
    """Give the mails that could not be sent so far, newest first."""
    query = sa.select(OutboxMail).where(OutboxMail.last_error.is_not(None), _goes_out())
    return list(db.session.scalars(query.order_by(OutboxMail.written_at.desc(), OutboxMail.id).limit(limit)))


def to(organisation_id: UUID, address: str, limit: int = 50) -> list[OutboxMail]:
    """Give the newest mails that were written to an address for an organisation, newest first."""
    query = sa.select(OutboxMail).where(OutboxMail.organisation_id == organisation_id, OutboxMail.address == address)
    return list(db.session.scalars(query.order_by(OutboxMail.written_at.desc(), OutboxMail.id.desc()).limit(limit)))


def delivered(address: str = "", limit: int = 100) -> list[DeliveredMail]:
    """Give the mails in the sandbox's mailbox, newest first; only those to an address when one is given."""
    query = sa.select(DeliveredMail).order_by(DeliveredMail.sent_at.desc(), DeliveredMail.id.desc()).limit(limit)
    if address:
        query = query.where(sa.func.lower(DeliveredMail.address).contains(address.lower(), autoescape=True))
    return list(db.session.scalars(query))


def all_of(mail_ids: Collection[UUID]) -> list[OutboxMail]:
    """Give some mails, the first written first."""
    query = sa.select(OutboxMail).where(OutboxMail.id.in_(batches.ids(mail_ids)))
    return list(db.session.scalars(query.order_by(OutboxMail.written_at, OutboxMail.id)))


def known(mail_id: UUID) -> OutboxMail:
    """Give a mail as it was written; raises Missing."""
    mail = db.session.get(OutboxMail, mail_id)
    if mail is None:
        raise Missing
    return mail


def delivered_mail(mail_id: UUID) -> DeliveredMail:
    """Give one mail of the sandbox's mailbox; raises Missing."""
    mail = db.session.get(DeliveredMail, mail_id)
    if mail is None:
        raise Missing
    return mail


def _goes_out() -> sa.ColumnElement[bool]:
    """Pick the mails that have not been sent and still are to be, by themselves."""
    is_put_away = sa.or_(
        OutboxMail.bundled_in.is_not(None), OutboxMail.unwanted_at.is_not(None), OutboxMail.outdated_at.is_not(None)
    )
    return sa.and_(OutboxMail.sent_at.is_(None), ~is_put_away)


def _set_aside(mail_ids: Collection[UUID], **why: object) -> None:
    """Take leased mails out of those that are due, in one statement; one that was sent meanwhile stays as it is."""
    are_meant = sa.and_(OutboxMail.id.in_(batches.ids(mail_ids)), OutboxMail.sent_at.is_(None))
    db.session.execute(sa.update(OutboxMail).where(are_meant).values(due_at=None, **why))
