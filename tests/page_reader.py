"""The page-reading client: a browser for tests that reads every page it gets and fails on what no page of ours may have."""

from __future__ import annotations

import contextvars
import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import Doctype
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from app.factory import SANDBOX_MOUNT
from app.web.headers import CONTENT_SECURITY_POLICY
from app.web.lone_mail import MAIL_POLICY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flask import Flask
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse

STRIPE = ("https://checkout.stripe.com/", "https://billing.stripe.com/")
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DATA_BLOCK = "application/ld+json"
UNLABELLED = frozenset({"hidden", "submit", "button", "reset", "image"})
# "None" may begin a sentence, as in "None of them has left the shop"; alone it is a value that nobody meant to show.
LEAKED = re.compile(r"\bNone\b(?! of)|\{\{|\}\}|\{%|%\}|\bUndefined\b|<built-in|\bobject at 0x|\bState\.[A-Z]|\bUUID\(")


class PageFault(AssertionError):
    """What is wrong with a page, one line for each fault."""


@dataclass(frozen=True)
class Sheet:
    """A page as it was answered: its tree, its headers, and the shop whose addresses it may link to."""

    soup: BeautifulSoup
    headers: Headers
    app: Flask

    @property
    def is_for_signed_in(self) -> bool:
        """Whether the page was made for somebody who is signed in."""
        return self.soup.select_one('form[action="/sign-out"]') is not None

    @property
    def is_mail_as_sent(self) -> bool:
        """Whether this is a mail shown alone, which carries its style with it."""
        return self.headers.get("Content-Security-Policy") == MAIL_POLICY


def faults(sheet: Sheet) -> list[str]:
    """Give everything that is wrong with a page."""
    return [fault for check in CHECKS for fault in check(sheet)]


def title(sheet: Sheet) -> Iterator[str]:
    """Demand one title that says something."""
    found = [element for element in sheet.soup.find_all("title") if not element.find_parent("svg")]
    if len(found) != 1:
        yield f"{len(found)} titles"
    elif not found[0].get_text(strip=True):
        yield "an empty title"


def headings(sheet: Sheet) -> Iterator[str]:
    """Demand one h1 and no level left out on the way down."""
    levels = [int(element.name[1]) for element in sheet.soup.find_all(re.compile(r"^h[1-6]$"))]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} elements h1"
    yield from (f"a heading jumps from h{above} to h{below}" for above, below in pairwise(levels) if below > above + 1)


def labels(sheet: Sheet) -> Iterator[str]:
    """Demand a label for every control of a form."""
    for control in sheet.soup.select("input, select, textarea"):
        is_seen = control.get("type") not in UNLABELLED and not control.has_attr("hidden")
        if is_seen and not _label_of(sheet.soup, control):
            yield f"no label for {_shown(control)}"


def names_to_press(sheet: Sheet) -> Iterator[str]:
    """Demand words for every link and button."""
    for element in sheet.soup.select("a[href], button, summary"):
        if not _name_of(element):
            yield f"no words in {_shown(element)}"


def ids(sheet: Sheet) -> Iterator[str]:
    """Demand that an id stands for one element."""
    counted = Counter(str(element["id"]) for element in sheet.soup.select("[id]"))
    yield from (f"the id {name!r} stands {number} times" for name, number in counted.items() if number > 1)


def references(sheet: Sheet) -> Iterator[str]:
    """Demand that whatever points at an element of the page finds it."""
    known = {str(element["id"]) for element in sheet.soup.select("[id]")}
    for name in ("aria-describedby", "aria-labelledby", "aria-controls", "for", "list"):
        for element in sheet.soup.select(f"[{name}]"):
            value = element[name]
            wanted = value if isinstance(value, list) else str(value).split()
            yield from (f"{name} points at nothing: {target!r}" for target in wanted if target not in known)
            if not wanted:
                yield f"an empty {name} on {_shown(element)}"
    for link in sheet.soup.select('a[href^="#"]'):
        if str(link["href"])[1:] not in known:
            yield f"a link points at nothing: {link['href']}"


def paragraphs(sheet: Sheet) -> Iterator[str]:
    """Demand that a paragraph holds words only: at a form or a list a browser ends it, and makes an empty one of its last tag."""
    for paragraph in sheet.soup.find_all("p"):
        if not (paragraph.attrs or paragraph.get_text(strip=True) or paragraph.find_all()):
            before = paragraph.find_previous_sibling()
            yield f"a paragraph with nothing in it, after {_shown(before) if before else 'nothing'}"


