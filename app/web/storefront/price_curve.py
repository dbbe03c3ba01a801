"""The price for each person as a curve: where everything stands in the chart, worked out once for each card and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from app.kernel.money import pounds
from app.web.price_words import people
from billing import figures
from billing.price_cards import SELF_SERVICE_SEATS, Card, Interval

if TYPE_CHECKING:
    from billing.figures import Figure

LEFT, RIGHT, TOP, BOTTOM = 34.0, 332.0, 24.0, 128.0
COLUMNS = (1, 10, 100, 1000)
SAMPLES = 60
STEP_MINOR = 500


@dataclass(frozen=True, slots=True)
class Tick:
    """A named place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number of people stands on the curve, and that in words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The parts of the chart in the units of its drawing."""

    line: str
    area: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    place: Place
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def curve(card: Card, figure: Figure) -> Curve:
    """Draw the price for each person by a card, with the figure's own place marked."""
    line, area = _lines(card, figure.interval)
    ceiling = _ceiling(card)
    rows = tuple(Tick(_height(minor, ceiling), f"£{minor // 100}") for minor in range(0, ceiling + 1, STEP_MINOR))
    columns = tuple(Tick(_across(seats), f"{seats:,}") for seats in COLUMNS)
    return Curve(line, area, rows, columns, place(card, figure))


def place(card: Card, figure: Figure) -> Place:
    """Mark a figure on the curve of its card."""
    words = f"{people(figure.seats)}: {pounds(figure.average_net_minor)} each"
    return Place(_across(figure.seats), _height(figure.average_net_minor, _ceiling(card)), words)


@lru_cache(maxsize=8)
def _lines(card: Card, interval: Interval) -> tuple[str, str]:
    """Give the path of the curve and of the area under it."""
    ceiling = _ceiling(card)
    steps = {round(SELF_SERVICE_SEATS ** (step / SAMPLES)) for step in range(SAMPLES + 1)}
    points = []
    for seats in sorted(steps | {band.first - 1 for band in card.bands if 1 < band.first <= SELF_SERVICE_SEATS}):
        average = figures.figure(card, seats, interval, None).average_net_minor
        points.append(f"{_across(seats)} {_height(average, ceiling)}")
    line = "M" + "L".join(points)
    return line, f"{line}V{BOTTOM}H{LEFT}Z"


def _ceiling(card: Card) -> int:
    """Give the top of the chart: the dearest seat a month, up to the next step."""
    return math.ceil(card.bands[0].month_minor / STEP_MINOR) * STEP_MINOR


def _across(seats: int) -> float:
    """Give the distance from the left, on a logarithmic scale up to the most seats that can be bought here."""
    part = min(1.0, math.log(seats) / math.log(SELF_SERVICE_SEATS))
    return round(LEFT + (RIGHT - LEFT) * part, 1)


def _height(minor: int, ceiling: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * minor / ceiling, 1)
