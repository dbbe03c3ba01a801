"""Books: an XLSX costs no more to read than a list of people, whatever it unpacks to, and a real list is read whole."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import pytest

from app.accounts import people_lists
from app.kernel import books, sheet_reading, sheets
from app.kernel.errors import Invalid

PORTION = 16 * 1024
MANY = 3_000_000
SHEET, STYLES, STRINGS, TYPES = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml", "[Content_Types].xml"
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRINGS_TYPE = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
PLAIN = sheets.as_xlsx(("Name", "E-mail"), [("Ruth Amadi", "ruth@example.org")], "People")


def parts_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {part.filename: archive.read(part) for part in archive.infolist()}


def with_parts(parts):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in (parts_of(PLAIN) | parts).items():
            archive.writestr(name, part)
    return content.getvalue()


def before(end, more, part=SHEET):
    """Give a part of a plain book with more in it, before one of its tags."""
    return {part: parts_of(PLAIN)[part].replace(end, more + end)}


def texts(more):
    kind = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/>' % STRINGS_TYPE
    return {STRINGS: b'<sst xmlns="%s">%s</sst>' % (MAIN, more)} | before(b"</Types>", kind, TYPES)


def in_utf_16(parts):
    return {name: part.decode().replace("UTF-8", "UTF-16").encode("utf-16") for name, part in parts.items()}


def cells():
    return before(b"</sheetData>", b"<row>" + b"<c/>" * MANY + b"</row>")


def named_cells():
    return before(b"</sheetData>", b'<x:row xmlns:x="%s">' % MAIN + b"<x:c/>" * MANY + b"</x:row>")


TOO_MUCH = {
    "cells in one row": cells,
    "cells in one row of a named space": named_cells,
    "cells in one row in UTF-16": lambda: in_utf_16(cells()),
    "attributes of one cell": lambda: before(b"</sheetData>", b"<row><c " + b'a="" ' * MANY + b"/></row>"),
    "tags around the rows": lambda: before(b"<sheetData>", b"<x/>" * MANY),
    "links after the rows": lambda: before(b"</worksheet>", b"<hyperlinks>" + b"<hyperlink/>" * 1_000_000 + b"</hyperlinks>"),
    "styles": lambda: before(b"</cellXfs>", b"<xf/>" * MANY, STYLES),
    "styles between rows": lambda: before(b"</cellXfs>", (b"<xf/>" * 10_000 + b"<row/>") * 300, STYLES),
}


@pytest.mark.parametrize("make", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_book_that_would_fill_the_memory_is_refused_before_it_does(make):
    content = with_parts(make())
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match="Copy the list into a new file"):
            list(sheet_reading.rows(content, "people.xlsx"))
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < 60_000_000


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (SHEET, cells),
        (SHEET, lambda: before(b"</sheetData>", b"<row/>" * MANY)),
        (STRINGS, lambda: texts(b"<si/>" * MANY)),
    ],
)
def test_no_more_of_a_part_is_read_than_shows_what_it_is(name, make):
    read = []
    with books.Archive(io.BytesIO(with_parts(make()))) as archive, archive.open(name) as part, pytest.raises(Invalid):
        read.extend(iter(lambda: len(part.read(PORTION)), 0))
    assert 0 < sum(read) < 5_000_000


def test_no_row_is_read_after_those_that_are_too_many():
    taken = []
    found = sheet_reading.rows(sheets.as_xlsx(("E-mail",), ((f"p{n}@example.org",) for n in range(50_000)), "People"), "x.xlsx")
    with pytest.raises(Invalid, match="more than 20,000 people"):
        people_lists.checked(people_lists.of_rows(taken.append(row) or row for row in found))
    assert len(taken) == people_lists.MOST + 2


def test_a_row_across_a_whole_sheet_and_a_link_for_each_person_are_read():
    cells = b"".join(b'<c r="A2" s="1"/>' for _ in range(16_000))
    links = b"<hyperlinks>" + b'<hyperlink ref="B2" location="x"/>' * people_lists.MOST + b"</hyperlinks>"
    sheet = parts_of(PLAIN)[SHEET].replace(b"</sheetData>", b'<row r="3">' + cells + b"</row></sheetData>" + links)
    assert len(list(sheet_reading.rows(with_parts({SHEET: sheet}), "x.xlsx"))) == 3
