"""Contrast: how well one colour is read on another, as WCAG 2.2 reckons it, and the nearest colour that is read well."""

from __future__ import annotations

import re

WHITE = "#ffffff"
# What WCAG 2.2 asks of text (1.4.3).
ENOUGH = 4.5
STEPS = 100
HEX = re.compile(r"#[0-9a-f]{6}")


def ratio(one: str, other: str) -> float:
    """Give the contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def is_enough(colour: str, ground: str) -> bool:
    """Whether text in a colour is read well on a ground, and the other way round."""
    return ratio(colour, ground) >= ENOUGH


def nearest(colour: str, ground: str) -> str:
    """Give the colour itself, or the nearest on the way to black or to white that is read well on a ground."""
    end = "#000000" if _luminance(ground) > _luminance("#767676") else WHITE
    shades = (mixed(colour, end, step) for step in range(STEPS + 1))
    return next(shade for shade in shades if is_enough(shade, ground))


def mixed(colour: str, other: str, percent: int) -> str:
    """Give a colour with so many hundredths of another in it."""
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{(one * (STEPS - percent) + two * percent) // STEPS:02x}" for one, two in parts)


def _luminance(colour: str) -> float:
    """Give how bright a colour is (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - as the source gives it


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
