"""Signs: a text in one Unicode form, in a time that nobody can stretch by what they type."""

from __future__ import annotations

import unicodedata
from typing import Literal

# Longer than anything that is typed by hand. Bringing a text into one form can take the square of its length.
LONGEST = 5000


def composed(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """Give a text in its composed form; one that is far too long for any field of ours stays as it is, to be refused."""
    return unicodedata.normalize(form, text) if len(text) <= LONGEST else text
