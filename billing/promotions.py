"""Promotions: codes that take something off the first payments or all of them; each can be limited in time and in number."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.money import pounds
from billing import figures, price_cards
from billing.figures import MONTHS, Discount, Figure
from billing.price_cards import Interval

if TYPE_CHECKING:
    from billing.price_cards import Card
    from billing.subscriptions import Subscription

ZONE = ZoneInfo("Europe/London")
CODE = re.compile(r"[A-Z0-9]{3,20}")
LARGEST_PERCENT = 90
MOST_PAYMENTS = 36
LAST_YEAR = 2100


class Promotion(Model):
    """A code and what it takes off: a percentage or an amount, of so many payments (None: of all); `used` counts its orders."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[str] = mapped_column(unique=True)
    percent: Mapped[int | None]
    amount_minor: Mapped[int | None]
    currency: Mapped[str]
    interval: Mapped[str]
    payments: Mapped[int | None]
    ends_at: Mapped[datetime | None]
    limit: Mapped[int | None]
    used: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("(percent IS NULL) <> (amount_minor IS NULL)", name="one_kind"),
        sa.CheckConstraint('used >= 0 AND ("limit" IS NULL OR used <= "limit")', name="used_within_limit"),
        sa.CheckConstraint("interval IN ('month', 'year')", name="interval"),
    )

    @property
    def discount(self) -> Discount:
        """What it takes off each payment."""
        return Discount(self.percent, self.amount_minor)

    @property
    def months(self) -> int | None:
        """For how many months it runs; None for ever."""
        if self.payments is None:
            return None
        return self.payments * (MONTHS if self.interval == Interval.YEAR else 1)

    @property
    def words(self) -> str:
        """Say what it takes off, such as: 20% off the first payment."""
        off = f"{self.percent}%" if self.percent is not None else f"{pounds(self.amount_minor or 0)} before VAT"
        if self.payments is None:
            return f"{off} off every payment"
        return f"{off} off the first payment" if self.payments == 1 else f"{off} off the first {self.payments} payments"


