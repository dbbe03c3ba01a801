"""Spelling: words that are written otherwise in America, found in a line of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Beginnings of words: what follows them is kept. "-ize" is left out where British dictionaries allow it and people write it.
AMERICAN = {
    "apologiz": "apologis",
    "authoriz": "authoris",
    "behavior": "behaviour",
    "canceled": "cancelled",
    "canceling": "cancelling",
    "categoriz": "categoris",
    "center": "centre",
    "color": "colour",
    "counselor": "counsellor",
    "criticiz": "criticis",
    "defense": "defence",
    "emphasiz": "emphasis",
    "enroll": "enrol",
    "favor": "favour",
    "gray": "grey",
    "harbor": "harbour",
    "honor": "honour",
    "labeled": "labelled",
    "labor": "labour",
    "minimiz": "minimis",
    "neighbor": "neighbour",
    "offense": "offence",
    "organiz": "organis",
    "prioritiz": "prioritis",
    "realiz": "realis",
    "recogniz": "recognis",
    "rumor": "rumour",
    "sexualiz": "sexualis",
    "skillful": "skilful",
    "summariz": "summaris",
    "traumatiz": "traumatis",
    "traveled": "travelled",
    "traveler": "traveller",
    "unauthoriz": "unauthoris",
    "utiliz": "utilis",
    "victimiz": "victimis",
}
WORD = re.compile(r"\b(" + "|".join(sorted(map(re.escape, AMERICAN), key=len, reverse=True)) + r")(\w*)", re.IGNORECASE)
# Words that only look American.
BRITISH = {
    "laboratory",
    "laboratories",
    "laborious",
    "laboriously",
    "honorary",
    "honorarium",
    "enrolled",
    "enrolling",
    "coloration",
}


def american(text: str) -> Iterator[tuple[str, str]]:
    """Give the American words of a text, each with how it is written here."""
    for match in WORD.finditer(text):
        found = match[0]
        if found.casefold() not in BRITISH:
            yield found, AMERICAN[match[1].casefold()] + match[2]
