"""Quotes: numbered offers for a year of seats, with frozen figures, that somebody with the link accepts or declines.

They are prepared by a buyer for their own organisation, or by the operator for any, also for one that has no account yet: that
one is founded when its quote is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import organisations, people
from app.kernel import clock, journal, limits, links, outbox
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from billing import figures, price_cards, subscriptions
from billing.figures import Discount
from billing.price_cards import INVOICED_SEATS, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.accounts.memberships import Actor
    from billing.figures import Figure

SWEEP = "accepted_quotes"
PURPOSE = "quote"
MOST_PERCENT = 90
TO_OTHERS_A_DAY = 5
MADE_A_DAY = 20
LONGEST_NOTE = 600
LONGEST_ORDER = 60
DAYS_TO_PAY = 30
REMINDED_DAYS = (7, 1)
LEFT_ALONE_FOR = timedelta(minutes=1)


class State(StrEnum):
    """Where a quote stands; `withdrawn` is one that was accepted while another subscription began."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    INVOICED = "invoiced"
    EXPIRED = "expired"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SENT, State.EXPIRED}),
    State.SENT: frozenset({State.ACCEPTED, State.EXPIRED, State.DECLINED}),
    State.ACCEPTED: frozenset({State.INVOICED, State.WITHDRAWN}),
    State.INVOICED: frozenset(),
    State.EXPIRED: frozenset(),
    State.DECLINED: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class QuoteCounter(Model):
    """The newest number of a year."""

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    newest: Mapped[int]


class Quote(Model):
    """An offer with its figures in pence: what the card says, less the discount, before VAT and with it."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    number: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organisation.id"))
    for_organisation: Mapped[str]
    for_name: Mapped[str]
    for_address: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    seats: Mapped[int]
    card_version: Mapped[int] = mapped_column(sa.ForeignKey("price_card.version"))
    vat_percent: Mapped[int | None]
    discount_percent: Mapped[int | None]
    list_minor: Mapped[int]
    discount_minor: Mapped[int]
    net_minor: Mapped[int]
    vat_minor: Mapped[int]
    gross_minor: Mapped[int]
    currency: Mapped[str]
    note: Mapped[str]
    state: Mapped[str]
    prepared_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    reminded_days: Mapped[int | None]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]
    purchase_order: Mapped[str | None]
    finance_name: Mapped[str | None]
    finance_address: Mapped[str | None]
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    city: Mapped[str | None]
    postcode: Mapped[str | None]
    terms_version: Mapped[int | None]
    declined_because: Mapped[str | None]
    invoice_id: Mapped[str | None] = mapped_column(sa.ForeignKey("invoice.id"))
    attempt: Mapped[int] = mapped_column(default=1)
    problem: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('draft', 'sent', 'accepted', 'invoiced', 'expired', 'declined', 'withdrawn')", name="state"
        ),
        sa.CheckConstraint(
            "seats > 0 AND net_minor = list_minor - discount_minor AND gross_minor = net_minor + vat_minor", name="figures"
        ),
        sa.CheckConstraint(
            "state NOT IN ('accepted', 'invoiced') OR (accepted_at IS NOT NULL AND organisation_id IS NOT NULL)", name="accepted"
        ),
        sa.Index(
            "ix_quote_one_accepted",
            "organisation_id",
            unique=True,
            sqlite_where=sa.text("state = 'accepted'"),
            postgresql_where=sa.text("state = 'accepted'"),
        ),
        sa.Index(None, "organisation_id", "prepared_at"),
        sa.Index(None, "state", "valid_until"),
    )

    @property
    def token(self) -> str:
        """The part of the link that opens it without an account."""
        return links.token(PURPOSE, self.id)

    @property
    def address_lines(self) -> list[str]:
        """The address that its invoice is made out to, as it stands on an envelope."""
        return [line for line in (self.line1, self.line2, self.city, self.postcode) if line]

    @property
    def is_open(self) -> bool:
        """Whether it can be accepted now."""
        return self.state == State.SENT and clock.now() < self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a quote is to say, as somebody typed it."""

    seats: int
    organisation: str
    name: str
    address: str
    discount_percent: int | None = None
    note: str = ""


def price(seats: int, vat_percent: int | None, discount_percent: int | None = None) -> Figure:
    """Give what a year costs for so many seats by the card of today, less a discount; raises Invalid beyond what is quoted."""
    if not 1 <= seats <= INVOICED_SEATS:
        message = f"Give a number of people from 1 to {INVOICED_SEATS:,}. For more, write to us."
        raise Invalid(message, field="seats")
    return figures.figure(price_cards.current(), seats, Interval.YEAR, vat_percent, _discount(discount_percent))


