"""Kept pages: what every visitor is shown alike, answered from bytes without the application, its session or its database.

It is a small shared cache of HTTP in front of the application. A request that brings any cookie passes it by. An answer is kept
only when it says itself that anyone may (`Cache-Control: public`), sets no cookie and is a success. What is kept belongs to one
mark of what is published, looked up at most once a second, and all of it goes when the mark changes.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = list[tuple[str, str]]

log = structlog.get_logger(__name__)

# The pages that are asked for most, each with the arguments it knows: any other argument changes nothing and is not looked at.
PAGES: dict[str, frozenset[str]] = {
    "/": frozenset(),
    "/courses": frozenset({"category", "audience", "time", "q"}),
    "/courses.json": frozenset({"category", "audience", "time", "q"}),
    "/prices": frozenset({"seats", "interval"}),
    "/prices/figure": frozenset({"seats", "interval"}),
    "/library": frozenset({"category", "q"}),
    "/articles": frozenset(),
    "/contact": frozenset(),
    "/trust": frozenset(),
    "/sitemap.xml": frozenset(),
    "/robots.txt": frozenset(),
}
# Below these, an address is kept when it comes without arguments: samples answer with what stands there.
FOLDERS = ("/courses/", "/library/", "/articles/", "/for/", "/policies/")
LONGEST_ADDRESS = 300
MOST_PAGES = 512
MOST_BYTES = 32 * 1024 * 1024
LARGEST_PAGE = 512 * 1024
SMALLEST_SQUEEZED = 500
SQUEEZED_TYPES = ("text/", "application/json", "application/xml", "image/svg+xml")
# Not kept: they are about one answer, or worked out anew for each.
PASSING = frozenset({"x-request-id", "content-length", "etag", "date"})
_pause = {"seconds": 1.0}


def look_again_after(seconds: float) -> None:
    """Set for how long the mark of what is published is believed; tests, which publish and read at once, believe it never."""
    _pause["seconds"] = seconds


@dataclass(frozen=True, slots=True)
class Page:
    """A kept answer: its headers, its bytes plain and squeezed, and the tag by which browsers ask whether it is still so."""

    headers: Headers
    tag: str
    plain: bytes
    squeezed: bytes | None

    @property
    def size(self) -> int:
        """How many bytes it takes up."""
        return len(self.plain) + len(self.squeezed or b"")

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request with it: whole, its headers alone, or that nothing has changed."""
        headers = [*self.headers, ("ETag", self.tag), ("X-Request-Id", secrets.token_hex(8))]
        if self.tag in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 Not Modified", headers)
            return []
        body = self.plain
        if self.squeezed is not None and _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = self.squeezed
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class KeptPages:
    """Stands before an application and answers what it has kept."""

    def __init__(self, site: WSGIApplication, published: Callable[[], str]) -> None:
        """Keep pages of a site; `published` gives the mark of what is published, from the database."""
        self._site = site
        self._published = published
        self._pages: OrderedDict[object, Page] = OrderedDict()
        self._bytes = 0
        self._mark: str | None = None
        self._looked_at = float("-inf")
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from what is kept, or let the site answer and keep that if anyone may have it."""
        key = _key(environ)
        if key is None:
            return self._site(environ, start_response)
        mark = self._mark_now()
        if mark is None:
            return self._site(environ, start_response)
        with self._lock:
            page = self._pages.get((mark, key))
            if page is not None:
                self._pages.move_to_end((mark, key))
        if page is not None:
            return page.answer(environ, start_response)
        status, headers, body = _asked(self._site, environ)
        page = _page(status, headers, body)
        if page is None:
            start_response(status, headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        self._keep((mark, key), page)
        return page.answer(environ, start_response)

    def _mark_now(self) -> str | None:
        """Give the mark of what is published, at most a second old; None while the database does not answer."""
        with self._looking:
            now = time.monotonic()
            if now - self._looked_at >= _pause["seconds"]:
                try:
                    mark = self._published()
                except Exception:
                    log.warning("what is published cannot be looked up", exc_info=True)
                    return None
                if mark != self._mark:
                    with self._lock:
                        self._pages.clear()
                        self._bytes = 0
                self._mark, self._looked_at = mark, now
            return self._mark

    def _keep(self, key: object, page: Page) -> None:
        """Keep a page, and let those go that were not asked for the longest while there are too many."""
        with self._lock:
            before = self._pages.pop(key, None)
            self._pages[key] = page
            self._bytes += page.size - (before.size if before else 0)
            while len(self._pages) > MOST_PAGES or self._bytes > MOST_BYTES:
                self._bytes -= self._pages.popitem(last=False)[1].size


def _key(environ: WSGIEnvironment) -> object | None:
    """Give what tells one page from another, or None for a request that is not answered from here."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or "HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ:
        return None
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    if len(path) + len(query) > LONGEST_ADDRESS:
        return None
    known = PAGES.get(path)
    if known is None and (query or not path.startswith(FOLDERS)):
        return None
    arguments: list[tuple[str, str]] = []
    if known and query:
        arguments = sorted(pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] in known)
        if len({name for name, _ in arguments}) < len(arguments):
            return None
    return environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), path, tuple(arguments)


def _asked(site: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, Headers, bytes]:
    """Ask the site for the whole page, whatever part of it the visitor wants."""
    asked = {name: value for name, value in environ.items() if name not in {"HTTP_IF_NONE_MATCH", "HTTP_RANGE"}}
    asked["REQUEST_METHOD"] = "GET"
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, *_: object) -> Callable[[bytes], object]:
        started[:] = [(status, headers)]
        return lambda _: None

    answer = site(asked, start_response)
    try:
        body = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return *started[0], body


def _page(status: str, headers: Headers, body: bytes) -> Page | None:
    """Make a page of an answer, or nothing of one that is not for everybody."""
    named = {name.lower(): value for name, value in headers}
    is_public = "public" in named.get("cache-control", "").split(", ")
    is_plain = "set-cookie" not in named and "content-encoding" not in named
    if not (status.startswith("200 ") and is_public and is_plain and len(body) <= LARGEST_PAGE):
        return None
    squeezed = None
    kept = [(name, value) for name, value in headers if name.lower() not in PASSING]
    if len(body) >= SMALLEST_SQUEEZED and named.get("content-type", "").startswith(SQUEEZED_TYPES):
        squeezed = gzip.compress(body, mtime=0)
        kept = [(name, value) for name, value in kept if name.lower() != "vary"]
        kept.append(("Vary", ", ".join(filter(None, (named.get("vary"), "Accept-Encoding")))))
    # A weak one: it stands for the page, squeezed or not.
    return Page(kept, f'W/"{hashlib.sha256(body).hexdigest()[:24]}"', body, squeezed)


def _takes_gzip(accepted: str) -> bool:
    """Whether a browser says that it can read gzip."""
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
