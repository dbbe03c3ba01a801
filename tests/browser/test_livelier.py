"""What scripts add to a page: dialogs that ask, texts that are copied, a matrix that arrow keys walk through."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.fixture
def operator(come, demo_password):
    """Give the operator, on the page that shows every component."""

    def arrive(**options):
        visitor = come(**options)
        visitor.sign_in("olive.marsh@demo.example", demo_password)
        visitor.open("/office/components")
        return visitor

    return arrive


def test_a_dialog_asks_first_and_escape_changes_nothing(operator):
    visitor = operator()
    page = visitor.page
    opener = page.get_by_role("button", name="Asks first: sign out")
    opener.click()
    dialog = page.get_by_role("dialog", name="Sign out now?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    dialog.get_by_role("button", name="Keep it as it is").click()
    expect(dialog).to_be_hidden()
    visitor.is_at("/office/components")
    opener.click()
    dialog.get_by_role("button", name="Sign out").click()
    visitor.heads("You are signed out")


def test_without_scripts_the_button_acts_and_nothing_to_copy_with_is_shown(operator):
    visitor = operator(java_script_enabled=False)
    expect(visitor.page.locator("[data-copy]")).to_be_hidden()
    visitor.page.get_by_role("button", name="Asks first: sign out").click()
    visitor.heads("You are signed out")


def test_what_is_copied_is_said_and_stands_on_the_clipboard(operator):
    visitor = operator(permissions=["clipboard-read", "clipboard-write"])
    visitor.press("Copies, and a toast says so")
    expect(visitor.page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert visitor.page.evaluate("navigator.clipboard.readText()") == "LY-7Q4M-2K9X-3HTP3"


def test_where_copying_is_not_allowed_that_is_said(operator):
    visitor = operator()
    visitor.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    visitor.press("Copies, and a toast says so")
    visitor.sees("Your browser did not let us copy.")


def test_arrow_keys_walk_through_a_matrix(operator):
    visitor = operator()
    page = visitor.page
    cells = page.locator(".matrix tbody :is(th, td)")
    assert [cells.nth(place).get_attribute("tabindex") for place in range(3)] == ["0", "-1", "-1"]
    cells.first.focus()
    for key, words in (
        ("ArrowRight", "until 27 November 2027"),
        ("ArrowDown", "9 days overdue"),
        ("End", "not required"),
        ("ArrowRight", "not required"),
        ("Home", "Ben Whitlock"),
        ("ArrowUp", "Amara Okafor"),
        ("ArrowUp", "Amara Okafor"),
    ):
        page.keyboard.press(key)
        expect(page.locator(":focus")).to_contain_text(words)
    expect(page.locator(".matrix [tabindex='0']:is(th, td)")).to_have_count(1)
