"""At the limit: missing seats are offered where they are missing, and what they are for is done once they are there."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import shortfalls
from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.shortfalls import Shortfall
from billing import changes, changing
from billing.price_cards import Interval
from billing.seats import Count
from tests import changing as acts
from tests import quoting
from tests.changing import DECLINED_LATER

TOM = {"name": "Tom Barker", "address": "tom@example.org", "role": "learner", "note": "See you on Sunday."}


@pytest.fixture
def gateway(connect):
    return connect()


@pytest.fixture
def actor(parish):
    """Give a way to act as the owner."""
    return lambda: memberships.actor(people.known(parish.owner_id), parish.id)


@pytest.fixture
def full(parish, gateway, actor):
    """Have the parish pay for two seats by the month, both of them taken."""
    with parish.app.app_context():
        acts.buy(parish.app, actor(), gateway, 2, Interval.MONTH)
    for name in ("leo", "mei"):
        parish.member(f"{name}@example.org", Role.LEARNER, seat=True)


def invite(owner, parish, status=409):
    owner.get(f"{parish.home}people/invite")
    owner.submit(owner.page.select_one("form[action$=invite] button").get_text(), TOM, status=status)


def offer(owner):
    """Give the words of the button that adds the seats."""
    return owner.page.select_one("form[action$=add-missing-seats] button").get_text()


def states(app):
    with app.app_context():
        return list(db.session.scalars(sa.select(Shortfall.state).order_by(Shortfall.kept_at)))


@pytest.mark.usefixtures("full")
def test_inviting_one_more_offers_the_seat_and_goes_on_by_itself(parish, link_to):
    owner = parish.owner
    invite(owner, parish)
    assert "1 seat is missing." in owner.words
    assert owner.page.select_one("#name")["value"] == TOM["name"]
    assert offer(owner).startswith("Add 1 seat for £")
    assert states(parish.app) == []
    owner.submit(offer(owner))
    assert owner.path == f"{parish.home}people"
    for words in ("1 seat is added.", "We have sent Tom Barker an invitation."):
        assert words in owner.words
    assert parish.seats() == Count(3, 2, 1)
    assert states(parish.app) == ["done"]
    owner.get(f"{parish.home}history")
    assert "Ruth Amadi went on with what the seats were missing for" in owner.words
    assert link_to("tom@example.org").startswith("/join/")


@pytest.mark.usefixtures("full")
def test_the_price_on_the_page_is_the_one_that_is_paid(parish):
    owner = parish.owner
    invite(owner, parish)
    paid = offer(owner).split("£")[1].split()[0]
    owner.submit(offer(owner))
    owner.get(f"{parish.home}billing")
    assert f"£{paid}" in owner.words


@pytest.mark.usefixtures("full")
def test_pressing_twice_adds_the_seat_once(parish):
    owner = parish.owner
    invite(owner, parish)
    form = owner.page.select_one("form[action$=add-missing-seats]")
    sent = {field["name"]: field["value"] for field in form.select("input") if field["name"] != "csrf_token"}
    owner.post(form["action"], sent)
    owner.post(form["action"], sent, 409)
    assert "The subscription has changed since you opened this page." in owner.words
    assert parish.seats() == Count(3, 2, 1)


@pytest.mark.usefixtures("full")
def test_a_price_that_was_shown_earlier_is_not_charged_and_nothing_is_kept(parish):
    owner = parish.owner
    invite(owner, parish)
    with parish.app.app_context():
        acts.travel(parish.app, days=1)
    owner.submit(offer(owner), status=409)
    assert "The price has changed since you opened this page." in owner.words
    assert (states(parish.app), parish.seats().bought) == ([], 2)


@pytest.mark.usefixtures("full")
def test_giving_seats_to_many_offers_what_is_missing_and_goes_on(parish):
    ids = []
    for name in ("tom", "ann", "ben"):
        parish.member(f"{name}@example.org", Role.LEARNER)
        ids.append(parish.page_of(f"{name}@example.org").rpartition("/")[2])
    owner = parish.owner
    owner.get(f"{parish.home}people/change?do=give&" + "&".join(f"who={one}" for one in ids))
    assert "3 seats are missing." in owner.words
    owner.submit(offer(owner))
    assert "3 people have a seat now." in owner.words
    assert parish.seats() == Count(5, 5, 0)


@pytest.mark.usefixtures("full")
def test_a_list_offers_what_is_missing_and_is_brought_in(parish):
    owner = parish.owner
    owner.get(f"{parish.home}people/lists")
    owner.submit("Read the list", {"text": "tom@example.org\nann@example.org"})
    assert "2 seats are missing." in owner.words
    owner.submit(offer(owner))
    assert "Your people are being brought in" in owner.words
    with parish.app.app_context():
        parish.app.extensions["jobs"].run("people_lists")
    assert parish.seats() == Count(4, 2, 2)


@pytest.mark.usefixtures("full")
def test_approving_offers_what_is_missing_and_lets_them_in(parish):
    owner = parish.owner
    owner.get(f"{parish.home}people/links")
    owner.submit("Make the link", {"needs_approval": "y"})
    path = owner.page.select_one("#address")["value"].removeprefix("http://127.0.0.1:8000")
    for name in ("tom", "ann"):
        parish.make_person(name=name.capitalize(), address=f"{name}@example.org", organisation="Elsewhere")
        browser = parish.browser(f"{name}@example.org")
        browser.get(path)
        browser.submit(f"Ask to join as {name.capitalize()}")
    owner.get(f"{parish.home}people/requests")
    owner.submit("Approve all 2", status=409)
    owner.submit(offer(owner))
    assert "2 people let in." in owner.words
    assert parish.seats() == Count(4, 4, 0)


@pytest.mark.usefixtures("full")
def test_a_card_that_does_not_pay_keeps_it_until_the_seats_are_there(parish, gateway, actor):
    with parish.app.app_context():
        acts.use_card(parish.app, gateway, actor(), DECLINED_LATER)
    owner = parish.owner
    invite(owner, parish)
    owner.submit(offer(owner))
    assert owner.heading == "This waits for your payment"
    assert "What you wanted to do with these seats is kept." in owner.words
    assert (states(parish.app), parish.seats()) == (["open"], Count(2, 2, 0))
    owner.get(f"{parish.home}people")
    assert "Go on with it" not in owner.words
    with parish.app.app_context():
        [kept] = db.session.scalars(sa.select(Shortfall.id))
    owner.post(f"{parish.home}people/shortfalls/{kept}/go-on")
    owner.follow()
    assert "The seats for this are not there yet." in owner.words
    with parish.app.app_context():
        change_id = db.session.scalars(sa.select(Shortfall.change_id)).one()
        link = acts.row(actor()).provider_id
        invoice = gateway.client.v1.subscriptions.retrieve(link, {"expand": ["latest_invoice"]}).latest_invoice
        assert acts.pay_invoice(parish.app, invoice.hosted_invoice_url) == 303
        changing.look(gateway, change_id)
    owner.get(f"{parish.home}people")
    assert "The seats are there that were missing for an invitation." in owner.words
    owner.submit("Go on with it")
    assert "We have sent Tom Barker an invitation." in owner.words
    assert parish.seats() == Count(3, 2, 1)
    owner.post(f"{parish.home}people/shortfalls/{kept}/go-on")
    owner.follow()
    assert "This is done already" in owner.words
    assert parish.seats() == Count(3, 2, 1)


@pytest.mark.usefixtures("full")
def test_a_kill_before_the_provider_was_asked_loses_neither_the_seats_nor_what_they_are_for(parish, gateway, actor):
    fields = [*TOM.items(), ("team", "")]
    with parish.app.app_context():
        offered = changing.offer_seats(gateway, parish.id, 1)
        with transaction():
            change_id = changes.accept(actor(), offered, changes.Kind.MORE_SEATS).id
            shortfalls.keep(actor(), change_id, shortfalls.Kind.INVITATION, fields)
        with transaction():
            clock.advance(timedelta(minutes=2))
        assert parish.app.extensions["jobs"].run("changes") == 1
    parish.owner.get(f"{parish.home}people")
    parish.owner.submit("Go on with it")
    assert "We have sent Tom Barker an invitation." in parish.owner.words
    assert parish.seats() == Count(3, 2, 1)


@pytest.mark.usefixtures("full")
def test_what_cannot_be_done_any_more_is_said_and_can_be_dropped(parish):
    owner = parish.owner
    invite(owner, parish)
    words = offer(owner)
    other = parish.browser("ruth@example.org")
    other.get(parish.page_of("leo@example.org"))
    other.submit("Archive")
    invite(other, parish, status=303)
    owner.submit(words)
    assert "tom@example.org has an open invitation." in owner.words
    owner.get(f"{parish.home}people")
    owner.submit("Drop it")
    assert "Dropped. The seats that were added stay free." in owner.words
    assert (states(parish.app), parish.seats()) == (["dropped"], Count(3, 1, 1))


@pytest.mark.usefixtures("full")
def test_whoever_may_not_buy_is_told_whom_to_ask(parish):
    admin = parish.member("tom.admin@example.org", Role.ADMIN)
    invite(admin, parish)
    assert "1 seat is missing. Ask Ruth Amadi to add it, then come back here." in admin.words
    assert admin.page.select_one("form[action$=add-missing-seats]") is None
    fields = {"wanted": "invitation", "seats": "1", **TOM}
    admin.post(f"{parish.home}people/add-missing-seats", fields, 403)
    frances = parish.member("frances@example.org", Role.BILLING)
    frances.get(f"{parish.home}billing")
    frances.post(f"{parish.home}people/add-missing-seats", fields, 403)
    assert "You see what is paid, and give no seats." in frances.words
    assert parish.seats().bought == 2


def test_without_a_subscription_nothing_is_offered(parish):
    owner = parish.owner
    invite(owner, parish)
    assert "There is no subscription to change. Buy seats on the price page first." in owner.words
    assert owner.page.select_one("form[action$=add-missing-seats]") is None


@pytest.mark.parametrize("limit_minor", [0, 1_000_000])
def test_by_invoice_the_seats_are_there_as_the_credit_policy_says(parish, gateway, actor, limit_minor):
    with parish.app.app_context():
        invoice = quoting.by_invoice(actor(), gateway, 25, limit_minor=limit_minor)
        quoting.receive(actor(), gateway, invoice.id)
    owner = parish.owner
    owner.get(f"{parish.home}people/lists")
    owner.submit("Read the list", {"text": "\n".join(f"p{number}@example.org" for number in range(27))})
    assert offer(owner).startswith("Order 2 seats for £")
    owner.submit(offer(owner))
    if limit_minor:
        assert "Your people are being brought in" in owner.words
        assert states(parish.app) == ["done"]
    else:
        assert owner.heading == "This waits for your payment"
        assert states(parish.app) == ["open"]


@pytest.mark.usefixtures("full")
def test_what_is_kept_goes_after_a_month_because_it_holds_an_address(parish):
    invite(parish.owner, parish)
    parish.owner.submit(offer(parish.owner))
    with parish.app.app_context():
        assert shortfalls.forget_old() == 0
        with transaction():
            clock.advance(shortfalls.KEPT)
        assert shortfalls.forget_old() == 1
        assert shortfalls.forget_old() == 0
