"""Sheets: tables written as CSV and XLSX so that what somebody typed stays text and never becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import TYPE_CHECKING

import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A program that opens a CSV takes a cell that begins with one of these for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - those of full width count as well
GUARD = "'"
NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDTH = 24


def guarded(cell: str) -> str:
    """Give a cell that no program takes for a formula; a number below nothing is none."""
    if NUMBER.fullmatch(cell):
        return cell
    return GUARD + cell if cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def unguarded(cell: str) -> str:
    """Give a cell as it was before it was guarded."""
    rest = cell.removeprefix(GUARD)
    return rest if rest != cell and guarded(rest) == cell else cell


def as_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table as CSV in UTF-8, with the mark by which spreadsheet programs know it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([guarded(cell) for cell in row] for row in chain([head], rows))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> bytes:
    """Write a table as an XLSX of one sheet, every cell as text, with its head frozen."""
    content = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as book:
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(head) - 1, WIDTH)
        bold = book.add_format({"bold": True})
        for column, title in enumerate(head):
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    return content.getvalue()
