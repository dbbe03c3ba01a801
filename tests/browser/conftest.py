"""One shop and one browser for the whole run, a browser context for each test, and no tolerance for anything on the console."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.server import ShopProcess
from tests.browser.visits import Visitor, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ELSEWHERE = "<!doctype html><title>Elsewhere</title><h1>Somewhere else</h1>"


@pytest.fixture(scope="session")
def shop_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopProcess]:
    """Give the running shop with its demo."""
    process = ShopProcess(tmp_path_factory.mktemp("shop") / "data")
    yield process.wait_until_open()
    process.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give the browser."""
    path = chromium.find()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(chromium.WITHOUT)
        pytest.skip(chromium.WITHOUT)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        yield launched
        launched.close()


@pytest.fixture
def come(browser: Browser, shop_process: ShopProcess) -> Iterator[Callable[..., Visitor]]:
    """Give a way for somebody to come with a browser of their own; whatever goes wrong in it fails the test.

    They stay in the shop, unless a page elsewhere is named to which they may go: a page of ours stands in for it.
    """
    watches: list[Watch] = []

    def make(elsewhere: str | None = None, **options: Any) -> Visitor:
        options = {"base_url": shop_process.url, "locale": "en-GB", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        if elsewhere is not None:
            context.route(f"{elsewhere}**", lambda route: route.fulfill(content_type="text/html", body=ELSEWHERE))
        watches.append(Watch(context, options["base_url"], elsewhere))
        return Visitor(context.new_page(), has_scripts=options.get("java_script_enabled", True))

    yield make
    problems = [problem for watch in watches for problem in watch.leave()]
    assert problems == []


@pytest.fixture(scope="session")
def demo_password(shop_process: ShopProcess) -> str:
    """Give the password of everybody in the demo."""
    return (shop_process.data / "demo_password").read_text()
