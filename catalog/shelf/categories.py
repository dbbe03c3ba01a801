"""The seven categories of the shelf: the key that a course file names, and the label that people read."""

from __future__ import annotations

CATEGORIES: dict[str, str] = {
    "children": "Children",
    "adults": "Adults",
    "organisation": "Safer organisation",
    "online": "Online and data",
    "health": "Health and safety",
    "care": "Care and first aid",
    "wellbeing": "Wellbeing and inclusion",
}