def forms(sheet: Sheet) -> Iterator[str]:
    """Demand an action for every form, and the token against forgery where it changes something."""
    for form in sheet.soup.find_all("form"):
        if not form.get("action"):
            yield f"a form without action: {_shown(form)}"
        if _method(form) == "POST" and not form.select_one('input[name=csrf_token][value]:not([value=""])'):
            yield f"a form without csrf_token: {form.get('action')}"


def inline(sheet: Sheet) -> Iterator[str]:
    """Refuse script and style that stand in the page itself."""
    if sheet.is_mail_as_sent:
        return
    for element in sheet.soup.select("script:not([src]), style"):
        if element.name == "script" and element.get("type") == DATA_BLOCK:
            yield from _data_faults(element.string or "")
        else:
            yield f"an inline {element.name}"
    for element in sheet.soup.find_all(name=True):
        for name, value in element.attrs.items():
            if name == "style" or name.startswith("on") or str(value).strip().lower().startswith("javascript:"):
                yield f"an inline {name} on {_shown(element)}"


def _data_faults(text: str) -> Iterator[str]:
    """Demand of data for search engines, which no browser runs, that it is JSON and holds nothing that could end it."""
    try:
        json.loads(text)
    except ValueError as error:
        yield f"a data block that is no JSON: {error}"
    if set("<>&'") & set(text):
        yield "a data block that is not escaped"


def images(sheet: Sheet) -> Iterator[str]:
    """Demand that every image says what it shows, or says that it only decorates."""
    yield from (f"no alt on {_shown(image)}" for image in sheet.soup.select("img:not([alt])"))


def landmarks(sheet: Sheet) -> Iterator[str]:
    """Demand the doctype, the language, one main part, and a name for each of several navigations."""
    if not isinstance(sheet.soup.contents[0], Doctype):
        yield "no doctype"
    if sheet.soup.select_one("html[lang]") is None:
        yield "no lang"
    if sheet.is_mail_as_sent:
        return
    if len(sheet.soup.find_all("main")) != 1:
        yield f"{len(sheet.soup.find_all('main'))} elements main"
    navigations = Counter(str(element.get("aria-label", "")) for element in sheet.soup.find_all("nav"))
    yield from (f"{number} navigations are called {name!r}" for name, number in navigations.items() if number > 1 or not name)


def tables(sheet: Sheet) -> Iterator[str]:
    """Demand a caption for every table of data and a scope for every heading in it."""
    for table in sheet.soup.find_all("table"):
        if table.get("role") == "presentation":
            continue
        if table.caption is None:
            yield "a table without caption"
        yield from (f"no scope on {_shown(heading)}" for heading in table.select("th:not([scope])"))


def addresses(sheet: Sheet) -> Iterator[str]:
    """Demand that every address of this shop leads to a route, and that other sites are met over https."""
    site = sheet.app.config["SETTINGS"].url
    for selector, attribute in (("a[href]", "href"), ("link[href]", "href"), ("img[src]", "src"), ("script[src]", "src")):
        for element in sheet.soup.select(selector):
            # A mail shown alone carries its picture with it, as it does on its way.
            if not (sheet.is_mail_as_sent and str(element[attribute]).startswith("data:image/png;base64,")):
                yield from _address_faults(sheet.app, str(element[attribute]), "GET", site)
    for form in sheet.soup.select("form[action]"):
        yield from _address_faults(sheet.app, str(form["action"]), _method(form), site)


def security(sheet: Sheet) -> Iterator[str]:
    """Demand the headers that protect the reader of a page."""
    for name, value in SECURITY_HEADERS.items():
        found = sheet.headers.get(name)
        if found != value and not (name == "Content-Security-Policy" and sheet.is_mail_as_sent):
            yield f"the header {name} is {found!r}"


def privacy(sheet: Sheet) -> Iterator[str]:
    """Demand that no cache keeps a page of somebody who is signed in."""
    if sheet.is_for_signed_in and sheet.headers.get("Cache-Control") != "no-store":
        yield f"a page of a signed-in person may be kept: Cache-Control is {sheet.headers.get('Cache-Control')!r}"


