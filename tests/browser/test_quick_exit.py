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


@pytest.mark.parametrize("path", ["/courses/child-sexual-exploitation/sample/1", "/courses/child-sexual-exploitation/sample/2"])
def test_a_visitor_leaves_a_distressing_sample_at_once(come, path):
    visitor = come(elsewhere=WEATHER)
    visitor.open("/courses")
    visitor.open(path)
    visitor.follow("Quick exit")
    visitor.page.wait_for_url(f"{WEATHER}**")
    visitor.page.go_back()
    visitor.is_at("/courses")
    assert visitor.page.context.cookies() == []


def test_on_a_phone_it_stays_in_reach_however_far_one_has_read(come, demo_password):
    visitor = come(viewport={"width": 320, "height": 640})
    visitor.sign_in("leo.grant@demo.example", demo_password)
    visitor.open(f"{visitor.path()}child-sexual-exploitation/1/1")
    visitor.page.mouse.wheel(0, 900)
    visitor.page.wait_for_function("scrollY > 300")
    expect(visitor.page.get_by_role("button", name="Quick exit")).to_be_in_viewport()
    expect(visitor.page.get_by_role("link", name="Leave, your place is kept")).to_be_in_viewport()
