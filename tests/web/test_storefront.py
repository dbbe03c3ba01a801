"""The storefront: pages that anyone may read, with exact prices and honest words."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup, Tag

from app import factory, settings
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import price_cards
from catalog.shelf import covers, importing, standing_pages
from catalog.shelf.categories import CATEGORIES
from tests.shelf import SHELF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from billing.gateway import Gateway

PAGES = (
    "/",
    "/courses",
    "/prices",
    "/library",
    "/library/five-steps",
    "/articles",
    "/articles/how-often",
    "/contact",
    "/trust",
    *(f"/for/{slug}" for slug in standing_pages.SECTORS),
    *(f"/policies/{slug}" for slug in standing_pages.POLICIES),
    "/policies/terms/1",
    "/courses/first-response",
    *(f"/courses/first-response/sample/{block}" for block in range(1, 5)),
)
CHECK_FIGURES = (
    (1, "£12.00", "£108.00"),
    (10, "£74.40", "£669.60"),
    (25, "£109.44", "£984.96"),
    (50, "£144.96", "£1,304.64"),
    (100, "£192.60", "£1,733.40"),
    (249, "£282.00", "£2,538.00"),
    (500, "£402.36", "£3,621.24"),
    (1000, "£582.30", "£5,240.70"),
    (2000, "£882.30", "£7,940.70"),
)
NONSENSE = ("0", "-3", "abc", "", "2.5", "1e3", "٢٥", "9" * 5000)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a visitor of a shop with prices and two courses."""
    with app.app_context(), transaction():
        price_cards.publish_seed()
        importing.load(SHELF)
    return app.test_client()


@pytest.fixture
def bare_client(app: Flask) -> FlaskClient:
    """Give a visitor of a shop with prices and no course."""
    with app.app_context(), transaction():
        price_cards.publish_seed()
    return app.test_client()


def read(client: FlaskClient, address: str, status: int = 200) -> BeautifulSoup:
    """Ask for a page and read it."""
    answer = client.get(address)
    assert answer.status_code == status
    return BeautifulSoup(answer.data, "html5lib")


def words(page: Tag, selector: str) -> str:
    """Give the words of the first element that matches."""
    found = page.select_one(selector)
    assert found is not None, selector
    return found.get_text(" ", strip=True)


def test_every_page_has_a_title_and_one_heading_and_sets_no_cookie(client: FlaskClient) -> None:
    for address in PAGES:
        answer = client.get(address)
        page = BeautifulSoup(answer.data, "html5lib")
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert "Lanyard" in words(page, "title")
        assert len(page.select("h1")) == 1
        assert page.select("[style], script:not([src]):not([type='application/ld+json'])") == []
        description = page.select_one("meta[name=description]")
        assert description is not None
        assert len(str(description["content"])) > 30


def test_every_link_between_public_pages_leads_somewhere(client: FlaskClient, connect: Callable[..., Gateway]) -> None:
    connect()
    links = {str(link["href"]) for address in PAGES for link in read(client, address).select('a[href^="/"]')}
    broken = [link for link in links if client.get(link.split("#")[0]).status_code >= 400]
    assert broken == []


def test_home_says_how_many_courses_there_are(client: FlaskClient) -> None:
    page = read(client, "/")
    assert words(page, ".lead").startswith("2 short courses")
    assert "From £10 a user a month (£12 including VAT)" in words(page, ".lead")
    assert (
        page.select_one('a[href="/courses/first-response/sample/1"], a[href="/courses/fire-safety-awareness/sample/1"]')
        is not None
    )


def test_home_works_before_any_course_is_there(bare_client: FlaskClient) -> None:
    page = read(bare_client, "/")
    assert words(page, "[data-word=gross]") == "£984.96"


def test_prices_are_exact_for_any_number_of_people(client: FlaskClient) -> None:
    for seats, month, year in CHECK_FIGURES:
        for interval, gross in (("month", month), ("year", year)):
            page = read(client, f"/prices?seats={seats}&interval={interval}")
            assert words(page, "[data-word=gross]") == gross
            assert words(page, "[data-word=per]") == f"a {interval}, including VAT"
            buy = page.select_one("a[data-buy]")
            assert buy is not None
            assert buy["href"] == f"/buy?seats={seats}&interval={interval}"


def test_the_price_page_says_how_it_was_worked_out(client: FlaskClient) -> None:
    page = read(client, "/prices?seats=25&interval=year")
    rows = [row.get_text(" ", strip=True) for row in page.select("[data-bands] tbody tr")]
    assert rows == [
        "the first 4 £90.00 £360.00",
        "the next 5 £36.00 £180.00",
        "the next 15 £18.00 £270.00",
        "the next one £10.80 £10.80",
        "25 people, before VAT £820.80",
        "VAT at 20% £164.16",
        "To pay, including VAT £984.96",
    ]
    assert words(page, "[data-word=average]") == "£2.74 a person a month before VAT"
    assert words(page, "[data-word=saving]") == "Saves £273.60 a year before VAT, against paying monthly"


