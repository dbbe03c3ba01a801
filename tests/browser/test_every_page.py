"""Every page as everybody who may open it sees it: axe finds nothing, it has one heading, and it fits from 320 px on."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe

from app import factory, settings
from tests.browser import entries, quoted, records, shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.server import ShopProcess
    from tests.browser.visits import Visitor

ELSEWHERE = "https://www.bbc.co.uk/weather"
KINDS = ("check", "cards", "sort", "order", "scenario")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GUIDES = ("responding-to-a-disclosure", "recording-a-concern", "fire-evacuation-checklist")
SIGN_INS = {
    "owner": "ruth.adeyemi",
    "admin": "tom.barker",
    "manager": "mei.chen",
    "billing": "frances.doyle",
    "learner": records.LEARNER.partition("@")[0],
    "individual": "priya.nair",
    "operator": "olive.marsh",
}
PROFILE = (
    "/profile",
    "/profile/mails",
    "/profile/name",
    "/profile/address",
    "/profile/password",
    "/profile/export",
    "/profile/deletion",
    "/profile/records",
)
# What stands in braces is found by signing in, such as the organisation and a member of it in some state, or was made before:
# courses that a learner has passed, is tested on, has begun and has not; their tests, and certificates in every state.
PAGES = {
    "visitor": (
        "/", "/courses", "/courses?q=fire", "/courses?q=nothing-like-this", "/courses/{tested}", "/courses/{tested}/sample/1",
        "/library", "/library?q=nothing-like-this", "/library/{guide}", "/articles", "/articles/what-is-online-grooming",
        "/courses?category=health&audience=volunteers&time=short", "/contact", "/trust",
        "/for/schools", "/for/churches", "/for/charities", "/for/care-providers",
        "/policies/terms", "/policies/privacy", "/policies/data-processing", "/policies/sub-processors", "/policies/security",
        "/policies/retention", "/policies/accessibility", "/policies/terms/1",
        "/prices", "/prices?seats=250&interval=month", "/prices?seats=0", "/buy?seats=25&interval=year",
        "/buy?seats=25&interval=year&code=NOSUCH",
        "/register", "/register/sent", "/register/forged", "/sign-in", "/signed-out", "/reset-password", "/reset-password/sent",
        "/reset-password/forged", "/join/forged", "/join/by/forged", "{way_in}",
        "/mail-domain/forged", "/mail-domain/{mail_domain}",
        "/change-address/forged", "/first-operator/forged", "/mails/forged", "/nowhere", "/left",
        "/sandbox/", "/sandbox/mailbox", "/sandbox/mailbox?to=nobody", "/sandbox/mailbox/{mail}", "{invitation}",
        "/slip", "/slip?name=ruth.adeyemi", "/consent/merger/forged",
        "/verify", "/verify?number=LY", "/verify/LY-7Q4M-2K9X-3HTP3",
        "/verify/{number}", "/verify/{superseded}", "/verify/{revoked}",
        "/quote?seats=25", "{open_link}", "{declined_link}", "{invoiced_link}", "{drafted_link}",
    ),
    "owner": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people",
        "/workspace/{organisation}/people/invite",
        "/workspace/{organisation}/people?show=archived", "/workspace/{organisation}/people/{invited}",
        "/workspace/{organisation}/people/{active}", "/workspace/{organisation}/people/{archived}",
        "/workspace/{organisation}/people/{who_learned}",
        "/workspace/{organisation}/billing", "/workspace/{organisation}/history", "/buy?seats=25&interval=year",
        "/workspace/{organisation}/billing/more-seats", "/workspace/{organisation}/billing/more-seats?seats=5",
        "/workspace/{organisation}/billing/more-seats?seats=many", "/workspace/{organisation}/billing/fewer-seats",
        "/workspace/{organisation}/billing/interval", "/workspace/{organisation}/billing/cancel",
        "/workspace/{organisation}/billing/invoices", "/workspace/{organisation}/billing/statement",
        "/workspace/{organisation}/billing/statement?since=2020-01-01&until=2020-01-02",
        "/workspace/{organisation}/billing/statement?since=soon",
        "/workspace/{organisation}/billing/quote?seats=25",
        "/workspace/{organisation}/billing/changes/{change}", "/workspace/{organisation}/seats-again",
        "/workspace/{organisation}/checkouts/{checkout}", *PROFILE,
        "/learn/{organisation}/", "/learn/{organisation}/{tested}", "/learn/{organisation}/{tested}/1/1",
        "/workspace/{organisation}/safeguarding-contacts", "/learn/{organisation}/worried", "/learn/{organisation}/certificates",
        "/learn/{organisation}/certificates/LY-7Q4M-2K9X-3HTP3",
        "/workspace/{organisation}/people?q=nobody-like-this", "/workspace/{organisation}/people/change?do=give&all=1",
        "/workspace/{organisation}/people/change?do=archive&all=1", "/workspace/{organisation}/people/team?all=1",
        "/workspace/{organisation}/people/lists", "/workspace/{organisation}/people/lists/{people_list}",
        "/workspace/{organisation}/people/links", "/workspace/{organisation}/people/links/{own_way_in}",
        "/workspace/{organisation}/people/requests", "/workspace/{organisation}/people/waiting", "{way_in}",
        "/workspace/{organisation}/mail-domains",
        "/workspace/{organisation}/people/unused-seats", "/workspace/{organisation}/people/{active}/give-seat-on",
        "/workspace/{organisation}/people?seat=unused",
        "/workspace/{organisation}/people/{active}/give-seat-on?q=nobody-like-this",
        "/workspace/{organisation}/people/slips?all=1", "/workspace/{organisation}/people/{by_name}/user-name",
        "/workspace/{organisation}/people/{by_name}", "/workspace/{organisation}/people/{by_name}/merge",
        "/workspace/{organisation}/people/{by_name}/merge?q=no-such-person",
        "/workspace/{organisation}/people/{active}/merge/{by_name}",
        "/workspace/{organisation}/records-from-elsewhere", "/workspace/{organisation}/people/{active}/record",
        "/workspace/{organisation}/people/{active}/ownership", "/workspace/{organisation}/ownership-offer",
        "/workspace/{organisation}/teams", "/workspace/{organisation}/teams/{team}", "/workspace/{organisation}/leave",
        "/workspace/{organisation}/people?columns=name.roles.added", "/workspace/{organisation}/people/views",
        "/workspace/{organisation}/people/views/new?role=learner", "/workspace/{organisation}/people/views/{view}",
        "/workspace/{organisation}/brand", "/workspace/{organisation}/quiet-hours",
        "/workspace/{organisation}/fields", "/workspace/{organisation}/fields/{field}",
        "/workspace/{organisation}/people/{active}/fields", "/workspace/{organisation}/people/field?all=1",
        "/workspace/{organisation}/history?kind=seats", "/workspace/{organisation}/history?who=nobody@demo.example",
    ),
    "manager": (
        "/workspace/", "/workspace/{organisation}/people", "/workspace/{organisation}/people/invite",
        "/workspace/{organisation}/teams", "/workspace/{organisation}/history", "/workspace/{organisation}/people/links",
        "/workspace/{organisation}/people/requests",
    ),
    "admin": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people", "/workspace/{organisation}/history",
        "/workspace/{organisation}/billing", "/profile", "/learn/{organisation}/", "/learn/{organisation}/{tested}/2/1",
        "/learn/{organisation}/certificates", "/learn/{organisation}/certificates/{revoked}",
    ),
    "billing": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/billing", "/workspace/{organisation}/people",
        "/workspace/{organisation}/billing/invoices",
        "/learn/{organisation}/", "/learn/{organisation}/guides", "/learn/{organisation}/{tested}",
    ),
    "learner": (
        "/workspace/", "/workspace/{organisation}/", "/buy?seats=25&interval=year", "{invitation}", "/profile/deletion",
        "/learn/{organisation}/", "/learn/{organisation}/{new}", "/learn/{organisation}/{new}/1/1",
        "/learn/{organisation}/{begun}", "/learn/{organisation}/{begun}/1/1", "/learn/{organisation}/{begun}/1/2",
        "/learn/{organisation}/{begun}/test", "/learn/{organisation}/{tested}", "/learn/{organisation}/{tested}/1/1",
        "/learn/{organisation}/{tested}/test", "/learn/{organisation}/{tested}/test/1", "/learn/{organisation}/{tested}/test/2",
        "/learn/{organisation}/{tested}/test/answers", "/learn/{organisation}/{passed}", "/learn/{organisation}/{passed}/1/1",
        "/learn/{organisation}/{passed}/results/{failed_attempt}", "/learn/{organisation}/{passed}/results/{passed_attempt}",
        "/learn/{organisation}/certificates", "/learn/{organisation}/certificates/{number}",
        "/learn/{organisation}/certificates/{superseded}", "/learn/{organisation}/worried", "/learn/{organisation}/guides",
        *(f"/learn/{{organisation}}/guides/{guide}" for guide in GUIDES),
    ),
    "individual": (
        "/workspace/", "/workspace/{organisation}/", "/workspace/{organisation}/people", "/learn/{organisation}/",
        "/workspace/{organisation}/billing", "/workspace/{organisation}/billing/interval",
        "/workspace/{organisation}/billing/withdrawal", "/buy?seats=1&interval=year",
        "/learn/{organisation}/certificates", "/learn/{organisation}/worried",
    ),
    "operator": (
        "/office/", "/office/customers", "/office/money", "/office/promotions", "/office/components", "/office/invoices",
        "/office/invoices?month=2020-01", "/office/invoices?month=soon",
        "/office/prices", "/office/prices?bands=1+9.00+81.00%0A5+5.00+45.00&mode=volume&bump=y", "/office/prices?bands=one",
        "/office/quotes", "/office/quotes/new", "/office/quotes/{drafted_quote}", "/office/quotes/{open_quote}",
        "/office/quotes/{invoiced_quote}", "/office/customers/{customer}", "/office/receipts/{invoice}", "/quote?seats=25",
        "/office/certificates", "/office/certificates?number=LY",
        "/office/certificates/LY-7Q4M-2K9X-3HTP3", "/office/certificates/{number}", "/office/certificates/{revoked}",
        "/workspace/", "/buy?seats=25&interval=year",
    ),
}  # fmt: skip
# What is refused, and is a page all the same.
REFUSED = {
    "visitor": {
        "/buy?seats=25&interval=year&code=NOSUCH",
        "/prices?seats=0", "/register/forged", "/reset-password/forged", "/join/forged", "/join/by/forged",
        "/mail-domain/forged",
        "/change-address/forged", "/first-operator/forged", "/nowhere", "/verify?number=LY", "/verify/LY-7Q4M-2K9X-3HTP3",
        "{drafted_link}",
        "/consent/merger/forged", "/mails/forged",
    },
    "owner": {
        "/learn/{organisation}/certificates/LY-7Q4M-2K9X-3HTP3",
        "/workspace/{organisation}/history?who=nobody@demo.example", "/workspace/{organisation}/billing/more-seats?seats=many",
        "/workspace/{organisation}/billing/statement?since=soon",
    },
    "manager": {"/workspace/{organisation}/history"},
    "admin": {"/workspace/{organisation}/billing"},
    "billing": {"/workspace/{organisation}/people", "/learn/{organisation}/{tested}"},
    "learner": {"/workspace/{organisation}/"},
    "individual": set[str](),
    "operator": {
        "/office/invoices?month=soon", "/office/prices?bands=one", "/office/certificates?number=LY",
        "/office/certificates/LY-7Q4M-2K9X-3HTP3",
    },
}  # fmt: skip
BAD_REQUEST = 400
# It has no style of its own, and axe takes the dark ground that a browser gives it for white.
NOT_IN_THE_DARK = {"/left"}
# Answers that are no pages, the page that is a mail on its own, and addresses that only lead on.
NO_PAGES = {
    "assets.static_file", "assets.favicon", "health.alive", "health.ready", "storefront.cover", "storefront.price_figure",
    "storefront.courses_found", "storefront.social_card",
    "storefront.robots", "storefront.sitemap", "storefront.picture", "storefront.sample", "sandbox.mail_as_sent",
    "membership.exported",
    "workspace.brand_mail", "logos.logo",
    "certificates.document", "workspace.certificate_document", "classroom.guide_pdf", "classroom.guide_word_document",
    "workspace.people_csv", "workspace.people_xlsx", "workspace.join_link_code", "workspace.history_csv",
    "workspace.list_template_csv",
    "workspace.list_template_xlsx", "quotes.quote_pdf", "workspace.vat_document", "workspace.vat_documents_csv",
    "workspace.statement_pdf", "office.vat_document", "office.invoices_csv", "sandbox.attachment",
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


@pytest.fixture(scope="session")
def learned(shop_process: ShopProcess) -> dict[str, str]:
    """Have people of the demo learn something, and give what leads to its pages."""
    return records.make(shop_process.data) | quoted.make(shop_process.data) | entries.make(shop_process.data)


@pytest.mark.parametrize("scheme", ["light", *(pytest.param(name, marks=pytest.mark.full) for name in ("dark", "narrow"))])
@pytest.mark.parametrize("role", PAGES)
def test_pages_are_accessible_and_fit(come, shop_process, learned, demo_password, pictures, role, scheme):
    visitor = come(**SCHEMES[scheme])
    # The page for those who leave leads elsewhere at once; it is to be looked at, so that is refused.
    visitor.page.route(f"{ELSEWHERE}**", lambda route: route.abort("aborted"))
    known = learned | find_ids(visitor, demo_password, role) | paid(shop_process.data, role)
    problems = []
    for number, pattern in enumerate([*PAGES[role], *exercises(role)]):
        if scheme == "dark" and pattern in NOT_IN_THE_DARK:
            continue
        path = pattern.format(**known)
        answer = visitor.page.goto(path)
        if answer is None or (answer.status >= BAD_REQUEST) != (pattern in REFUSED[role]):
            problems.append(f"{path}: answered {answer and answer.status}")
        problems += [f"{path}: {problem}" for problem in look_at(visitor, scheme)]
        name = re.sub(r"[^a-z0-9]+", "-", pattern.lower()).strip("-") or "home"
        visitor.page.screenshot(path=pictures / f"{role}-{number:02}-{name}-{scheme}.png", full_page=True)
    assert problems == []


def test_no_page_is_forgotten(published):
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(published)}))
    adapter = app.url_map.bind("127.0.0.1")
    some_id = "00000000-0000-0000-0000-000000000000"
    names = {name for pages in PAGES.values() for path in pages for name in re.findall(r"{(\w+)}", path)}
    known = dict.fromkeys(names, some_id) | {"invitation": "/join/x", "way_in": "/join/by/x"}
    known |= {name: "/quotes/x" for name in names if name.endswith("_link")}
    paths = [path.format(**known) for pages in PAGES.values() for path in pages]
    opened = {adapter.match(path.partition("?")[0], method="GET")[0] for path in paths if path != "/nowhere"}
    confirming = {"membership.registration_confirmation", "membership.address_confirmation", "membership.new_password"}
    shown = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - NO_PAGES
    assert shown - opened - confirming == set()


def exercises(role: str) -> Iterator[str]:
    """Give the addresses at which a role sees each kind of exercise without an answer, with a wrong one and with a right one.

    A visitor sees what samples hold; a learner has answered nothing in the course just begun, all in the one they are tested on,
    and reads the passed one again, where an answer stands in the address.
    """
    places = {"visitor": _of_samples, "learner": _of_courses}.get(role, lambda: iter(()))
    for path, block in places():
        yield path
        for answer in _wrong_answers(block):
            yield f"{path}?{answer}"


def _of_samples() -> Iterator[tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for course in shelf.courses():
        for (lesson, number), block in shelf.blocks(course.slug):
            if lesson == course.front["sample"] and block["kind"] != "reading":
                found.setdefault(block["kind"], (f"/courses/{course.slug}/sample/{number}", block))
    yield from found.values()


def _of_courses() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in KINDS:
        for slug in (records.BEGUN, records.TESTED):
            lesson, number = shelf.place_of(kind, slug)
            yield f"/learn/{{organisation}}/{slug}/{lesson}/{number}", {"kind": "kept"}
        lesson, number = shelf.place_of(kind, records.PASSED)
        yield f"/learn/{{organisation}}/{records.PASSED}/{lesson}/{number}", shelf.block(lesson, number, records.PASSED)


def _wrong_answers(block: dict[str, Any]) -> Iterator[str]:
    """Give what stands in an address for an answer that is wrong, and for one that is not complete."""
    if block["kind"] == "check":
        yield f"choice={next(n for n, option in enumerate(block['options']) if not option['is_right'])}"
    elif block["kind"] == "sort":
        yield "&".join(f"group-{n}=0" for n in range(len(block["things"])))
        yield "group-0=0"
    elif block["kind"] == "order":
        yield "&".join(f"place-{n}={n}" for n in range(len(block["things"])))
        yield "place-0=0"
    elif block["kind"] == "scenario":
        choices = block["steps"][0]["choices"]
        for mark in ("good", "fair", "poor"):
            yield from (f"step=start&choice={n}" for n, choice in enumerate(choices) if choice["mark"] == mark)


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
    known = {"guide": GUIDES[0]}
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
        visitor.open(f"/workspace/{known['organisation']}/teams")
        known["team"] = _last_part(visitor.page.locator(".tree a").first.get_attribute("href"))
        visitor.open(f"/workspace/{known['organisation']}/people/views")
        known["view"] = _last_part(visitor.page.get_by_role("link", name="Change").first.get_attribute("href"))
        visitor.open(f"/workspace/{known['organisation']}/fields")
        known["field"] = _last_part(visitor.page.locator("tbody a").first.get_attribute("href"))
        visitor.open(f"/workspace/{known['organisation']}/people/lists")
        visitor.fill_in({"Paste names and addresses": "Ann Lee <ann@demo.example>\nnobody\nruth.adeyemi@demo.example"})
        visitor.press("Read the list")
        known["people_list"] = _last_part(visitor.page.url)
        known["by_name"] = _by_name(visitor, known["organisation"])
    return known


def _by_name(visitor: Visitor, organisation: str) -> str:
    """Give somebody without an address, invited when the first scheme is looked at: each would take a seat."""
    visitor.open(f"/workspace/{organisation}/people?q=ann.lee")
    found = visitor.page.locator("tbody a")
    if found.count():
        return _last_part(found.first.get_attribute("href"))
    visitor.open(f"/workspace/{organisation}/people/invite")
    visitor.fill_in({"Their name": "Ann Lee"})
    visitor.page.get_by_label("They have no e-mail address").check()
    visitor.press("Send the invitation")
    visitor.heads("Ann Lee")
    return _last_part(visitor.page.url)


def paid(data: Path, role: str) -> dict[str, str]:
    """Give the ids of the order and of a change of a role's organisation, to which no page leads once they are done."""
    order = """SELECT checkout.id FROM checkout JOIN membership ON membership.id = checkout.buyer_id WHERE address LIKE ?"""
    change = """SELECT c.id FROM subscription_change c JOIN membership ON membership.id = c.by_id WHERE address LIKE ?"""
    with closing(sqlite3.connect(f"file:{data / 'lanyard.sqlite3'}?mode=ro", uri=True)) as connection:
        rows = {
            name: connection.execute(query, (f"{SIGN_INS.get(role)}@%",)).fetchone()
            for name, query in (("checkout", order), ("change", change))
        }
    return {name: str(UUID(row[0])) if row else "" for name, row in rows.items()}


def _last_part(address: str | None) -> str:
    return (address or "").rpartition("/")[2]
