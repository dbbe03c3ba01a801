"""The whole way from the price page to a first learner's certificate, in a real browser."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import shelf
from tests.browser.course_taker import CourseTaker
from tests.browser.visits import KeyboardVisitor, Visitor

WAYS: dict[str, dict[str, Any]] = {
    "by mouse": {},
    "without JavaScript": {"java_script_enabled": False},
    "on a small phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True},
    "by keyboard": {},
}
NAME, PASSWORD = "Amy", "four quite odd words"
TITLE = "When a Child Tells You: First Response"
MIDDLE = 8
# The first document of a shop waits for its typefaces to be made.
DOCUMENT_SECONDS = 60


@pytest.mark.parametrize("way", WAYS)
def test_a_visitor_prices_buys_and_invites_and_the_first_learner_earns_a_certificate(come, way):
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
    learner.press("Continue")
    learner.fill(Choose_a_password=PASSWORD)
    learner.press("Accept and begin")
    learner.heads("My learning")
    learner.sees("Welcome. You have joined.")

    take_the_course(learner)
    leave_and_come_back(learner, learners[0])
    fail_and_pass_the_test(learner)
    number = open_the_certificate(learner)
    check_the_certificate(arrive(), number)

    visitor.page.reload()
    visitor.sees("22 seats free")


def take_the_course(learner):
    """Begin the course and do the first half of its blocks."""
    learner.follow(TITLE)
    learner.heads(TITLE)
    learner.press("Start the course")
    blocks = list(shelf.blocks())
    CourseTaker(learner).do_lessons(blocks[:MIDDLE])
    CourseTaker(learner).is_at(blocks[MIDDLE][0])


def leave_and_come_back(learner, address):
    """Leave in the middle, come back to the very same block and finish the lessons."""
    learner.follow("Leave, your place is kept")
    learner.heads(TITLE)
    learner.sign_out(NAME)
    learner.sign_in(address, PASSWORD)
    learner.heads("My learning")
    learner.follow(f"Go on with {TITLE}")
    CourseTaker(learner).do_lessons(list(shelf.blocks())[MIDDLE:])
    learner.heads(TITLE)


def fail_and_pass_the_test(learner):
    """Take the test twice, once with every answer wrong; nobody begins it without saying who they are."""
    learner.follow("Take the test")
    learner.heads("The test")
    learner.press("Begin the test")
    learner.sees("Confirm that it is you who answers.")
    confirmation = learner.page.get_by_label(f"I am {NAME}, and I answer by myself.")
    learner.choose(confirmation)
    learner.press("Begin the test")
    CourseTaker(learner).take_test(rightly=False)
    learner.heads("Not this time")
    learner.sees("0 of 10 right; 8 pass.")
    expect(learner.page.get_by_text("Not right", exact=True)).to_have_count(10)
    expect(learner.page.get_by_role("link", name=re.compile("^Read again: "))).to_have_count(10)
    learner.follow("Try again")
    learner.choose(confirmation)
    learner.press("Begin the test")
    CourseTaker(learner).take_test(rightly=True)
    learner.heads("You passed")
    learner.sees("10 of 10 right, 100%.")


def open_the_certificate(learner):
    """Wait until the document is there, open it, and give the number of the certificate."""
    learner.follow("Open your certificate")
    learner.heads(TITLE)
    document = learner.page.get_by_role("link", name="Open it", exact=True)
    again = learner.page.get_by_role("link", name="Look again", exact=True)
    limit = time.monotonic() + DOCUMENT_SECONDS
    expect(document.or_(again)).to_be_visible()
    while not learner.has_scripts and again.count():
        assert time.monotonic() < limit, "the document is not made"
        learner.activate(again)
        expect(document.or_(again)).to_be_visible()
    expect(document).to_be_visible(timeout=DOCUMENT_SECONDS * 1000)
    answer = learner.page.request.get(document.get_attribute("href"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.body().startswith(b"%PDF-")
    return learner.path().rpartition("/")[2]


def check_the_certificate(stranger, number):
    """See as somebody who was only shown the certificate that it is genuine, and with its number typed carelessly."""
    stranger.open(f"/verify/{number}")
    stranger.heads("This certificate is genuine")
    stranger.sees(NAME)
    stranger.open("/verify")
    stranger.fill(Certificate_number=number.lower().replace("-", " "))
    stranger.press("Check it")
    stranger.heads("This certificate is genuine")
    stranger.is_at(f"/verify/{number}")