def leaks(sheet: Sheet) -> Iterator[str]:
    """Refuse values of the program where words should stand."""
    texts = (text for text in sheet.soup.find_all(string=True) if text.parent is None or text.parent.get("type") != DATA_BLOCK)
    text = " ".join(texts)
    yield from (f"a value shows through: {_around(text, found)!r}" for found in LEAKED.finditer(text))
    for element in sheet.soup.find_all(name=True):
        for name, value in element.attrs.items():
            if LEAKED.search(" ".join(value) if isinstance(value, list) else str(value)):
                yield f"a value shows through in {name} of {_shown(element)}"


CHECKS: tuple[Callable[[Sheet], Iterator[str]], ...] = (
    title,
    headings,
    labels,
    names_to_press,
    ids,
    references,
    paragraphs,
    forms,
    inline,
    images,
    landmarks,
    tables,
    addresses,
    security,
    privacy,
    leaks,
)


class PageReader:
    """One person's browser. What it does runs outside of the test's own application context, as it would from elsewhere."""

    def __init__(self, app: Flask) -> None:
        """Open a browser without cookies."""
        self.app = app
        self.client = app.test_client()
        self.response: TestResponse | None = None
        self.page = BeautifulSoup("", "html5lib")
        self.token = ""
        self.path = ""

    def get(self, url: str, status: int = 200, **options: Any) -> BeautifulSoup:
        """Open an address, follow no redirect, and read what comes."""
        self.path = url
        return self._open("GET", url, status, **options)

    def post(self, url: str, data: Mapping[str, object] | None = None, status: int = 303, **options: Any) -> BeautifulSoup:
        """Send fields to an address as a form would, with the token of the last form seen."""
        return self.send(url, {"csrf_token": self.token, **(data or {})}, status, **options)

    def send(self, url: str, data: Mapping[str, object] | str | bytes, status: int, **options: Any) -> BeautifulSoup:
        """Send just this to an address."""
        return self._open("POST", url, status, data=data, **options)

    def submit(self, which: str, data: Mapping[str, str] | None = None, status: int = 303, then: int = 200) -> BeautifulSoup:
        """Fill in the form of the page with this action or button, send it, and go where it leads within the shop."""
        form, pressed = self._form(which)
        fields = _filled(form)
        if pressed is not None and pressed.get("name"):
            fields[str(pressed["name"])] = str(pressed["value"])
        unknown = set(data or {}) - {str(control["name"]) for control in form.select("[name]")}
        assert not unknown, f"the form {which!r} has no field {sorted(unknown)}"
        fields |= data or {}
        action = str(form.get("action") or self.path)
        if _method(form) == "GET":
            self.path = action.partition("#")[0]
            self._open("GET", self.path, 200 if status == 303 else status, query_string=fields)
            return self.page
        self._open("POST", action, status, data=fields)
        return self.follow(then) if status == 303 and self.location.startswith("/") else self.page

    def click(self, words: str, status: int = 200) -> BeautifulSoup:
        """Follow the link with these words."""
        links = self.page.select("a[href]")
        found = [link for link in links if words in {link.get_text(" ", strip=True), link.get("aria-label")}]
        assert found, f"no link {words!r} among {[link.get_text(' ', strip=True) for link in links]}"
        return self.get(str(found[0]["href"]), status)

    def follow(self, status: int = 200) -> BeautifulSoup:
        """Go where the last answer leads."""
        return self.get(self.location, status)

    def sign_in(self, address: str, password: str) -> BeautifulSoup:
        """Sign in and go where that leads."""
        self.get("/sign-in")
        return self.submit("Sign in", {"address": address, "password": password})

    def again(self) -> PageReader:
        """Open another window of the same browser: the same cookies now, and none of the later ones."""
        other = PageReader(self.app)
        for cookie in (self.client._cookies or {}).values():  # noqa: SLF001 - werkzeug gives cookies one by one, by name
            other.client.set_cookie(cookie.key, cookie.value, domain=cookie.domain, path=cookie.path)
        other.token = self.token
        return other

    @property
    def location(self) -> str:
        """Where the last answer leads."""
        assert self.response is not None
        return str(self.response.headers["Location"])

    @property
    def words(self) -> str:
        """The words of the main part of the page."""
        return " ".join((self.page.main or self.page).get_text(" ").split())

    @property
    def heading(self) -> str:
        """The words of the page's heading."""
        assert self.page.h1 is not None
        return " ".join(self.page.h1.get_text(" ").split())

    def _open(self, method: str, url: str, status: int, **options: Any) -> BeautifulSoup:
        response: TestResponse = contextvars.Context().run(self.client.open, url, method=method, buffered=True, **options)
        self.response = response
        self.page = BeautifulSoup("", "html5lib")
        if response.mimetype == "text/html" and response.status_code not in {301, 302, 303, 304, 307, 308}:
            self.page = BeautifulSoup(response.text, "html5lib")
            found = faults(Sheet(self.page, response.headers, self.app))
            if found:
                raise PageFault("\n".join([f"{method} {url} ({response.status_code}):", *found]))
            if token := self.page.select_one("input[name=csrf_token]"):
                self.token = str(token["value"])
        said = f"{method} {url}: {response.status_code} instead of {status}: {self.words or response.headers.get('Location')}"
        assert response.status_code == status, said
        return self.page

    def _form(self, which: str) -> tuple[Tag, Tag | None]:
        for form in self.page.find_all("form"):
            if form.get("action") == which:
                return form, form.select_one("button")
            named = f'button[form="{form.get("id")}"]'
            for button in [*form.select("button"), *self.page.select(named)]:
                if which in {button.get_text(" ", strip=True), button.get("aria-label")}:
                    return form, button
        there = [button.get_text(" ", strip=True) for button in self.page.select("form button, button[form]")]
        raise AssertionError(f"{self.path} has no form {which!r}; its buttons are {there}")


