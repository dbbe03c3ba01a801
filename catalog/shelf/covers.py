"""Covers: every course has a drawing of its own, woven from ribbons after its category and its slug, the same each time."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH, HEIGHT = 640, 400


@dataclass(frozen=True, slots=True)
class Ribbon:
    """The four colours of a category, from dark to paper."""

    deep: str
    mid: str
    light: str
    paper: str


RIBBONS = {
    "children": Ribbon("#9c3d2c", "#d9694f", "#f2b8a4", "#fbe9e2"),
    "adults": Ribbon("#57316e", "#8a5aa6", "#cdb3dc", "#f1e8f6"),
    "organisation": Ribbon("#084a44", "#1d7f74", "#9ccfc5", "#e2f1ed"),
    "online": Ribbon("#1c4477", "#3d77b8", "#a9c8e8", "#e5eff9"),
    "health": Ribbon("#80510a", "#c8871f", "#f0cd8b", "#fbf0da"),
    "care": Ribbon("#86234e", "#c2527a", "#ebb3c8", "#fae7ee"),
    "wellbeing": Ribbon("#3b5a20", "#6d9440", "#bfd69f", "#eef4e3"),
}


class Dice:
    """An endless row of numbers that only the slug decides."""

    def __init__(self, slug: str) -> None:
        """Start the row."""
        self._bytes = self._roll(slug.encode())

    @staticmethod
    def _roll(seed: bytes) -> Iterator[int]:
        while True:
            seed = hashlib.sha256(seed).digest()
            yield from seed

    def between(self, low: float, high: float) -> float:
        """Give the next number from low to high."""
        return low + (high - low) * next(self._bytes) / 255

    def whole(self, low: int, high: int) -> int:
        """Give the next whole number from low to high, both included."""
        return low + next(self._bytes) % (high - low + 1)


def svg(category: str, slug: str) -> str:
    """Draw the cover of a course as an SVG document; raises KeyError for a category that is not on the shelf."""
    ribbon = RIBBONS[category]
    parts = MOTIFS[category](ribbon, Dice(slug))
    ground = f'<path fill="{ribbon.paper}" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{ground}{"".join(parts)}</svg>'


def _arcs(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Sheltering arcs around one point, and a ball in the air."""
    across, down = dice.whole(120, 520), dice.whole(300, 450)
    radius = 30.0
    turn = dice.whole(0, 2)
    yield f'<g fill="none" stroke-linecap="round" transform="translate({across} {down})">'
    for number in range(9):
        width = dice.whole(14, 30)
        radius += width / 2
        colour = (ribbon.mid, ribbon.light, ribbon.deep)[(number + turn) % 3]
        yield f'<circle r="{radius:.0f}" stroke="{colour}" stroke-width="{width}"/>'
        radius += width / 2 + dice.whole(6, 18)
    yield "</g>"
    yield f'<circle cx="{(across + 320) % 560 + 40}" cy="{dice.whole(50, 110)}" r="{dice.whole(20, 36)}" fill="{ribbon.mid}"/>'


