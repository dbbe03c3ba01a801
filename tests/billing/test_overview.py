"""What the business adds up to: seats, a year's worth, renewals by month, and who has the most seats."""

from __future__ import annotations

from datetime import UTC, date, datetime

from app.accounts import organisations
from app.accounts.organisations import Kind
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import overview, subscriptions
from billing.price_cards import Interval

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def customer(subscribe, name, number, **changes):
    """Found an organisation with a subscription; gives the subscription's id."""
    with transaction():
        organisation_id = organisations.found(name, Kind.ORGANISATION, by=None).id
    return subscribe(organisation_id, number, id=f"sub_{name}", **changes)


def test_a_shop_that_has_sold_nothing_adds_up_to_nothing(shop):
    found = overview.today(NOW)
    assert (found.subscriptions, found.bought, found.taken, found.year_minor, found.largest) == (0, 0, 0, 0, ())
    assert found.began == (0,) * 12
    assert [month.subscriptions for month in found.renewals] == [0] * 13


def test_a_month_counts_twelve_times_and_a_year_once(subscribe):
    customer(subscribe, "Parish", 25)
    customer(subscribe, "School", 10, interval=Interval.MONTH, period_end=datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    found = overview.today(NOW)
    assert (found.subscriptions, found.bought) == (2, 35)
    assert found.year_minor == 82080 + 12 * 6200
    worth = {month.begins_on: (month.subscriptions, month.seats, month.net_minor) for month in found.renewals}
    assert worth[date(2026, 12, 1)] == (1, 10, 6200)
    assert worth[date(2027, 11, 1)] == (1, 25, 82080)
    assert sum(subscriptions for subscriptions, _, _ in worth.values()) == 2


def test_what_was_cancelled_is_sold_today_and_does_not_renew(subscribe):
    customer(subscribe, "Parish", 25, cancel_at=datetime(2027, 11, 23, tzinfo=UTC))
    found = overview.today(NOW)
    assert (found.subscriptions, found.year_minor) == (1, 82080)
    assert sum(month.subscriptions for month in found.renewals) == 0


def test_who_does_not_pay_is_left_out(subscribe):
    customer(subscribe, "Parish", 25, status="unpaid")
    customer(subscribe, "School", 25, status="canceled", was_asked_to_end=True)
    assert (overview.today(NOW).subscriptions, overview.today(NOW).largest) == (0, ())


def test_the_largest_come_first_with_the_seats_they_have_given(subscribe, shop):
    customer(subscribe, "Parish", 25)
    school = customer(subscribe, "School", 250)
    with transaction():
        db.session.get_one(subscriptions.Subscription, school).taken = 200
    found = overview.today(NOW, most=1)
    assert [(one.name, one.bought, one.taken) for one in found.largest] == [("School", 250, 200)]
    assert (found.bought, found.taken) == (275, 200)


def test_new_subscriptions_are_counted_by_month_with_this_one_last(subscribe, shop):
    began = [datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, 59, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)]
    for number, moment in enumerate([*began, datetime(2025, 11, 30, 23, 59, tzinfo=UTC)]):
        subscription_id = customer(subscribe, f"Number {number}", 5)
        with transaction():
            db.session.get_one(subscriptions.Subscription, subscription_id).began_at = moment
    assert overview.today(NOW).began == (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
