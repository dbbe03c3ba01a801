"""The catalogue in a browser: it narrows while one types, says so, keeps the focus, and the back button undoes a step."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def shown(visitor):
    """Give the cards that are shown."""
    return visitor.page.locator("[data-slug]:visible")


def ending(address):
    """Give a pattern of addresses that end with this."""
    return re.compile(f"{re.escape(address)}$")


def test_typing_narrows_at_once_and_keeps_focus_address_and_place(come):
    visitor = come()
    visitor.open("/courses")
    every = shown(visitor).count()
    search = visitor.page.get_by_label("Search the courses")
    search.press_sequentially("fire")
    expect(shown(visitor)).to_have_count(1)
    expect(search).to_be_focused()
    expect(visitor.page).to_have_url(ending("/courses?q=fire"))
    expect(visitor.page.get_by_role("status").filter(has_text="1 course for “fire”.")).to_be_visible()
    assert visitor.page.evaluate("[...CSS.highlights.get('found')].map(String)") == ["Fire"]
    search.fill("no such thing")
    expect(visitor.page.get_by_role("heading", name="No course matches")).to_be_visible()
    search.fill("")
    expect(shown(visitor)).to_have_count(every)
    expect(visitor.page).to_have_url(ending("/courses"))


def test_each_choice_is_a_step_that_the_back_button_undoes(come):
    visitor = come()
    visitor.open("/courses")
    every = shown(visitor).count()
    visitor.follow("Health and safety")
    expect(shown(visitor)).to_have_count(1)
    expect(visitor.page.get_by_role("link", name="Health and safety", exact=True)).to_have_attribute("aria-current", "true")
    visitor.page.get_by_label("How long").select_option("long")
    expect(shown(visitor)).to_have_count(0)
    visitor.page.go_back()
    expect(visitor.page.get_by_label("How long")).to_have_value("")
    expect(shown(visitor)).to_have_count(1)
    visitor.page.go_back()
    expect(shown(visitor)).to_have_count(every)
    visitor.page.go_forward()
    expect(shown(visitor)).to_have_count(1)


def test_coming_back_from_a_course_finds_the_search_as_it_was(come):
    visitor = come()
    visitor.open("/courses")
    visitor.page.get_by_label("Search the courses").press_sequentially("fire")
    expect(shown(visitor)).to_have_count(1)
    shown(visitor).get_by_role("link").click()
    visitor.heads("Fire Safety Awareness")
    visitor.page.go_back()
    expect(visitor.page.get_by_label("Search the courses")).to_have_value("fire")
    expect(shown(visitor)).to_have_count(1)


def test_without_scripts_the_same_form_finds_the_same(come):
    visitor = come(java_script_enabled=False)
    visitor.open("/courses")
    visitor.page.get_by_label("Search the courses").fill("fire")
    visitor.press("Search")
    expect(shown(visitor)).to_have_count(1)
    visitor.page.get_by_label("For whom").select_option("volunteers")
    visitor.press("Search")
    expect(visitor.page).to_have_url(ending("/courses?audience=volunteers&time=&q=fire"))
    visitor.sees("1 course for “fire” for volunteers.")


def test_data_for_search_engines_troubles_no_browser(come):
    """The policy allows no inline script and enforces Trusted Types; whatever it says about data blocks fails this test."""
    visitor = come()
    for path in ("/", "/courses", "/courses/fire-safety-awareness", "/prices"):
        visitor.open(path)
        assert visitor.page.locator('script[type="application/ld+json"]').count() > 0
