"""Guides in a browser: whole, as a PDF and, for forms, as a Word document, for whoever has a seat; only their beginning else."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import docx
import pypdfium2
import pytest

from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.transaction import transaction
from catalog.shelf import importing
from tests.house.statements import Recorder
from tests.page_reader import PageReader
from tests.shelf import FOLDER

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TITLE = "Ymateb i Ddatgeliad: Pum Cam a Ŵyn"


@pytest.fixture
def leo(parish):
    """Give the browser of a learner with a seat."""
    parish.pays_for(5)
    return parish.member("leo@example.org", Role.LEARNER, seat=True)


@pytest.fixture
def reload(app, tmp_path):
    """Give a way to change the guide and load the shelf again."""

    def change(before, after):
        content = Path(shutil.copytree(FOLDER, tmp_path / "content"))
        guide = content / "guides" / "five-steps.md"
        assert before in guide.read_text()
        guide.write_text(guide.read_text().replace(before, after))
        with app.app_context():
            read = importing.read(content)
            with transaction():
                importing.load(read)

    return change


def at(parish, name="five-steps"):
    return f"/learn/{parish.id}/guides/{name}"


def names(browser):
    """Give the words of what can be pressed on the page."""
    return [link.get_text() for link in browser.page.select("article a.button")]


def test_a_form_can_be_had_as_pdf_and_for_word(parish, leo):
    leo.get(at(parish))
    assert names(leo) == ["Download PDF", "Download Word document"]
    leo.click("Download PDF")
    assert leo.path == f"{at(parish)}.pdf"
    assert leo.response.mimetype == "application/pdf"
    assert leo.response.headers["Content-Disposition"] == 'attachment; filename="Five Steps.pdf"'
    text = pypdfium2.PdfDocument(leo.response.data)[0].get_textpage().get_text_range()
    assert "Only this is for those with a seat." in text
    assert "Lanyard for St Mary · version 1 · reviewed on 1" in text
    leo.get(at(parish))
    leo.click("Download Word document")
    assert leo.path == f"{at(parish)}.docx"
    assert leo.response.mimetype == WORD
    assert leo.response.headers["Content-Disposition"] == 'attachment; filename="Five Steps.docx"'
    document = docx.Document(io.BytesIO(leo.response.data))
    assert "Only this is for those with a seat." in [paragraph.text for paragraph in document.paragraphs]
    assert document.tables[0].cell(0, 0).text == "Name of the child"


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_no_cache_keeps_a_document(parish, leo, ending):
    leo.get(f"{at(parish)}.{ending}")
    assert leo.response.headers["Cache-Control"] == "no-store"
    assert leo.response.headers["X-Content-Type-Options"] == "nosniff"
    assert "ETag" not in leo.response.headers


def test_what_is_no_form_is_not_there_for_word(parish, leo, reload):
    reload("kind: form", "kind: steps")
    leo.get(at(parish))
    assert names(leo) == ["Download PDF"]
    leo.get(f"{at(parish)}.pdf")
    leo.get(f"{at(parish)}.docx", 404)


def test_a_new_version_is_printed_as_it_is_now(parish, leo, reload):
    leo.get(f"{at(parish)}.pdf")
    reload("Let them speak.", "Let them speak first.")
    leo.get(f"{at(parish)}.pdf")
    text = pypdfium2.PdfDocument(leo.response.data)[0].get_textpage().get_text_range()
    assert "Let them speak first." in text
    assert "version 2" in text


def test_a_title_in_another_language_is_kept_in_the_name_of_the_file(parish, leo, reload):
    reload("title: Five Steps", f'title: "{TITLE}"')
    for ending in ("pdf", "docx"):
        leo.get(f"{at(parish)}.{ending}")
        named = leo.response.headers["Content-Disposition"]
        assert f'filename="Ymateb i Ddatgeliad - Pum Cam a Wyn.{ending}"' in named
        assert f"filename*=UTF-8''Ymateb%20i%20Ddatgeliad%20-%20Pum%20Cam%20a%20%C5%B4yn.{ending}" in named


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_without_a_seat_there_is_no_document(parish, ending):
    nobody = parish.member("nora@example.org", Role.LEARNER)
    nobody.get(f"{at(parish)}.{ending}", 403)
    parish.pays_for(5)
    nobody.get(f"{at(parish)}.{ending}", 403)
    nobody.get(f"{at(parish, 'never-was')}.{ending}", 403)
    # Owners may look around.
    parish.owner.get(f"{at(parish)}.{ending}")


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_a_guide_that_is_not_there_has_no_document(parish, leo, ending):
    for name in ("never-was", "five-steps.pdf", "five-steps.docx", ".."):
        leo.get(f"{at(parish, name)}.{ending}", 404)


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_strangers_are_asked_to_sign_in(app, parish, ending):
    visitor = PageReader(app)
    visitor.get(f"{at(parish)}.{ending}", 303)
    assert visitor.location.startswith("/sign-in")


def test_a_visitor_sees_how_it_begins_and_no_document(app, parish):
    visitor = PageReader(app)
    visitor.get("/library/five-steps")
    assert "Let them speak." in visitor.words
    assert "Only this is for those with a seat." not in visitor.words
    assert "Download" not in visitor.words
    for ending in ("pdf", "docx"):
        visitor.get(f"/library/five-steps.{ending}", 404)


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_nothing_is_written_when_a_document_is_made(app, parish, leo, ending):
    with app.app_context(), Recorder(db.engine) as recorder:
        leo.get(f"{at(parish)}.{ending}")
    assert recorder.writes == []
