"""Every page as everybody who may open it sees it: axe finds nothing, it has one heading, and it fits from 320 px on."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe

from app import factory, settings

if TYPE_CHECKING:
    from tests.browser.visits import Visitor

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COURSE = "when-a-child-tells-you-first-response"
SIGN_INS = {
    "owner": "ruth.adeyemi",
    "admin": "tom.barker",
    "billing": "frances.doyle",
    "learner": "leo.grant",
    "individual": "priya.nair",
    "operator": "olive.marsh",
}
PROFILE = ("/profile", "/profile/name", "/profile/address", "/profile/password")
# What stands in braces is found by signing in: the organisation, and a member of it in some state.
PAGES = {
    "visitor": (
        "/", "/courses", "/courses?q=fire", "/courses?q=nothing-like-this", "/courses/{course}", "/courses/{course}/sample",
        "/library", "/articles", "/prices", "/prices?seats=250&interval=month", "/prices?seats=0", "/buy?seats=25&interval=year",
        "/register", "/register/sent", "/register/forged", "/sign-in", "/signed-out", "/reset-password", "/reset-password/sent",
        "/reset-password/forged", "/join/forged", "/change-address/forged", "/first-operator/forged", "/nowhere",
        "/sandbox/", "/sandbox/mailbox", "/sandbox/mailbox?to=nobody", "/sandbox/mailbox/{mail}", "{invitation}",
    ),
    "owner": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people",
        "/workspace/{organisation}/people/invite",
        "/workspace/{organisation}/people?show=archived", "/workspace/{organisation}/people/{invited}",
        "/workspace/{organisation}/people/{active}", "/workspace/{organisation}/people/{archived}",
        "/workspace/{organisation}/billing", "/workspace/{organisation}/history", "/buy?seats=25&interval=year",
        "/workspace/{organisation}/checkouts/{checkout}", "/learn/{organisation}/", "/learn/{organisation}/{course}/1", *PROFILE,
    ),
    "admin": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people", "/workspace/{organisation}/history",
        "/workspace/{organisation}/billing", "/learn/{organisation}/", "/learn/{organisation}/{course}/2", "/profile",
    ),
    "billing": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/billing", "/workspace/{organisation}/people",
        "/learn/{organisation}/",
    ),
    "learner": (
        "/workspace/", "/workspace/{organisation}/", "/learn/{organisation}/", "/learn/{organisation}/{course}/1",
        "/learn/{organisation}/{course}/2", "/buy?seats=25&interval=year", "{invitation}",
    ),
    "individual": ("/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people", "/learn/{organisation}/"),
    "operator": ("/office/", "/office/money", "/office/components", "/workspace/", "/buy?seats=25&interval=year"),
}  # fmt: skip
# Answers that are no pages, and the page that is a mail on its own.
NO_PAGES = {
    "assets.static_file", "assets.favicon", "health.alive", "health.ready", "storefront.cover", "storefront.price_figure",
    "storefront.robots", "storefront.sitemap", "sandbox.mail_as_sent",
}  # fmt: skip
SCHEMES = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder for the pictures."""
    named = os.environ.get("LANYARD_PICTURES")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", *(pytest.param(name, marks=pytest.mark.full) for name in ("dark", "narrow"))])
@pytest.mark.parametrize("role", PAGES)
def test_pages_are_accessible_and_fit(come, shop_process, demo_password, pictures, role, scheme):
    visitor = come(**SCHEMES[scheme])
    known = find_ids(visitor, demo_password, role) | {"checkout": an_order(shop_process.data, role)}
    problems = []
    for number, pattern in enumerate(PAGES[role]):
        path = pattern.format(**known)
        visitor.open(path)
        problems += [f"{path}: {problem}" for problem in look_at(visitor, scheme)]
        name = re.sub(r"[^a-z0-9]+", "-", pattern.lower()).strip("-") or "home"
        visitor.page.screenshot(path=pictures / f"{role}-{number:02}-{name}-{scheme}.png", full_page=True)
    assert problems == []


def test_no_page_is_forgotten(published):
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(published)}))
    adapter = app.url_map.bind("127.0.0.1")
    some_id = "00000000-0000-0000-0000-000000000000"
    ids = dict.fromkeys(("organisation", "invited", "active", "archived", "checkout", "mail"), some_id)
    paths = [path.format(course=COURSE, invitation="/join/x", **ids) for pages in PAGES.values() for path in pages]
    opened = {adapter.match(path.partition("?")[0], method="GET")[0] for path in paths if path != "/nowhere"}
    confirming = {"membership.registration_confirmation", "membership.address_confirmation", "membership.new_password"}
    shown = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - NO_PAGES
    assert shown - opened - confirming == set()


def look_at(visitor: Visitor, scheme: str) -> list[str]:
    """Give what is wrong with the page that is open."""
    page, found = visitor.page, []
    if (headings := page.locator("h1").count()) != 1:
        found.append(f"{headings} first headings")
    for width in (320, 1280) if scheme == "light" else (SCHEMES[scheme]["viewport"]["width"],):  # type: ignore[index]  # each has one
        page.set_viewport_size({"width": width, "height": 800})
        too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if too_wide > 0:
            found.append(f"{too_wide} px too wide at {width} px: {page.evaluate(WIDEST)}")
    answer = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]})
    for violation in answer.response["violations"]:
        found += [f"{violation['id']}: {node['html'][:160]}" for node in violation["nodes"]]
    return found


WIDEST = """() => [...document.querySelectorAll("body *")]
  .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .slice(0, 4).map(element => `${element.tagName}.${element.className}`).join(" ")"""


def find_ids(visitor: Visitor, password: str, role: str) -> dict[str, str]:
    """Sign in as a role and give the ids of what it will look at."""
    known = {"course": COURSE}
    visitor.open("/sandbox/mailbox?to=demo.example")
    link = visitor.page.get_by_role("link", name=re.compile("invit")).first
    known["mail"] = _last_part(link.get_attribute("href"))
    link.click()
    invitation = visitor.page.locator("#content a[href*='/join/']").first.get_attribute("href") or ""
    known["invitation"] = invitation.removeprefix(visitor.page.url.partition("/sandbox")[0])
    if role == "visitor":
        return known
    visitor.sign_in(f"{SIGN_INS[role]}@demo.example", password)
    visitor.open("/workspace/")
    places = visitor.page.locator("main .card a")
    if not places.count():
        return known
    known["organisation"] = (places.first.get_attribute("href") or "").split("/")[2]
    if role == "owner":
        visitor.open(f"/workspace/{known['organisation']}/people?show=archived")
        known["archived"] = _last_part(visitor.page.locator("tbody a").first.get_attribute("href"))
        visitor.open(f"/workspace/{known['organisation']}/people")
        for state in ("invited", "active"):
            row = visitor.page.locator("tbody tr", has=visitor.page.get_by_text(state, exact=True)).first
            known[state] = _last_part(row.locator("a").first.get_attribute("href"))
    return known


def an_order(data: Path, role: str) -> str:
    """Give the id of the order of a role's organisation, to which no page leads once it is served."""
    query = """SELECT checkout.id FROM checkout JOIN membership ON membership.id = checkout.buyer_id WHERE address LIKE ?"""
    with closing(sqlite3.connect(f"file:{data / 'lanyard.sqlite3'}?mode=ro", uri=True)) as connection:
        row = connection.execute(query, (f"{SIGN_INS.get(role)}@%",)).fetchone()
    return str(UUID(row[0])) if row else ""


def _last_part(address: str | None) -> str:
    return (address or "").rpartition("/")[2]
