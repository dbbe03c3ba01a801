"""The documents of guides as PDF: to print and pin up, tagged for screen readers, made anew for whoever asks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from app.kernel import typesetting

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.shelf.guides import GuideVersion

# What some system refuses in the name of a file.
REFUSED = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|]+')


class Press(typesetting.Press):
    """Prints guides."""

    def __init__(self, template: Path, fonts: Path) -> None:
        """Begin with no size looked for."""
        super().__init__(template, fonts)
        self._scales: dict[str, float] = {}

    def print(self, guide: GuideVersion, organisation: str) -> bytes:
        """Give the PDF of a guide for an organisation."""
        facts = {**_facts(guide), "organisation": organisation}
        scale = self._scale(guide, facts)
        return self.typeset({**facts, "scale": scale}, dated(guide), guide=guide.slug, version=guide.number)

    def _scale(self, guide: GuideVersion, facts: dict[str, object]) -> float:
        """Give how large a guide is printed so that it fills its pages; looked for once, because that takes a moment."""
        if guide.digest not in self._scales:
            self._scales[guide.digest] = self.ask("<scale>", {**facts, "lacks_signs": False, "scale": None})
        return self._scales[guide.digest]


def dated(guide: GuideVersion) -> datetime:
    """Give the moment that the documents of a guide are dated: the day of its review, so that they never differ."""
    return datetime.combine(guide.reviewed_on, time(), UTC)


def file_name(guide: GuideVersion, ending: str) -> str:
    """Name the file of a guide after its title, without what some system refuses: "Five Steps - What to Do.pdf"."""
    title = REFUSED.sub(" ", guide.title.replace(": ", " - "))
    return f"{' '.join(title.split()).strip(' .') or guide.slug}.{ending}"


def _facts(guide: GuideVersion) -> dict[str, object]:
    """Give what the template is told, as plain data: nothing of it is ever read as part of the template."""
    day = guide.reviewed_on
    return {
        "title": guide.title,
        "summary": guide.summary,
        "kind": guide.kind,
        "blocks": guide.blocks,
        "sources": guide.sources,
        "number": guide.number,
        "reviewed_on": [day.year, day.month, day.day],
    }