def test_a_month_saves_nothing_and_says_nothing_about_it(client: FlaskClient) -> None:
    assert words(read(client, "/prices?seats=25&interval=month"), "[data-word=saving]") == ""


def test_a_number_that_makes_no_sense_is_answered_kindly(client: FlaskClient) -> None:
    for typed in NONSENSE:
        answer = client.get("/prices", query_string={"seats": typed, "interval": "month"})
        page = BeautifulSoup(answer.data, "html5lib")
        assert answer.status_code == 422
        assert "whole number from 1 to 2,000" in words(page, "#seats-error")
        seats, month = page.select_one("input#seats"), page.select_one("input[value=month]")
        assert seats is not None
        assert month is not None
        assert (seats["value"], seats["aria-invalid"]) == (typed, "true")
        assert month.has_attr("checked")
        assert page.select_one("a[data-buy]") is None


def test_a_very_large_number_is_a_matter_for_a_quote(client: FlaskClient) -> None:
    page = read(client, "/prices?seats=2001", status=422)
    assert "get a quote" in words(page, "#seats-error")


def test_numbers_may_be_typed_as_people_write_them(client: FlaskClient) -> None:
    assert words(read(client, "/prices?seats=+1,000+&interval=year"), "[data-word=gross]") == "£5,240.70"


def test_an_unknown_interval_is_taken_as_a_year(client: FlaskClient) -> None:
    assert words(read(client, "/prices?seats=25&interval=week"), "[data-word=gross]") == "£984.96"


def test_the_calculator_gets_the_words_of_the_page(client: FlaskClient) -> None:
    page = read(client, "/prices?seats=37&interval=month")
    answer = client.get("/prices/figure?seats=37&interval=month").get_json()
    for place in page.select("[data-word]"):
        assert answer["words"][place["data-word"]] == place.get_text(strip=True)
    mark, line = page.select_one("[data-place]"), page.select_one("[data-line]")
    assert mark is not None
    assert line is not None
    assert [str(answer["curve"]["x"]), str(answer["curve"]["y"])] == [mark["cx"], mark["cy"]]
    assert answer["curve"]["line"] == line["d"]


def test_the_calculator_hears_why_a_number_cannot_be_priced(client: FlaskClient) -> None:
    answer = client.get("/prices/figure?seats=none")
    assert answer.status_code == 422
    assert "whole number" in answer.get_json()["message"]


def test_the_chart_has_a_name_its_axes_too_and_the_table_says_the_same(client: FlaskClient) -> None:
    page = read(client, "/prices?seats=1")
    assert words(page, ".chart title") == "Price a person a month before VAT, by number of people"
    assert {text.get_text() for text in page.select(".chart__axis")} == {"Price a person a month, before VAT", "Number of people"}
    assert words(page, ".chart desc") == "1 person: £7.50 each"
    totals = page.select("section[aria-labelledby=totals] tbody tr")
    assert [words(row, "th") for row in totals] == [
        "1 person",
        "5 people",
        "10 people",
        "25 people",
        "50 people",
        "100 people",
        "250 people",
    ]


@pytest.fixture
def exempt_client(environment: dict[str, str]) -> Iterator[FlaskClient]:
    """Give a visitor of a shop that charges no VAT."""
    exempt = factory.create_app(settings.from_environment(environment | {"LANYARD_VAT_PERCENT": "none"}))
    with exempt.app_context(), transaction():
        price_cards.publish_seed()
    yield exempt.test_client()
    with exempt.app_context():
        db.session.remove()
        db.engine.dispose()
    exempt.extensions["jobs"].close()


def test_a_supplier_without_vat_never_mentions_including_it(exempt_client: FlaskClient) -> None:
    for address in ("/", "/prices?seats=25"):
        page = read(exempt_client, address)
        assert words(page, "[data-word=gross]") == "£820.80"
        assert "including VAT" not in words(page, "main")
        assert "From £10 a user a month" in words(page, ".lead")
        assert "including VAT" not in str(page.select_one("meta[name=description]"))


def test_the_first_price_follows_the_rate_of_vat(environment: dict[str, str]) -> None:
    shop = factory.create_app(settings.from_environment(environment | {"LANYARD_VAT_PERCENT": "5"}))
    with shop.app_context(), transaction():
        price_cards.publish_seed()
    for address in ("/", "/prices"):
        assert "From £10 a user a month (£10.50 including VAT)" in words(read(shop.test_client(), address), ".lead")
    with shop.app_context():
        db.session.remove()
        db.engine.dispose()
    shop.extensions["jobs"].close()


