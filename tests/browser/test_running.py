"""Starting and stopping the shop, as whoever tries it out does."""

from __future__ import annotations

import re
import socket

from tests.browser.server import ShopProcess, free_port


def test_ctrl_c_stops_it_at_once_and_what_was_there_is_there_after_a_restart(come, tmp_path):
    first = ShopProcess(tmp_path / "data").wait_until_open()
    try:
        password = (first.data / "demo_password").read_text()
        assert password in first.said()
        assert first.interrupt() == 0
    finally:
        first.stop()
    assert not first.has_left_something()
    assert "Traceback" not in first.said()

    second = ShopProcess(tmp_path / "data", port=first.port).wait_until_open()
    try:
        assert "Making the demo" not in second.said()
        assert password in second.said()
        visitor = come(base_url=second.url)
        visitor.sign_in("ruth.adeyemi@demo.example", password)
        visitor.sees("19 of 25 seats in use, 3 held by invitations.")
        # What the browser still asks for, such as the icon, is not to find the shop closed.
        visitor.page.close()
        assert second.interrupt() == 0
    finally:
        second.stop()
    assert not second.has_left_something()


def test_stopped_while_the_demo_is_being_made_it_goes_on_with_it_at_the_next_start(come, tmp_path):
    first = ShopProcess(tmp_path / "data")
    try:
        first.wait_until_it_says("Making the demo")
        first.interrupt()
    finally:
        first.stop()
    assert not first.has_left_something()
    assert "Traceback" not in first.said()

    second = ShopProcess(tmp_path / "data").wait_until_open()
    try:
        visitor = come(base_url=second.url)
        visitor.sign_in("ruth.adeyemi@demo.example", (second.data / "demo_password").read_text())
        visitor.sees("19 of 25 seats in use, 3 held by invitations.")
    finally:
        second.stop()


def test_a_school_of_the_demo_pays_by_invoice_and_has_one_to_pay(come, demo_password):
    visitor = come()
    visitor.sign_in("nora.whitfield@demo.example", demo_password)
    visitor.sees("13 of 15 seats in use")
    visitor.follow("Billing")
    visitor.sees("SANDBOX-")
    states = visitor.page.get_by_role("table").last.locator(".badge").all_text_contents()
    assert [state.strip() for state in states] == ["to be paid", "paid"]
    visitor.page.get_by_role("link", name=re.compile("^Q-")).click()
    visitor.sees("PO-2026-118")


def test_a_port_that_is_taken_is_said_before_anything_else_happens(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shop = ShopProcess(tmp_path / "data", port=port)
        assert shop.wait(30) == 1
    assert shop.said() == f"Port {port} is taken on 127.0.0.1. Stop what runs there, or choose another: --port 8001\n"
    assert not shop.data.exists()


def test_a_wrong_option_is_said_and_nothing_starts(tmp_path):
    shop = ShopProcess(tmp_path / "data", "--port", "http")
    assert shop.wait(30) == 2
    assert "argument --port" in shop.said()
    assert "Traceback" not in shop.said()


def test_an_empty_shop_has_a_link_for_its_first_operator_that_works_once(come, tmp_path):
    shop = ShopProcess(tmp_path / "data", "--no-demo", port=free_port()).wait_until_open()
    try:
        link = shop.found(r"http://\S+/first-operator/\S+")
        visitor = come(base_url=shop.url)
        visitor.open(link)
        visitor.heads("Open the shop")
        visitor.fill(Your_name="Olive Marsh")
        visitor.fill_in({"E-mail address": "olive@example.org", "Choose a password": "three odd words"})
        visitor.press("Create the account")
        visitor.heads("Overview")
        other = come(base_url=shop.url)
        other.open(link)
        other.sees("This link was used already")
        for page in (visitor.page, other.page):
            page.close()
        assert shop.interrupt() == 0
    finally:
        shop.stop()
