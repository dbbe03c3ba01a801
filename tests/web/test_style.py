"""The look: colours that can be told apart, one living page of components, and macros that speak to everyone."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from app.accounts.people import Person
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.web import assets
from billing import price_cards

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask import Flask
    from flask.testing import FlaskClient

TEMPLATES = Path(assets.__file__).parents[2] / "templates"
TOKENS = (assets.SOURCE / "css" / "tokens.css").read_text()
CATEGORIES = ("children", "adults", "organisation", "online", "health", "care", "wellbeing")
TEXT_ON = {
    "ink": ("paper", "card", "sunk", "pine-tint", "amber-tint", "brick-tint", "leaf-tint"),
    "soft": ("paper", "card", "sunk"),
    "pine": ("paper", "card", "sunk", "pine-tint"),
    "pine-deep": ("paper", "card", "sunk", "pine-tint"),
    "pine-ink": ("pine", "pine-deep"),
    "paper": ("ink",),
    "amber": ("amber-tint", "card"),
    "brick": ("brick-tint", "card", "paper"),
    "brick-ink": ("brick",),
    "leaf": ("leaf-tint", "card"),
} | dict.fromkeys(CATEGORIES, ("card", "paper"))
CONTROLS_ON = {"edge": ("paper", "card", "sunk"), "pine": ("paper", "card"), "brick": ("paper", "card")}


def palette(scheme: str) -> dict[str, str]:
    """Give the colours of a scheme by name."""
    light, dark = TOKENS.split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    return colours


def luminance(colour: str) -> float:
    """Give the relative luminance of a colour, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, as WCAG 2.2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), [(front, back) for front, backs in TEXT_ON.items() for back in backs])
def test_text_can_be_read(scheme: str, front: str, back: str) -> None:
    colours = palette(scheme)
    assert contrast(colours[front], colours[back]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), [(front, back) for front, backs in CONTROLS_ON.items() for back in backs])
def test_controls_can_be_seen(scheme: str, front: str, back: str) -> None:
    colours = palette(scheme)
    assert contrast(colours[front], colours[back]) >= 3


def test_both_schemes_name_the_same_colours() -> None:
    light, dark = TOKENS.split("@media (prefers-color-scheme: dark)")
    names = re.compile(r"--([a-z-]+): #[0-9a-f]{6};")
    assert set(names.findall(light)) == set(names.findall(dark))


def test_colours_are_named_by_value_only_among_the_tokens() -> None:
    for sheet in ("base", "components", "figures", "pages", "storefront", "classroom"):
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb|hsl", (assets.SOURCE / "css" / f"{sheet}.css").read_text())


def test_what_stands_apart_stands_apart_by_steps_of_the_scale() -> None:
    spaces = re.compile(r"^\s*(?:gap|padding|margin)[a-z-]*:([^;]*);", re.MULTILINE)
    for sheet in assets.STYLES:
        for values in spaces.findall((assets.SOURCE / "css" / f"{sheet}.css").read_text()):
            # A pixel or two draws lines and hides things; a slider's thumb sits where its size puts it.
            odd = [value for value in re.findall(r"-?\d+px", values) if abs(int(value[:-2])) > 3 and value != "-10px"]
            assert odd == [], (sheet, values)


def test_every_class_that_layouts_and_components_use_has_a_rule() -> None:
    sheets = "".join(path.read_text() for path in (assets.SOURCE / "css").iterdir())
    styled = set(re.findall(r"\.([a-z][\w-]*)", sheets))
    used: set[str] = set()
    for folder in ("layouts", "components", "storefront", "classroom", "certificates", "errors"):
        for path in (TEMPLATES / folder).glob("*.html"):
            bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", path.read_text(), flags=re.DOTALL)
            used |= {name for names in re.findall(r'class="([^"]*)"', bare) for name in names.split() if not name.endswith("--")}
    hooks = {
        "calculator__go",
        "chart__tick",
        "chart__axis",
        "mark__shape",
        "page--plain",
        "page--side",
        "side-layout--office",
        "step__words",
        "site-head",
    }
    assert used - styled - hooks == set()


