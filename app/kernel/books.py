"""Books: XLSX files that come from elsewhere, opened so that none costs more to read than a list of people.

A few kilobytes may unpack to millions of cells, letters or styles. So whatever openpyxl reads is counted on its way to it, and
refused before it fills the memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import IO, TYPE_CHECKING, Literal, cast

from openpyxl.reader.excel import ExcelReader

from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from openpyxl import Workbook

# What the parts of an XLSX may unpack to, all together, and how many there may be.
MOST_UNPACKED = 30_000_000
MOST_PARTS = 500
# How many tags and attributes a part may have, and how many that are held at once: of a row, of a text, of what is around them.
MOST_MARKS = 7_000_000
MOST_HELD = 250_000
# A row or a text costs as much as so many, even where it is empty.
LEAST = 10
BEGINNING = re.compile(rb"<(?:\w+:)?(?:row|si)\b")
PORTION = 1 << 20
LONGEST_DECLARATION = len(b"<!DOCTYPE")
TOO_MUCH = "This XLSX holds far more than a list of people. Copy the list into a new file."
NO_BOOK = "This is no CSV and no XLSX file, or it is damaged. Save it again as one of the two, and send that."


class Part(io.BufferedIOBase):
    """A part of a book while it is read: it refuses to give more than a list of people has."""

    def __init__(self, part: IO[bytes]) -> None:
        """Read a part that is open."""
        self._part = part
        self._held = 0
        self._marks = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read on; raises Invalid for more than a list has. What is read to its end is held as a whole."""
        portion = self._part.read(-1 if size is None else size)
        # Without its NULs, UTF-16 reads as plain letters.
        plain = portion.replace(b"\0", b"")
        is_whole = size is None or size < 0
        first, *further = [plain] if is_whole else BEGINNING.split(plain)
        self._count(self._held + _marks(first), _marks(first))
        for piece in further:
            self._count(_marks(piece), max(LEAST, _marks(piece)))
        return portion

    def close(self) -> None:
        """Close the part."""
        self._part.close()
        super().close()

    def _count(self, held: int, more: int) -> None:
        self._held = held
        self._marks += more
        if self._held > MOST_HELD or self._marks > MOST_MARKS:
            raise Invalid(TOO_MUCH, field="file")


class Archive(zipfile.ZipFile):
    """An XLSX whose parts are counted while they are read."""

    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        """Open a part."""
        return cast("IO[bytes]", Part(super().open(name, mode, pwd, force_zip64=force_zip64)))


def opened(content: bytes) -> Workbook:
    """Open an XLSX, of which rows are read when they are asked for.

    Raises Invalid, for the form's file, for one that is damaged, declares entities or holds far more than a list of people.
    """
    try:
        with Archive(io.BytesIO(content)) as archive:
            _demand_small(archive.infolist())
            for part in archive.infolist():
                _demand_no_entities(archive, part)
        reader = ExcelReader(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        reader.archive = Archive(io.BytesIO(content))
        reader.read()
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(NO_BOOK, field="file") from error
    return reader.wb


def _marks(piece: bytes) -> int:
    return piece.count(b"<") + piece.count(b"=")


def _demand_small(parts: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that unpacks to more than a list does; no part gives more than it says here."""
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Invalid("This XLSX unpacks to far more than a list of people. Copy the list into a new file.", field="file")


def _demand_no_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse a part that declares entities, which no spreadsheet program does, whatever its name and wherever they stand."""
    before = b""
    with zipfile.ZipFile.open(archive, part) as source:
        while portion := source.read(PORTION):
            # Without its NULs, UTF-16 reads as plain letters.
            plain = before + portion.replace(b"\0", b"")
            if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
                raise Invalid(NO_BOOK, field="file")
            before = plain[-LONGEST_DECLARATION:]
