"""Static files: one folder for one content, kept for ever by browsers, and small."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING

import pytest

from app.web import assets, typefaces

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask


def test_publishing_twice_gives_the_same_folder(data: Path) -> None:
    assert assets.publish(data) == assets.publish(data)


def test_a_warm_start_does_not_cut_the_fonts_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets.publish(data)

    def refuse(face: typefaces.Typeface) -> bytes:
        pytest.fail(f"{face.name} was cut again")

    monkeypatch.setattr(typefaces, "_cut", refuse)
    assets.publish(data)


def test_the_same_fonts_come_out_on_another_machine(data: Path, tmp_path: Path) -> None:
    assert typefaces.published(tmp_path) == typefaces.published(data)


@pytest.mark.parametrize("name", ["css/tokens.css", "js/lanyard.js", "img/favicon.svg"])
def test_a_change_in_any_source_changes_the_folder(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = assets.publish(data)
    changed = tmp_path / "static"
    shutil.copytree(assets.SOURCE, changed)
    with (changed / name).open("a") as file:
        file.write("\n")
    monkeypatch.setattr(assets, "SOURCE", changed)
    assert assets.publish(data) != before


def test_every_style_sheet_is_part_of_the_one_that_pages_ask_for(data: Path) -> None:
    sources = {path.stem for path in (assets.SOURCE / "css").iterdir()}
    assert sources == set(assets.STYLES)
    published = (assets.publish(data) / "css" / "lanyard.css").read_text()
    assert published.startswith((assets.SOURCE / "css" / "tokens.css").read_text())
    assert not (assets.publish(data) / "css" / "tokens.css").exists()


def test_what_a_first_visit_loads_is_small(data: Path) -> None:
    folder = assets.publish(data)
    scripts = sum(path.stat().st_size for path in folder.rglob("*.js"))
    fonts = [path.read_bytes() for path in folder.rglob("*.woff2")]
    assert len(gzip.compress((folder / "css" / "lanyard.css").read_bytes())) < 40_000
    assert scripts < 25_000
    assert len(fonts) == len(typefaces.TYPEFACES)
    assert all(font.startswith(b"wOF2") and len(font) < 25_000 for font in fonts)


def test_scripts_never_write_markup_or_load_from_elsewhere() -> None:
    for path in (assets.SOURCE / "js").iterdir():
        source = path.read_text()
        assert not any(
            word in source for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http")
        )


def test_an_asset_is_kept_for_ever_under_its_own_address(app: Flask) -> None:
    with app.app_context():
        address = assets.url("fonts/fraunces.woff2")
    answer = app.test_client().get(address, buffered=True)
    assert answer.status_code == 200
    assert answer.mimetype == "font/woff2"
    assert answer.cache_control.immutable
    assert answer.cache_control.max_age == assets.YEAR


def test_an_asset_under_an_old_address_is_not_kept(app: Flask) -> None:
    answer = app.test_client().get("/static/0000000000000000/css/lanyard.css", buffered=True)
    assert answer.status_code == 200
    assert not answer.cache_control.immutable


def test_texts_travel_compressed_where_the_browser_can_read_that(app: Flask) -> None:
    with app.app_context():
        address = assets.url("css/lanyard.css")
    plain = app.test_client().get(address, buffered=True)
    squeezed = app.test_client().get(address, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert squeezed.mimetype == plain.mimetype == "text/css"
    assert gzip.decompress(squeezed.data) == plain.data
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("name", ["../secret_key", "..%2Fsecret_key", "css", "nothing.css"])
def test_nothing_outside_the_published_folder_is_served(name: str, app: Flask) -> None:
    with app.app_context():
        address = assets.url(name)
    assert app.test_client().get(address, buffered=True).status_code == 404


def test_browsers_that_ask_for_a_favicon_get_one(app: Flask) -> None:
    answer = app.test_client().get("/favicon.ico", buffered=True)
    assert answer.status_code == 200
    assert answer.mimetype == "image/x-icon"
    assert answer.data.startswith(b"\0\0\1\0")
