"""Billing in a browser: what is paid, more seats and fewer, by the year or the month, ending it, and a card that fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa

from app import mail
from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.factory import SANDBOX_MOUNT
from app.kernel import clock
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail
from app.kernel.transaction import transaction
from billing import changing, reconciliation, seats, subscriptions
from billing.price_cards import Interval
from billing.seats import Count
from tests import changing as acts
from tests import seating
from tests.buying import CARD
from tests.changing import ASKS_ALWAYS, DECLINED_LATER


class Buyer:
    """The parish as it pays: ten seats by the month, unless another number or interval is asked for."""

    def __init__(self, parish, gateway, number=10, interval=Interval.MONTH):
        self.parish, self.gateway, self.app = parish, gateway, parish.app
        with self.app.app_context():
            acts.buy(self.app, self.actor(), gateway, number, interval)
        self.here = f"{parish.home}billing"

    def actor(self):
        return memberships.actor(people.known(self.parish.owner_id), self.parish.id)

    def use_card(self, number):
        with self.app.app_context():
            acts.use_card(self.app, self.gateway, self.actor(), number)

    def travel(self, **step):
        with self.app.app_context():
            acts.travel(self.app, **step)
            reconciliation.run(self.gateway)

    def pay_invoice(self, link):
        page = link.replace(f"http://127.0.0.1:8000{SANDBOX_MOUNT}", self.app.extensions["sandbox"].listen())
        assert requests.post(page, data=CARD, timeout=20, allow_redirects=False).status_code == 303

    def subjects(self, address="ruth@example.org"):
        with self.app.app_context():
            mail.send_due()
            query = sa.select(DeliveredMail.subject).where(DeliveredMail.address == address).order_by(DeliveredMail.id)
            return list(db.session.scalars(query))


@pytest.fixture
def bought(parish, connect):
    """Give a maker of the parish as a payer."""
    gateway = connect()
    return lambda *arguments: Buyer(parish, gateway, *arguments)


def button(owner, words):
    return next(found for found in owner.page.select("main a.button") if found.text.startswith(words))


def test_billing_says_what_is_paid_until_when_and_what_comes_next(parish, bought):
    buyer = bought()
    owner = parish.owner
    owner.get(buyer.here)
    for words in ("10 seats", "by the month", "£74.40 including £12.40 VAT, for 10 seats by the month", "Visa ending 4242"):
        assert words in owner.words
    assert "SANDBOX-0001" in owner.words
    assert "The subscription began with 10 seats" in owner.words


def test_the_billing_contact_sees_money_and_nobodys_training(parish, bought):
    buyer = bought()
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    frances = parish.member("frances@example.org", Role.BILLING)
    frances.get(buyer.here)
    assert "SANDBOX-0001" in frances.words
    assert "Leo" not in frances.words
    frances.get(f"{parish.home}people", 403)
    frances.get(f"{parish.home}history", 403)


def test_seats_are_added_at_the_price_that_was_shown(parish, bought):
    buyer = bought()
    buyer.travel(days=10, hours=1)
    owner = parish.owner
    owner.get(buyer.here)
    owner.click("Add seats")
    owner.get(f"{buyer.here}/more-seats", query_string={"seats": "2"})
    assert "10 seats now, 12 seats afterwards" in owner.words
    pay = owner.page.select_one("main form[method=post] button").text
    owner.submit(pay)
    assert owner.path == buyer.here
    assert "2 seats are added, and can be given now." in owner.words
    assert parish.seats() == Count(12, 0, 0)
    assert pay.split()[1] in owner.words
    assert buyer.subjects()[-1] == "2 seats were added"


def test_a_price_that_was_shown_yesterday_is_not_charged_today(parish, bought):
    buyer = bought()
    owner = parish.owner
    owner.get(f"{buyer.here}/more-seats", query_string={"seats": "2"})
    buyer.travel(days=1)
    owner.submit(owner.page.select_one("main form[method=post] button").text, status=409)
    assert "The price has changed since you opened this page." in owner.words
    assert parish.seats() == Count(10, 0, 0)


@pytest.mark.parametrize("typed", ["", "0", "x", "-3", "2.5", "99999", "1991"])
def test_a_number_that_cannot_be_added_is_said_at_the_field(parish, bought, typed):
    buyer = bought()
    parish.owner.get(f"{buyer.here}/more-seats", 422, query_string={"seats": typed})
    assert parish.owner.page.select_one("#seats-error") is not None
    parish.owner.post(f"{buyer.here}/more-seats", {"seats": typed}, 422)


@pytest.mark.parametrize("card", [DECLINED_LATER, ASKS_ALWAYS])
def test_a_card_that_does_not_pay_leads_to_a_page_that_says_so_and_seats_come_when_it_is_paid(parish, bought, card):
    buyer = bought()
    buyer.use_card(card)
    owner = parish.owner
    owner.post(f"{buyer.here}/more-seats", {"seats": "2"})
    owner.follow()
    assert owner.heading == "This waits for your payment"
    assert "No seats are added until it is paid" in owner.words
    owner.submit("I have paid: check now")
    assert owner.heading == "This waits for your payment"
    assert parish.seats() == Count(10, 0, 0)
    link = button(owner, "Confirm or pay")["href"]
    owner.post(f"{buyer.here}/more-seats", {"seats": "1"}, 409)
    owner.get(buyer.here)
    owner.click("See where it stands")
    buyer.pay_invoice(link)
    owner.submit("I have paid: check now")
    assert owner.heading == "Done"
    assert parish.seats() == Count(12, 0, 0)


def test_a_change_that_waits_can_be_given_up(parish, bought):
    buyer = bought()
    buyer.use_card(DECLINED_LATER)
    owner = parish.owner
    owner.post(f"{buyer.here}/more-seats", {"seats": "2"})
    owner.follow()
    owner.submit("Give it up")
    assert owner.heading == "Not paid, so nothing was changed"
    assert buyer.subjects()[-1] == "Your change was not paid, so nothing was changed"


def test_fewer_seats_are_planned_undone_and_never_below_what_is_taken(parish, bought):
    buyer = bought()
    for name in ("leo", "mei", "tom"):
        parish.member(f"{name}@example.org", Role.LEARNER, seat=True)
    owner = parish.owner
    owner.get(buyer.here)
    owner.click("Fewer seats")
    owner.submit("Plan this for the renewal", {"seats": "2"}, status=409)
    assert "3 seats are taken: 3 in use and 0 held by invitations." in owner.words
    owner.submit("Plan this for the renewal", {"seats": "10"}, status=422)
    owner.submit("Plan this for the renewal", {"seats": "3"})
    assert "3 seats, paid by the month. Until then no more than 3 seats can be given to people." in owner.words
    owner.post(f"{parish.home}people/invite", {"name": "Eve", "address": "eve@example.org", "role": "learner"}, 409)
    owner.get(buyer.here)
    owner.submit("Undo this plan")
    assert "The renewal stays as it is now." in owner.words
    owner.post(f"{parish.home}people/invite", {"name": "Eve", "address": "eve@example.org", "role": "learner"})
    assert buyer.subjects()[-2:] == ["Planned for your renewal on " + renewal_day(buyer), "Your renewal stays as it is"]


def renewal_day(buyer):
    with buyer.app.app_context():
        end = subscriptions.live(buyer.parish.id).period_end
    return f"{end.day} {end:%B %Y}"


def test_month_to_year_is_paid_now_and_year_to_month_planned(parish, bought):
    buyer = bought()
    owner = parish.owner
    owner.get(buyer.here)
    owner.click("Pay by the year")
    owner.submit(owner.page.select_one("main form[method=post] button").text)
    assert "You pay by the year now." in owner.words
    owner.click("Pay by the month")
    owner.submit("Plan this for the renewal")
    assert "10 seats, paid by the month." in owner.words
    owner.submit("Undo this plan")
    assert buyer.subjects()[-1] == "Your renewal stays as it is"


def test_it_is_cancelled_in_two_clicks_confirmed_by_mail_and_undone(parish, bought):
    buyer = bought()
    owner = parish.owner
    owner.get(buyer.here)
    owner.click("Cancel the subscription")
    owner.submit("Cancel the subscription", {"reason": "unused"})
    assert f"It ends on {renewal_day(buyer)}, with what is paid for" in owner.words
    assert buyer.subjects()[-1] == f"Your subscription ends on {renewal_day(buyer)}"
    owner.post(f"{buyer.here}/cancel", {}, 409)
    owner.get(buyer.here)
    owner.submit("Let it go on after all")
    assert "The subscription goes on as before." in owner.words
    assert buyer.subjects()[-1] == "Your subscription goes on"


def test_buying_again_gives_the_seats_back_to_those_who_had_them(parish, bought):
    buyer = bought()
    for name in ("leo", "mei", "tom"):
        parish.member(f"{name}@example.org", Role.LEARNER, seat=True)
    owner = parish.owner
    owner.post(f"{buyer.here}/cancel", {})
    buyer.travel(days=32)
    owner.get(buyer.here)
    assert "The subscription has ended" in owner.words
    assert parish.seats() == Count(0, 0, 0)
    Buyer(parish, buyer.gateway, 2)
    owner.get(buyer.here)
    owner.click("Give them their seats again")
    assert [row.text for row in owner.page.select("tbody th")] == ["Leo", "Mei", "Tom"]
    assert "2 seats are free for 3 people." in owner.words
    owner.submit("Give 2 seats again")
    assert "2 people have their seats again." in owner.words
    assert parish.seats() == Count(2, 2, 0)
    owner.post(f"{parish.home}seats-again", {})
    assert parish.seats() == Count(2, 2, 0)


def test_a_seat_that_was_taken_back_since_is_not_offered_again(parish, bought):
    buyer = bought()
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    owner = parish.owner
    owner.post(f"{buyer.here}/cancel", {})
    buyer.travel(days=32)
    Buyer(parish, buyer.gateway, 2)
    owner.post(f"{parish.home}seats-again", {})
    assert parish.seats() == Count(2, 1, 0)
    with parish.app.app_context(), transaction():
        (leo,) = (held.membership_id for held in db.session.scalars(sa.select(seats.SeatAssignment)) if held.released_at is None)
        seats.release(parish.id, leo, "taken back", by=None)
    owner.get(buyer.here)
    assert "Give them their seats again" not in owner.words
    owner.post(f"{parish.home}seats-again", {})
    assert parish.seats() == Count(2, 0, 0)


def test_the_last_seat_of_a_plan_says_what_stands_in_the_way(parish, bought):
    buyer = bought()
    for name in ("leo", "mei"):
        parish.member(f"{name}@example.org", Role.LEARNER, seat=True)
    parish.owner.post(f"{buyer.here}/fewer-seats", {"seats": "2"})
    parish.owner.get(f"{parish.home}people")
    assert "2 seats are planned for the renewal, and that many are taken." in parish.owner.words
    parish.owner.click("Undo the plan")
    assert parish.owner.heading == "Billing"


def test_a_card_that_fails_at_the_renewal_is_said_and_paying_opens_everything_again(parish, bought):
    buyer = bought()
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    with buyer.app.app_context():
        before = seating.states(parish.id)
    buyer.use_card(DECLINED_LATER)
    buyer.travel(days=31, hours=2)
    owner = parish.owner
    owner.get(buyer.here)
    assert "did not go through: £74.40. We try again on" in owner.words
    owner.get(f"{buyer.here}/more-seats", 409)
    owner.get(parish.home)
    owner.click("Pay it or change the card under Billing")
    buyer.travel(days=14)
    with buyer.app.app_context():
        buyer.app.extensions["jobs"].run("unpaid")
    owner.get(buyer.here)
    assert "The subscription has lapsed" in owner.words
    buyer.pay_invoice(button(owner, "Pay £74.40 now")["href"])
    with buyer.app.app_context():
        reconciliation.run(buyer.gateway)
        assert seating.states(parish.id) == before
    owner.get(buyer.here)
    assert "The subscription has lapsed" not in owner.words
    assert buyer.subjects()[-3:] == [
        *("A payment did not go through", "The courses are closed until the payment comes", "Your payment has come"),
    ]


def test_the_card_is_changed_on_the_providers_page(parish, bought):
    buyer = bought()
    parish.owner.get(buyer.here)
    parish.owner.submit("Change the card")
    assert parish.owner.location.startswith(f"http://127.0.0.1:8000{SANDBOX_MOUNT}/portal/bps_")


def test_without_a_customer_there_is_no_card_to_change(parish, connect):
    connect()
    parish.owner.post(f"{parish.home}billing/portal", {}, 409)
    assert "There is no card to change yet." in parish.owner.words


def test_a_provider_that_does_not_answer_keeps_the_change_and_says_so(parish, bought, connect):
    buyer = bought()
    deaf = connect("http://127.0.0.1:9")
    parish.app.extensions["gateway"] = deaf
    parish.owner.post(f"{buyer.here}/cancel", {})
    parish.owner.follow()
    assert parish.owner.heading == "Your change is on its way"
    parish.app.extensions["gateway"] = buyer.gateway
    parish.owner.submit("Check now")
    assert parish.owner.heading == "Done"


def test_all_of_billing_needs_the_right_role_and_a_subscription(parish, bought):
    buyer = bought()
    leo = parish.member("leo@example.org", Role.LEARNER)
    for page in ("more-seats", "fewer-seats", "interval", "cancel"):
        leo.get(f"{buyer.here}/{page}", 403)
    with buyer.app.app_context():
        acts.do(buyer.gateway, lambda: changing.changes.end(buyer.actor(), None))
        with transaction():
            clock.advance(timedelta(days=32))
        buyer.app.extensions["sandbox"].catch_up()
        reconciliation.run(buyer.gateway)
    for page in ("more-seats", "fewer-seats", "interval", "cancel"):
        parish.owner.get(f"{buyer.here}/{page}", 409)


def test_a_disputed_payment_is_said_and_mailed_until_the_bank_has_decided(bought, parish):
    buyer = bought()
    controls = buyer.app.extensions["sandbox"].controls
    controls.open_dispute(controls.payments()[0].id)
    buyer.travel(hours=1)
    parish.owner.get(buyer.here)
    assert "A payment of £74.40 was disputed with the bank" in parish.owner.words
    assert "Everything stays open until the bank decides." in parish.owner.words
    controls.close_dispute(controls.payments()[0].dispute, is_won=False)
    buyer.travel(hours=1)
    parish.owner.get(buyer.here)
    assert "was disputed with the bank on" not in parish.owner.words
    assert "The subscription has ended" in parish.owner.words
    assert buyer.subjects()[-3:] == [
        "A payment was disputed",
        "The dispute has ended the subscription",
        "Your subscription has ended",
    ]


def test_a_paused_subscription_closes_the_courses_and_keeps_the_seats(bought, parish):
    buyer = bought()
    with parish.app.app_context():
        subscription_id = subscriptions.live(parish.id).provider_id
    buyer.gateway.client.v1.subscriptions.pause(subscription_id)
    buyer.travel(days=1)
    parish.owner.get(buyer.here)
    assert "The subscription is paused at the payment provider" in parish.owner.words
    assert parish.seats().bought == 10
    assert buyer.subjects()[-1] == "Your subscription is paused"
    buyer.gateway.client.v1.subscriptions.resume(subscription_id, {"billing_cycle_anchor": {"type": "unchanged"}})
    buyer.travel(days=1)
    parish.owner.get(buyer.here)
    assert "is paused" not in parish.owner.words
    assert buyer.subjects()[-1] == "Your subscription is no longer paused"
