"""Certificate numbers: hard to guess, easy to read out over a telephone, and telling when they are mistyped."""

from __future__ import annotations

import secrets
import unicodedata

from app.kernel.errors import Invalid

# Crockford's base 32: no letter that looks like a figure, and none that makes words (https://www.crockford.com/base32.html).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
PREFIX = "LY"
RANDOM_CHARACTERS = 12
BITS_PER_CHARACTER = 5
GROUPS = (4, 4, 5)
MISTYPED = "That does not look like one of our numbers. Check it for a mistyped letter."


def draw() -> str:
    """Draw a number of 60 random bits with its check character, such as LY-7Q4M-2K9X-3HTP3."""
    bits = secrets.randbits(RANDOM_CHARACTERS * BITS_PER_CHARACTER)
    places = range((RANDOM_CHARACTERS - 1) * BITS_PER_CHARACTER, -1, -BITS_PER_CHARACTER)
    drawn = "".join(ALPHABET[bits >> place & (len(ALPHABET) - 1)] for place in places)
    return _grouped(drawn + _check_character(drawn))


def read(typed: str) -> str:
    """Give the number that somebody typed, in our way of writing it; raises Invalid when it cannot be one of ours.

    Small letters, spaces, hyphens or none, a missing LY, and O, I or L in place of 0 and 1 are all understood. Any single wrong
    character is noticed, and so are two neighbours that changed places, unless they are 0 and Z.
    """
    signs = [sign for sign in typed.upper() if not (sign.isspace() or unicodedata.category(sign) in {"Pd", "Cf"})]
    bare = "".join(signs)
    if len(bare) == len(PREFIX) + sum(GROUPS):
        bare = bare.removeprefix(PREFIX)
    bare = bare.translate(LOOKS_LIKE)
    if len(bare) != sum(GROUPS) or set(bare) - set(ALPHABET) or _check_character(bare[:-1]) != bare[-1]:
        raise Invalid(MISTYPED, field="number")
    return _grouped(bare)


def _grouped(bare: str) -> str:
    first, second = GROUPS[0], GROUPS[0] + GROUPS[1]
    return "-".join([PREFIX, bare[:first], bare[first:second], bare[second:]])


def _check_character(bare: str) -> str:
    """Give the character that makes the sum come out even, by Luhn's algorithm modulo 32.

    See https://en.wikipedia.org/wiki/Luhn_mod_N_algorithm: from the right, every second value counts twice, in its own base.
    """
    base, total = len(ALPHABET), 0
    for place, character in enumerate(reversed(bare)):
        value = ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += value // base + value % base
    return ALPHABET[-total % base]