def test_the_catalogue_shows_every_course_with_its_facts(client: FlaskClient) -> None:
    cards = read(client, "/courses").select(".course-card")
    assert [words(card, "h2") for card in cards] == ["Fire Safety Awareness", "First Response"]
    assert words(cards[1], ".course-card__category") == "Children"
    assert words(cards[1], ".course-card__foot") == "25 min refresh every 2 years"


def test_the_catalogue_can_be_narrowed(client: FlaskClient) -> None:
    fire, child = "Fire Safety Awareness", "First Response"
    for query, titles in (
        ("category=health", [fire]),
        ("category=nonsense", [fire, child]),
        ("q=response", [child]),
        ("q=fire", [fire]),
        ("q=response&category=health", []),
        ("q=%25", []),
    ):
        page = read(client, f"/courses?{query}")
        assert [words(card, "h2") for card in page.select("[data-slug]:not([hidden]) .course-card")] == titles
        assert bool(titles) == (page.select_one("[data-none][hidden]") is not None)


def test_a_search_is_written_back_safely(client: FlaskClient) -> None:
    page = read(client, "/courses?q=%22%3E%3Cb%3Echild")
    assert page.select("b") == []
    field = page.select_one("input[name=q]")
    assert field is not None
    assert field["value"] == '"><b>child'


def test_an_empty_shelf_says_so_and_shows_the_way_on(bare_client: FlaskClient) -> None:
    page = read(bare_client, "/courses")
    assert words(page, ".empty h2") == "No course is published yet"
    assert page.select_one('.empty a[href="/prices"]') is not None


def test_a_course_page_says_what_the_course_is_and_is_not(client: FlaskClient) -> None:
    page = read(client, "/courses/fire-safety-awareness")
    text = words(page, "main")
    for fact in (
        "Theory only. Practice comes after.",
        "Guidance of the government",
        "1 November 2026",
        "Written for England",
    ):
        assert fact in text
    assert [words(item, "span") for item in page.select(".lessons li")] == [
        "1. The first minute Open",
        "2. Afterwards",
        "Test: 10 questions, 80% to pass, then the certificate",
    ]


def test_a_course_without_notes_shows_none(client: FlaskClient) -> None:
    assert "Theory only" not in words(read(client, "/courses/first-response"), "main")


def test_the_sample_lesson_is_open_to_everyone(client: FlaskClient) -> None:
    page = read(client, "/courses/fire-safety-awareness/sample/1")
    assert words(page, "h1") == "The first minute"
    assert words(page, ".prose em") == "calm"


def test_a_course_that_is_not_there_is_a_404(client: FlaskClient) -> None:
    for part in ("", "/sample", "/cover.svg"):
        assert words(read(client, f"/courses/nothing{part}", status=404), "h1") == "We cannot find that page"


def test_a_cover_is_served_as_a_picture(client: FlaskClient) -> None:
    answer = client.get("/courses/fire-safety-awareness/cover.svg")
    assert answer.mimetype == "image/svg+xml"
    assert answer.get_data(as_text=True) == covers.svg("health", "fire-safety-awareness")
    again = client.get("/courses/fire-safety-awareness/cover.svg", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_covers_are_small_and_well_formed_and_no_two_are_alike() -> None:
    drawn = {covers.svg(category, f"{category}-{number}") for category in CATEGORIES for number in range(40)}
    assert len(drawn) == 40 * len(CATEGORIES)
    for cover in drawn:
        assert len(cover.encode()) < 6000
        assert ET.fromstring(cover).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own drawing
        assert "style" not in cover


def test_a_cover_is_the_same_each_time() -> None:
    assert covers.svg("children", "first-response") == covers.svg("children", "first-response")


def test_empty_shelves_are_honest(bare_client: FlaskClient) -> None:
    for address, title in (("/library", "No guide is published yet"), ("/articles", "No article is published yet")):
        page = read(bare_client, address)
        assert words(page, ".empty h2") == title
        assert page.select_one('.empty a[href="/courses"]') is not None


def test_the_sitemap_names_public_pages_that_answer(client: FlaskClient) -> None:
    answer = client.get("/sitemap.xml")
    assert answer.mimetype == "application/xml"
    places = [element.text or "" for element in ET.fromstring(answer.data).iter() if element.tag.endswith("loc")]  # noqa: S314 - our own
    assert "http://127.0.0.1:8000/courses/fire-safety-awareness/sample/1" in places
    assert all(client.get(place.removeprefix("http://127.0.0.1:8000")).status_code == 200 for place in places)


def test_robots_are_told_which_pages_are_private(client: FlaskClient) -> None:
    text = client.get("/robots.txt").get_data(as_text=True)
    assert "Disallow: /workspace/" in text
    assert text.endswith("Sitemap: http://127.0.0.1:8000/sitemap.xml\n")
