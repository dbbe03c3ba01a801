"""Standing pages: the shop's own texts, in files below `catalog/content` that are read once for each process.

`policies/<slug>/<number>.md` is a version of what the shop promises: the highest number is in force, older ones stay readable.
`sectors/<slug>.md` speaks to one kind of buyer. `questions.md` holds what people ask first, each question a heading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.kernel.errors import Invalid, Missing
from catalog.shelf import front_matter, markup, sources
from catalog.shelf.sources import Mistake, Mistakes, parts
from catalog.shelf.spelling import american

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from catalog.shelf.front_matter import Kind

FOLDER = Path(__file__).parents[1] / "content"
POLICY = {
    "title": front_matter.TEXT,
    "summary": front_matter.TEXT,
    "reviewed_on": front_matter.DATE,
    "changes": front_matter.TEXT,
}
SECTOR = {
    "title": front_matter.TEXT,
    "name": front_matter.TEXT,
    "summary": front_matter.TEXT,
    "courses": front_matter.TEXTS,
    "categories": front_matter.TEXTS,
    "people": front_matter.NUMBER,
    "reviewed_on": front_matter.DATE,
}
REVIEWED_WITHIN = timedelta(days=366)
# In the order in which pages list them.
POLICIES = ("terms", "privacy", "data-processing", "sub-processors", "security", "retention", "accessibility")
SECTORS = ("schools", "churches", "charities", "care-providers")


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of a text that people may hold the shop to."""

    slug: str
    number: int
    title: str
    summary: str
    reviewed_on: date
    changes: str
    html: str


@dataclass(frozen=True, slots=True)
class Sector:
    """What the shop says to one kind of buyer: their duties, the courses that fit, and for how many the price is an example.

    Named courses come first, then others of the categories.
    """

    slug: str
    title: str
    name: str
    summary: str
    courses: list[str]
    categories: list[str]
    people: int
    reviewed_on: date
    html: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its answer."""

    words: str
    html: str

    @property
    def plain(self) -> str:
        """The words of the answer."""
        return " ".join(markup.plain(self.html).split())


def policies() -> list[Policy]:
    """Give each policy as it is in force."""
    return [versions(slug)[-1] for slug in POLICIES]


def policy(slug: str, number: int | None = None) -> Policy:
    """Give the version of a policy with this number, or the one in force; raises Missing."""
    found = {version.number: version for version in versions(slug)}
    wanted = max(found) if number is None else number
    if wanted not in found:
        raise Missing
    return found[wanted]


@lru_cache(maxsize=len(POLICIES))
def versions(slug: str) -> tuple[Policy, ...]:
    """Give every version of a policy, oldest first; raises Missing for one that there is not, Invalid for a file to mend."""
    if slug not in POLICIES:
        raise Missing
    folder = FOLDER / "policies" / slug
    numbers = sorted(int(path.stem) for path in folder.glob("*.md") if path.stem.isdecimal())
    if not numbers:
        message = f"{folder}: there is no version of it, such as 1.md"
        raise Invalid(message)
    made = []
    for number in numbers:
        front, html = _read(folder / f"{number}.md", POLICY)
        made.append(Policy(slug, number, html=html, **front))
    return tuple(made)


def sectors() -> list[Sector]:
    """Give the page of each kind of buyer."""
    return [sector(slug) for slug in SECTORS]


@lru_cache(maxsize=len(SECTORS))
def sector(slug: str) -> Sector:
    """Give the page of one kind of buyer; raises Missing for one that there is not, Invalid for a file to mend."""
    if slug not in SECTORS:
        raise Missing
    front, html = _read(FOLDER / "sectors" / f"{slug}.md", SECTOR)
    return Sector(slug=slug, html=html, **front)


@lru_cache(maxsize=1)
def questions() -> tuple[Question, ...]:
    """Give what people ask first, with our answers."""
    text = sources.read(FOLDER / "questions.md")
    asked = (part.partition("\n") for part in text.removeprefix("## ").split("\n## "))
    return tuple(Question(question.strip(), markup.block(reply.strip())) for question, _, reply in asked)


def to_mend(today: date) -> list[str]:
    """Read every standing page and say what is to be mended in each; raises Invalid for a file that cannot be read."""
    found = [
        f"{path}:{number}: write {british}, not {word}"
        for path in sorted([*FOLDER.glob("policies/*/*.md"), *FOLDER.glob("sectors/*.md"), FOLDER / "questions.md"])
        for number, line in enumerate(sources.read(path).splitlines(), start=1)
        for word, british in american(line)
    ]
    questions()
    pages: list[Policy | Sector] = [*policies(), *sectors()]
    old = [page.slug for page in pages if today - page.reviewed_on > REVIEWED_WITHIN]
    return [*found, *(f"{slug}: it was last reviewed more than a year ago" for slug in old)]


def _read(path: Path, kinds: Mapping[str, Kind]) -> tuple[dict[str, Any], str]:
    """Read a file; raises Invalid naming every line to mend."""
    mistakes = Mistakes(path)
    front, html = dict[str, Any](), ""
    try:
        front, lines = front_matter.read(sources.read(path), kinds, {}, mistakes)
        html = "".join(markup.reading(part, set(), mistakes) for part in parts(lines, mistakes))
    except Mistake as mistake:
        mistakes.found.append(mistake)
    mistakes.report()
    return front, _captioned(html, front["title"])


def _captioned(html: str, title: str) -> str:
    """Give each table a caption for people who hear the page: the heading above it, or the title."""
    parts = html.split("<table>")
    for number in range(1, len(parts)):
        above = "".join(parts[:number]).rpartition("<h2>")[2].partition("</h2>")[0]
        parts[number] = f'<table><caption class="hidden">{above or title}</caption>{parts[number]}'
    return "".join(parts)
