"""The documents of guides: every kind of block on paper and in Word, whatever is written, and the same bytes each time."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import docx
import pypdfium2
import pytest
from docx.oxml.ns import qn

from app.cli.content import FOLDER as OURS
from app.web import typefaces
from catalog.shelf import guide_documents, page_files, word_documents
from catalog.shelf.guide_documents import Press
from catalog.shelf.guides import GuideVersion
from tests.shelf import FOLDER

TEMPLATE = Path(__file__).parents[2] / "templates" / "documents" / "guide.typ"
GUIDES = sorted((OURS / "guides").glob("*.md"))
ORGANISATION = "St Mary, Llanfair"
# A4 is 595 points broad, and the margins are 18 mm.
RIGHT_EDGE = 595 - 18 * 72 / 25.4
FRONT = """---
title: {title}
summary: What to do, in one line.
category: children
audience: Everyone
kind: {kind}
sources:
  - A source with *stars*
reviewed_on: 2026-11-23
---

"""
EVERYTHING = """Some **strong** and *soft* words, a `bit of code` and a line\\
that ends. Ring [the lead](tel:01632960123), write to [the office](mailto:office@example.org), or call
[01632 960 123](tel:01632960123). Take [a course](course:first-response).

#### Too deep a heading

:::callout important In *danger*
Ring 999.

- Now
:::

:::callout say
"I will listen."
:::

:::key-points
- Be kind
:::

### Lists

- Outer
  - Inner
    - Innermost
      - Further in still
- [ ] Among others

3. Third
4. Fourth

   with more to say

Between

1. Anew

Between again

- [ ] Tick **this**
- [ ] And that

| Say | Name |
|---|---|
| "Tell me." | |
| | |

> Quoted

```
let x = #panic()
```

---

:::fields
- Short
- A *longer* label, which leaves little room behind it and so has its line below, does it not
- Much to say {5}
:::
"""
NASTY = """#read("x") #panic() $x$ \\\\ <script>alert(1)</script> {{ 7 * 7 }} @label <w:p/> &amp;

Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch{longer} Ŵyn, Ŷd a Siân

{word}

| {word} | b |
|---|---|
| {word} | {word} |

:::fields
- {word} {{2}}
- #image("/etc/hostname")
:::
"""


@pytest.fixture(scope="session")
def press(published):
    """Give a press, as the shop opens one."""
    return Press(TEMPLATE, typefaces.for_documents(published))


def version(path, number=3):
    """Give a guide that no database holds."""
    file = page_files.guide(path)
    return GuideVersion(slug=file.slug, number=number, digest=file.digest, html=file.html, blocks=file.blocks, **file.front)


@pytest.fixture
def guide(tmp_path):
    """Give a way to write a guide."""

    def write(text, kind="form", title="Every Kind of Block"):
        path = tmp_path / "a-guide.md"
        path.write_text(FRONT.format(kind=kind, title=title) + text)
        return version(path)

    return write


def pages(pdf):
    """Give the text of each page."""
    return [" ".join(page.get_textpage().get_text_range().split()) for page in pypdfium2.PdfDocument(pdf)]


def words(pdf):
    return " ".join(pages(pdf))


def right_edge(pdf):
    """Give how far to the right anything is written, in points."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        text = page.get_textpage()
        signs = range(text.count_chars())
        found += [text.get_charbox(index)[2] for index in signs if text.get_text_range(index, 1).strip()]
    return max(found)


def size_of(pdf, sign):
    """Give how high a letter is printed where it stands first, in points."""
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    [left, bottom, right, top] = text.get_charbox(text.get_text_range().index(sign))
    assert right > left
    return top - bottom


def drawn(pdf):
    """Give the boxes and lines of the first page: breadth and height, in points."""
    page = pypdfium2.PdfDocument(pdf)[0]
    bounds = [found.get_bounds() for found in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_PATH])]
    return [(right - left, top - bottom) for left, bottom, right, top in bounds]


