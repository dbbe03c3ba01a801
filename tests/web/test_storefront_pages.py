"""What the storefront says: to each kind of buyer, about itself, and to search engines, true and escaped."""

from __future__ import annotations

import json
import re
import shutil
import struct
from datetime import date
from typing import Any

import pytest
from bs4 import BeautifulSoup

from app import factory, settings
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.web import social_cards, wiring
from billing import price_cards
from catalog.shelf import importing, narrowing, standing_pages
from catalog.shelf.courses import CourseCard
from catalog.shelf.narrowing import AUDIENCES, LENGTHS
from tests.shelf import SHELF

DATA = 'script[type="application/ld+json"]'


@pytest.fixture
def client(app):
    """Give a visitor of a shop with prices and two courses."""
    with app.app_context(), transaction():
        price_cards.publish_seed()
        importing.load(SHELF)
    return app.test_client()


def read(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return BeautifulSoup(answer.data, "html5lib")


def described(page) -> dict[str, Any]:
    """Give the structured data of a page by its type."""
    return {thing["@type"]: thing for thing in (json.loads(block.string) for block in page.select(DATA))}


def words(page, selector="main"):
    return " ".join(page.select_one(selector).get_text(" ").split())


@pytest.mark.parametrize("slug", standing_pages.SECTORS)
def test_the_page_of_each_kind_of_buyer_has_their_duties_a_price_and_no_claim(client, slug):
    page = read(client, f"/for/{slug}")
    assert "A usual rhythm, which you may change" in words(page) or "The usual interval of its own modules" in words(page)
    assert re.search(r"We claim no (accreditation|approval)|It gives nobody a level or an accreditation", words(page))
    assert page.select_one('form[action="/prices"] input[name=seats]') is not None
    assert page.select_one("main .price").get_text(strip=True).startswith("£")
    assert page.select(".course-card")


def test_churches_are_told_that_their_own_modules_are_not_replaced(client):
    text = words(read(client, "/for/churches"))
    assert "Our courses never replace them" in text
    assert "every three years" in text
    assert "every four years" in text


def test_care_providers_are_told_what_the_courses_are_not(client):
    text = words(read(client, "/for/care-providers"))
    assert "It is not the Care Certificate" in text
    assert "is not the training on it that providers registered with the Care Quality Commission must give" in text


def test_nobody_has_a_page_for_what_is_not_there(client):
    for address in ("/for/pirates", "/policies/secrets", "/policies/terms/99", "/policies/terms/0"):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("slug", standing_pages.POLICIES)
def test_a_policy_says_its_version_and_holds_no_empty_place(client, slug):
    page = read(client, f"/policies/{slug}")
    newest = standing_pages.policy(slug)
    assert f"Version {newest.number}, reviewed on" in words(page)
    assert not re.search(r"\{\w+\}", words(page))
    assert read(client, f"/policies/{slug}/{newest.number}").h1.get_text() == newest.title
    assert read(client, "/trust").select_one(f'main a[href="/policies/{slug}"]') is not None
    assert page.select_one(f'footer a[href="/policies/{slug}"]') is not None


def test_an_older_version_stays_where_it_is_and_names_the_one_in_force(client, tmp_path, monkeypatch):
    folder = tmp_path / "policies" / "terms"
    folder.mkdir(parents=True)
    for number in (1, 2, 10):
        front = f"title: Terms\nsummary: What we owe.\nreviewed_on: 2026-11-0{number % 9}\nchanges: The {number}th."
        (folder / f"{number}.md").write_text(f"---\n{front}\n---\n\nText number {number} of {{company_name}}.\n")
    monkeypatch.setattr(standing_pages, "FOLDER", tmp_path)
    standing_pages.versions.cache_clear()
    try:
        assert "Text number 10 of Sample Training Ltd" in words(read(client, "/policies/terms"))
        old = read(client, "/policies/terms/2")
        assert "Text number 2" in words(old)
        assert old.select_one('.notice a[href="/policies/terms"]').get_text() == "Version 10"
    finally:
        standing_pages.versions.cache_clear()


def test_what_is_spelt_otherwise_here_or_was_long_not_reviewed_is_to_be_mended(tmp_path, monkeypatch):
    assert standing_pages.to_mend(date(2026, 12, 1)) == []
    assert "terms: it was last reviewed more than a year ago" in standing_pages.to_mend(date(2028, 1, 1))
    copy = tmp_path / "content"
    shutil.copytree(standing_pages.FOLDER, copy)
    with (copy / "questions.md").open("a") as file:
        file.write("Our favorite color.\n")
    monkeypatch.setattr(standing_pages, "FOLDER", copy)
    found = standing_pages.to_mend(date(2026, 12, 1))
    assert [line.rpartition(": ")[2] for line in found] == ["write favourite, not favorite", "write colour, not color"]


def test_a_policy_without_any_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(standing_pages, "FOLDER", tmp_path)
    standing_pages.versions.cache_clear()
    with pytest.raises(Invalid, match=r"policies/terms: there is no version of it"):
        standing_pages.versions("terms")


def test_a_policy_with_a_mistake_names_the_line(tmp_path, monkeypatch):
    folder = tmp_path / "policies" / "terms"
    folder.mkdir(parents=True)
    (folder / "1.md").write_text("---\ntitle: Terms\nsummary: S\nreviewed_on: soon\nchanges: None yet\n---\n\nText.\n")
    monkeypatch.setattr(standing_pages, "FOLDER", tmp_path)
    standing_pages.versions.cache_clear()
    with pytest.raises(Invalid, match=r"1\.md:4: reviewed_on is a date"):
        standing_pages.versions("terms")


@pytest.fixture
def shop_of(environment):
    """Give a maker of shops with other settings."""
    made = []

    def make(**others):
        shop = factory.create_app(settings.from_environment(environment | others))
        with shop.app_context(), transaction():
            price_cards.publish_seed()
        made.append(shop)
        return shop

    yield make
    for shop in made:
        with shop.app_context():
            db.session.remove()
            db.engine.dispose()
        shop.extensions["jobs"].close()


def test_the_operator_is_named_by_the_settings_and_only_as_text(shop_of):
    shop = shop_of(
        LANYARD_COMPANY_NAME="Amadi <b>& Sons</b>",
        LANYARD_COMPANY_ADDRESS="1 High Street",
        LANYARD_COMPANY_PHONE="01632 960 123",
        LANYARD_DATA_CONTACT="data@example.org",
        LANYARD_HOSTING="Somebody, in Leeds",
    )
    client = shop.test_client()
    contact = read(client, "/contact")
    assert "Amadi <b>& Sons</b>" in words(contact)
    assert contact.select_one('a[href="tel:01632960123"]') is not None
    terms, processing, hosts = (read(client, f"/policies/{slug}") for slug in ("terms", "data-processing", "sub-processors"))
    assert "between you and Amadi <b>& Sons</b>, 1 High Street" in words(terms)
    assert terms.select("main .prose b") == []
    assert processing.select_one('main a[href="mailto:data@example.org"]') is not None
    assert "Somebody, in Leeds" in words(hosts)
    assert json.loads(read(client, "/prices").select_one(DATA).string)["@type"] == "Product"


def test_without_a_telephone_none_is_shown(client):
    assert read(client, "/contact").select('a[href^="tel:"]') == []


PLACES = ("/", "/courses", "/courses?category=children&q=a", "/courses/first-response", "/prices?seats=3", "/library/five-steps",
          "/articles/how-often", "/for/schools", "/contact", "/trust", "/policies/terms")  # fmt: skip


@pytest.mark.parametrize("address", PLACES)
def test_every_page_has_one_address_of_its_own_and_a_picture(client, address):
    page = read(client, address)
    whole = f"http://127.0.0.1:8000{address.partition('?')[0]}"
    assert [link["href"] for link in page.select("link[rel=canonical]")] == [whole]
    shown = {meta["property"]: meta["content"] for meta in page.select("meta[property]")}
    assert shown["og:url"] == whole
    assert shown["og:title"] == page.title.get_text()
    assert shown["og:description"] == page.select_one("meta[name=description]")["content"]
    assert client.get(shown["og:image"].removeprefix("http://127.0.0.1:8000")).mimetype == "image/png"
    assert page.select("meta[name=robots]") == []


def test_a_course_and_the_article_that_leads_to_it_share_a_picture(client):
    for address in ("/courses/first-response", "/articles/how-often"):
        shown = read(client, address).select_one('meta[property="og:image"]')["content"]
        assert shown == "http://127.0.0.1:8000/courses/first-response/card.png"


def test_titles_and_descriptions_are_of_a_length_that_is_shown_and_no_two_are_alike(client):
    pages = [read(client, address) for address in PLACES if "?" not in address]
    titles = [page.title.get_text() for page in pages]
    descriptions = [page.select_one("meta[name=description]")["content"] for page in pages]
    assert len(set(titles)) == len(titles)
    assert len(set(descriptions)) == len(descriptions)


def test_pages_about_an_account_are_not_for_search_engines(client):
    page = read(client, "/sign-in")
    assert page.select_one("meta[name=robots]")["content"] == "noindex"
    assert page.select("link[rel=canonical]") == []


def test_what_search_engines_are_told_is_what_the_page_says(client):
    home = described(read(client, "/"))
    assert [asked["name"] for asked in home["FAQPage"]["mainEntity"]] == [
        summary.get_text() for summary in read(client, "/").select(".questions summary")
    ]
    course = described(read(client, "/courses/fire-safety-awareness"))
    assert course["Course"]["name"] == "Fire Safety Awareness"
    assert course["Course"]["offers"]["price"] == "12.00"
    assert [place["name"] for place in course["BreadcrumbList"]["itemListElement"]] == ["Courses", "Fire Safety Awareness"]
    offers = described(read(client, "/prices"))["Product"]["offers"]
    assert {(offer["name"], offer["price"]) for offer in offers} >= {
        ("1 seat for a year", "108.00"),
        ("25 seats for a year", "984.96"),
    }
    article = described(read(client, "/articles/how-often"))["Article"]
    assert article["datePublished"] <= article["dateModified"] <= date.max.isoformat()


def test_data_for_search_engines_cannot_end_its_own_block(app):
    course = SHELF.courses[0]
    evil = "</script><script>alert('1')</script><!-- &"
    with app.app_context(), transaction():
        price_cards.publish_seed()
        front = course.front | {"title": evil, "outcomes": [evil]}
        importing.load(importing.Content((type(course)(**vars_of(course) | {"front": front, "digest": "evil"}),)))
    page = read(app.test_client(), f"/courses/{course.slug}")
    assert [script.get("src") is not None or script.get("type") for script in page.select("script")] == [
        True,
        "application/ld+json",
        "application/ld+json",
    ]
    for block in page.select(DATA):
        assert not set("<>&'") & set(block.string)
    assert described(page)["Course"]["name"] == evil


def vars_of(course):
    return {name: getattr(course, name) for name in type(course).__dataclass_fields__}


def test_the_picture_of_a_course_is_drawn_once_and_has_the_size_that_is_promised(client, app, monkeypatch):
    answer = client.get("/courses/fire-safety-awareness/card.png")
    assert answer.mimetype == "image/png"
    assert struct.unpack(">II", answer.data[16:24]) == (1200, 630)
    assert len(answer.data) < 300_000
    monkeypatch.setattr(social_cards, "_draw", lambda *_: pytest.fail("drawn again"))
    with app.test_request_context():
        data = wiring.settings().data
    assert len(list((data / "social_cards").glob("*.png"))) == 1
    assert client.get("/courses/fire-safety-awareness/card.png", headers={"Cookie": "a=b"}).data == answer.data
    assert client.get("/courses/nothing/card.png").status_code == 404


def card(audience, minutes=30):
    return CourseCard("slug", "Title", "Summary", "children", audience, minutes, 12)


@pytest.mark.parametrize(
    ("audience", "groups"),
    [
        ("Everyone who works or volunteers in a building", set(AUDIENCES)),
        ("Everyone who works or volunteers with under-18s", {"children", "volunteers"}),
        ("Everyone who spends time with under-18s, paid or not", {"children", "volunteers"}),
        ("Adults who work or volunteer with children and young people, in any setting", {"children", "volunteers"}),
        ("Trustees and governors", {"leads"}),
        ("Designated safeguarding leads and their deputies", {"leads"}),
        ("Care workers and anyone who supports adults at risk", {"adults"}),
        ("People at a desk", set(AUDIENCES)),
    ],
)
def test_a_course_is_for_those_whom_its_audience_names(audience, groups):
    assert {group for group in AUDIENCES if narrowing.is_for(card(audience), group)} == groups


def test_every_length_is_in_one_group():
    for minutes in (1, 20, 30, 31, 45, 46, 60, 120):
        assert sum(minutes in lengths for _, lengths in LENGTHS.values()) == 1


def test_filters_live_in_the_address_and_links_keep_the_others(client):
    page = read(client, "/courses?time=short&q=fire")
    assert page.select_one("select[name=time] option[selected]")["value"] == "short"
    assert page.select_one('a[data-category=""]')["href"] == "/courses?time=short&q=fire"
    assert page.select_one("input[name=q]")["value"] == "fire"
    assert "1 course for “fire” of up to 30 minutes." in words(page)
    hidden = [place["data-slug"] for place in page.select("[data-slug][hidden]")]
    assert hidden == ["first-response"]


def test_the_search_as_one_types_finds_what_the_page_finds(client):
    for query in ("", "q=fire", "category=children", "audience=volunteers&time=short", "q=nothing-like-it", "time=never"):
        page = read(client, f"/courses?{query}")
        found = client.get(f"/courses.json?{query}").get_json()
        assert found["slugs"] == [place["data-slug"] for place in page.select("[data-slug]:not([hidden])")]
        assert found["said"] == words(page, "[data-said]")
