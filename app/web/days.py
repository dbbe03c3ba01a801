"""Days that somebody types into a form, and the moments between two of them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from datetime import tzinfo

YEARS = range(1900, 2200)


def read(typed: str | None, field: str) -> date | None:
    """Read a day; raises Invalid for one that is none."""
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError as error:
        raise Invalid("Give a day as 2026-11-23.", field=field) from error
    if day.year not in YEARS:
        raise Invalid(f"Give a day between {YEARS[0]} and {YEARS[-1]}.", field=field)
    return day


def begin(day: date, zone: tzinfo) -> datetime:
    """Give the moment at which a day begins somewhere."""
    return datetime.combine(day, time.min, zone)


def end(day: date, zone: tzinfo) -> datetime:
    """Give the moment at which a day is over somewhere."""
    return begin(day + timedelta(days=1), zone)
