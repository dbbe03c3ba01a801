"""The controls: webhooks that arrive twice, late, in the wrong order or never, and payments that fail, after a restart too."""

import json
import sqlite3

import pytest

from billing.sandbox import deliveries
from tests.contract import shape


def products(v1, *names):
    for name in names:
        v1.products.create({"name": name})


def names(hook):
    return [json.loads(payload)["data"]["object"]["name"] for payload, _ in hook.heard]


def test_messages_may_arrive_twice(v1, sandbox, hook):
    sandbox.controls.set_troubles(["duplicate"])
    products(v1, "One", "Two")
    sandbox.deliver_due()
    assert names(hook) == ["One", "One", "Two", "Two"]


def test_messages_may_arrive_in_the_wrong_order(v1, sandbox, hook, monkeypatch):
    sandbox.controls.set_troubles(["reorder"])
    products(v1, "One", "Two", "Three")
    assert sandbox.deliver_due() == 0
    monkeypatch.setattr(deliveries, "GATHERING_SECONDS", 0)
    sandbox.deliver_due()
    assert names(hook) == ["Three", "Two", "One"]


def test_messages_may_arrive_late_and_leave_at_once_when_that_is_over(v1, sandbox, hook):
    sandbox.controls.set_troubles(["delay"])
    products(v1, "One")
    assert (sandbox.deliver_due(), hook.heard) == (0, [])
    sandbox.controls.set_troubles([])
    assert (sandbox.deliver_due(), names(hook)) == (1, ["One"])


def test_messages_may_get_lost_for_good(v1, sandbox, hook):
    sandbox.controls.set_troubles(["drop"])
    products(v1, "One")
    sandbox.deliver_due()
    sandbox.controls.set_troubles([])
    products(v1, "Two")
    sandbox.deliver_due()
    assert names(hook) == ["Two"]


def test_messages_may_fail_at_first(v1, sandbox, hook, monkeypatch):
    sandbox.controls.set_troubles(["fail_once"])
    monkeypatch.setattr(deliveries, "BACKOFF", (0,))
    products(v1, "One")
    # The first try fails and the second, at once here, does not.
    assert (sandbox.deliver_due(), names(hook)) == (1, ["One"])


def test_the_switches_stand_as_they_were_after_a_restart(sandbox, make_sandbox):
    sandbox.controls.set_troubles(["drop", "delay"])
    assert make_sandbox().controls.troubles() == {"drop", "delay"}


def test_the_next_payment_fails_and_the_one_after_does_not(shop, v1, sandbox, clock):
    monthly = shop.price(interval="month")
    bought = shop.bought(line_items=[{"price": monthly.id, "quantity": 10}]).subscription
    [payer] = sandbox.controls.payers()
    sandbox.controls.fail_next_payment(payer.id)
    assert sandbox.controls.payers()[0].will_fail
    clock.forward(days=30, hours=2)
    assert v1.subscriptions.retrieve(bought.id).status == "past_due"
    assert not sandbox.controls.payers()[0].will_fail
    clock.forward(days=3)
    assert v1.subscriptions.retrieve(bought.id).status == "active"


def test_the_next_invoice_is_not_issued_until_somebody_asks_again(shop, v1, sandbox, clock):
    monthly = shop.price(interval="month")
    shop.bought(line_items=[{"price": monthly.id, "quantity": 10}])
    [payer] = sandbox.controls.payers()
    sandbox.controls.block_next_invoice(payer.id)
    assert sandbox.controls.payers()[0].will_not_be_issued
    clock.forward(days=30, hours=2)
    draft = v1.invoices.list().data[0]
    assert (draft.status, draft.last_finalization_error.code) == ("draft", "customer_tax_location_invalid")
    assert shape.problems(v1.invoices.retrieve(draft.id).last_response.data) == []
    assert [event.data.object["id"] for event in v1.events.list({"type": "invoice.finalization_failed"}).data] == [draft.id]
    assert not sandbox.controls.payers()[0].will_not_be_issued
    issued = v1.invoices.finalize_invoice(draft.id)
    assert (issued.status, issued.last_finalization_error) == ("paid", None)


def test_a_payment_is_disputed_once_and_decided_once(shop, v1, sandbox):
    shop.bought()
    [payment] = sandbox.controls.payments()
    assert (payment.state, payment.amount, payment.can_be_disputed) == ("paid", "£984.96", True)
    sandbox.controls.open_dispute(payment.id)
    with pytest.raises(KeyError):
        sandbox.controls.open_dispute(payment.id)
    [disputed] = sandbox.controls.payments()
    assert (disputed.state, disputed.can_be_disputed) == ("disputed", False)
    sandbox.controls.close_dispute(disputed.dispute, is_won=False)
    with pytest.raises(KeyError):
        sandbox.controls.close_dispute(disputed.dispute, is_won=True)
    assert [found.state for found in sandbox.controls.payments()] == ["dispute lost"]
    assert v1.disputes.retrieve(disputed.dispute).status == "lost"


def test_what_is_not_there_is_said_to_be_missing(sandbox):
    for act in (
        lambda: sandbox.controls.fail_next_payment("cus_none"),
        lambda: sandbox.controls.block_next_invoice("cus_none"),
        lambda: sandbox.controls.open_dispute("ch_none"),
        lambda: sandbox.controls.close_dispute("du_none", is_won=True),
    ):
        with pytest.raises(KeyError):
            act()


def test_a_file_from_before_there_were_clocks_is_brought_up_to_date(tmp_path, make_sandbox, client_for):
    old = sqlite3.connect(tmp_path / "stripe_sandbox.sqlite3")
    old.executescript(
        "CREATE TABLE objects (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
        " body TEXT NOT NULL, due INTEGER, active INTEGER GENERATED ALWAYS AS (json_extract(body, '$.active')) VIRTUAL,"
        " created INTEGER GENERATED ALWAYS AS (json_extract(body, '$.created')) VIRTUAL,"
        " customer TEXT GENERATED ALWAYS AS (json_extract(body, '$.customer')) VIRTUAL,"
        " subscription TEXT GENERATED ALWAYS AS (json_extract(body, '$.subscription')) VIRTUAL,"
        " status TEXT GENERATED ALWAYS AS (json_extract(body, '$.status')) VIRTUAL,"
        " lookup_key TEXT GENERATED ALWAYS AS (json_extract(body, '$.lookup_key')) VIRTUAL);"
        "CREATE INDEX objects_by_due ON objects (due, seq) WHERE due IS NOT NULL;"
    )
    old.close()
    v1 = client_for(make_sandbox().listen()).v1
    v1.products.create({"name": "One"})
    assert [found.name for found in v1.products.list().data] == ["One"]
    assert v1.test_helpers.test_clocks.create({"frozen_time": 1_900_000_000}).status == "ready"
