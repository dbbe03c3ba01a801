"""The documents of certificates: made once for each, the same bytes for ever, and none stops another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pypdfium2
import pytest
import sqlalchemy as sa

from app.accounts import memberships
from app.kernel.db import db
from app.kernel.errors import Missing
from app.kernel.transaction import transaction
from app.web import typefaces
from catalog.learning import certificate_documents, certificates
from catalog.learning.certificate_documents import Press
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.shelf.covers import RIBBONS
from tests import passing

TEMPLATE = Path(__file__).parents[3] / "templates" / "documents" / "certificate.typ"
SITE = "https://training.example.org"
NUMBER = "LY-7Q4M-2K9X-3HTP3"
# A4 is 842 points broad, and the margin at the right is 17 mm.
RIGHT_EDGE = 842 - 17 * 72 / 25.4


@pytest.fixture(scope="session")
def press(published):
    """Give a press, as the shop opens one."""
    return Press(TEMPLATE, typefaces.for_documents(published), SITE)


def certificate(**changes):
    """Give a certificate that no database holds."""
    facts = {
        "id": uuid4(),
        "number": NUMBER,
        "name": "Amara Okafor",
        "organisation_name": "St Anselm’s Parish",  # noqa: RUF001 - as it should be written
        "slug": "safeguarding-children-essentials",
        "title": "Safeguarding Children: Essentials",
        "category": "children",
        "version": 3,
        "score_percent": 90,
        "minutes": 60,
        "outcomes": ["Recognise signs", "Respond to a child who tells", "Record and report the same day"],
        "nations": "Written for England.",
        "theory_only": "",
        "issued_at": datetime(2026, 11, 23, 10, tzinfo=UTC),
        "issued_on": date(2026, 11, 23),
        "refresh_by": date(2027, 11, 23),
    }
    return Certificate(**{**facts, **changes})


def words(pdf):
    """Give the text of a PDF, and demand that it is one page."""
    read = pypdfium2.PdfDocument(pdf)
    assert len(read) == 1
    return " ".join(read[0].get_textpage().get_text_range().split())


def right_edge(pdf):
    """Give how far to the right anything is written, in points."""
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    return max(text.get_charbox(index)[2] for index in range(text.count_chars()))


def is_universal(pdf):
    """Whether a PDF says that it is PDF/UA-1."""
    return b"pdfuaid:part" in pdf


def certify(actor, number=1):
    with transaction():
        membership = memberships.of_organisation(actor.organisation.id, actor.membership.id)
        return [passing.certify(membership, f"course-{n}").id for n in range(number)]


def documents():
    db.session.rollback()
    return dict(db.session.execute(sa.select(CertificateDocument.certificate_id, CertificateDocument.pdf)).all())


def test_it_says_what_the_certificate_says(press):
    said = words(press.print(certificate(theory_only="Practice is assessed separately.")))
    for part in (
        f"Certificate {NUMBER}",
        "This certifies that",
        "Amara Okafor",
        "completed Safeguarding Children: Essentials",
        "and passed with 90%",
        "23 November 2026",
        "Refresh recommended by",
        "23 November 2027",
        "60 minutes",
        "Version 3",
        "Lanyard for St",
        "Respond to a child who tells",
        "Practice is assessed separately.",
        "Written for England.",
        f"training.example.org/verify/{NUMBER}",
    ):
        assert part in said
    for claim in ("accredit", "approved", "level", "CPD"):
        assert claim not in said.lower()


def test_without_the_lessons_it_says_assessment_only(press):
    said = words(press.print(certificate(minutes=0)))
    assert "Assessment only" in said
    assert "minutes" not in said


def test_printing_twice_gives_the_same_bytes(press, published):
    again = Press(TEMPLATE, typefaces.for_documents(published), SITE)
    shown = certificate()
    assert press.print(shown) == press.print(shown) == again.print(shown)


def test_it_is_tagged_and_names_itself_for_screen_readers(press):
    pdf = press.print(certificate())
    assert is_universal(pdf)
    read = pypdfium2.PdfDocument(pdf)
    assert read.is_tagged()
    facts = read.get_metadata_dict(skip_empty=True)
    assert facts["Title"] == f"Certificate {NUMBER}: Safeguarding Children: Essentials, Amara Okafor"
    assert facts["Author"] == "Lanyard"
    assert facts["CreationDate"].startswith("D:20261123100000")
    assert b"<dc:language><rdf:Bag><rdf:li>en-GB</rdf:li>" in pdf


@pytest.mark.parametrize(
    "name",
    [
        "Siân Ŵyn-Llŷr ap Gruffydd o’r Rhiwbeina",  # noqa: RUF001 - as it should be written
        "Wanda Żółć-Gąszczyńska",
        "Nguyễn Thị Ánh",
        "Жанна Петренко",
        "Ελένη Παπαδοπούλου",
    ],
)
def test_names_in_our_scripts_are_printed_as_they_are_written(press, name):
    pdf = press.print(certificate(name=name))
    assert is_universal(pdf)
    assert name in words(pdf)


@pytest.mark.parametrize("name", ["فاطمة الزهراء", "محمد علی جناح"])
def test_arabic_names_have_their_letters(press, name):
    assert is_universal(press.print(certificate(name=name)))


@pytest.mark.parametrize("name", ["李小龍", "Ruth 😀"])
def test_a_name_with_signs_that_we_cannot_print_says_where_it_is_written_in_full(press, name):
    pdf = press.print(certificate(name=name))
    assert not is_universal(pdf)
    assert "It is written in full at the address below." in words(pdf)


@pytest.mark.parametrize(
    "name",
    [
        "Maximiliana Theodora Alexandra " * 3 + "Featherstonehaugh-Smythe",
        "W" * 120,
        "m" * 60 + " " + "w" * 59,
        "#panic() $x$ \\ *a* <b>",
    ],
)
@pytest.mark.parametrize("title", ["Safeguarding Children: Essentials", "Forced Marriage and So-Called Honour-Based Abuse " * 2])
def test_whatever_is_written_stays_on_one_page_and_in_its_column(press, name, title):
    pdf = press.print(
        certificate(name=name, title=title, minutes=0, organisation_name="N" * 120, outcomes=["Do a long thing " * 12] * 7)
    )
    assert f"training.example.org/verify/{NUMBER}" in words(pdf)
    assert right_edge(pdf) <= RIGHT_EDGE + 1


@pytest.mark.parametrize("category", sorted(RIBBONS))
def test_every_category_has_its_panel(press, category):
    assert press.print(certificate(category=category, slug=f"a-{category}"))


def test_the_sweep_makes_each_document_once_and_never_again(owner, shop):
    ids = certify(owner, 3)
    run = shop.extensions["jobs"].run
    assert run("certificates") == 3
    made = documents()
    assert set(made) == set(ids)
    assert all(pdf.startswith(b"%PDF") for pdf in made.values())
    assert run("certificates") == 0
    assert documents() == made


def test_a_sweep_that_was_killed_halfway_makes_the_rest(owner, press):
    ids = certify(owner, 3)
    with pytest.raises(KeyboardInterrupt):
        certificate_documents.make_missing(lambda: Jammed(press, ids[1], KeyboardInterrupt))
    # The oldest comes first.
    assert set(documents()) == {ids[0]}
    before = documents()[ids[0]]
    assert certificate_documents.make_missing(lambda: press) == 2
    assert set(documents()) == set(ids)
    assert documents()[ids[0]] == before


def test_one_that_fails_stops_no_other_and_is_logged_without_names(owner, press, capsys):
    ids = certify(owner, 3)
    assert certificate_documents.make_missing(lambda: Jammed(press, ids[1], RuntimeError)) == 2
    assert set(documents()) == {ids[0], ids[2]}
    said = capsys.readouterr()
    assert "certificate failed" in said.out + said.err
    assert "Ruth" not in said.out + said.err
    assert certificate_documents.make_missing(lambda: press) == 1


def test_of_several_workers_the_first_one_wins(owner, shop, press):
    certify(owner, 2)

    def sweep(_):
        with shop.app_context():
            return certificate_documents.make_missing(lambda: press)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sweep, range(4))) == 2
    assert len(documents()) == 2


def test_a_worker_who_is_late_changes_nothing(owner, press):
    (found,) = certify(owner)

    class Overtaken:
        def print(self, _certificate):
            """Let another worker finish first."""
            assert certificate_documents.make_missing(lambda: press) == 1
            return b"%PDF late"

    assert certificate_documents.make_missing(Overtaken) == 0
    assert documents()[found] != b"%PDF late"


def test_nothing_is_opened_while_nothing_is_missing(shop):
    assert certificate_documents.make_missing(lambda: 1 / 0) == 0


def test_a_document_is_missing_until_it_is_made(owner, shop):
    (found,) = certify(owner)
    with pytest.raises(Missing, match="is being made"):
        certificate_documents.of(certificates.known(found))
    shop.extensions["jobs"].run("certificates")
    db.session.rollback()
    assert certificate_documents.of(certificates.known(found)).startswith(b"%PDF")


class Jammed:
    """A press that fails at one certificate."""

    def __init__(self, press, at, error):
        self._press, self._at, self._error = press, at, error

    def print(self, certificate):
        """Print it, unless it is that one."""
        if certificate.id == self._at:
            raise self._error
        return self._press.print(certificate)