def is_universal(pdf):
    """Whether a PDF says that it is PDF/UA-1."""
    return b"pdfuaid:part" in pdf


def word(found, organisation=ORGANISATION):
    """Give a document for Word, as it is read back."""
    return docx.Document(io.BytesIO(word_documents.of(found, organisation)))


def paragraphs(document):
    """Give the paragraphs that hold words: their style and the words."""
    return [(found.style.name, found.text) for found in document.paragraphs if found.text]


def test_every_kind_of_block_is_printed(press, guide):
    pdf = press.print(guide(EVERYTHING), ORGANISATION)
    assert is_universal(pdf)
    said = words(pdf)
    for part in (
        "Every Kind of Block What to do, in one line. Some strong and soft words, a bit of code and a line that ends.",
        "the lead (01632960123), write to the office (office@example.org), or call 01632 960 123. Take a course.",
        "Too deep a heading",
        "In danger Ring 999. • Now",
        "You could say “I will listen.”",
        "Key points • Be kind",
        "Lists • Outer • Inner • Innermost • Further in still • Among others 3. Third 4. Fourth with more to say Between 1. Anew",
        "Tick this And that",
        "Say Name “Tell me.”",
        "Quoted let x = #panic()",
        "Short A longer label, which leaves little room behind it and so has its line below, does it not Much to say",
        "Sources • A source with *stars*",
    ):
        assert part in said
    assert "[ ]" not in said
    assert "course:first-response" not in said


def test_boxes_to_tick_and_lines_to_write_on_are_drawn(press, guide):
    shapes = drawn(press.print(guide("- [ ] One\n- [ ] Two\n\n:::fields\n- Name\n- Words {4}\n:::\n"), ORGANISATION))
    assert len([1 for breadth, height in shapes if 5 < breadth < 14 and abs(breadth - height) < 1]) == 2
    lines = [breadth for breadth, height in shapes if height < 2 and breadth > 200]
    # The one at the foot of the page, and one to five to write on: the first of each field stands behind its label.
    assert len(lines) == 1 + 5


def test_the_foot_says_whose_which_and_since_when(press, guide):
    found = pages(press.print(guide("Word " * 1500 + "\n"), ORGANISATION))
    assert len(found) == 2
    for number, page in enumerate(found, start=1):
        assert f"Lanyard for {ORGANISATION} · version 3 · reviewed on 23 November 2026 · page {number} of 2" in page


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_our_own_guides_stand_on_two_sides_at_most(press, path):
    found = version(path)
    pdf = press.print(found, "The Parochial Church Council of St Mary and All Saints")
    assert is_universal(pdf)
    assert len(pages(pdf)) <= (1 if found.kind in {"steps", "card", "poster"} else 2)
    assert right_edge(pdf) <= RIGHT_EDGE + 1
    said = words(pdf)
    for source in found.sources:
        assert source.replace("'", "’").split(",")[0] in said.replace("'", "’")  # noqa: RUF001 - as quotes may be curled


def test_what_is_short_is_printed_large_to_be_pinned_up(press, guide):
    poster, form = (press.print(guide("Xylophone.\n", kind), ORGANISATION) for kind in ("poster", "form"))
    long = press.print(guide("Xylophone.\n\n" + "Word. " * 1100 + "\n", "poster"), ORGANISATION)
    assert size_of(poster, "X") > size_of(form, "X") > size_of(long, "X")


def test_a_guide_that_is_far_too_long_is_printed_all_the_same(press, guide):
    assert len(pages(press.print(guide("Word. " * 4000 + "\n"), ORGANISATION))) > 2


