"""Quiet hours: by the clock where people are, over weekends and over the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts import quiet_hours
from app.accounts.quiet_hours import Rule
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # In winter London is on UTC, in summer an hour before it. 28 November 2026 is a Saturday.
        ("2026-11-26 12:00", None),
        ("2026-11-26 07:00", None),
        ("2026-11-26 06:59", "2026-11-26 07:00"),
        ("2026-11-26 20:00", "2026-11-27 07:00"),
        ("2026-11-27 00:30", "2026-11-27 07:00"),
        ("2026-11-28 20:30", "2026-11-30 07:00"),
        ("2026-11-29 12:00", "2026-11-30 07:00"),
        ("2026-07-01 19:00", "2026-07-02 06:00"),
        ("2026-07-01 18:59", None),
        ("2026-07-01 05:59", "2026-07-01 06:00"),
        # The clocks go forward on Sunday 29 March 2026, and back on Sunday 25 October 2026.
        ("2026-03-28 21:00", "2026-03-30 06:00"),
        ("2026-10-24 20:00", "2026-10-26 07:00"),
    ],
)
def test_mails_rest_at_night_and_on_sundays(now, until):
    assert quiet_hours.until(Rule(), utc(now)) == (utc(until) if until else None)


@pytest.mark.parametrize(
    ("rule", "now", "until"),
    [
        (Rule(is_on=False), "2026-11-29 23:00", None),
        (Rule(begins=time(9), ends=time(17)), "2026-11-26 12:00", "2026-11-26 17:00"),
        (Rule(begins=time(9), ends=time(17)), "2026-11-26 08:59", None),
        (Rule(begins=time(9), ends=time(17)), "2026-11-29 08:00", "2026-11-30 00:00"),
        (Rule(begins=time(0), ends=time(0)), "2026-11-26 03:00", None),
        (Rule(begins=time(0), ends=time(7)), "2026-11-26 03:00", "2026-11-26 07:00"),
        (Rule(begins=time(20), ends=time(0)), "2026-11-26 21:00", "2026-11-27 00:00"),
        (Rule(days_off=frozenset()), "2026-11-29 12:00", None),
        (Rule(days_off=frozenset(range(6))), "2026-11-30 12:00", "2026-12-06 07:00"),
        (Rule(zone="America/New_York"), "2026-11-26 11:00", "2026-11-26 12:00"),
    ],
)
def test_an_organisation_has_hours_of_its_own(rule, now, until):
    assert quiet_hours.until(rule, utc(now)) == (utc(until) if until else None)


@given(
    minutes=st.integers(0, 2 * 365 * 24 * 60),
    begins=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    ends=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    days_off=st.frozensets(st.integers(0, 6), max_size=6),
)
def test_whatever_the_hours_a_mail_goes_out_within_eight_days_and_at_a_time_that_is_not_quiet(minutes, begins, ends, days_off):
    rule, now = Rule(begins=begins, ends=ends, days_off=days_off), utc("2026-01-01 00:00") + timedelta(minutes=minutes)
    until = quiet_hours.until(rule, now)
    assert until is None or now < until
    assert until is None or (until - now).days < 8
    assert until is None or quiet_hours.until(rule, until) is None


def test_what_was_chosen_holds_for_that_organisation_alone(owner, make_person):
    rule = Rule(begins=time(18, 30), ends=time(8), days_off=frozenset({5, 6}), holds_invitations=True)
    with transaction():
        quiet_hours.save(owner.organisation.id, rule, by=owner.person.id)
        quiet_hours.save(owner.organisation.id, rule, by=owner.person.id)
    assert quiet_hours.of([owner.organisation.id]) == {owner.organisation.id: rule}
    with pytest.raises(Invalid, match="at least one day"), transaction():
        quiet_hours.save(owner.organisation.id, Rule(days_off=frozenset(range(7))), by=owner.person.id)


@pytest.mark.parametrize(
    ("after", "morning"),
    [
        ("2026-11-26 07:59", "2026-11-26 08:00"),
        ("2026-11-26 08:00", "2026-11-27 08:00"),
        ("2026-07-01 23:30", "2026-07-02 07:00"),
    ],
)
def test_the_next_morning_is_by_the_clock_where_people_are(after, morning):
    assert quiet_hours.next_morning("Europe/London", utc(after), time(8)) == utc(morning)
