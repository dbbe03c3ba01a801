"""Guide files and article files: one Markdown file each; docs/authoring.md is the format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.shelf import front_matter, markup, sources, structure
from catalog.shelf.categories import CATEGORIES
from catalog.shelf.sources import Mistake, Mistakes, parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from catalog.shelf.front_matter import Kind

GUIDE_KINDS = {"steps": "Steps", "checklist": "Checklist", "card": "Card", "poster": "Poster", "form": "Form"}
GUIDE = {
    "title": front_matter.TEXT,
    "summary": front_matter.TEXT,
    "category": front_matter.one_of(*CATEGORIES),
    "audience": front_matter.TEXT,
    "kind": front_matter.one_of(*GUIDE_KINDS),
    "courses": front_matter.LOOSE_TEXTS,
    "sources": front_matter.TEXTS,
    "reviewed_on": front_matter.DATE,
}
ARTICLE = {
    "title": front_matter.TEXT,
    "summary": front_matter.TEXT,
    "course": front_matter.TEXT,
    "sources": front_matter.TEXTS,
    "published_on": front_matter.DATE,
    "reviewed_on": front_matter.DATE,
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A guide or an article as written."""

    path: Path
    slug: str
    digest: str
    front: dict[str, Any]
    html: str
    blocks: list[Any]
    references: tuple[tuple[Path, int, str, str], ...]

    def line_of(self, key: str) -> int:
        """Give the line on which a key of the front matter stands."""
        return front_matter.line_of(sources.read(self.path), key)


def guide(path: Path) -> PageFile:
    """Read a guide; raises Invalid naming every line to mend."""
    return _read(path, GUIDE, {"courses": []})


def article(path: Path) -> PageFile:
    """Read an article; raises Invalid naming every line to mend."""
    return _read(path, ARTICLE, {})


def _read(path: Path, kinds: Mapping[str, Kind], defaults: Mapping[str, Any]) -> PageFile:
    text = sources.read(path)
    mistakes = Mistakes(path)
    front, html, blocks, references = dict[str, Any](), "", list[Any](), list[tuple[int, str, str]]()
    try:
        front, lines = front_matter.read(text, kinds, defaults, mistakes)
        read = list(parts(lines, mistakes))
        html = "".join(markup.reading(part, set(), mistakes) for part in read)
        blocks = structure.of(read)
        references = markup.references(lines)
        named = [*front.get("courses", ()), *([front["course"]] if "course" in front else [])]
        line = front_matter.line_of(text, "courses" if "courses" in kinds else "course")
        references += [(line, "course", slug) for slug in named]
    except Mistake as mistake:
        mistakes.found.append(mistake)
    if not html:
        mistakes.add(1, "write something below the front matter")
    mistakes.report()
    digest = hashlib.sha256(f"format {markup.FORMAT}\0{text}".encode()).hexdigest()
    return PageFile(path, path.stem, digest, front, html, blocks, tuple((path, *found) for found in references))