@pytest.mark.parametrize("nasty", ["W" * 120, "m" * 60 + "-" + "w" * 59])
def test_whatever_is_written_is_printed_as_words_and_stays_in_its_column(press, guide, nasty):
    pdf = press.print(guide(NASTY.format(word=nasty, longer="go" * 40), title='\'#read("x") ' + "T" * 80 + "'"), nasty)
    assert is_universal(pdf)
    said = words(pdf)
    for part in ("#read(“x”) #panic() $x$", "<script>alert(1)</script> { 7 * 7 }", "@label <w:p/> &", "Ŵyn, Ŷd a Siân"):
        assert part in said
    assert "#image(“/etc/hostname”)" in said
    assert right_edge(pdf) <= RIGHT_EDGE + 1


@pytest.mark.parametrize("name", ["Eglwys Ŵyn a Llŷr", "Parafia św. Łucji", "Храм Покрова", "مسجد النور"])
def test_organisations_are_named_in_their_own_letters(press, guide, name):
    assert is_universal(press.print(guide("Words.\n"), name))


def test_signs_that_we_cannot_print_are_owned_up_to(press, guide):
    pdf = press.print(guide("Words.\n"), "李小龍 😀")
    assert not is_universal(pdf)
    assert "This text has signs that our printer does not have." in words(pdf)


def test_printing_twice_gives_the_same_bytes_also_to_several_at_once(press, published, guide):
    found = guide(EVERYTHING)
    once = press.print(found, ORGANISATION)
    assert Press(TEMPLATE, typefaces.for_documents(published)).print(found, ORGANISATION) == once
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: press.print(found, ORGANISATION), range(8))) == {once}


def test_the_pdf_is_tagged_and_names_itself_for_screen_readers(press, guide):
    pdf = press.print(guide(EVERYTHING), ORGANISATION)
    read = pypdfium2.PdfDocument(pdf)
    assert read.is_tagged()
    facts = read.get_metadata_dict(skip_empty=True)
    assert facts["Title"] == "Every Kind of Block"
    assert facts["Author"] == "Lanyard"
    assert facts["CreationDate"].startswith("D:20261123000000")
    assert b"<dc:language><rdf:Bag><rdf:li>en-GB</rdf:li>" in pdf


def test_word_has_the_same_text_with_real_headings_and_lists(guide):
    found = word(guide(EVERYTHING))
    assert paragraphs(found) == [
        ("Title", "Every Kind of Block"),
        ("Subtitle", "What to do, in one line."),
        (
            "Normal",
            (
                "Some strong and soft words, a bit of code and a line\nthat ends. Ring the lead (01632960123), write to "
                "the office (office@example.org), or call 01632 960 123. Take a course."
            ),
        ),
        ("Heading 1", "Too deep a heading"),
        ("Heading 2", "Lists"),
        ("List Bullet", "Outer"),
        ("List Bullet 2", "Inner"),
        ("List Bullet 3", "Innermost"),
        ("List Bullet 3", "Further in still"),
        ("Tick", "\tAmong others"),
        ("List Number", "Third"),
        ("List Number", "Fourth"),
        ("Normal", "with more to say"),
        ("Normal", "Between"),
        ("List Number", "Anew"),
        ("Normal", "Between again"),
        ("Tick", "\tTick this"),
        ("Tick", "\tAnd that"),
        ("Normal", "Quoted"),
        ("Normal", "let x = #panic()"),
        ("Normal", "* * *"),
        ("Heading 1", "Sources"),
        ("List Bullet", "A source with *stars*"),
    ]
    runs = {run.text: run for paragraph in found.paragraphs for run in paragraph.runs}
    assert runs["strong"].bold
    assert runs["soft"].italic


def test_word_counts_each_list_by_itself(guide):
    found = word(guide(EVERYTHING))
    numbers = {
        paragraph.text: paragraph._p.pPr.numPr.numId.val  # noqa: SLF001 - python-docx has no name for it
        for paragraph in found.paragraphs
        if paragraph.style.name == "List Number"
    }
    assert numbers["Third"] == numbers["Fourth"] != numbers["Anew"]
    begins = {
        made.numId: made.find(qn("w:lvlOverride")).find(qn("w:startOverride")).get(qn("w:val"))
        for made in found.part.numbering_part.element.num_lst
        if made.find(qn("w:lvlOverride")) is not None
    }
    assert (begins[numbers["Third"]], begins[numbers["Anew"]]) == ("3", "1")


