"""Quiet hours: when an organisation's people are left in peace, by the clock where they are; mails that can wait rest then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.organisations import Organisation
from app.kernel import clock, journal
from app.kernel.db import Model, db
from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

HOME = "Europe/London"
SUNDAY = 6
WEEK = 7


class QuietHours(Model):
    """When the people of one organisation are left in peace; a row exists once somebody has chosen. Times as 20:00."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    is_on: Mapped[bool]
    begins: Mapped[str]
    ends: Mapped[str]
    days_off: Mapped[list[Any]]
    holds_invitations: Mapped[bool]
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Rule:
    """The hours of a day that are quiet, the days of the week that are (Monday is 0), and what rests besides."""

    is_on: bool = True
    begins: time = time(20)
    ends: time = time(7)
    days_off: frozenset[int] = frozenset({SUNDAY})
    holds_invitations: bool = False
    zone: str = HOME


def of(organisation_ids: Collection[UUID]) -> dict[UUID, Rule]:
    """Give the quiet hours of some organisations, in one query; where nobody has chosen, the usual ones."""
    query = sa.select(Organisation.id, Organisation.zone, QuietHours).outerjoin(
        QuietHours, QuietHours.organisation_id == Organisation.id
    )
    rows = db.session.execute(query.where(Organisation.id.in_(set(organisation_ids))))
    return {organisation_id: _rule(zone, chosen) for organisation_id, zone, chosen in rows}


def save(organisation_id: UUID, rule: Rule, *, by: UUID) -> None:
    """Choose the quiet hours of an organisation; raises Invalid when every day would be one of rest."""
    if len(rule.days_off) >= WEEK:
        raise Invalid("Leave at least one day of the week on which mails may come.", field="days_off")
    values = {
        "is_on": rule.is_on,
        "begins": f"{rule.begins:%H:%M}",
        "ends": f"{rule.ends:%H:%M}",
        "days_off": sorted(rule.days_off),
        "holds_invitations": rule.holds_invitations,
        "changed_at": clock.now(),
    }
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(QuietHours).values(organisation_id=organisation_id, **values)
    db.session.execute(row.on_conflict_do_update(index_elements=[QuietHours.organisation_id], set_=values))
    journal.write("quiet_hours.changed", organisation_id=organisation_id, by=by, about=organisation_id)


def until(rule: Rule, now: datetime) -> datetime | None:
    """Give the moment until which a mail that can wait rests, in UTC; None when it need not."""
    if not rule.is_on:
        return None
    zone = ZoneInfo(rule.zone)
    begin = now.astimezone(zone).date()
    for day in (begin + timedelta(days=number) for number in range(WEEK + 1)):
        for opens, closes in () if day.weekday() in rule.days_off else _open(rule):
            start = datetime.combine(day, opens, zone).astimezone(now.tzinfo)
            end = datetime.combine(day + timedelta(days=closes == time()), closes, zone).astimezone(now.tzinfo)
            # Where a clock goes forward, some minutes of a day are not there.
            if now < end and start < end:
                return start if start > now else None
    return None


def next_morning(zone: str, after: datetime, at: time) -> datetime:
    """Give the first time the clock of a place shows this after a moment, in UTC."""
    local = after.astimezone(ZoneInfo(zone))
    days = (local.date() + timedelta(days=number) for number in range(2))
    mornings = (datetime.combine(day, at, ZoneInfo(zone)).astimezone(after.tzinfo) for day in days)
    return next(morning for morning in mornings if morning > after)


def _open(rule: Rule) -> Iterator[tuple[time, time]]:
    """Give the parts of a day that are not quiet, from and to; midnight as an end is that of the next day."""
    if rule.begins == rule.ends:
        yield time(), time()
    elif rule.begins > rule.ends:
        yield rule.ends, rule.begins
    else:
        if rule.begins > time():
            yield time(), rule.begins
        yield rule.ends, time()


def _rule(zone: str, chosen: QuietHours | None) -> Rule:
    if chosen is None:
        return Rule(zone=zone)
    begins, ends = time.fromisoformat(chosen.begins), time.fromisoformat(chosen.ends)
    return Rule(chosen.is_on, begins, ends, frozenset(chosen.days_off), chosen.holds_invitations, zone)
