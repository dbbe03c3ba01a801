"""Quick exit in a real browser: by its button, by Escape, and without scripts one is gone and signed out."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

WEATHER = "https://www.bbc.co.uk/weather"


@pytest.fixture
def learner(come, demo_password):
    """Give a way for a learner to come to the page for those who worry: the visitor, and the pages elsewhere they asked for."""

    def arrive(**options):
        visitor = come(**options)
        visitor.sign_in("leo.grant@demo.example", demo_password)
        asked = []

        def refuse(route):
            asked.append(route.request.url)
            route.abort("aborted")

        visitor.page.route(f"{WEATHER}**", refuse)
        visitor.open(f"{visitor.path()}worried")
        visitor.heads("Worried about someone now?")
        return visitor, asked

    return arrive


def is_signed_out(visitor, path):
    """Whether the way back is closed, as soon as the request that the page left behind has arrived."""
    for _ in range(50):
        visitor.open(path)
        if visitor.path() == "/sign-in":
            return True
    return False


def test_the_button_blanks_the_page_at_once_signs_out_and_leads_away(learner):
    visitor, _ = learner()
    here = visitor.path()
    with visitor.page.expect_request("**/quick-exit"), visitor.page.expect_request(f"{WEATHER}**"):
        visitor.press("Quick exit")
    expect(visitor.page.locator("body")).to_be_hidden()
    assert is_signed_out(visitor, here)


def test_escape_pressed_three_times_does_the_same_and_twice_nothing(learner):
    visitor, asked = learner()
    here = visitor.path()
    visitor.sees("Pressing Escape three times does the same.")
    for _ in range(2):
        visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_timeout(2100)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("body")).to_be_visible()
    assert asked == []
    with visitor.page.expect_request("**/quick-exit"), visitor.page.expect_request(f"{WEATHER}**"):
        for _ in range(2):
            visitor.page.keyboard.press("Escape")
    assert is_signed_out(visitor, here)


def test_without_scripts_the_form_does_it(learner):
    visitor, _ = learner(java_script_enabled=False)
    here = visitor.path()
    assert not visitor.page.get_by_text("Pressing Escape").is_visible()
    with visitor.page.expect_request(f"{WEATHER}**"):
        visitor.press("Quick exit")
    assert is_signed_out(visitor, here)