def test_word_has_boxes_that_can_be_ticked_and_cells_that_can_be_typed_into(guide):
    found = word(guide(EVERYTHING))
    boxes = list(found.element.body.iter("{http://schemas.microsoft.com/office/word/2010/wordml}checkbox"))
    assert len(boxes) == 3
    danger, _say, _points, table, fields = found.tables
    assert [paragraph.text for paragraph in danger.cell(0, 0).paragraphs] == ["In danger", "Ring 999.", "Now"]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["Say", "Name"], ["“Tell me.”", ""], ["", ""]]
    texts = [[cell.text for cell in row.cells] for row in fields.rows]
    assert texts[0] == ["Short", ""]
    assert texts[1][0].startswith("A longer label")
    # Much to say has the whole breadth, below its label.
    assert texts[2:] == [["Much to say", "Much to say"], ["", ""]]
    assert round(fields.rows[3].height.cm) == 4


def test_word_names_itself_and_holds_nothing_of_the_template_it_was_made_with(guide):
    content = word_documents.of(guide(EVERYTHING), ORGANISATION)
    found = docx.Document(io.BytesIO(content))
    facts = found.core_properties
    assert (facts.title, facts.author, facts.last_modified_by) == ("Every Kind of Block", "Lanyard", "Lanyard")
    assert (facts.language, facts.comments, facts.version) == ("en-GB", "", "3")
    assert f"{facts.created:%Y-%m-%d} {facts.modified:%Y-%m-%d}" == "2026-11-23 2026-11-23"
    assert {language.get(qn("w:val")) for language in found.styles.element.iter(qn("w:lang"))} == {"en-GB"}
    section = found.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    foot = section.footer.paragraphs[0].text
    assert foot == f"Lanyard for {ORGANISATION} · version 3 · reviewed on 23 November 2026 · page  of "
    with ZipFile(io.BytesIO(content)) as parts:
        assert not [name for name in parts.namelist() if "thumbnail" in name]
        assert {part.date_time for part in parts.infolist()} == {(2026, 11, 23, 0, 0, 0)}
        footer = parts.read("word/footer1.xml").decode()
    assert 'w:instr="PAGE"' in footer
    assert 'w:instr="NUMPAGES"' in footer


@pytest.mark.parametrize("path", [*GUIDES, FOLDER / "guides" / "five-steps.md"], ids=lambda path: path.stem)
def test_word_gives_the_same_bytes_each_time(path):
    assert word_documents.of(version(path), ORGANISATION) == word_documents.of(version(path), ORGANISATION)


def test_word_takes_whatever_is_written(guide):
    found = guide(NASTY.format(word="W" * 120, longer="go" * 40), title="T" * 300)
    document = word(found, "St \x0bMary <&> 李小龍 😀")
    assert document.core_properties.title == "T" * 255
    assert "Lanyard for St Mary <&> 李小龍 😀" in document.sections[0].footer.paragraphs[0].text
    assert any("<script>alert(1)</script> { 7 * 7 }" in text for _, text in paragraphs(document))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Responding to a Disclosure: Five Steps", "Responding to a Disclosure - Five Steps.pdf"),
        ('What? "This" / that\\ <one> | *', "What This that one.pdf"),
        ("Gofal plant ym Mhenybont: Ŵyn", "Gofal plant ym Mhenybont - Ŵyn.pdf"),
        ("..\\..", "a-guide.pdf"),
    ],
)
def test_files_are_named_after_the_title(guide, title, name):
    found = guide("Words.\n")
    found.title = title
    assert guide_documents.file_name(found, "pdf") == name
