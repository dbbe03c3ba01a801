"""Changing a subscription over the real SDK and the sandbox: what was shown is what is charged, and nothing is given unpaid."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from app.accounts import memberships
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from app.kernel.transaction import transaction
from billing import additions, changes, changing, entitlements, invoices, notices, price_cards, reconciliation, seats
from billing.changes import Kind, State
from billing.price_cards import Interval
from tests import changing as acts
from tests import seating
from tests.changing import ASKS_ALWAYS, DECLINED_LATER, GOOD, add, ask, buy, do, mails, row, sees, travel, use_card

GRACE = timedelta(days=14)


def newest(owner):
    db.session.rollback()
    return invoices.of_organisation(owner.organisation.id)[0]


def invite(owner, number, first=0):
    with transaction():
        for name in range(first, first + number):
            member = memberships.invite(owner.organisation.id, f"P {name}", f"p{name}@example.org", {Role.LEARNER})
            seats.assign(owner.organisation.id, member.id, seats.State.HELD, by=None)


@pytest.mark.parametrize(
    ("number", "added", "interval", "figures"),
    [(10, 2, Interval.MONTH, (11, 30, 147, 29)), (25, 10, Interval.YEAR, (245, 365, 7249, 1450))],
)
def test_the_check_figures(shop, owner, gateway, number, added, interval, figures):
    """A month of 31 days, or a year of 366, begins with one more day that is used."""
    left, total, net, vat = figures
    buy(shop, owner, gateway, number, interval)
    found = (row(owner).period_end - row(owner).period_start).days
    travel(shop, days=found - left, hours=3)
    offer = changing.offer_seats(gateway, owner.organisation.id, added)
    ours = additions.cost(row(owner), price_cards.of_version(1), number + added, interval, offer.counted_at)
    assert abs(offer.cost.net_minor - ours.net_minor) <= 1
    assert additions.days_left(row(owner), offer.counted_at) == (left, found)
    if found == total:
        assert (ours.net_minor, ours.vat_minor) == (offer.cost.net_minor, offer.cost.vat_minor) == (net, vat)


def test_more_seats_are_there_when_they_are_paid_and_cost_what_was_shown(shop, owner, gateway):
    buy(shop, owner, gateway)
    before = row(owner).period_end
    travel(shop, days=11, hours=5)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    travel(shop, hours=2)
    assert changing.carry_out(gateway, change_id) is State.DONE
    assert (row(owner).bought, row(owner).period_end) == (12, before)
    assert (newest(owner).gross_minor, newest(owner).status) == (offer.cost.gross_minor, "paid")
    assert mails() == ["seats_added"]
    assert changing.carry_out(gateway, change_id) is State.DONE
    assert mails() == ["seats_added"]
    assert len(invoices.of_organisation(owner.organisation.id)) == 2


@pytest.mark.parametrize("card", [DECLINED_LATER, ASKS_ALWAYS])
def test_a_card_that_does_not_pay_gives_no_seats_until_the_invoice_is_paid(shop, owner, gateway, card):
    buy(shop, owner, gateway)
    use_card(shop, gateway, owner, card)
    change_id, state = add(owner, gateway, 2)
    assert state is State.WAITING
    assert row(owner).bought == 10
    with pytest.raises(Conflict, match="not finished yet"):
        add(owner, gateway, 1)
    assert changing.look(gateway, change_id) is State.WAITING
    assert acts.pay_invoice(shop, newest(owner).url) == 303
    assert changing.look(gateway, change_id) is State.DONE
    assert row(owner).bought == 12
    assert mails() == ["seats_added"]


def test_a_change_that_is_given_up_charges_and_changes_nothing(shop, owner, gateway):
    buy(shop, owner, gateway)
    use_card(shop, gateway, owner, DECLINED_LATER)
    change_id, _ = add(owner, gateway, 2)
    assert changing.give_up(gateway, change_id) is State.LAPSED
    assert changing.give_up(gateway, change_id) is State.LAPSED
    assert (row(owner).bought, newest(owner).status) == (10, "void")
    assert mails() == ["change_not_paid"]
    use_card(shop, gateway, owner, GOOD)
    assert add(owner, gateway, 2)[1] is State.DONE


def test_a_change_that_is_paid_while_it_is_given_up_is_done(shop, owner, gateway, monkeypatch):
    buy(shop, owner, gateway)
    use_card(shop, gateway, owner, DECLINED_LATER)
    change_id, _ = add(owner, gateway, 2)
    url, look = newest(owner).url, gateway._fetched  # noqa: SLF001 - the moment between looking and giving up

    def looked_at_before_it_was_paid(provider_id):
        found = look(provider_id)
        monkeypatch.undo()
        assert acts.pay_invoice(shop, url) == 303
        return found

    monkeypatch.setattr(gateway, "_fetched", looked_at_before_it_was_paid)
    assert changing.give_up(gateway, change_id) is State.DONE
    assert row(owner).bought == 12


def test_a_change_that_nobody_pays_lapses_by_itself(shop, owner, gateway):
    buy(shop, owner, gateway)
    use_card(shop, gateway, owner, ASKS_ALWAYS)
    change_id, _ = add(owner, gateway, 2)
    travel(shop, hours=23)
    assert changing.finish_left_alone(gateway) == 1
    assert changes.known(change_id).state == State.LAPSED
    assert row(owner).bought == 10


def test_what_was_shown_before_somebody_else_changed_it_is_not_charged(shop, owner, gateway):
    buy(shop, owner, gateway)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    add(owner, gateway, 5)
    with pytest.raises(Conflict, match="has changed since"), transaction():
        changes.accept(owner, offer, Kind.MORE_SEATS)
    assert row(owner).bought == 15


@pytest.mark.parametrize("number", [0, -1, 1991])
def test_a_number_that_cannot_be_added_is_refused(shop, owner, gateway, number):
    buy(shop, owner, gateway)
    with pytest.raises(Invalid):
        changing.offer_seats(gateway, owner.organisation.id, number)


def test_without_a_subscription_nothing_can_be_changed(owner, gateway):
    for operation in (
        lambda: changes.fewer_seats(owner, 1),
        lambda: changes.monthly(owner),
        lambda: changes.drop_plan(owner),
        lambda: changes.end(owner, None),
        lambda: changes.go_on(owner),
    ):
        with pytest.raises(Conflict, match="no subscription to change"), transaction():
            operation()
    with pytest.raises(Conflict, match="no subscription to change"):
        changing.offer_year(gateway, owner.organisation.id)


def test_fewer_seats_come_with_the_renewal_and_cap_what_can_be_given_until_then(shop, owner, gateway):
    buy(shop, owner, gateway)
    invite(owner, 5)
    with pytest.raises(Conflict, match="5 seats are taken"), transaction():
        changes.fewer_seats(owner, 4)
    assert do(gateway, lambda: changes.fewer_seats(owner, 6)) is State.DONE
    assert (row(owner).bought, row(owner).coming_seats) == (10, 6)
    invite(owner, 1, first=5)
    with pytest.raises(Conflict, match="You have planned 6 seats"):
        invite(owner, 1, first=6)
    assert seats.count(owner.organisation.id).free == 0
    travel(shop, days=31, hours=2)
    assert (sees(gateway, owner).bought, row(owner).coming_seats) == (6, None)
    assert (newest(owner).net_minor, newest(owner).vat_minor, row(owner).vat_percent) == (4800, 960, 20)
    assert mails() == ["renewal_planned"]
    assert reconciliation.run(gateway).differences == ()


@pytest.mark.parametrize("number", [0, 10, 11])
def test_fewer_seats_are_fewer_and_not_none(shop, owner, gateway, number):
    buy(shop, owner, gateway)
    with pytest.raises(Invalid, match="smaller number"), transaction():
        changes.fewer_seats(owner, number)


def test_a_plan_can_be_changed_and_undone_until_the_renewal(shop, owner, gateway):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    assert do(gateway, lambda: changes.fewer_seats(owner, 8)) is State.DONE
    assert row(owner).coming_seats == 8
    assert do(gateway, lambda: changes.drop_plan(owner)) is State.DONE
    assert row(owner).coming_seats is None
    assert mails() == ["renewal_planned", "renewal_planned", "plan_dropped"]
    travel(shop, days=31, hours=2)
    assert sees(gateway, owner).bought == 10


def test_more_seats_after_a_planned_reduction_are_planned_on_top_of_it(shop, owner, gateway):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    invite(owner, 6)
    change_id, state = add(owner, gateway, 2)
    assert state is State.DONE
    assert (row(owner).bought, row(owner).coming_seats) == (12, 8)
    invite(owner, 2, first=6)
    with pytest.raises(Conflict, match="You have planned 8 seats"):
        invite(owner, 1, first=8)
    travel(shop, days=31, hours=2)
    assert sees(gateway, owner).bought == 8
    assert changes.known(change_id).then_seats == 8


def test_nothing_that_could_cost_the_plan_its_renewal_begins_within_its_last_day(shop, owner, gateway):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    travel(shop, days=(row(owner).period_end - row(owner).period_start).days - 1, hours=1)
    for offer in (
        lambda: changing.offer_seats(gateway, owner.organisation.id, 2),
        lambda: changing.offer_year(gateway, owner.organisation.id),
    ):
        with pytest.raises(Conflict, match="less than a day away"):
            offer()
    do(gateway, lambda: changes.drop_plan(owner))
    assert changing.offer_seats(gateway, owner.organisation.id, 2).seats == 12


def test_more_seats_that_are_not_paid_leave_the_planned_reduction_as_it_was(shop, owner, gateway):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    invite(owner, 6)
    use_card(shop, gateway, owner, DECLINED_LATER)
    change_id, state = add(owner, gateway, 2)
    assert state is State.WAITING
    with pytest.raises(Conflict, match="You have planned 6 seats"):
        invite(owner, 1, first=6)
    changing.give_up(gateway, change_id)
    assert changes.known(change_id).state == State.LAPSED
    assert (row(owner).bought, row(owner).coming_seats) == (10, 6)
    assert gateway.subscription(row(owner).provider_id).coming_seats == 6


def test_month_to_year_is_paid_now_less_the_days_that_are_left(shop, owner, gateway):
    buy(shop, owner, gateway)
    travel(shop, days=10, hours=1)
    offer = changing.offer_year(gateway, owner.organisation.id)
    assert offer.cost.net_minor == pytest.approx(55800 - 6200 * 20 / 30, abs=70)
    assert do(gateway, lambda: changes.accept(owner, offer, Kind.YEARLY)) is State.DONE
    assert (row(owner).interval, newest(owner).gross_minor) == ("year", offer.cost.gross_minor)
    assert (row(owner).period_end - row(owner).period_start).days in {365, 366}
    assert mails() == ["paid_yearly"]
    with pytest.raises(Conflict, match="cannot be switched"):
        changing.offer_year(gateway, owner.organisation.id)


def test_year_to_month_comes_with_the_renewal_and_can_be_undone(shop, owner, gateway):
    buy(shop, owner, gateway, 10, Interval.YEAR)
    assert do(gateway, lambda: changes.monthly(owner)) is State.DONE
    assert (row(owner).interval, row(owner).coming_interval, row(owner).coming_seats) == ("year", "month", 10)
    with pytest.raises(Conflict, match="has changed"), transaction():
        changes.monthly(owner)
    do(gateway, lambda: changes.drop_plan(owner))
    assert row(owner).coming_interval is None
    do(gateway, lambda: changes.monthly(owner))
    assert add(owner, gateway, 2)[1] is State.DONE
    assert (row(owner).coming_interval, row(owner).coming_seats) == ("month", 12)
    travel(shop, days=366, hours=2)
    assert (sees(gateway, owner).interval, newest(owner).net_minor) == ("month", 6600)


def test_cancelled_it_stays_to_the_end_of_the_term_and_can_be_undone(shop, owner, gateway):
    buy(shop, owner, gateway)
    do(gateway, lambda: changes.fewer_seats(owner, 6))
    assert do(gateway, lambda: changes.end(owner, "unused")) is State.DONE
    assert (row(owner).cancel_at, row(owner).coming_seats) == (row(owner).period_end, None)
    with pytest.raises(Conflict, match="ends with this term"), transaction():
        changes.fewer_seats(owner, 5)
    with pytest.raises(Conflict, match="ends with this term"), transaction():
        changes.monthly(owner)
    with pytest.raises(Conflict, match="has changed"), transaction():
        changes.end(owner, None)
    assert do(gateway, lambda: changes.go_on(owner)) is State.DONE
    assert row(owner).cancel_at is None
    do(gateway, lambda: changes.end(owner, None))
    invite(owner, 2)
    travel(shop, days=31)
    reconciliation.run(gateway)
    assert row(owner) is None
    assert seats.count(owner.organisation.id).taken == 0
    assert mails() == [
        *("renewal_planned", "subscription_ends", "subscription_goes_on", "subscription_ends", "subscription_ended"),
    ]


def test_a_cancellation_on_the_providers_own_page_is_confirmed_by_mail_too(shop, owner, gateway):
    buy(shop, owner, gateway)
    page = acts.portal_page(shop, gateway, owner)
    requests.post(f"{page}/end", data={"wanted": "end"}, timeout=20)
    assert sees(gateway, owner).cancel_at is not None
    assert mails() == ["subscription_ends"]


def test_a_cancellation_on_the_providers_own_page_can_be_undone_in_the_shop_or_ends_with_the_term(shop, owner, gateway):
    buy(shop, owner, gateway)
    page = acts.portal_page(shop, gateway, owner)
    requests.post(f"{page}/end", data={"wanted": "end"}, timeout=20)
    sees(gateway, owner)
    assert do(gateway, lambda: changes.go_on(owner)) is State.DONE
    assert row(owner).cancel_at is None
    requests.post(f"{page}/end", data={"wanted": "end"}, timeout=20)
    travel(shop, days=31)
    reconciliation.run(gateway)
    assert row(owner) is None


def test_a_renewal_that_is_not_paid_lapses_after_the_grace_and_comes_back_with_the_same_seats(shop, owner, gateway):
    buy(shop, owner, gateway)
    invite(owner, 3)
    with transaction():
        held = seating.states(owner.organisation.id)
    use_card(shop, gateway, owner, DECLINED_LATER)
    travel(shop, days=31, hours=2)
    subscription = sees(gateway, owner)
    assert subscription.status == "past_due"
    assert entitlements.of_organisation(owner.organisation.id, GRACE, clock.now()).access == "full"
    with pytest.raises(Conflict, match="Pay it under Billing first"):
        changing.offer_seats(gateway, owner.organisation.id, 1)
    with transaction():
        assert notices.tell_closed(GRACE) == 0
    travel(shop, days=14)
    sees(gateway, owner)
    for told in (1, 0):
        with transaction():
            assert notices.tell_closed(GRACE) == told
    assert entitlements.of_organisation(owner.organisation.id, GRACE, clock.now()).access == "records"
    assert acts.pay_invoice(shop, invoices.owed(row(owner)).url) == 303
    assert sees(gateway, owner).status == "active"
    assert entitlements.of_organisation(owner.organisation.id, GRACE, clock.now()).access == "full"
    assert seating.states(owner.organisation.id) == held
    assert mails() == ["payment_failed", "courses_closed", "payment_came"]


def test_a_change_of_what_the_provider_does_not_know_is_refused(shop, owner, gateway, subscribe):
    subscribe(owner.organisation.id, 5, id="sub_gone")
    change_id = ask(lambda: changes.fewer_seats(owner, 3))
    with pytest.raises(Missing):
        changing.carry_out(gateway, change_id)
    assert changes.known(change_id).state == State.REFUSED


def test_giving_up_what_the_provider_has_not_been_asked_for_yet_asks_for_nothing(shop, owner, gateway):
    buy(shop, owner, gateway)
    offer = changing.offer_seats(gateway, owner.organisation.id, 2)
    change_id = ask(lambda: changes.accept(owner, offer, Kind.MORE_SEATS))
    assert changing.give_up(gateway, change_id) is State.ASKED
    assert sees(gateway, owner).bought == 10


def test_a_provider_out_of_reach_keeps_the_change_and_it_is_finished_later(shop, owner, gateway, connect):
    buy(shop, owner, gateway)
    change_id = ask(lambda: changes.fewer_seats(owner, 6))
    with pytest.raises(Unavailable):
        changing.carry_out(connect(address="http://127.0.0.1:9"), change_id)
    with pytest.raises(Conflict, match="You have planned 6 seats"):
        invite(owner, 7)
    assert changing.finish_left_alone(gateway) == 0
    travel(shop, minutes=2)
    assert changing.finish_left_alone(gateway) == 1
    assert row(owner).coming_seats == 6


def test_the_card_and_every_invoice_are_known(shop, owner, gateway):
    buy(shop, owner, gateway)
    assert row(owner).pays_with == "Visa ending 4242, expires 12/2034"
    assert (newest(owner).number, newest(owner).gross_minor) == ("SANDBOX-0001", 7440)
    use_card(shop, gateway, owner, ASKS_ALWAYS)
    assert sees(gateway, owner).pays_with == "Visa ending 3184, expires 12/2034"


def tell_renewals(days=(30, 7)):
    with transaction():
        return notices.tell_renewals(days)


def test_a_yearly_renewal_is_announced_once_thirty_and_once_seven_days_before(shop, owner, gateway):
    buy(shop, owner, gateway, 10, Interval.YEAR)
    travel(shop, days=334)
    assert tell_renewals() == 0
    travel(shop, days=2)
    assert [tell_renewals(), tell_renewals()] == [1, 0]
    travel(shop, days=23)
    assert [tell_renewals(), tell_renewals()] == [1, 0]
    travel(shop, days=7, hours=2)
    assert tell_renewals() == 0
    sees(gateway, owner)
    travel(shop, days=340)
    assert tell_renewals() == 1
    assert mails() == ["renewal_coming"] * 3


def test_no_renewal_is_announced_that_does_not_come_or_by_a_shop_that_announces_none(shop, owner, gateway):
    buy(shop, owner, gateway, 10, Interval.YEAR)
    travel(shop, days=340)
    assert tell_renewals(()) == 0
    do(gateway, lambda: changes.end(owner, None))
    assert tell_renewals() == 0