def send_own(actor: Actor, seats: int, name: str, address: str, *, vat_percent: int | None, days: int) -> Quote:
    """Prepare a quote for one's own organisation and send it to somebody there.

    Raises Invalid for what cannot be used, Conflict for an organisation that has a subscription or asks too often.
    """
    if not limits.spend(f"quotes:{actor.organisation.id}", MADE_A_DAY, timedelta(days=1)):
        message = f"{actor.organisation.name} has asked for many quotes today. Use one of them, or come back tomorrow."
        raise Conflict(message)
    is_own = people.address_key(people.read_address(address)) == people.address_key(people.address_of(actor.person))
    if not is_own and not limits.spend(f"quotes to others:{actor.person.id}", TO_OTHERS_A_DAY, timedelta(days=1)):
        message = "You have sent many quotes to others today. Send one to your own address and pass it on, or come back tomorrow."
        raise Conflict(message)
    wanted = Wanted(seats=seats, organisation=actor.organisation.name, name=name, address=address)
    quote = prepare(wanted, by=actor.person.id, organisation_id=actor.organisation.id, vat_percent=vat_percent)
    send(quote.id, by=actor.person.id, days=days)
    return quote


def prepare(wanted: Wanted, *, by: UUID, organisation_id: UUID | None, vat_percent: int | None) -> Quote:
    """Draft a quote, for an organisation that we know or one by its name.

    Raises Invalid for what cannot be used, Conflict for an organisation that has a subscription.
    """
    if wanted.discount_percent is not None and not 1 <= wanted.discount_percent <= MOST_PERCENT:
        message = f"Give a discount as a whole number of per cent from 1 to {MOST_PERCENT}, or leave it empty."
        raise Invalid(message, field="discount_percent")
    if organisation_id is not None and subscriptions.is_running(organisation_id):
        raise has_subscription(wanted.organisation)
    figure = price(wanted.seats, vat_percent, wanted.discount_percent)
    card, now = price_cards.current(), clock.now()
    quote = Quote(
        id=uuid7(),
        for_organisation=people.read_name(wanted.organisation, "organisation", organisations.LONGEST_NAME),
        for_name=people.read_name(wanted.name),
        for_address=people.read_address(wanted.address),
        note=read_words(wanted.note, LONGEST_NOTE, "note"),
        number=_next_number(now.year),
        organisation_id=organisation_id,
        by_id=by,
        seats=figure.seats,
        card_version=card.version,
        vat_percent=vat_percent,
        discount_percent=wanted.discount_percent,
        list_minor=figure.net_minor + figure.discount_minor,
        discount_minor=figure.discount_minor,
        net_minor=figure.net_minor,
        vat_minor=figure.vat_minor,
        gross_minor=figure.gross_minor,
        currency=card.currency,
        state=State.DRAFT,
        prepared_at=now,
        valid_until=now,
    )
    db.session.add(quote)
    db.session.flush()
    journal.write(
        "quote.prepared", organisation_id=organisation_id, by=by, about=quote.id, number=quote.number, seats=quote.seats
    )
    return quote


def send(quote_id: UUID, *, by: UUID, days: int) -> Quote:
    """Send a draft to whom it is for; from now on it is valid for some days. Raises Conflict when it was sent before."""
    quote = locked(quote_id)
    quote.valid_until = clock.now() + timedelta(days=days)
    # It counts as reminded of with so many days to go, so that one that is valid for a week is not reminded of at once.
    quote.reminded_days = days
    move(quote, State.SENT, by=by)
    mail("quote_sent", quote, [quote.for_address])
    return quote


def expire_due() -> int:
    """Close the quotes whose time is over, and say so to whom they were for; gives how many."""
    query = sa.select(Quote).where(Quote.state == State.SENT, Quote.valid_until <= clock.now()).order_by(Quote.id)
    due = list(db.session.scalars(query.with_for_update()))
    for quote in due:
        move(quote, State.EXPIRED)
        mail("quote_expired", quote, [quote.for_address])
    return len(due)


def remind_due() -> int:
    """Remind of the quotes that expire soon, once for each number of days before; gives how many were reminded of.

    Whoever has bought in another way meanwhile is left alone.
    """
    now, reminded = clock.now(), 0
    query = sa.select(Quote).where(
        Quote.state == State.SENT,
        Quote.valid_until > now,
        Quote.valid_until <= now + timedelta(days=max(REMINDED_DAYS)),
        Quote.reminded_days > min(REMINDED_DAYS),
    )
    soon = list(db.session.scalars(query.order_by(Quote.id).with_for_update()))
    running = subscriptions.running_among(quote.organisation_id for quote in soon if quote.organisation_id is not None)
    for quote in soon:
        due = min(days for days in REMINDED_DAYS if quote.valid_until <= now + timedelta(days=days))
        if quote.organisation_id in running or quote.reminded_days is None or quote.reminded_days <= due:
            continue
        quote.reminded_days = due
        journal.write("quote.reminded", organisation_id=quote.organisation_id, about=quote.id, number=quote.number)
        mail("quote_reminder", quote, [quote.for_address])
        reminded += 1
    return reminded


