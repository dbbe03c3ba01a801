"""Quotes: numbered, frozen, sent, accepted once by whoever has the link, and invoiced to the penny."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app import letters
from app.accounts import memberships
from app.accounts.invitations import Invitation
from app.accounts.memberships import Membership, Role
from app.kernel import clock, journal, links
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import (
    changing,
    customers,
    figures,
    invoice_recipients,
    invoices,
    invoicing,
    price_cards,
    quotes,
    reactions,
    replies,
    subscriptions,
    vat_documents,
)
from billing.figures import Discount
from billing.price_cards import Interval, Mode
from billing.quotes import Quote, State, Wanted
from billing.replies import Acceptance
from billing.sandbox.engine import amounts
from tests import changing as acts
from tests import quoting
from tests.buying import open_page, order, pay
from tests.quoting import TYPED

CARD = price_cards.read(1, "GBP", tomllib.loads(price_cards.SEED.read_text())["bands"])
BAND_EDGES = sorted({band.first + step for band in CARD.bands for step in (-1, 0, 1)} - {0})


def mails(kind):
    return sorted(db.session.scalars(sa.select(OutboxMail.address).where(OutboxMail.kind == kind)))


def state(quote_id):
    db.session.rollback()
    db.session.expire_all()
    return State(quotes.known(quote_id).state)


def by_operator(owner, number=25, *, organisation_id=None, percent=None, vat_percent=20, note=""):
    wanted = Wanted(
        seats=number,
        organisation="St Bede",
        name="Ben Hale",
        address="ben@example.org",
        discount_percent=percent,
        note=note,
    )
    with transaction():
        quote = quotes.prepare(wanted, by=owner.person.id, organisation_id=organisation_id, vat_percent=vat_percent)
        quotes.send(quote.id, by=owner.person.id, days=30)
        return quote.id


def later(**step):
    with transaction():
        clock.advance(timedelta(**step))


def test_a_stranger_is_sent_few_quotes_and_ones_own_address_many(shop, owner):
    quoting.publish()
    with transaction():
        for number in range(5):
            quotes.send_own(owner, 5, "Ben", f"ben{number}@example.org", vat_percent=20, days=30)
        with pytest.raises(Conflict, match="to others"):
            quotes.send_own(owner, 5, "Ben", "ben5@example.org", vat_percent=20, days=30)
        quotes.send_own(owner, 5, "Ruth", " Ruth@example.org", vat_percent=20, days=30)


@pytest.mark.parametrize("vat_percent", [20, None])
@pytest.mark.parametrize("percent", [None, 1, 33, 90])
def test_for_every_number_of_seats_a_quote_is_what_the_sandbox_would_invoice(vat_percent, percent):
    coupon = None if percent is None else {"amount_off": None, "_percent": str(percent)}
    discount = None if percent is None else Discount(percent, None)
    tiers = [{"up_to": band.last, "unit_amount": band.year_minor} for band in CARD.bands]
    sold = {"billing_scheme": "tiered", "tiers_mode": "graduated", "_tiers": tiers}
    rates = [] if vat_percent is None else [{"id": "txr", "percentage": str(vat_percent)}]
    for seats in range(1, 10_001):
        found = figures.figure(CARD, seats, Interval.YEAR, vat_percent, discount)
        listed = amounts.net(sold, seats)
        net = listed - amounts.taken_off(coupon, listed)
        assert (found.net_minor, found.vat_minor) == (net, sum(tax.amount for tax in amounts.taxes(rates, net))), seats


@given(seats=st.integers(1, 10_000), vat_percent=st.sampled_from([20, None]), percent=st.integers(1, quotes.MOST_PERCENT))
def test_a_discount_is_taken_off_before_vat_and_rounded_once(seats, vat_percent, percent):
    full = figures.figure(CARD, seats, Interval.YEAR, vat_percent)
    less = figures.figure(CARD, seats, Interval.YEAR, vat_percent, Discount(percent, None))
    assert abs(100 * less.discount_minor - full.net_minor * percent) <= 50
    assert less.net_minor == full.net_minor - less.discount_minor
    assert less.gross_minor == less.net_minor + figures.vat_on(less.net_minor, vat_percent)


def test_numbers_of_a_year_have_no_gaps_also_when_a_quote_is_refused(shop, owner):
    quoting.publish()
    first = quotes.known(quoting.send(owner)).number
    with pytest.raises(Invalid), transaction():
        quotes.prepare(
            Wanted(seats=5, organisation="St Bede", name="Ben", address="nowhere"),
            by=owner.person.id,
            organisation_id=None,
            vat_percent=20,
        )
    second = quotes.known(quoting.send(owner)).number
    year = clock.now().year
    assert (first, second) == (f"Q-{year}-0001", f"Q-{year}-0002")
    later(days=366)
    assert quotes.known(quoting.send(owner)).number == f"Q-{clock.now().year}-0001"


def test_a_quote_keeps_its_figures_when_prices_change(shop, owner):
    quoting.publish()
    quote_id = quoting.send(owner)
    with transaction():
        price_cards.publish("GBP", [{"first": 1, "month": 2000, "year": 18000}])
    quote = quotes.known(quote_id)
    assert (quote.gross_minor, quotes.figure_of(quote).gross_minor) == (98496, 98496)


@pytest.mark.parametrize("seats", [0, 10_001])
def test_a_quote_is_for_one_to_ten_thousand_seats(shop, owner, seats):
    quoting.publish()
    with pytest.raises(Invalid, match="1 to 10,000"):
        quoting.send(owner, seats)
    assert quotes.known(quoting.send(owner, 10_000)).seats == 10_000


def test_an_organisation_is_not_mailed_quotes_without_end(shop, owner):
    quoting.publish()
    for _ in range(quotes.MADE_A_DAY):
        quoting.send(owner)
    with pytest.raises(Conflict, match="many quotes today"):
        quoting.send(owner)


def test_a_draft_cannot_be_seen_by_its_link_and_a_forged_link_opens_nothing(shop, owner):
    quoting.publish()
    with transaction():
        wanted = Wanted(seats=5, organisation="St Bede", name="Ben", address="ben@example.org")
        draft = quotes.prepare(wanted, by=owner.person.id, organisation_id=None, vat_percent=20)
    for token in (draft.token, "forged", links.token("something else", draft.id)):
        with pytest.raises(Missing):
            quotes.of_link(token)
    with transaction():
        quotes.send(draft.id, by=owner.person.id, days=30)
    assert quotes.of_link(draft.token).id == draft.id
    with pytest.raises(Conflict), transaction():
        quotes.send(draft.id, by=owner.person.id, days=30)


def test_accepting_makes_one_subscription_by_invoice_whose_total_is_that_of_the_quote(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    assert state(quote_id) is State.ACCEPTED
    assert invoicing.begin(gateway, quote_id) is State.INVOICED
    assert invoicing.begin(gateway, quote_id) is State.INVOICED
    [invoice] = invoices.of_organisation(owner.organisation.id)
    assert (invoice.gross_minor, invoice.status, (invoice.due_at - invoice.issued_at).days) == (98496, "open", 30)
    row = acts.row(owner)
    assert (row.is_by_invoice, row.ordered, row.interval) == (True, 25, "year")
    quote = quotes.known(quote_id)
    assert (quote.invoice_id, quote.purchase_order, quote.terms_version, quote.problem) == (invoice.id, "PO-4711", 1, None)
    assert mails("quote_accepted") == ["accounts@example.org", "ruth@example.org"]


def test_the_invoice_of_a_quote_bears_its_purchase_order_and_goes_to_the_finance_contact(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    invoicing.begin(gateway, quote_id)
    document = vat_documents.of_organisation(owner.organisation.id, quotes.known(quote_id).invoice_id)
    assert (document.gross_minor, document.number) == (98496, "SANDBOX-0001")
    assert "PO-4711" in str(document.facts)
    assert invoice_recipients.addresses(owner.organisation.id) == ["accounts@example.org", "ruth@example.org"]
    with transaction():
        invoice_recipients.add_finance_contact(owner.organisation.id, "Accounts@example.org")
    assert len(invoice_recipients.of_organisation(owner.organisation.id)) == 1


@pytest.mark.parametrize("has_customer", [False, True])
def test_the_invoice_of_a_quote_is_made_out_to_the_address_that_was_given(shop, owner, gateway, has_customer):
    if has_customer:
        # Somebody has looked at the page for payment before, and an address was given there.
        open_page(gateway, order(owner, 5))
        known = customers.provider_id(owner.organisation.id)
        gateway.client.v1.customers.update(known, {"address": {"line1": "9 Old Road", "line2": "Back door", "city": "Elsewhere"}})
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    assert invoicing.begin(gateway, quote_id) is State.INVOICED
    document = vat_documents.of_organisation(owner.organisation.id, quotes.known(quote_id).invoice_id)
    assert document.facts["buyer_address"] == ["1 High Street", "Exampleton SW1A 1AA"]
    assert gateway.client.v1.customers.retrieve(customers.provider_id(owner.organisation.id)).address.country == "GB"


def test_a_quote_that_was_accepted_before_an_address_was_asked_for_is_invoiced(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    with transaction():
        quote = quotes.locked(quote_id)
        quote.line1 = quote.city = quote.postcode = None
    assert invoicing.begin(gateway, quote_id) is State.INVOICED


def test_a_customer_that_the_provider_has_forgotten_is_made_anew_at_the_next_try(shop, owner, gateway):
    open_page(gateway, order(owner, 5))
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    gateway.client.v1.customers.delete(customers.provider_id(owner.organisation.id))
    with pytest.raises(Missing):
        invoicing.begin(gateway, quote_id)
    assert invoicing.begin(gateway, quote_id) is State.INVOICED
    document = vat_documents.of_organisation(owner.organisation.id, quotes.known(quote_id).invoice_id)
    assert document.facts["buyer_address"] == ["1 High Street", "Exampleton SW1A 1AA"]


def test_a_quote_accepted_twice_is_accepted_once(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    quoting.accept(quote_id, Acceptance(**{name: getattr(TYPED, name) for name in TYPED.__slots__} | {"purchase_order": "X"}))
    assert quotes.known(quote_id).purchase_order == "PO-4711"
    whats = [entry.what for entry in journal.of(owner.organisation.id, journal.Wanted(kinds=("quote.",)))]
    assert whats == ["quote.accepted", "quote.sent", "quote.prepared"]


def test_of_two_quotes_of_an_organisation_one_is_accepted(shop, owner, gateway):
    first, second = quoting.send(owner), quoting.send(owner, 30)
    quoting.accept(first)
    with pytest.raises(Conflict, match="Another quote"):
        quoting.accept(second)
    invoicing.begin(gateway, first)
    with pytest.raises(Conflict, match="already has a subscription"):
        quoting.accept(second)
    with pytest.raises(Conflict, match="already has a subscription"):
        quoting.send(owner)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"finance_name": " "}, "finance_name"),
        ({"finance_address": "accounts"}, "finance_address"),
        ({"purchase_order": "x" * 61}, "purchase_order"),
        ({"line1": " "}, "line1"),
        ({"line2": "x" * 101}, "line2"),
        ({"city": ""}, "city"),
        ({"postcode": ""}, "postcode"),
    ],
)
def test_what_is_given_with_an_acceptance_must_be_usable(shop, owner, change, field):
    quoting.publish()
    quote_id = quoting.send(owner)
    with pytest.raises(Invalid) as caught:
        quoting.accept(quote_id, Acceptance(**{name: getattr(TYPED, name) for name in TYPED.__slots__} | change))
    assert caught.value.field == field
    assert state(quote_id) is State.SENT


def test_a_new_organisation_is_founded_when_its_quote_is_accepted_and_its_owner_invited(shop, owner, gateway):
    quote_id = by_operator(owner)
    organisation_id = quoting.accept(quote_id)
    assert organisation_id != owner.organisation.id
    invoicing.begin(gateway, quote_id)
    [invited] = db.session.scalars(sa.select(Membership).where(Membership.organisation_id == organisation_id))
    assert (invited.address, invited.roles, invited.state) == ("ben@example.org", {Role.OWNER}, memberships.State.INVITED)
    assert db.session.scalars(sa.select(Invitation.membership_id)).all() == [invited.id]
    assert subscriptions.live(organisation_id) is not None
    assert mails("quote_accepted") == ["accounts@example.org", "ben@example.org", "ruth@example.org"]


def test_a_declined_quote_is_told_to_who_prepared_it_and_cannot_be_accepted(shop, owner):
    quoting.publish()
    quote_id = by_operator(owner)
    for _ in range(2):
        with transaction():
            replies.decline(quote_id, "Too dear")
    assert (state(quote_id), quotes.known(quote_id).declined_because) == (State.DECLINED, "Too dear")
    assert mails("quote_declined") == ["ruth@example.org"]
    with pytest.raises(Conflict, match="was declined"):
        quoting.accept(quote_id)


def test_reminders_go_a_week_and_a_day_before_and_it_expires_by_the_clock_and_by_the_sweep(shop, owner):
    quoting.publish()
    quote_id = quoting.send(owner)
    sent = []
    for days in (22, 1, 1, 5, 1):
        later(days=days, minutes=1)
        with transaction():
            quotes.remind_due()
        sent.append(len(mails("quote_reminder")))
    assert sent == [0, 1, 1, 2, 2]
    with pytest.raises(Conflict, match="has expired"):
        quoting.accept(quote_id)
    with transaction():
        assert (quotes.expire_due(), quotes.expire_due()) == (1, 0)
    assert state(quote_id) is State.EXPIRED
    assert mails("quote_expired") == ["ruth@example.org"]


def test_who_has_bought_in_another_way_is_not_reminded_and_a_week_is_not_reminded_of_at_once(shop, owner, subscribe):
    quoting.publish()
    with transaction():
        for days in (7, 30):
            quotes.send_own(owner, 5, "Ruth Amadi", "ruth@example.org", vat_percent=20, days=days)
    with transaction():
        assert quotes.remind_due() == 0
    later(days=6, hours=1)
    with transaction():
        assert quotes.remind_due() == 1
    subscribe(owner.organisation.id)
    later(days=20)
    with transaction():
        assert quotes.remind_due() == 0


class Cut(Exception):
    """A kill at a point that a test chose."""


@pytest.mark.parametrize("step", ["customer", "agree", "subscription", "invoices"])
@pytest.mark.parametrize("is_answered", [False, True])
def test_a_kill_between_any_two_steps_is_finished_by_the_sweep_with_one_invoice(
    shop, owner, gateway, monkeypatch, step, is_answered
):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    real = getattr(gateway, step)

    def cut(*arguments, **named):
        if is_answered:
            real(*arguments, **named)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(gateway, step, cut)
        with pytest.raises(Cut):
            invoicing.begin(gateway, quote_id)
    assert state(quote_id) is State.ACCEPTED
    assert invoicing.finish_left_alone(gateway) == 0
    later(days=2)
    assert invoicing.finish_left_alone(gateway) == 1
    assert state(quote_id) is State.INVOICED
    assert len(gateway.invoices(acts.row(owner).provider_id)) == 1
    assert mails("quote_accepted") == ["accounts@example.org", "ruth@example.org"]


def test_while_the_provider_does_not_answer_the_quote_stays_accepted(shop, owner, gateway, connect):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    with pytest.raises(Unavailable):
        invoicing.begin(connect("http://127.0.0.1:9"), quote_id)
    assert state(quote_id) is State.ACCEPTED
    assert invoicing.begin(gateway, quote_id) is State.INVOICED


def test_a_quote_accepted_while_somebody_paid_by_card_is_withdrawn_and_its_invoice_taken_back(shop, owner, gateway):
    quote_id = quoting.send(owner)
    checkout_id = order(owner, 5)
    open_page(gateway, checkout_id)
    assert pay(shop, checkout_id) == 303
    quoting.accept(quote_id)
    reactions.serve(gateway, checkout_id)
    assert invoicing.begin(gateway, quote_id) is State.WITHDRAWN
    assert acts.row(owner).bought == 5
    [mine] = invoices.of_organisation(owner.organisation.id)
    assert mine.status == "paid"
    assert state(quote_id) is State.WITHDRAWN


@pytest.mark.parametrize(("vat_percent", "percent"), [(20, None), (None, None), (20, 7), (None, 33)])
def test_over_http_the_first_invoice_is_the_quote_at_each_edge_of_a_band(shop, owner, gateway, vat_percent, percent):
    for number in [*BAND_EDGES, 2001, 10_000]:
        quote_id = by_operator(owner, number, vat_percent=vat_percent, percent=percent)
        organisation_id = quoting.accept(quote_id)
        invoicing.begin(gateway, quote_id)
        [invoice] = invoices.of_organisation(organisation_id)
        quote = db.session.get_one(Quote, quote_id)
        assert (invoice.net_minor, invoice.vat_minor, invoice.gross_minor, quote.problem) == (
            *(quote.net_minor, quote.vat_minor, quote.gross_minor),
            None,
        ), number


def test_a_quote_by_a_card_that_sells_more_seats_for_less_gives_the_spare_ones(shop, owner, gateway):
    bands = [{"first": 1, "month": 1000, "year": 9000}, {"first": 25, "month": 500, "year": 4500}]
    with transaction():
        price_cards.publish("GBP", bands, Mode.VOLUME, bump=True)
    quote_id = quoting.send(owner, 24)
    quoting.accept(quote_id)
    invoicing.begin(gateway, quote_id)
    quote, [invoice] = quotes.known(quote_id), invoices.of_organisation(owner.organisation.id)
    assert (quote.seats, quote.gross_minor, quote.problem, invoice.gross_minor) == (25, 135_000, None, 135_000)
    assert acts.row(owner).ordered == 25


def test_what_was_refused_at_first_is_no_problem_any_more_once_the_quote_is_invoiced(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    with transaction():
        replies.try_again(quote_id, "This price is not active.")
    assert quotes.known(quote_id).problem == "This price is not active."
    assert invoicing.begin(gateway, quote_id) is State.INVOICED
    assert quotes.known(quote_id).problem is None


def test_when_the_totals_differ_the_problem_stays_and_the_mail_says_what_the_invoice_says(shop, owner, gateway):
    quote_id = quoting.send(owner)
    with transaction():
        quote = quotes.locked(quote_id)
        quote.list_minor, quote.net_minor, quote.gross_minor = (
            figure + 1000 for figure in (quote.list_minor, quote.net_minor, quote.gross_minor)
        )
    quoting.accept(quote_id)
    invoicing.begin(gateway, quote_id)
    assert quotes.known(quote_id).problem == "The provider's first invoice has another total than the quote."
    mail = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "quote_accepted").limit(1)).one()
    rendered = letters.render(mail.kind, mail.facts)
    for words in (rendered.text, rendered.html):
        assert "£984.96, including £164.16 VAT" in words
        assert "£994.96" not in words


def test_a_subscription_that_the_webhook_tells_of_first_waits_for_the_quote(shop, owner, gateway):
    quote_id = quoting.send(owner)
    quoting.accept(quote_id)
    invoicing.begin(gateway, quote_id)
    changing.refresh_surely(gateway, acts.row(owner).provider_id)
    assert acts.row(owner).ordered == 25
