"""The two typefaces, cut down to what pages use: one weight of Fraunces for headings, two of Atkinson Hyperlegible to read.

Documents use the same ones whole, and Noto Sans for names in other scripts.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from app.kernel import files

if TYPE_CHECKING:
    from pathlib import Path

# Western and central European names, Welsh among them, and the signs that British texts use.
CHARACTERS = (
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x1E80, 0x1E85),
    (0x1EF2, 0x1EF3),
    (0x2009, 0x2015),
    (0x2018, 0x2022),
    (0x2026, 0x2026),
    (0x202F, 0x2030),
    (0x2039, 0x203A),
    (0x20AC, 0x20AC),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
)
# Scripts from left to right up to Cyrillic, and what marks and signs they use; and those of Arabic letters.
NAME_CHARACTERS = ((0x20, 0x58F), (0x600, 0x6FF), (0x750, 0x77F), (0x1C80, 0x20CF), (0xA640, 0xA69F), (0xFB50, 0xFEFC))
FEATURES = ("kern", "liga", "locl", "ccmp", "mark", "mkmk", "lnum", "tnum")
# How letters of Arabic join.
JOINED = ("isol", "init", "medi", "fina", "rlig", "calt")


@dataclass(frozen=True, slots=True)
class Typeface:
    """A file of a font package and the point of its axes that we use."""

    name: str
    package: str
    file: str
    axes: tuple[tuple[str, float], ...] = ()


TYPEFACES = (
    Typeface(
        "fraunces",
        "fontpkg_fraunces",
        "Fraunces[SOFT,WONK,opsz,wght].ttf",
        (("SOFT", 60), ("WONK", 0), ("wght", 560), ("opsz", 48)),
    ),
    Typeface("atkinson-regular", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Regular.ttf"),
    Typeface("atkinson-bold", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Bold.ttf"),
)
OTHER_SCRIPTS = (
    Typeface("noto-sans", "fontpkg_noto_sans", "NotoSans[wdth,wght].ttf", (("wdth", 100), ("wght", 560))),
    Typeface("noto-sans-arabic", "fontpkg_noto_sans_arabic", "NotoSansArabic[wdth,wght].ttf", (("wdth", 100), ("wght", 560))),
)


def published(data: Path) -> dict[str, bytes]:
    """Give each typeface as WOFF2 under its file name; made once for a data folder and kept there."""
    made = {}
    for face in TYPEFACES:
        kept = data / "fonts" / f"{face.name}-{_key(face)}.woff2"
        if not kept.exists():
            files.write(kept, _cut(face))
        made[f"{face.name}.woff2"] = kept.read_bytes()
    return made


def for_documents(data: Path) -> Path:
    """Give the folder with the typefaces of documents; made once for a data folder and kept there."""
    faces = (*TYPEFACES, *OTHER_SCRIPTS)
    recipe = "".join(_key(face) for face in faces)
    folder = data / "fonts" / f"documents-{hashlib.sha256(f'{recipe}{NAME_CHARACTERS}{JOINED}'.encode()).hexdigest()[:12]}"
    complete = folder / ".complete"
    if not complete.exists():
        for face in faces:
            files.write(folder / f"{face.name}.ttf", _whole(face))
        files.write(complete, b"")
    return folder


def _key(face: Typeface) -> str:
    """Give a key that changes with the package, the tool or what we ask of them."""
    recipe = (face, version(face.package), version("fonttools"), CHARACTERS, FEATURES)
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]


def _whole(face: Typeface) -> bytes:
    """Take one point of the axes of a typeface and leave its letters; of other scripts, those in which names are written."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - as below
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - as below
    from fontTools.varLib.instancer import instantiateVariableFont  # noqa: PLC0415 - as below

    with (resources(face.package) / "files" / face.file).open("rb") as source:
        font = TTFont(source, recalcTimestamp=False)
        if face in OTHER_SCRIPTS:
            subsetter = Subsetter(Options(layout_features=[*FEATURES, *JOINED], name_IDs=["*"]))
            subsetter.populate(unicodes=[code for first, last in NAME_CHARACTERS for code in range(first, last + 1)])
            subsetter.subset(font)
        if face.axes:
            font = instantiateVariableFont(font, dict(face.axes))
        answer = io.BytesIO()
        font.save(answer)
    return answer.getvalue()


def _cut(face: Typeface) -> bytes:
    """Take one point of the axes and our characters out of a typeface."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - a start that finds the fonts made does not load the tool
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - as above
    from fontTools.varLib.instancer import instantiateVariableFont  # noqa: PLC0415 - as above

    with (resources(face.package) / "files" / face.file).open("rb") as source:
        font = TTFont(source, recalcTimestamp=False)
        if face.axes:
            font = instantiateVariableFont(font, dict(face.axes))
        options = Options(layout_features=list(FEATURES), name_IDs=[0, 1, 2, 5, 13, 14], flavor="woff2")
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=[code for first, last in CHARACTERS for code in range(first, last + 1)])
        subsetter.subset(font)
        font.flavor = "woff2"
        answer = io.BytesIO()
        font.save(answer)
    return answer.getvalue()
