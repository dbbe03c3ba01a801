"""Billing periods by the calendar: months and years counted from an anchor, clamped to the length of the month."""

import calendar
from datetime import UTC, datetime, timedelta

MONTHS_IN = {"month": 1, "year": 12}
DAYS_IN = {"day": 1, "week": 7}


def plus_months(anchor: datetime, months: int) -> datetime:
    """Return the same day and time some months on, or the month's last day: 31 January, 28 February, 31 March."""
    years, month = divmod(anchor.month - 1 + months, 12)
    year = anchor.year + years
    last_day = calendar.monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last_day))


def end_of_period(anchor: int, start: int, interval: str, interval_count: int) -> int:
    """Return the end, in seconds since 1970, of the period that begins at `start`, counted from the anchor."""
    origin = datetime.fromtimestamp(anchor, UTC)
    begun = datetime.fromtimestamp(start, UTC)
    if interval in DAYS_IN:
        step = timedelta(days=DAYS_IN[interval] * interval_count)
        return anchor + int(step.total_seconds()) * ((begun - origin) // step + 1)
    months = MONTHS_IN[interval] * interval_count
    passed = (begun.year - origin.year) * 12 + begun.month - origin.month
    periods = max(passed // months, 0)
    while plus_months(origin, periods * months) <= begun:
        periods += 1
    return int(plus_months(origin, periods * months).timestamp())
