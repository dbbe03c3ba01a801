"""Narrowing the shelf: for whom a course is and how long it takes, as the groups that a visitor chooses from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from catalog.shelf.courses import CourseCard

# What a course says about its audience is a sentence; these are the words in it that put it into a group. A course for everyone,
# or one whose sentence names no group at all, is in each.
AUDIENCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "children": (
        "People who work with children",
        ("child", "under-18", "young", "school", "pupil", "early years", "nurser", "teen", "student"),
    ),
    "adults": ("People who support adults", ("adults at risk", "care ", "carer", "patient", "resident", "support worker")),
    "leads": ("Leads, managers and trustees", ("lead", "deput", "manage", "trustee", "governor", "recruit", "supervis")),
    "volunteers": ("Volunteers", ("volunteer", "paid or not", "helper")),
}
FOR_ALL = ("everyone", "anyone", "all staff", "whoever")
LENGTHS: dict[str, tuple[str, range]] = {
    "short": ("Up to 30 minutes", range(31)),
    "medium": ("31 to 45 minutes", range(31, 46)),
    "long": ("Over 45 minutes", range(46, 10_000)),
}


def is_for(card: CourseCard, group: str) -> bool:
    """Whether a course is for a group of people, by what it says of its audience."""
    said = card.audience.casefold()
    named = {key for key, (_, words) in AUDIENCES.items() if any(word in said for word in words)}
    return group in named or not named or (said.startswith(FOR_ALL) and not named & {"children", "adults", "leads"})


def narrowed(cards: Iterable[CourseCard], audience: str | None, length: str | None) -> list[CourseCard]:
    """Give the courses for a group of people and of a length, where these are asked for."""
    return [
        card
        for card in cards
        if (audience is None or is_for(card, audience)) and (length is None or card.minutes in LENGTHS[length][1])
    ]