@pytest.fixture
def client(app: Flask, make_person: Callable[..., UUID], password: str) -> FlaskClient:
    """Give a browser in which the operator is signed in."""
    person_id = make_person()
    with app.app_context(), transaction():
        db.session.get_one(Person, person_id).is_operator = True
    browser = app.test_client()
    page = BeautifulSoup(browser.get("/sign-in").data, "html5lib")
    token = page.select_one("main input[name=csrf_token]")
    assert token is not None
    answer = browser.post("/sign-in", data={"address": "ruth@example.org", "password": password, "csrf_token": token["value"]})
    assert answer.status_code == 303
    return browser


@pytest.fixture
def style_page(app: Flask, client: FlaskClient) -> BeautifulSoup:
    """Give the living style page."""
    with app.app_context(), transaction():
        price_cards.publish_seed()
    answer = client.get("/office/components")
    assert answer.status_code == 200
    return BeautifulSoup(answer.data, "html5lib")


def test_the_style_page_is_for_operators(app: Flask) -> None:
    answer = app.test_client().get("/office/components")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


def test_no_two_elements_share_an_id(style_page: BeautifulSoup) -> None:
    counted = Counter(element["id"] for element in style_page.select("[id]"))
    assert [name for name, times in counted.items() if times > 1] == []


def test_nothing_brings_its_own_style_or_script(style_page: BeautifulSoup) -> None:
    assert style_page.select("[style], style, script:not([src]), [onclick]") == []


def test_every_control_has_a_name(style_page: BeautifulSoup) -> None:
    labelled = {label.get("for") for label in style_page.select("label")}
    for control in style_page.select("input:not([type=hidden]), select, textarea"):
        assert control.get("id") in labelled or control.get("aria-label") or control.find_parent("label"), control


def test_every_description_that_is_pointed_at_exists(style_page: BeautifulSoup) -> None:
    ids = {element["id"] for element in style_page.select("[id]")}
    for attribute in ("aria-describedby", "aria-labelledby", "for"):
        for element in style_page.select(f"[{attribute}]"):
            assert set(str(element[attribute]).split()) <= ids, element


def test_a_wrong_field_says_so_and_the_summary_leads_to_it(style_page: BeautifulSoup) -> None:
    wrong = style_page.select_one("input#address")
    assert wrong is not None
    assert wrong["aria-invalid"] == "true"
    assert style_page.select_one('.error-summary a[href="#address"]') is not None
    assert "This is how a problem with the whole form is said." in style_page.select(".error-summary li")[0].text


def test_seats_are_said_in_words_as_well_as_drawn(style_page: BeautifulSoup) -> None:
    few, many = style_page.select(".seats")
    words = few.select_one(".seats__words")
    assert words is not None
    assert words.get_text(" ", strip=True) == "19 in use 3 held 3 free"
    assert Counter(tuple(place["class"])[1:] for place in few.select(".place")) == {
        ("place--used",): 19,
        ("place--held",): 3,
        (): 3,
    }
    assert many.select(".place") == []
    assert many.select_one("svg.seat-bar") is not None


def test_headings_are_never_skipped(style_page: BeautifulSoup) -> None:
    levels = [int(heading.name[1]) for heading in style_page.select("h1, h2, h3, h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_bar_is_as_long_as_what_it_says(style_page: BeautifulSoup) -> None:
    youth, welcome = style_page.select("table:has(caption:-soup-contains('Seats by team')) svg.bar")
    assert [(rect["x"], rect["width"]) for rect in youth.select("rect")] == [("0", "600"), ("600", "150"), ("750", "250")]
    assert [rect["width"] for rect in welcome.select("rect")] == ["350", "0", "50"]


def test_a_ring_is_full_when_all_is_done_and_bare_when_nothing_is(style_page: BeautifulSoup) -> None:
    drawn = [ring.select_one(".ring__done") for ring in style_page.select(".ring")]
    assert [circle["stroke-dasharray"] if circle else None for circle in drawn] == ["40 100", None, "100 100"]


def test_a_matrix_says_in_words_what_colour_repeats(style_page: BeautifulSoup) -> None:
    rows = style_page.select(".matrix tbody tr")
    assert [cell.get_text(" ", strip=True) for cell in rows[1].select("td")] == [
        "9 days overdue Safeguarding Children: Essentials, Ben Whitlock",
        "until 12 January 2027",
        "missing",
        "not required",
    ]


def test_no_two_pictures_are_alike(style_page: BeautifulSoup) -> None:
    lines = [str(picture.select_one(".picture__lines")) for picture in style_page.select(".card .picture")]
    assert len(lines) == len(set(lines)) > 10
