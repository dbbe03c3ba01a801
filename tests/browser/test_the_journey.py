"""The whole way from the price page to a first learner, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.visits import KeyboardVisitor, Visitor

WAYS: dict[str, dict[str, Any]] = {
    "by mouse": {},
    "without JavaScript": {"java_script_enabled": False},
    "on a small phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True},
    "by keyboard": {},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_visitor_prices_buys_and_invites_and_the_first_learner_begins(come, way):
    slug = way.replace(" ", "-")
    owner, learners = f"ruth-{slug}@example.org", [f"{name}-{slug}@example.org" for name in ("amy", "ben", "cat")]

    def arrive() -> Visitor:
        visitor = come(**WAYS[way])
        return KeyboardVisitor(visitor.page) if way == "by keyboard" else visitor

    visitor = arrive()
    visitor.open("/prices?seats=10&interval=year")
    visitor.fill(People_who_will_learn="25")
    if way == "without JavaScript":
        visitor.press("Work it out")
    visitor.sees("£984.96")
    visitor.sees("£820.80 + £164.16 VAT")

    visitor.follow("Buy 25 seats")
    visitor.heads("Your order")
    visitor.follow("Create an account")
    visitor.register(owner, f"St Mary {way}")
    visitor.is_at("/buy?seats=25&interval=year")
    visitor.heads("Your order")
    visitor.press("Pay £984.96")
    visitor.heads("Pay for Lanyard seats")
    visitor.sees("£984.96")
    visitor.pay()
    visitor.is_served()

    visitor.follow("Go to the workspace")
    visitor.sees("0 of 25 seats in use, 0 held by invitations.")
    for address in learners:
        visitor.follow("Invite people")
        visitor.heads("Invite somebody")
        visitor.fill(Their_name=address[:3].title())
        visitor.fill_in({"Their e-mail address": address})
        visitor.press("Send the invitation")
        visitor.sees(f"We have sent {address[:3].title()} an invitation.")

    learner = arrive()
    learner.open_mail(learners[0], f"St Mary {way}")
    learner.heads(f"Join St Mary {way}")
    learner.fill(Choose_a_password="four quite odd words")
    learner.press("Accept and begin")
    learner.heads("My learning")
    learner.sees("Welcome. You have joined.")

    visitor.page.reload()
    visitor.sees("1 of 25 seats in use, 2 held, 22 free")