def of_link(token: str) -> Quote:
    """Give the quote that a link opens; raises Missing for a forged link and for a draft."""
    quote = db.session.get(Quote, links.read(PURPOSE, token))
    if quote is None or quote.state == State.DRAFT:
        raise Missing
    return quote


def known(quote_id: UUID) -> Quote:
    """Give a quote; raises Missing."""
    quote = db.session.get(Quote, quote_id)
    if quote is None:
        raise Missing
    return quote


def of_organisation(organisation_id: UUID, limit: int = 50) -> list[Quote]:
    """Give the newest quotes of an organisation that were sent, newest first."""
    query = sa.select(Quote).where(Quote.organisation_id == organisation_id, Quote.state != State.DRAFT)
    return list(db.session.scalars(query.order_by(Quote.prepared_at.desc(), Quote.id.desc()).limit(limit)))


def newest(limit: int = 200) -> list[Quote]:
    """Give the newest quotes for the operator, those that are accepted and not invoiced first."""
    waiting = sa.case((Quote.state == State.ACCEPTED, 0), else_=1)
    return list(db.session.scalars(sa.select(Quote).order_by(waiting, Quote.prepared_at.desc(), Quote.id.desc()).limit(limit)))


def left_alone() -> list[Quote]:
    """Give the quotes that were accepted a while ago and have no invoice yet, oldest first."""
    query = sa.select(Quote).where(Quote.state == State.ACCEPTED, Quote.accepted_at <= clock.now() - LEFT_ALONE_FOR)
    return list(db.session.scalars(query.order_by(Quote.accepted_at)))


def finance_addresses(organisation_id: UUID) -> list[str]:
    """Give the addresses of the finance contacts that an organisation named when it accepted a quote."""
    query = sa.select(Quote.finance_address).where(Quote.organisation_id == organisation_id, Quote.state == State.INVOICED)
    return [address for address in db.session.scalars(query.order_by(Quote.accepted_at)) if address]


def figure_of(quote: Quote) -> Figure:
    """Give how the figures of a quote came about, by the card that it was made with."""
    card, discount = price_cards.of_version(quote.card_version), _discount(quote.discount_percent)
    return figures.figure(card, quote.seats, Interval.YEAR, quote.vat_percent, discount)


def locked(quote_id: UUID) -> Quote:
    """Load a quote as it is now and keep others from it until the transaction ends."""
    query = sa.select(Quote).where(Quote.id == quote_id).with_for_update()
    return db.session.execute(query.execution_options(populate_existing=True)).scalar_one()


def has_subscription(name: str) -> Conflict:
    """Say that an organisation needs no quote."""
    message = f"{name} already has a subscription, so it needs no quote. Its owner can add seats under Billing."
    return Conflict(message)


def _discount(percent: int | None) -> Discount | None:
    return None if percent is None else Discount(percent, None)


def _next_number(year: int) -> str:
    """Take the next number of a year; one statement counts, so that none is left out or given twice."""
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    first = insert(QuoteCounter).values(year=year, newest=1)
    counted = first.on_conflict_do_update(index_elements=[QuoteCounter.year], set_={"newest": QuoteCounter.newest + 1})
    taken = db.session.execute(counted.returning(QuoteCounter.newest)).scalar_one()
    return f"Q-{year}-{taken:04}"


def read_words(typed: str, longest: int, field: str) -> str:
    """Read words that are printed as they are; raises Invalid when they are too long or no text."""
    words = "\n".join(" ".join(line.split()) for line in typed.strip().splitlines())
    if len(words) > longest or not all(line.isprintable() for line in words.splitlines()):
        message = f"Write plain words, at most {longest} characters."
        raise Invalid(message, field=field)
    return words


def move(quote: Quote, to: State, *, by: UUID | None = None) -> None:
    """Move a quote along its life; raises Conflict where there is no such way."""
    if to not in MOVES[State(quote.state)]:
        message = f"Quote {quote.number} is {quote.state} by now. Reload the page to see where it stands."
        raise Conflict(message)
    quote.state = to
    db.session.flush()
    journal.write(f"quote.{to}", organisation_id=quote.organisation_id, by=by, about=quote.id, number=quote.number)


def mail(kind: str, quote: Quote, addresses: Iterable[str | None], **facts: object) -> None:
    """Write a mail about a quote to each of some addresses once."""
    for address in {people.address_key(address): address for address in addresses if address}.values():
        outbox.write(kind, address, organisation_id=quote.organisation_id, quote_id=str(quote.id), **facts)
