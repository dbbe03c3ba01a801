"""Credit: what an organisation may owe decides when seats that are invoiced can be given, and nothing given is taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from app import letters
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, Unavailable
from app.kernel.transaction import transaction
from billing import (
    changes,
    changing,
    credit,
    entitlements,
    events,
    invoices,
    notices,
    reactions,
    receipts,
    receiving,
    reconciliation,
    seats,
    subscriptions,
)
from billing.changes import State as ChangeState
from billing.entitlements import Access
from billing.gateway import ProviderEvent
from billing.subscriptions import State, Terms
from tests import changing as acts
from tests import provider, quoting

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
GRACE = timedelta(days=14)
YEAR_OF_25 = 98496


def invoice(status="open", why="subscription_create", gross=100, due=30):
    is_over = status in {"paid", "void"}
    return provider.invoice(
        id=f"in_{why}_{status}",
        number=None if status == "draft" else "SANDBOX-0001",
        status=status,
        why=why,
        net_minor=gross,
        gross_minor=gross,
        remaining_minor=0 if is_over else gross,
        issued_at=NOW,
        due_at=NOW + timedelta(days=due),
    )


def access(owner):
    return entitlements.of_organisation(owner.organisation.id, GRACE, clock.now())


def hold(owner, member):
    with transaction():
        return seats.assign(owner.organisation.id, member, seats.State.HELD, by=None)


@pytest.mark.parametrize(
    ("found", "limit", "is_covered"),
    [
        ([], 1000, False),
        ([invoice("paid")], 0, True),
        ([invoice()], 0, False),
        ([invoice()], 99, False),
        ([invoice()], 100, True),
        ([invoice("draft")], 99, False),
        ([invoice("uncollectible")], 99, False),
        ([invoice("void")], 1000, False),
        ([invoice(why="subscription_update"), invoice()], 199, False),
        ([invoice(why="subscription_update"), invoice()], 200, True),
        ([invoice("paid", why="subscription_update"), invoice()], 0, True),
        ([invoice("draft", why="subscription_cycle", gross=5000), invoice()], 100, True),
        ([invoice(why="subscription_cycle", gross=5000), invoice("paid")], 100, True),
        ([invoice(why="subscription_cycle", gross=5000), invoice()], 100, False),
        ([invoice("paid", why="subscription_cycle"), invoice(why="subscription_update")], 0, True),
        ([invoice("paid", why="subscription_cycle"), invoice("void", why="subscription_update")], 0, True),
        ([invoice(why="subscription_update"), invoice("paid", why="subscription_cycle"), invoice("paid")], 0, False),
    ],
)
def test_what_was_asked_for_last_is_covered_when_it_is_paid_or_all_that_is_owed_is_within_the_limit(found, limit, is_covered):
    assert credit.is_covered(found, limit) is is_covered


def test_an_invoice_that_was_taken_back_as_a_whole_gives_no_seats_although_the_provider_calls_it_paid():
    taken_back = provider.invoice(status="paid", remaining_minor=0, credit_notes=(provider.credit_note(),))
    assert not credit.is_covered([taken_back], 0)
    in_part = provider.invoice(status="paid", remaining_minor=0, credit_notes=(provider.credit_note(gross_minor=99),))
    assert credit.is_covered([in_part], 0)


@pytest.mark.parametrize(
    ("found", "held", "days"),
    [
        ([], 0, None),
        ([invoice(why="subscription_update", due=10), invoice(due=20)], 0, 10),
        ([invoice(why="subscription_update", due=10), invoice(due=20)], 5, 20),
        ([invoice(why="subscription_update", due=10), invoice("paid")], 5, None),
        ([invoice("uncollectible", why="subscription_update", due=10), invoice("paid")], 5, None),
        ([invoice(why="subscription_cycle", due=30), invoice(why="subscription_update", due=10), invoice("paid")], 5, 30),
        ([invoice(why="subscription_cycle", due=30), invoice(why="subscription_update", due=10), invoice("paid")], 0, 10),
        ([invoice("paid", why="subscription_cycle"), invoice(why="subscription_update", due=10), invoice("paid")], 0, None),
    ],
)
def test_an_invoice_of_seats_that_are_held_back_is_not_what_courses_close_for(found, held, days):
    assert credit.due_at(found, held) == (None if days is None else NOW + timedelta(days=days))


@given(
    before=st.tuples(st.integers(0, 50), st.integers(0, 50)).filter(lambda pair: pair[1] <= pair[0]),
    quantity=st.integers(1, 50),
    limit=st.integers(0, 300),
    statuses=st.lists(st.tuples(st.sampled_from(["open", "paid", "void", "draft"]), st.sampled_from(sorted(credit.ASKED_FOR)))),
)
def test_no_more_is_withheld_than_was_and_is_added_and_nothing_that_is_covered(before, quantity, limit, statuses):
    found = [invoice(status, why) for status, why in statuses]
    had, held = before
    withheld = credit.withheld(before, quantity, found, limit)
    given = had - held
    assert quantity - withheld >= min(given, quantity)
    assert withheld == (0 if credit.is_covered(found, limit) or quantity <= given else quantity - given)


@pytest.mark.parametrize(
    ("terms", "will_end", "state"),
    [
        (Terms(is_waiting=True, due_at=NOW + timedelta(days=30)), False, State.PENDING),
        (Terms(is_waiting=True, due_at=NOW - timedelta(days=30)), False, State.PENDING),
        (Terms(is_waiting=False, due_at=None), False, State.ACTIVE),
        (Terms(is_waiting=False, due_at=None), True, State.CANCELLING),
        (Terms(is_waiting=False, due_at=NOW + timedelta(seconds=1)), False, State.ACTIVE),
        (Terms(is_waiting=False, due_at=NOW), False, State.PAST_DUE),
        (Terms(is_waiting=False, due_at=NOW - GRACE + timedelta(seconds=1)), True, State.PAST_DUE),
        (Terms(is_waiting=False, due_at=NOW - GRACE), False, State.LAPSED),
    ],
)
@pytest.mark.parametrize("status", ["active", "past_due"])
def test_the_state_of_what_is_paid_by_invoice_is_derived_from_its_debts(terms, will_end, state, status):
    assert state is subscriptions.state(
        status, period_start=NOW, will_end=will_end, was_asked_to_end=False, grace=GRACE, now=NOW, terms=terms
    )


@pytest.mark.parametrize(("status", "state"), [("canceled", State.LAPSED), ("unpaid", State.LAPSED), ("paused", State.LAPSED)])
def test_what_the_provider_has_closed_is_closed_whatever_is_paid(status, state):
    terms = Terms(is_waiting=False, due_at=None)
    assert state is subscriptions.state(
        status, period_start=NOW, will_end=False, was_asked_to_end=False, grace=GRACE, now=NOW, terms=terms
    )


def test_without_credit_nothing_can_be_given_until_the_invoice_is_paid_by_bank(shop, owner, gateway, members):
    bill = quoting.by_invoice(owner, gateway)
    assert (access(owner).access, access(owner).state) == (Access.NONE, State.PENDING)
    [member] = members(1)
    with pytest.raises(Conflict):
        hold(owner, member)
    assert quoting.receive(owner, gateway, bill.id) is receipts.State.TOLD
    assert access(owner).state is State.ACTIVE
    hold(owner, member)
    assert seats.count(owner.organisation.id).free == 24


def test_within_the_limit_seats_are_there_at_once_and_one_penny_less_is_not_enough(shop, owner, gateway):
    quoting.give_credit(owner, YEAR_OF_25 - 1)
    quoting.by_invoice(owner, gateway)
    assert access(owner).state is State.PENDING
    quoting.give_credit(owner, YEAR_OF_25)
    acts.sees(gateway, owner)
    assert access(owner).state is State.ACTIVE
    assert seats.count(owner.organisation.id).free == 25


@pytest.mark.parametrize(
    ("ending", "state"), [(None, State.PENDING), ("mark_uncollectible", State.PENDING), ("pay", State.ACTIVE)]
)
def test_what_an_earlier_subscription_owes_counts_towards_the_limit(shop, owner, gateway, ending, state):
    bill = quoting.by_invoice(owner, gateway, limit_minor=YEAR_OF_25)
    first_id = acts.row(owner).provider_id
    if ending is not None:
        getattr(gateway.client.v1.invoices, ending)(bill.id, {"paid_out_of_band": True} if ending == "pay" else {})
    gateway.end_at_once(first_id, "test")
    reactions.refresh(gateway, first_id)
    assert acts.row(owner) is None
    quoting.by_invoice(owner, gateway)
    assert access(owner).state is state
    quoting.give_credit(owner, 2 * YEAR_OF_25)
    acts.sees(gateway, owner)
    assert access(owner).state is State.ACTIVE


def test_a_limit_that_is_lowered_takes_nothing_away(shop, owner, gateway):
    quoting.by_invoice(owner, gateway, limit_minor=YEAR_OF_25)
    quoting.give_credit(owner, 0)
    acts.sees(gateway, owner)
    assert (access(owner).state, seats.count(owner.organisation.id).bought) == (State.ACTIVE, 25)


def test_overdue_beyond_the_grace_it_lapses_and_paying_gives_back_the_very_same_seats(shop, owner, gateway, members):
    bill = quoting.by_invoice(owner, gateway, limit_minor=YEAR_OF_25)
    given = {hold(owner, member).id for member in members(3)}
    acts.travel(shop, days=29)
    acts.sees(gateway, owner)
    assert access(owner).state is State.ACTIVE
    acts.travel(shop, days=2)
    acts.sees(gateway, owner)
    assert (access(owner).state, access(owner).access) == (State.PAST_DUE, Access.FULL)
    assert acts.mails().count("invoice_overdue") == 2
    acts.travel(shop, days=14)
    assert (access(owner).state, access(owner).access) == (State.LAPSED, Access.RECORDS)
    quoting.receive(owner, gateway, bill.id)
    assert access(owner).state is State.ACTIVE
    assert {assignment.id for member in given for assignment in all_held(owner)} == given
    assert acts.mails().count("invoice_paid") == 2


def all_held(owner):
    with transaction():
        return list(
            acts.db.session.scalars(
                acts.sa.select(seats.SeatAssignment).where(
                    seats.SeatAssignment.organisation_id == owner.organisation.id, seats.SeatAssignment.released_at.is_(None)
                )
            )
        )


def test_a_renewal_is_in_good_standing_until_it_is_overdue_whatever_the_limit(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    acts.travel(shop, days=365, hours=2)
    acts.sees(gateway, owner)
    renewal = quoting.newest(owner)
    assert (renewal.why, renewal.status, renewal.gross_minor) == ("subscription_cycle", "open", YEAR_OF_25)
    assert (access(owner).state, seats.count(owner.organisation.id).bought) == (State.ACTIVE, 25)
    acts.travel(shop, days=44)
    acts.sees(gateway, owner)
    assert access(owner).state is State.LAPSED


def test_more_seats_within_the_limit_are_there_at_once_at_the_price_that_was_shown(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    quoting.give_credit(owner, 50_000)
    acts.travel(shop, days=120)
    offer = changing.offer_seats(gateway, owner.organisation.id, 10)
    _, state = acts.add(owner, gateway, 10)
    assert state is ChangeState.DONE
    added = quoting.newest(owner)
    assert (added.gross_minor, added.why, added.status) == (offer.cost.gross_minor, "subscription_update", "open")
    assert seats.count(owner.organisation.id).bought == 35


def test_more_seats_beyond_the_limit_wait_for_their_payment_and_the_others_stay(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    acts.travel(shop, days=120)
    change_id, state = acts.add(owner, gateway, 10)
    assert state is ChangeState.WAITING
    assert (seats.count(owner.organisation.id).bought, acts.row(owner).withheld, access(owner).state) == (25, 10, State.ACTIVE)
    assert changing.look(gateway, change_id) is ChangeState.WAITING
    with pytest.raises(Conflict, match="wait for their invoice"):
        acts.add(owner, gateway, 1)
    added = quoting.newest(owner)
    quoting.receive(owner, gateway, added.id)
    assert (changes.known(change_id).state, seats.count(owner.organisation.id).bought) == (ChangeState.DONE, 35)
    assert "seats_added" in acts.mails()


def test_more_seats_that_wait_for_their_payment_can_be_given_up_and_asked_for_again(shop, owner, gateway, monkeypatch):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    change_id, _ = acts.add(owner, gateway, 10)
    # A kill between taking the invoice back and taking the seats back leaves the rest to the next try.
    with monkeypatch.context() as patch:
        patch.setattr("stripe.SubscriptionService.update", killed)
        with pytest.raises(ZeroDivisionError):
            changing.give_up(gateway, change_id)
    acts.sees(gateway, owner)
    assert (acts.row(owner).bought, acts.row(owner).withheld) == (25, 10)
    assert changing.give_up(gateway, change_id) is ChangeState.LAPSED
    assert (acts.row(owner).bought, acts.row(owner).withheld, quoting.newest(owner).status) == (25, 0, "void")
    assert acts.add(owner, gateway, 5)[1] is ChangeState.WAITING
    quoting.receive(owner, gateway, quoting.newest(owner).id)
    assert acts.row(owner).bought == 30


def planned(owner, gateway, *, limit_minor):
    """Have 25 seats paid and 20 planned for the renewal, with so much credit."""
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    quoting.give_credit(owner, limit_minor)
    acts.do(gateway, lambda: changes.fewer_seats(owner, 20))


def at_the_renewal(owner, gateway):
    """Give for how many seats the provider will ask from the renewal on, and how many of them may be given now."""
    snapshot = gateway.subscription(acts.row(owner).provider_id)
    counted = seats.count(owner.organisation.id)
    return snapshot.coming_seats, counted.coming


def test_seats_added_within_the_limit_are_planned_on_top_of_fewer_seats_at_once(shop, owner, gateway):
    planned(owner, gateway, limit_minor=YEAR_OF_25)
    acts.travel(shop, days=362)
    _, state = acts.add(owner, gateway, 10)
    assert (state, at_the_renewal(owner, gateway)) == (ChangeState.DONE, (30, 30))
    assert acts.row(owner).bought == 35
    acts.travel(shop, days=4)
    acts.sees(gateway, owner)
    assert (acts.row(owner).bought, acts.row(owner).coming_seats) == (30, None)


def test_seats_added_beyond_the_limit_are_planned_when_they_are_paid_and_cap_nothing_before(shop, owner, gateway):
    planned(owner, gateway, limit_minor=0)
    acts.travel(shop, days=330)
    change_id, state = acts.add(owner, gateway, 10)
    assert (state, at_the_renewal(owner, gateway)) == (ChangeState.WAITING, (None, 20))
    quoting.receive(owner, gateway, quoting.newest(owner).id)
    assert (changes.known(change_id).state, at_the_renewal(owner, gateway)) == (ChangeState.PLANNING, (None, 30))
    acts.travel(shop, minutes=2)
    assert changing.finish_left_alone(gateway) == 1
    assert (changes.known(change_id).state, at_the_renewal(owner, gateway)) == (ChangeState.DONE, (30, 30))


def test_an_invoice_for_added_seats_that_is_not_paid_in_time_does_not_lose_the_plan(shop, owner, gateway):
    planned(owner, gateway, limit_minor=0)
    acts.travel(shop, days=330)
    change_id, _ = acts.add(owner, gateway, 10)
    acts.travel(shop, days=33)
    assert changing.look(gateway, change_id) is ChangeState.WAITING
    acts.travel(shop, days=1)
    assert changing.finish_left_alone(gateway) == 1
    assert (changes.known(change_id).state, quoting.newest(owner).status) == (ChangeState.LAPSED, "void")
    assert (at_the_renewal(owner, gateway), acts.mails()[-1]) == ((20, 20), "change_not_paid")
    acts.travel(shop, days=2)
    acts.sees(gateway, owner)
    assert (acts.row(owner).bought, quoting.newest(owner).why) == (20, "subscription_cycle")


def test_money_that_the_provider_is_not_told_of_yet_keeps_an_invoice_from_being_given_up(shop, owner, gateway):
    planned(owner, gateway, limit_minor=0)
    acts.travel(shop, days=330)
    change_id, _ = acts.add(owner, gateway, 10)
    acts.travel(shop, days=34)
    added = quoting.newest(owner)
    with transaction():
        receipts.note(added.id, clock.now().date(), "BACS 4711", added.remaining_minor, by=owner.person.id)
    assert changing.look(gateway, change_id) is ChangeState.WAITING
    assert quoting.newest(owner).status == "open"


def test_added_seats_that_the_renewal_has_billed_are_looked_at_anew_also_when_its_message_was_lost(shop, owner, gateway):
    planned(owner, gateway, limit_minor=0)
    acts.travel(shop, days=330)
    change_id, _ = acts.add(owner, gateway, 10)
    acts.travel(shop, days=36)
    assert acts.row(owner).period_end < clock.now()
    assert changing.look(gateway, change_id) is ChangeState.WAITING
    assert acts.row(owner).period_end > clock.now()


def test_seats_are_not_added_beyond_the_limit_so_near_to_a_plan_that_their_invoice_may_be_paid_after_it(shop, owner, gateway):
    planned(owner, gateway, limit_minor=0)
    acts.travel(shop, days=335)
    with pytest.raises(Conflict, match="less than 31 days away"):
        changing.offer_seats(gateway, owner.organisation.id, 10)
    assert gateway.subscription(acts.row(owner).provider_id).coming_seats == 20
    acts.do(gateway, lambda: changes.drop_plan(owner))
    assert acts.add(owner, gateway, 10)[1] is ChangeState.WAITING


def beyond_the_limit(owner, gateway):
    """Have 25 seats paid, and 10 added whose invoice is not; gives the change and that invoice."""
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    change_id, state = acts.add(owner, gateway, 10)
    assert state is ChangeState.WAITING
    return change_id, quoting.newest(owner).id


@pytest.mark.parametrize("ending", ["void_invoice", "mark_uncollectible"])
def test_seats_whose_invoice_the_operator_has_ended_are_taken_back_by_themselves(shop, owner, gateway, ending):
    change_id, invoice_id = beyond_the_limit(owner, gateway)
    getattr(gateway.client.v1.invoices, ending)(invoice_id)
    acts.sees(gateway, owner)
    assert (changes.known(change_id).state, acts.row(owner).withheld) == (ChangeState.WAITING, 10)
    acts.travel(shop, minutes=2)
    assert changing.finish_left_alone(gateway) == 1
    assert changes.known(change_id).state == ChangeState.LAPSED
    assert (acts.row(owner).ordered, quoting.newest(owner).status) == (25, "void")
    assert gateway.subscription(acts.row(owner).provider_id).quantity == 25
    assert acts.mails()[-1] == "change_not_paid"
    assert acts.do(gateway, lambda: changes.end(owner, None)) is ChangeState.DONE


def test_a_kill_between_the_invoice_and_the_seats_is_finished_by_the_sweep(shop, owner, gateway, monkeypatch):
    change_id, _ = beyond_the_limit(owner, gateway)
    with monkeypatch.context() as patch:
        patch.setattr("stripe.SubscriptionService.update", killed)
        with pytest.raises(ZeroDivisionError):
            changing.give_up(gateway, change_id)
    acts.travel(shop, minutes=2)
    assert changing.finish_left_alone(gateway) == 1
    assert (changes.known(change_id).state, acts.row(owner).ordered) == (ChangeState.LAPSED, 25)


def renewed(shop, owner, gateway):
    """Have 10 seats added beyond the limit ten days before a renewal that has come; gives the change and its invoice."""
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    acts.travel(shop, days=355)
    change_id, state = acts.add(owner, gateway, 10)
    assert state is ChangeState.WAITING
    invoice_id = quoting.newest(owner).id
    acts.travel(shop, days=10, hours=2)
    acts.sees(gateway, owner)
    assert (quoting.newest(owner).why, quoting.newest(owner).status) == ("subscription_cycle", "open")
    return change_id, invoice_id


def test_seats_that_are_paid_for_stay_open_while_added_ones_are_never_paid(shop, owner, gateway):
    beyond_the_limit(owner, gateway)
    acts.travel(shop, days=31)
    acts.sees(gateway, owner)
    assert (access(owner).state, acts.row(owner).bought, acts.row(owner).withheld) == (State.ACTIVE, 25, 10)
    overdue = acts.db.session.scalars(acts.sa.select(acts.OutboxMail).where(acts.OutboxMail.kind == "invoice_overdue")).first()
    assert "Nothing that you have already closes because of it" in letters.render(overdue.kind, overdue.facts).text
    acts.travel(shop, days=60)
    acts.sees(gateway, owner)
    assert (access(owner).state, access(owner).access) == (State.ACTIVE, Access.FULL)
    quoting.receive(owner, gateway, quoting.newest(owner).id)
    assert (access(owner).state, acts.row(owner).bought) == (State.ACTIVE, 35)


@pytest.mark.parametrize("is_void", [False, True])
def test_seats_that_the_renewal_has_billed_are_not_given_up_and_are_paid_with_it(shop, owner, gateway, is_void):
    change_id, invoice_id = renewed(shop, owner, gateway)
    if is_void:
        gateway.client.v1.invoices.void_invoice(invoice_id)
    with pytest.raises(Conflict, match="part of the renewal by now"):
        changing.give_up(gateway, change_id)
    assert gateway.client.v1.invoices.retrieve(invoice_id).status == ("void" if is_void else "open")
    assert changing.look(gateway, change_id) is ChangeState.WAITING
    assert gateway.subscription(acts.row(owner).provider_id).quantity == 35
    quoting.receive(owner, gateway, quoting.newest(owner).id)
    assert (changes.known(change_id).state, acts.row(owner).bought) == (ChangeState.DONE, 35)


def test_seats_are_given_up_when_the_renewal_that_billed_them_was_taken_back(shop, owner, gateway):
    change_id, invoice_id = renewed(shop, owner, gateway)
    gateway.client.v1.invoices.void_invoice(quoting.newest(owner).id)
    assert changing.give_up(gateway, change_id) is ChangeState.LAPSED
    assert (invoices.known(invoice_id).status, acts.row(owner).ordered) == ("void", 25)


def test_giving_up_a_cancellation_takes_back_no_invoice_of_seats_that_were_given(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    quoting.give_credit(owner, YEAR_OF_25)
    assert acts.add(owner, gateway, 10)[1] is ChangeState.DONE
    end_id = acts.ask(lambda: changes.end(owner, None))
    gateway.end_with_term(acts.row(owner).provider_id, f"change-{end_id}", is_wanted=True)
    # The provider has answered, and the kill comes before its answer is looked at.
    with transaction():
        changes.mark_answered(end_id)
    changing.give_up(gateway, end_id)
    assert changing.look(gateway, end_id) is ChangeState.DONE
    assert (quoting.newest(owner).status, acts.row(owner).bought) == ("open", 35)


def test_giving_up_what_was_paid_a_moment_ago_leaves_it_as_it_is(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    change_id, _ = acts.add(owner, gateway, 10)
    gateway.receive(quoting.newest(owner).id)
    assert changing.give_up(gateway, change_id) is ChangeState.DONE
    assert acts.row(owner).bought == 35


def test_of_several_invoices_the_one_that_is_due_first_is_to_be_paid_first(shop, owner, gateway):
    first = quoting.by_invoice(owner, gateway, limit_minor=2 * YEAR_OF_25)
    acts.travel(shop, days=3)
    acts.add(owner, gateway, 10)
    second = quoting.newest(owner)
    owed = invoices.owed(acts.row(owner))
    assert (owed.id, invoices.owed(acts.row(owner), why="subscription_update").id) == (first.id, second.id)


def test_a_kill_after_the_provider_has_added_seats_is_finished_with_one_invoice(shop, owner, gateway, monkeypatch):
    bill = quoting.by_invoice(owner, gateway)
    quoting.receive(owner, gateway, bill.id)
    offer = changing.offer_seats(gateway, owner.organisation.id, 5)
    change_id = acts.ask(lambda: changes.accept(owner, offer, changes.Kind.MORE_SEATS))
    # The invoice is drawn up, and the kill comes before it has its number.
    with monkeypatch.context() as patch:
        patch.setattr("billing.stripe_invoicing.open_drafts", killed)
        with pytest.raises(ZeroDivisionError):
            changing.carry_out(gateway, change_id)
    acts.sees(gateway, owner)
    assert seats.count(owner.organisation.id).bought == 25
    acts.travel(shop, minutes=2)
    changing.finish_left_alone(gateway)
    assert changes.known(change_id).state == ChangeState.WAITING
    assert [found.why for found in invoices.of_organisation(owner.organisation.id)].count("subscription_update") == 1
    quoting.receive(owner, gateway, quoting.newest(owner).id)
    assert seats.count(owner.organisation.id).bought == 30


def killed(*_):
    raise ZeroDivisionError


def test_a_subscription_is_cancelled_and_goes_on_while_its_first_invoice_is_not_paid(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    assert acts.do(gateway, lambda: changes.end(owner, None)) is ChangeState.DONE
    assert (acts.row(owner).cancel_at, access(owner).state) == (acts.row(owner).period_end, State.PENDING)
    assert acts.do(gateway, lambda: changes.go_on(owner)) is ChangeState.DONE
    quoting.receive(owner, gateway, bill.id)
    assert access(owner).state is State.ACTIVE


def test_paying_by_the_month_is_not_for_those_who_pay_by_invoice(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    with pytest.raises(Conflict, match="wait for their invoice"):
        acts.ask(lambda: changes.monthly(owner))
    quoting.receive(owner, gateway, bill.id)
    with pytest.raises(Conflict, match="by the year"):
        acts.ask(lambda: changes.monthly(owner))


def test_whoever_pays_by_invoice_may_have_more_seats_than_are_sold_by_card(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway, 2500)
    quoting.receive(owner, gateway, bill.id)
    assert changing.offer_seats(gateway, owner.organisation.id, 100).seats == 2600
    with pytest.raises(Invalid, match="10,000"):
        changing.offer_seats(gateway, owner.organisation.id, 7501)


def test_an_invoice_paid_by_card_on_the_providers_page_gives_the_seats_and_can_no_longer_be_received(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    assert acts.pay_invoice(shop, bill.url) == 303
    acts.sees(gateway, owner)
    assert seats.count(owner.organisation.id).bought == 25
    with pytest.raises(Conflict, match="is paid"):
        quoting.receive(owner, gateway, bill.id)


def test_money_that_is_noted_while_somebody_pays_by_card_is_to_be_sent_back(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    with transaction():
        noted = receipts.note(bill.id, clock.now().date(), "BACS", YEAR_OF_25, by=owner.person.id).id
    assert acts.pay_invoice(shop, bill.url) == 303
    assert receiving.tell(gateway, noted) is receipts.State.REFUSED
    assert quoting.newest(owner).status == "paid"
    [(receipt, invoice, organisation)] = receipts.refused()
    assert (receipt.id, receipt.refusal) == (noted, "Paid by card already: this money is to be sent back.")
    assert (invoice.id, organisation.id) == (bill.id, owner.organisation.id)


def test_money_that_is_noted_at_the_moment_somebody_pays_by_card_is_to_be_sent_back(shop, owner, gateway, monkeypatch):
    bill = quoting.by_invoice(owner, gateway)
    pay = stripe.InvoiceService.pay

    def pay_late(*arguments, **named):
        assert acts.pay_invoice(shop, bill.url) == 303
        return pay(*arguments, **named)

    monkeypatch.setattr("stripe.InvoiceService.pay", pay_late)
    assert quoting.receive(owner, gateway, bill.id) is receipts.State.REFUSED


def test_money_of_which_the_provider_knows_after_a_kill_is_told_and_not_sent_back(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    with transaction():
        noted = receipts.note(bill.id, clock.now().date(), "BACS", YEAR_OF_25, by=owner.person.id).id
    assert gateway.receive(bill.id) is True
    assert receiving.tell(gateway, noted) is receipts.State.TOLD
    assert receipts.refused() == []


@pytest.fixture
def left_behind(shop, owner, gateway):
    """Give an unpaid invoice of a subscription that died when its card failed, and in whose place there is another one now."""
    shop.extensions["sandbox"].controls.end_after_retries(is_wanted=True)
    acts.buy(shop, owner, gateway)
    acts.use_card(shop, gateway, owner, acts.DECLINED_LATER)
    acts.travel(shop, days=60)
    died = acts.sees(gateway, owner)
    unpaid = quoting.newest(owner)
    assert (died.status, died.is_live, unpaid.status) == ("canceled", True, "open")
    old = SimpleNamespace(id=unpaid.id, provider_id=died.provider_id, url=unpaid.url)
    quoting.by_invoice(owner, gateway)
    assert subscriptions.with_provider_id(old.provider_id) is None
    return old


def test_money_by_bank_for_an_invoice_of_a_subscription_that_was_replaced_is_seen_as_paid(owner, gateway, left_behind):
    assert quoting.receive(owner, gateway, left_behind.id) is receipts.State.TOLD
    paid = invoices.known(left_behind.id)
    assert (paid.status, paid.remaining_minor) == ("paid", 0)
    assert acts.mails().count("invoice_paid") == 2
    assert left_behind.id not in [invoice.id for invoice, _ in invoices.to_be_paid()]


def test_a_message_about_an_invoice_of_a_subscription_that_was_replaced_is_applied(shop, owner, gateway, left_behind):
    assert acts.pay_invoice(shop, left_behind.url) == 303
    with transaction():
        events.store(
            ProviderEvent(
                id="evt_late",
                kind="invoice.paid",
                created_at=clock.now(),
                api_version=None,
                object_id=left_behind.id,
                checkout_id=None,
                subscription_id=left_behind.provider_id,
                payload={},
            )
        )
    before = acts.row(owner).provider_id
    assert reactions.apply_due(gateway) == 1
    assert acts.db.session.get_one(events.ProviderEvent, "evt_late").state == events.State.APPLIED
    assert invoices.known(left_behind.id).status == "paid"
    row = acts.row(owner)
    assert (row.provider_id, row.lease_token) == (before, None)


def test_what_the_provider_refuses_to_receive_is_kept_as_refused(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    with transaction():
        noted = receipts.note(bill.id, clock.now().date(), "BACS", YEAR_OF_25, by=owner.person.id).id
    gateway.call_off(acts.row(owner).provider_id, "test")
    with pytest.raises(Invalid):
        receiving.tell(gateway, noted)
    assert receipts.known(noted).state == receipts.State.REFUSED
    assert quoting.newest(owner).status == "void"
    assert access(owner).state is State.ENDED


def test_a_receipt_that_the_provider_did_not_hear_of_is_told_by_the_sweep(shop, owner, gateway, connect):
    bill = quoting.by_invoice(owner, gateway)
    with transaction():
        noted = receipts.note(bill.id, clock.now().date(), "BACS", YEAR_OF_25, by=owner.person.id).id
    with pytest.raises(Unavailable):
        receiving.tell(connect("http://127.0.0.1:9"), noted)
    assert (receiving.tell_waiting(gateway), receiving.tell_waiting(gateway)) == (1, 0)
    assert quoting.newest(owner).status == "paid"


def test_an_invoice_is_received_once_in_full_on_a_day_that_has_been(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    today = clock.now().date()
    for day, amount, reference, field in (
        (today, YEAR_OF_25 - 1, "BACS", "amount"),
        (today + timedelta(days=1), YEAR_OF_25, "BACS", "received_on"),
        (today - timedelta(days=500), YEAR_OF_25, "BACS", "received_on"),
        (today, YEAR_OF_25, " ", "reference"),
    ):
        with pytest.raises(Invalid) as caught, transaction():
            receipts.note(bill.id, day, reference, amount, by=owner.person.id)
        assert caught.value.field == field
    with transaction():
        receipts.note(bill.id, today, "BACS", YEAR_OF_25, by=owner.person.id)
    with pytest.raises(Conflict, match="already"), transaction():
        receipts.note(bill.id, today, "BACS", YEAR_OF_25, by=owner.person.id)


@pytest.mark.parametrize("limit", [-1, credit.MOST_MINOR + 1])
def test_a_limit_nobody_can_mean_is_refused(shop, owner, limit):
    with pytest.raises(Invalid):
        quoting.give_credit(owner, limit)
    assert credit.limit_of(owner.organisation.id) == 0


def test_a_limit_is_for_an_organisation_that_there_is(shop, owner):
    with pytest.raises(Missing), transaction():
        credit.set_limit(owner.person.id, 100, by=owner.person.id)


def test_with_every_message_lost_a_reconciliation_finds_what_was_paid(shop, owner, gateway):
    bill = quoting.by_invoice(owner, gateway)
    gateway.receive(bill.id)
    reactions.refresh(gateway, acts.row(owner).provider_id)
    assert (access(owner).state, seats.count(owner.organisation.id).bought) == (State.ACTIVE, 25)


def test_an_invoice_that_the_operator_takes_back_gives_no_seats_and_no_thanks(shop, owner, gateway):
    invoice = quoting.by_invoice(owner, gateway)
    lines = [{"type": "custom_line_item", "description": "All of it", "quantity": 1, "unit_amount": invoice.gross_minor}]
    gateway.client.v1.credit_notes.create({"invoice": invoice.id, "lines": lines})
    reconciliation.run(gateway)
    invoice = quoting.newest(owner)
    assert (invoice.status, invoice.paid_minor) == ("paid", 0)
    assert seats.count(owner.organisation.id).bought == 0
    assert "invoice_paid" not in acts.mails()


def test_an_invoice_that_cannot_be_issued_stays_among_the_messages_that_failed_until_it_is(shop, owner, gateway):
    acts.buy(shop, owner, gateway)
    controls = shop.extensions["sandbox"].controls
    controls.block_next_invoice(controls.payers()[0].id)
    acts.travel(shop, days=32)
    subscription_id = acts.row(owner).provider_id
    (held,) = [invoice for invoice in gateway.invoices(subscription_id) if invoice.problem]
    with transaction():
        events.store(
            ProviderEvent(
                id="evt_held",
                kind="invoice.finalization_failed",
                created_at=clock.now(),
                api_version=gateway.api_version,
                object_id=held.id,
                checkout_id=None,
                subscription_id=subscription_id,
                payload={},
            )
        )
    reactions.apply_due(gateway)
    db.session.rollback()
    (failed,) = events.newest()
    assert failed.state == events.State.FAILED
    assert "cannot issue this invoice: The customer's location" in failed.last_error
    gateway.client.v1.invoices.finalize_invoice(held.id)
    with transaction():
        events.replay("evt_held", by=owner.person.id)
    reactions.apply_due(gateway)
    db.session.rollback()
    db.session.expire_all()
    assert events.newest()[0].state == events.State.APPLIED


def test_a_credit_note_that_was_voided_is_none_of_ours(shop, owner, gateway):
    invoice = quoting.by_invoice(owner, gateway)
    notes = gateway.client.v1.credit_notes
    part = {"type": "custom_line_item", "description": "Some of it", "quantity": 1, "unit_amount": 100}
    notes.void_credit_note(notes.create({"invoice": invoice.id, "lines": [part]}).id)
    kept = notes.create({"invoice": invoice.id, "lines": [part]})
    (found,) = gateway.invoices(acts.row(owner).provider_id)
    assert [note.id for note in found.credit_notes] == [kept.id]


def test_that_courses_closed_is_told_once_also_where_the_provider_calls_the_subscription_active(shop, owner, gateway):
    quoting.by_invoice(owner, gateway, limit_minor=1_000_000)
    with transaction():
        subscriptions.live(owner.organisation.id).due_at = clock.now() - GRACE - timedelta(days=1)
    for told in (1, 0):
        with transaction():
            assert notices.tell_closed(GRACE) == told
    assert acts.mails().count("courses_closed") == 1