def make(
    code: str,
    discount: Discount,
    *,
    by: UUID,
    currency: str,
    interval: Interval,
    payments: int | None = None,
    last_day: date | None = None,
    limit: int | None = None,
) -> Promotion:
    """Make a promotion for those who pay by the month or by the year; its figures never change.

    Raises Invalid with the field to mend, Conflict for a code that was used before.
    """
    spelt = code.strip().upper()
    if not CODE.fullmatch(spelt):
        message = "Give the code as 3 to 20 letters and digits, such as AUTUMN20."
        raise Invalid(message, field="code")
    if (discount.percent is None) == (discount.amount_minor is None):
        message = "Give either a percentage or an amount."
        raise Invalid(message, field="percent")
    _refuse_below(discount.percent, "percent", LARGEST_PERCENT)
    _refuse_below(discount.amount_minor, "amount", None)
    _refuse_below(payments, "payments", MOST_PAYMENTS)
    _refuse_below(limit, "limit", None)
    if last_day is not None and last_day.year > LAST_YEAR:
        message = f"Give a last day up to the year {LAST_YEAR}, or leave it empty."
        raise Invalid(message, field="last_day")
    ends_at = None if last_day is None else datetime.combine(last_day + timedelta(days=1), time(), ZONE).astimezone(UTC)
    if ends_at is not None and ends_at <= clock.now():
        message = "The last day has passed already."
        raise Invalid(message, field="last_day")
    promotion = Promotion(
        id=uuid7(),
        code=spelt,
        percent=discount.percent,
        amount_minor=discount.amount_minor,
        currency=currency,
        interval=interval,
        payments=payments,
        ends_at=ends_at,
        limit=limit,
        used=0,
        made_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(promotion)
    except sa.exc.IntegrityError as error:
        message = f"The code {spelt} was used before. Choose another one, so that old letters stay clear."
        raise Conflict(message) from error
    journal.write("promotion.made", by=by, about=promotion.id, code=spelt)
    return promotion


def wanted(code: str, card: Card, interval: Interval, net_minor: int) -> Promotion | None:
    """Give the promotion that a buyer's code means for an order of this net total; None for no code.

    Raises Invalid with words on why the code cannot be used; whether it was used too often is found when it is taken.
    """
    spelt = code.strip().upper()
    if not spelt:
        return None
    promotion = db.session.scalar(sa.select(Promotion).where(Promotion.code == spelt))
    if promotion is None or promotion.currency != card.currency:
        message = "We do not know this code. Check how it is spelt, or go on without it."
        raise Invalid(message, field="code")
    if promotion.ended_at is not None or (promotion.ends_at is not None and promotion.ends_at <= clock.now()):
        message = f"The code {promotion.code} has run out."
        raise Invalid(message, field="code")
    if promotion.interval != interval:
        message = f"The code {promotion.code} is for those who pay by the {promotion.interval}."
        raise Invalid(message, field="code")
    if promotion.amount_minor is not None and promotion.amount_minor >= net_minor:
        message = f"The code {promotion.code} is for orders of more than {pounds(promotion.amount_minor)} before VAT."
        raise Invalid(message, field="code")
    return promotion


def priced(card: Card, number: int, interval: Interval, vat_percent: int | None, code: str) -> tuple[Figure, Promotion | None]:
    """Price an order with the promotion that a code means, if there is one; raises Invalid for a code that cannot be used."""
    listed = figures.figure(card, number, interval, vat_percent)
    promotion = wanted(code, card, interval, listed.net_minor)
    if promotion is None:
        return listed, None
    return figures.figure(card, number, interval, vat_percent, promotion.discount), promotion


def take(promotion_id: UUID) -> None:
    """Count one more order with a promotion; raises Invalid, in the statement that decides, when it is used up."""
    room = sa.or_(Promotion.limit.is_(None), Promotion.used < Promotion.limit)
    taken = sa.update(Promotion).where(Promotion.id == promotion_id, room).values(used=Promotion.used + 1)
    if db.session.execute(taken.returning(Promotion.id)).first() is None:
        message = f"The code {known(promotion_id).code} has been used as often as it can be."
        raise Invalid(message, field="code")


def give_back(promotion_ids: list[UUID]) -> None:
    """Count one order less for each of these, because it was closed without payment."""
    for promotion_id in sorted(promotion_ids):
        db.session.execute(sa.update(Promotion).where(Promotion.id == promotion_id).values(used=Promotion.used - 1))


def end(code: str, *, by: UUID) -> Promotion:
    """Let nobody use a promotion any more; whoever bought with it keeps it. Raises Missing, Conflict when it ended before."""
    promotion = db.session.scalar(sa.select(Promotion).where(Promotion.code == code).with_for_update())
    if promotion is None:
        raise Missing
    if promotion.ended_at is not None:
        message = f"The code {promotion.code} was ended before."
        raise Conflict(message)
    promotion.ended_at = clock.now()
    journal.write("promotion.ended", by=by, about=promotion.id, code=promotion.code)
    return promotion


def refuse_monthly(subscription: Subscription) -> None:
    """Refuse paying by the month while an amount goes off each yearly payment, and would go off each month; raises Conflict."""
    if subscription.discount_minor is not None and subscription.discount_at(subscription.period_end) is not None:
        message = (
            "A promotion code takes an amount off the next yearly payment, and would take as much off every month. "
            "As long as it runs, the subscription stays yearly."
        )
        raise Conflict(message)


def refuse_free(subscription: Subscription, number: int, interval: Interval) -> None:
    """Refuse so few seats that a promotion would leave nothing to pay for them at the renewal; raises Invalid."""
    discount = subscription.discount_at(subscription.period_end)
    card = price_cards.of_version(subscription.card_version)
    if discount is not None and figures.figure(card, number, interval, subscription.vat_percent, discount).net_minor == 0:
        message = f"A promotion code takes all off that {number:,} would cost at the renewal. Give a larger number of seats."
        raise Invalid(message, field="seats")


def known(promotion_id: UUID) -> Promotion:
    """Give a promotion that is known to exist."""
    return db.session.get_one(Promotion, promotion_id)


def newest(limit: int = 200) -> list[Promotion]:
    """Give the promotions, newest first."""
    return list(db.session.scalars(sa.select(Promotion).order_by(Promotion.made_at.desc(), Promotion.id).limit(limit)))


def _refuse_below(value: int | None, field: str, most: int | None) -> None:
    if value is not None and not (value >= 1 and (most is None or value <= most)):
        message = "Give a whole number from 1 upwards." if most is None else f"Give a whole number from 1 to {most}."
        raise Invalid(message, field=field)
