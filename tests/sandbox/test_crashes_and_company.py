"""A process killed at any instant leaves a whole store, and several processes share one."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.sandbox_shop import Buyer

ROOT = Path(__file__).parents[2]


def objects(path, kind):
    connection = sqlite3.connect(path / "stripe_sandbox.sqlite3")
    found = [json.loads(row[0]) for row in connection.execute("SELECT body FROM objects WHERE kind = ?", (kind,))]
    connection.close()
    return found


@pytest.mark.parametrize("delay", [0.0, 0.13, 0.29])
def test_a_process_killed_in_the_middle_of_selling_leaves_a_consistent_store(tmp_path, hook, make_sandbox, delay):
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "killed_child.py"), str(tmp_path), hook.url],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"selling\n"
        time.sleep(0.4 + delay)
        child.send_signal(signal.SIGKILL)

    connection = sqlite3.connect(tmp_path / "stripe_sandbox.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    queued = {row[0] for row in connection.execute("SELECT event FROM deliveries")}
    connection.close()
    sessions = {session["id"]: session for session in objects(tmp_path, "checkout.session")}
    paid = [session for session in sessions.values() if session["status"] == "complete"]
    subscriptions = {subscription["id"]: subscription for subscription in objects(tmp_path, "subscription")}
    invoices = {invoice["id"]: invoice for invoice in objects(tmp_path, "invoice")}
    events = objects(tmp_path, "event")
    assert paid
    assert {session["subscription"] for session in paid} == subscriptions.keys()
    assert {session["invoice"] for session in paid} == invoices.keys()
    assert {session["customer"] for session in paid} == {customer["id"] for customer in objects(tmp_path, "customer")}
    assert {invoice["status"] for invoice in invoices.values()} == {"paid"}
    assert sorted(invoice["number"] for invoice in invoices.values()) == [
        f"SANDBOX-{number:04}" for number in range(1, len(invoices) + 1)
    ]
    completed = [event for event in events if event["type"] == "checkout.session.completed"]
    assert sorted(event["data"]["object"]["id"] for event in completed) == sorted(session["id"] for session in paid)
    assert queued == {event["id"] for event in events}

    forget_leases(tmp_path)
    make_sandbox().deliver_due()
    told = {json.loads(payload)["id"] for payload, _ in hook.heard}
    assert told == queued


def forget_leases(path):
    """Do not wait for the leases of the killed process, which run out after half a minute."""
    connection = sqlite3.connect(path / "stripe_sandbox.sqlite3")
    with connection:
        connection.execute("UPDATE deliveries SET lease_until = 0")
    connection.close()


def test_two_sandboxes_on_one_store_sell_one_subscription_a_session(make_sandbox, client_for, shop):
    second = make_sandbox().listen()
    session = shop.session()
    barrier = threading.Barrier(2)

    def pay(base):
        barrier.wait()
        return Buyer(base).pay(session).status_code

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(pay, [shop.base, second])) == {303}
    assert len(client_for(second).v1.subscriptions.list().data) == 1


def test_two_sandboxes_letting_time_pass_renew_once(make_sandbox, shop, sandbox, clock):
    subscription = shop.bought(5).subscription
    other = make_sandbox()
    clock.forward(days=365, hours=2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.catch_up(), [sandbox, other]))
    assert len(shop.v1.invoices.list({"subscription": subscription.id}).data) == 2


def test_what_was_sold_is_there_after_a_restart(make_sandbox, client_for, shop, sandbox):
    session = shop.bought(5)
    sandbox.close()
    again = client_for(make_sandbox().listen())
    assert again.v1.checkout.sessions.retrieve(session.id).subscription == session.subscription.id


def test_many_processes_may_open_a_new_store_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from billing.sandbox.store import Store;"
        "Store(Path(sys.argv[1]) / 'store.sqlite3', deadline=lambda _: None, on_queued=lambda: None)"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(6)]
    assert [child.wait() for child in started] == [0] * 6