def _weave(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Ribbons over and under each other, as people carry one another."""
    step = dice.whole(72, 104)
    broad, shift = round(step * 0.62), dice.whole(0, 60)
    gap = (step - broad) // 2
    colours = (ribbon.deep, ribbon.mid, ribbon.light)
    by_row = [colours[dice.whole(0, 2)] for _ in range(HEIGHT // step + 2)]
    by_column = [colours[dice.whole(0, 2)] for _ in range(WIDTH // step + 2)]
    for colour in colours:
        yield f'<g fill="{colour}">'
        for row, row_colour in enumerate(by_row):
            for column, column_colour in enumerate(by_column):
                left, top, is_over = column * step - shift, row * step - shift, (row + column) % 2 == 0
                if is_over and row_colour == colour:
                    yield f'<rect x="{left + 3}" y="{top + gap}" width="{step - 6}" height="{broad}" rx="9"/>'
                elif not is_over and column_colour == colour:
                    yield f'<rect x="{left + gap}" y="{top + 3}" width="{broad}" height="{step - 6}" rx="9"/>'
        yield "</g>"


def _loops(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Lanyards on their hooks, each with its card."""
    places = dice.whole(4, 6)
    stride = WIDTH / places
    for number in range(places):
        middle = round(stride * (number + 0.5) + dice.between(-0.2, 0.2) * stride)
        reach, half = dice.whole(150, 300), dice.whole(34, 70)
        colour = (ribbon.deep, ribbon.mid, ribbon.light)[(number + dice.whole(0, 1)) % 3]
        width = dice.whole(13, 20)
        path = f"M{middle - half}-20C{middle - half} {reach * 0.6:.0f} {middle - 14} {reach - 40} {middle} {reach}"
        path += f"C{middle + 14} {reach - 40} {middle + half} {reach * 0.6:.0f} {middle + half}-20"
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>'
        card = f'x="{middle - 27}" y="{reach - 2}" width="54" height="68" rx="10"'
        yield f'<rect {card} fill="{ribbon.paper}" stroke="{colour}" stroke-width="8"/>'
        yield f'<path d="M{middle - 11} {reach + 34}h22" stroke="{colour}" stroke-width="7" stroke-linecap="round"/>'


def _waves(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Signals that run beside each other."""
    length, swing = dice.whole(70, 130), dice.whole(22, 58)
    drift = dice.whole(-34, 34)
    crests = f"t{length} 0" * (WIDTH // length + 5)
    down = -20
    yield '<g fill="none" stroke-linecap="round">'
    for number in range(12):
        width = dice.whole(7, 22)
        colour = (ribbon.light, ribbon.deep, ribbon.light, ribbon.mid)[(number + dice.whole(0, 1)) % 4]
        start = drift * number % (length * 2) - length * 4
        path = f"M{start} {down}q{length // 2}-{swing} {length} 0{crests}"
        yield f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>'
        down += width // 2 + dice.whole(22, 32)
    yield "</g>"


def _stripes(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Warning stripes, calm ones."""
    slant, across = dice.whole(18, 62) * (1 if dice.whole(0, 1) else -1), -420
    turn = 0
    yield f'<g transform="rotate({slant} {WIDTH // 2} {HEIGHT // 2})">'
    while across < WIDTH + 420:
        width = dice.whole(16, 58)
        turn += dice.whole(1, 2)
        colour = (ribbon.deep, ribbon.paper, ribbon.mid, ribbon.light)[turn % 4]
        yield f'<path fill="{colour}" d="M{across}-420h{width}V820h-{width}z"/>'
        across += width
    yield "</g>"


def _petals(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Petals in three rings, opened by careful hands."""
    across, down = dice.whole(170, 470), dice.whole(130, 270)
    count = dice.whole(7, 12)
    for ring, (reach, colour) in enumerate(((330, ribbon.light), (215, ribbon.mid), (118, ribbon.deep))):
        width = round(reach * math.pi / count * dice.between(0.32, 0.46))
        petal = f"M0 0C{width}-{reach // 3} {width}-{reach} 0-{reach}S-{width}-{reach // 3} 0 0z"
        yield f'<g fill="{colour}" fill-opacity=".9" transform="translate({across} {down})rotate({ring * 180 / count:.0f})">'
        for number in range(count):
            yield f'<path d="{petal}" transform="rotate({number * 360 / count:.0f})"/>'
        yield "</g>"
    yield f'<circle cx="{across}" cy="{down}" r="{dice.whole(20, 32)}" fill="{ribbon.paper}"/>'


def _hills(ribbon: Ribbon, dice: Dice) -> Iterator[str]:
    """Hills behind hills, and a sun that is always there."""
    yield f'<circle cx="{dice.whole(90, 550)}" cy="{dice.whole(70, 130)}" r="{dice.whole(28, 52)}" fill="{ribbon.mid}"/>'
    for number in range(6):
        top = 130 + number * 46 + dice.whole(-14, 14)
        length, swing = dice.whole(170, 300), dice.whole(30, 96)
        start = -dice.whole(0, length)
        crests = f"t{length} 0" * (WIDTH // length + 2)
        colour = (ribbon.light, ribbon.mid, ribbon.deep)[(number + dice.whole(0, 1)) % 3]
        path = f"M{start} {top}q{length // 2}-{swing} {length} 0{crests}V{HEIGHT}H{start}z"
        yield f'<path fill="{colour}" fill-opacity=".86" d="{path}"/>'


MOTIFS: dict[str, Callable[[Ribbon, Dice], Iterator[str]]] = {
    "children": _arcs,
    "adults": _weave,
    "organisation": _loops,
    "online": _waves,
    "health": _stripes,
    "care": _petals,
    "wellbeing": _hills,
}
