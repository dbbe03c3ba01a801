"""Kept pages: fast for everyone who brings nothing, never somebody else's, and right within a second of a change."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import replace

import pytest
import requests

from app import factory, settings
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import kept_pages
from billing import price_cards
from catalog.shelf import importing
from catalog.shelf.importing import Content
from tests.browser.server import ShopProcess
from tests.house.statements import Recorder
from tests.shelf import SHELF

KEPT = ("/", "/courses", "/courses?category=children", "/prices", "/prices?seats=7&interval=month", "/library", "/articles",
        "/courses/first-response", "/courses/first-response/sample/1", "/courses/first-response/cover.svg",
        "/library/five-steps", "/articles/how-often", "/prices/figure?seats=3", "/robots.txt", "/sitemap.xml")  # fmt: skip


@pytest.fixture
def believing():
    """Believe the mark of what is published for a minute, as a shop does for a second."""
    kept_pages.look_again_after(60)
    yield
    kept_pages.look_again_after(0)


def statements(app, path, **options):
    """Ask for a page and give the statements that it took."""
    with app.app_context(), Recorder(db.engine) as recorder:
        answer = app.test_client(use_cookies=False).get(path, **options)
    return answer, recorder.statements


@pytest.mark.usefixtures("believing")
@pytest.mark.parametrize("path", KEPT)
def test_a_second_visitor_is_answered_without_the_database_or_the_session(parish, path):
    first, _ = statements(parish.app, path)
    second, asked = statements(parish.app, path)
    assert asked == []
    assert first.data == second.data
    assert "Set-Cookie" not in first.headers
    assert "Set-Cookie" not in second.headers
    assert first.headers["ETag"] == second.headers["ETag"]
    assert "public" in second.headers["Cache-Control"]


@pytest.mark.parametrize("path", KEPT)
def test_a_browser_that_has_the_page_is_told_so(parish, path):
    visitor = parish.app.test_client()
    tag = visitor.get(path).headers["ETag"]
    again = visitor.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    assert visitor.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_head_of_a_page_is_that_of_the_page(parish):
    visitor = parish.app.test_client()
    for path in ("/", "/courses/first-response", "/nothing"):
        head, whole = visitor.head(path), visitor.get(path)
        assert head.data == b""
        passing = {"X-Request-Id"}
        assert {n: v for n, v in head.headers if n not in passing} == {n: v for n, v in whole.headers if n not in passing}


def test_a_page_travels_squeezed_where_the_browser_can_read_that(parish):
    visitor = parish.app.test_client()
    plain = visitor.get("/")
    squeezed = visitor.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(squeezed.data) == plain.data
    assert int(squeezed.headers["Content-Length"]) == len(squeezed.data) < len(plain.data)
    for answer in (plain, squeezed):
        assert {part.strip() for part in answer.headers["Vary"].split(",")} == {"Cookie", "Accept-Encoding"}
    assert "Content-Encoding" not in visitor.get("/", headers={"Accept-Encoding": "gzip;q=0"}).headers


@pytest.mark.parametrize("cookie", ["lanyard=anything", "remember_token=anything", "other=1"])
def test_whoever_brings_a_cookie_is_answered_by_the_shop_itself(parish, cookie):
    parish.app.test_client().get("/")
    answer, asked = statements(parish.app, "/", headers={"Cookie": cookie})
    assert len(asked) > 1
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_nobody_is_shown_the_page_of_somebody_who_is_signed_in(parish):
    for path in KEPT[:6]:
        parish.owner.get(path)
        assert "Ruth Amadi" in parish.owner.page.get_text()
        assert "Ruth Amadi" not in parish.app.test_client().get(path).text
        parish.owner.get(path)
        assert "Ruth Amadi" in parish.owner.page.get_text()


def site_that_answers(status="200 OK", body=b"page", headers=(("Cache-Control", "public"),)):
    """Give a site behind kept pages, and the list of what it was asked."""
    asked = []

    def site(environ, start_response):
        asked.append(environ)
        start_response(status, list(headers))
        return [body]

    return kept_pages.KeptPages(site, lambda: "mark"), asked


def visit(site, path="/", query="", **environ):
    """Ask a site and give what it answers."""
    answered = []
    given = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "a",
        **environ,
    }
    body = b"".join(site(given, lambda status, headers: answered.append((status, dict(headers)))))
    return *answered[0], body


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK", {"Cache-Control": "public", "Set-Cookie": "lanyard=secret"}),
        ("200 OK", {"Cache-Control": "no-store"}),
        ("200 OK", {"Cache-Control": "private, max-age=5"}),
        ("200 OK", {}),
        ("422 Unprocessable Entity", {"Cache-Control": "public"}),
        ("303 See Other", {"Cache-Control": "public"}),
        ("500 Internal Server Error", {"Cache-Control": "public"}),
    ],
)
def test_only_a_success_for_everybody_is_kept(status, headers):
    site, asked = site_that_answers(status, headers=tuple(headers.items()))
    for _ in range(2):
        assert visit(site)[0] == status
    assert len(asked) == 2


def test_a_page_is_known_by_host_path_and_the_arguments_it_knows():
    site, asked = site_that_answers()
    for environ in (
        {},
        {"query": "utm_source=mail"},
        {"HTTP_HOST": "b"},
        {"path": "/prices"},
        {"path": "/prices", "query": "seats=3&interval=year"},
        {"path": "/prices", "query": "interval=year&seats=3&utm_source=mail"},
        {"path": "/prices", "query": "seats=4"},
    ):
        visit(site, **environ)
    assert len(asked) == 5


def test_what_is_not_known_is_passed_on_each_time():
    site, asked = site_that_answers()
    for _ in range(2):
        visit(site, "/workspace/")
        visit(site, "/courses/x/sample/1", "choice=1")
        visit(site, "/prices", "seats=1&seats=2")
        visit(site, "/", REQUEST_METHOD="POST")
        visit(site, "/prices", "seats=" + "9" * 1000)
    assert len(asked) == 10


def test_only_so_many_pages_are_kept(monkeypatch):
    monkeypatch.setattr(kept_pages, "MOST_PAGES", 3)
    monkeypatch.setattr(kept_pages, "MOST_BYTES", 9)
    site, asked = site_that_answers()
    for slug in ("one", "two", "three", "three", "two", "one"):
        visit(site, f"/courses/{slug}")
    assert len(asked) == 4


def test_without_a_database_the_site_answers_for_itself():
    def broken():
        raise OSError

    asked = []

    def site(_environ, start_response):
        asked.append(1)
        start_response("503 Service Unavailable", [])
        return [b""]

    assert visit(kept_pages.KeptPages(site, broken))[0] == "503 Service Unavailable"
    assert asked == [1]


def test_each_thing_that_is_published_is_seen(parish):
    visitor = parish.app.test_client()
    course, guide, article = SHELF.courses[0], SHELF.guides[0], SHELF.articles[0]
    changes = {
        "/courses": Content((replace(course, digest="new", front=course.front | {"title": "Anew"}), *SHELF.courses[1:])),
        "/library": Content(SHELF.courses, (replace(guide, digest="new", front=guide.front | {"title": "Anew"}),)),
        "/articles": Content(SHELF.courses, (), (replace(article, digest="new", front=article.front | {"title": "Anew"}),)),
    }
    for path, content in changes.items():
        assert "Anew" not in visitor.get(path).text
        with parish.app.app_context(), transaction():
            importing.load(content)
        assert "Anew" in visitor.get(path).text
    assert "£108.00" in visitor.get("/prices?seats=1").text
    publish_dearer(parish.app)
    assert "£120.00" in visitor.get("/prices?seats=1").text


def publish_dearer(app):
    """Publish a price card whose first seat costs £100 a year."""
    with app.app_context(), transaction():
        price_cards.publish("GBP", [{"first": 1, "month": 1100, "year": 10000}])


def test_many_visitors_at_once_are_each_answered_with_their_own_page(monkeypatch):
    monkeypatch.setattr(kept_pages, "MOST_PAGES", 8)
    marks = iter(range(1_000_000))

    def site(environ, start_response):
        start_response("200 OK", [("Cache-Control", "public")])
        return [environ["PATH_INFO"].encode()]

    kept = kept_pages.KeptPages(site, lambda: str(next(marks) // 50))
    wrong = []

    def come(number):
        for turn in range(200):
            path = f"/courses/{(number * turn) % 23}"
            if visit(kept, path)[2] != path.encode():
                wrong.append(path)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_change_by_another_process_is_seen_by_every_shop_within_a_second(tmp_path, published):
    """Two shops serve the same data in processes of their own, and this one publishes."""
    data = tmp_path / "data"
    data.mkdir()
    for kept in published.iterdir():
        if kept.is_dir():
            (data / kept.name).symlink_to(kept)
    shops = []
    try:
        for _ in range(2):
            shops.append(ShopProcess(data, "--no-demo"))
            shops[-1].wait_until_open()
        other = factory.create_app(settings.from_environment({"LANYARD_DATA": str(data)}))
        pages = [f"{shop.url}/prices?seats=1" for shop in shops]
        before = [requests.get(page, timeout=10) for page in pages]
        assert all("£108.00" in answer.text for answer in before)
        publish_dearer(other)
        committed = time.monotonic()
        while time.monotonic() < committed + 1:
            for page in pages:
                requests.get(page, timeout=10)
            time.sleep(0.02)
        for page, old in zip(pages, before, strict=True):
            after = requests.get(page, headers={"If-None-Match": old.headers["ETag"]}, timeout=10)
            assert after.status_code == 200
            assert "£120.00" in after.text
        with other.app_context():
            db.session.remove()
            db.engine.dispose()
        other.extensions["jobs"].close()
    finally:
        for shop in shops:
            shop.stop()
