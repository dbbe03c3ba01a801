"""Brands: colours that are read well, and pictures known by what is in them, written anew and kept small."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from PIL import Image, PngImagePlugin

from app.accounts import brands
from app.accounts.brands import Wish
from app.kernel import contrast, pictures
from app.kernel.db import db
from app.kernel.errors import Invalid, Missing
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from tests.picture_making import picture

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def save(owner, colour="#1c4477", logo=b"", name="St Mary"):
    wish = Wish(name, colour, brands.fitted(logo) if logo else None)
    with transaction():
        brands.save(owner.organisation.id, wish, by=owner.person.id)


@pytest.mark.parametrize(
    ("one", "other", "found"), [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)]
)
def test_the_contrast_of_two_colours_is_what_wcag_says(one, other, found):
    assert round(contrast.ratio(one, other), 2) == found
    assert contrast.ratio(one, other) == contrast.ratio(other, one)


@pytest.mark.parametrize("ground", ["#ffffff", brands.DARK_GROUND])
@pytest.mark.parametrize("colour", ["#ffff00", "#ff8800", "#777777", "#0b5d55", "#000000", "#ffffff", "#e6007e"])
def test_the_nearest_colour_is_read_well_and_one_that_is_already_stays(colour, ground):
    nearest = contrast.nearest(colour, ground)
    assert contrast.is_enough(nearest, ground)
    assert (nearest == colour) == contrast.is_enough(colour, ground)


def test_a_colour_that_cannot_be_read_is_refused_with_the_nearest_that_can(owner):
    with pytest.raises(Invalid, match=r"1\.1 to 1, and 4\.5 is needed. The nearest that has it is #7a7a00") as refused:
        save(owner, "#FFFF00")
    assert refused.value.field == "colour"
    for typed in ("red", "#12345", "#1234567", "", "#zzzzzz"):
        with pytest.raises(Invalid, match="six signs"):
            save(owner, typed)
    save(owner, " 1C4477 ")
    assert brands.of(owner.organisation.id).colour == "#1c4477"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_known_by_what_is_in_it_and_kept_small(owner, kind):
    save(owner, logo=picture(kind=kind))
    brand = brands.of(owner.organisation.id)
    assert (brand.logo_width, brand.logo_height) == (360, 90)
    kept = Image.open(io.BytesIO(brands.logo(owner.organisation.id, brand.logo_digest)))
    assert (kept.format, kept.size) == ("PNG", (360, 90))


def test_nothing_travels_along_with_a_logo_and_what_is_clear_becomes_white(owner):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "secret words")
    content = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(content, "PNG", pnginfo=notes)
    save(owner, logo=content.getvalue() + b"secret words")
    brand = brands.of(owner.organisation.id)
    kept = brands.logo(owner.organisation.id, brand.logo_digest)
    assert b"secret" not in kept
    assert Image.open(io.BytesIO(kept)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SVG, "An SVG cannot be used"),
        (b"GIF89a", "PNG, JPEG or WebP"),
        (picture()[:200], "PNG, JPEG or WebP"),
        (b"x" * (pictures.LARGEST + 1), "larger than 1 MB"),
        (picture(2001, 2000), "too many points"),
        (picture(kind="JPEG") + pictures.SCAN * 64, "too many parts"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_and_changes_nothing(owner, content, words):
    with pytest.raises(Invalid, match=words) as refused:
        save(owner, logo=content)
    assert refused.value.field == "logo"
    assert brands.of(owner.organisation.id) is None


def test_a_picture_of_another_format_in_a_known_frame_is_refused(owner):
    content = io.BytesIO()
    Image.new("RGB", (4, 4)).save(content, "BMP")
    with pytest.raises(Invalid, match="PNG, JPEG or WebP"):
        save(owner, logo=content.getvalue())


def test_without_a_new_picture_the_logo_stays_until_it_is_removed(owner):
    save(owner, logo=picture())
    digest = brands.of(owner.organisation.id).logo_digest
    save(owner, "#0b5d55")
    db.session.expire_all()
    brand = brands.of(owner.organisation.id)
    assert (brand.colour, brand.logo_digest) == ("#0b5d55", digest)
    with transaction():
        brands.remove_logo(owner.organisation.id, by=owner.person.id)
    with pytest.raises(Missing):
        brands.logo(owner.organisation.id, digest)
    with pytest.raises(Missing), transaction():
        brands.remove_logo(owner.organisation.id, by=owner.person.id)


def test_an_organisation_gets_another_name_and_the_journal_says_so_without_it(owner):
    save(owner, name="St  Mary the Great ")
    assert owner.organisation.name == "St Mary the Great"
    entries = db.session.scalars(sa.select(JournalEntry).where(JournalEntry.what.like("organisation.renamed"))).all()
    assert [entry.facts for entry in entries] == [{}]
    with pytest.raises(Invalid):
        save(owner, name=" ")