def _filled(form: Tag) -> dict[str, Any]:
    """Give the fields of a form as a browser would send them untouched; those of one name as a list."""
    fields: dict[str, Any] = {}
    for control in form.select("input[name], textarea[name]"):
        kind = control.get("type")
        if kind in {"checkbox", "radio"} and not control.has_attr("checked"):
            continue
        name = str(control["name"])
        value: Any = str(control.get("value", "on" if kind == "checkbox" else control.get_text()))
        if name in fields:
            value = [*(fields[name] if isinstance(fields[name], list) else [fields[name]]), value]
        fields[name] = value
    for select in form.select("select[name]"):
        chosen = select.select_one("option[selected]") or select.select_one("option")
        if chosen is not None:
            fields[str(select["name"])] = str(chosen.get("value", chosen.get_text(strip=True)))
    return fields


def _method(form: Tag) -> str:
    return str(form.get("method", "get")).upper()


def _label_of(soup: BeautifulSoup, control: Tag) -> str:
    """Give the words that name a control."""
    if name := control.get("aria-label"):
        return str(name).strip()
    around = control.find_parent("label")
    labels = [around] if around else []
    if control.get("id"):
        labels += [label for label in soup.find_all("label") if label.get("for") == control["id"]]
    if named_by := control.get("aria-labelledby"):
        labels += soup.find_all(id=str(named_by).split())
    return " ".join(label.get_text(" ", strip=True) for label in labels).strip()


def _name_of(element: Tag) -> str:
    """Give the words of something to press, or those of the picture in it."""
    pictures = [str(image.get("alt", "")) for image in element.select("img")]
    return " ".join([str(element.get("aria-label", "")), element.get_text(" ", strip=True), *pictures]).strip()


def _address_faults(app: Flask, address: str, method: str, site: str) -> Iterator[str]:
    parts = urlsplit(address.removeprefix(site) if address.startswith(f"{site}/") else address)
    if parts.scheme in {"mailto", "tel"} or not (parts.path or parts.netloc):
        return
    if parts.scheme or parts.netloc:
        if parts.scheme != "https":
            yield f"another site without https: {address}"
        return
    if not parts.path.startswith("/"):
        yield f"a relative address: {address}"
        return
    if parts.path.startswith(f"{SANDBOX_MOUNT}/") and app.config["SETTINGS"].is_sandbox:
        return
    try:
        app.url_map.bind("localhost").match(parts.path, method)
    except (NotFound, MethodNotAllowed, RequestRedirect) as error:
        yield f"{method} {address} leads nowhere ({type(error).__name__})"


def _shown(element: Tag) -> str:
    return str(element).partition(">")[0][:160] + ">"


def _around(text: str, found: re.Match[str]) -> str:
    return " ".join(text[max(0, found.start() - 40) : found.end() + 20].split())
