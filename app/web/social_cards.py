"""Social cards: the picture beside a link in a chat or a search, 1200 by 630, drawn from a cover by the typesetter and kept.

A card is made when it is first asked for and kept in the data folder under what it shows, so no request waits for it twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.kernel import files
from app.web import typefaces
from catalog.shelf import covers
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from catalog.shelf.courses import CourseCard

TEMPLATE = Path(__file__).parents[2] / "templates" / "documents/social_card.typ"
SHOP = "lanyard"
# The template is 600 by 315 points, and a point becomes two pixels.
PIXELS_PER_INCH = 144
_drawing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows."""

    title: str
    line: str
    category: str
    cover: str
    colour: str


def of_course(course: CourseCard) -> Card:
    """Give the card of a course."""
    line = f"{course.minutes} minutes, with an open sample lesson"
    cover = covers.svg(course.category, course.slug)
    return Card(course.title, line, CATEGORIES[course.category], cover, covers.RIBBONS[course.category].deep)


def of_shop() -> Card:
    """Give the card of the shop itself."""
    return Card(
        title="Training your people will finish. Seats you can account for.",
        line="Any number of people, priced to the penny",
        category="For people who look after people",
        cover=covers.svg("organisation", SHOP),
        colour=covers.RIBBONS["organisation"].deep,
    )


def picture(data: Path, card: Card) -> Path:
    """Give the file of a card, making it unless it is there."""
    facts = json.dumps(asdict(card), sort_keys=True)
    key = hashlib.sha256(f"{facts}\0{TEMPLATE.read_text()}".encode()).hexdigest()[:24]
    path = data / "social_cards" / f"{key}.png"
    if not path.exists():
        with _drawing:
            if not path.exists():
                files.write(path, _draw(data, facts))
    return path


def _draw(data: Path, facts: str) -> bytes:
    import typst  # noqa: PLC0415 - 80 MB that a start does not wait for

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(typefaces.for_documents(data))])
    drawn: bytes = typst.compile(
        str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=fonts, format="png", ppi=PIXELS_PER_INCH, sys_inputs={"facts": facts}
    )
    return drawn
