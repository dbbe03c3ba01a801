"""Sheets that come from elsewhere: CSV and XLSX read row by row, whatever wrote them, and refused with words that help."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

from app.kernel import books
from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_COLUMNS = 500
MOST_CELLS = 2_000_000
MOST_ROWS = 200_000
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 20
UNREADABLE = "We cannot read the letters of this file. Save it again as “CSV UTF-8” or as XLSX, and send that."


def rows(content: bytes, name: str) -> Iterator[list[str]]:
    """Give the rows of a CSV or XLSX as texts; raises Invalid, for the form's file, with what to do when it cannot be read."""
    if not content.strip():
        raise Invalid("This file is empty. Choose the one that holds the people.", field="file")
    is_book = content.startswith(b"PK\x03\x04")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid("This is an old Excel file (.xls), or one with a password. Save it as XLSX or CSV.", field="file")
    if name.casefold().endswith((".xlsx", ".xlsm")) and not is_book:
        raise Invalid(books.NO_BOOK, field="file")
    return _bounded(_of_book(content) if is_book else of_text(decoded(content)))


def decoded(content: bytes) -> str:
    """Give the text of a file in whichever of the usual encodings it is; raises Invalid when it is no text."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decode(content, encoding)
    if b"\0" in content:
        raise Invalid(books.NO_BOOK, field="file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(content, "cp1252")


def of_text(text: str) -> Iterator[list[str]]:
    """Give the rows of a CSV, whichever sign stands between its cells."""
    delimiter = _delimiter(text)
    # As bytes: a StringIO would take four for each letter.
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline=""), delimiter=delimiter)
    del text
    try:
        yield from reader
    except csv.Error as error:
        raise Invalid(
            f"Line {reader.line_num} cannot be read: look for a quotation mark without its pair.", field="file"
        ) from error


def _decode(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Invalid(UNREADABLE, field="file") from error
    if "\0" in text:
        raise Invalid(books.NO_BOOK, field="file")
    return text


def _delimiter(text: str) -> str:
    """Give the sign that stands between cells: the one that is there most evenly in the first lines."""
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:SAMPLE_LINES]
    scores = {}
    for sign in DELIMITERS:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=sign))
        width, how_often = max(counts.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        scores[sign] = how_often if width > 1 else 0
    return max(DELIMITERS, key=lambda sign: scores[sign])


def _of_book(content: bytes) -> Iterator[list[str]]:
    book = books.opened(content)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True):
            yield ["" if cell is None else str(cell) for cell in row]
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(books.NO_BOOK, field="file") from error
    finally:
        book.close()


def _bounded(found: Iterator[list[str]]) -> Iterator[list[str]]:
    """Give rows until there are more rows or cells than a list of people has."""
    cells = 0
    for number, row in enumerate(found, start=1):
        # A row that stands far down comes after as many empty ones, which hold no cell.
        if number > MOST_ROWS:
            raise Invalid(f"This sheet has more than {MOST_ROWS:,} rows. Copy the list into a new file.", field="file")
        cells += len(row)
        if len(row) > MOST_COLUMNS and any(cell.strip() for cell in row[MOST_COLUMNS:]):
            raise Invalid(f"This sheet has more than {MOST_COLUMNS} columns. Keep those of the template.", field="file")
        if cells > MOST_CELLS:
            raise Invalid("This sheet has more than two million cells. Keep the columns of the template.", field="file")
        yield row
