"""The price page: any number of people, monthly or yearly, to the penny, and the same figures for the calculator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from flask import current_app, jsonify, render_template, request

from app.kernel.errors import Invalid
from app.permissions import ANYONE
from app.web import price_words
from app.web.storefront import price_curve, structured
from app.web.storefront.routes import area
from billing import figures, price_cards
from billing.price_cards import SELF_SERVICE_SEATS, Interval

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.web.storefront.price_curve import Curve
    from billing.figures import Figure
    from billing.price_cards import Card

TOTALS_SHOWN = (1, 5, 10, 25, 50, 100, 250)
LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked and what it costs, or why it cannot be priced here."""

    typed: str
    interval: Interval
    figure: Figure | None
    curve: Curve | None
    refusal: str | None


@area.page("/prices", allow=ANYONE)
def prices() -> ResponseReturnValue:
    """Show what a number of people costs and how that was worked out."""
    asked = answer(request.args.get("seats", "25"), request.args.get("interval", "year"))
    totals = _totals(price_cards.current())
    described = [structured.product([year for _, year in totals])]
    page = render_template("storefront/prices.html", answer=asked, entry=entry(), totals=totals, structured=described)
    return page, 200 if asked.figure else 422


@area.page("/prices/figure", allow=ANYONE)
def price_figure() -> ResponseReturnValue:
    """Give a figure in words to the calculator."""
    asked = answer(request.args.get("seats", ""), request.args.get("interval", "year"))
    if asked.figure is None or asked.curve is None:
        return jsonify(message=asked.refusal), 422
    place = asked.curve.place
    words = asdict(price_words.describe(asked.figure)) | {"place": place.words}
    return jsonify(words=words, curve={"x": place.x, "y": place.y, "line": asked.curve.line, "area": asked.curve.area})


def answer(typed: str, interval: str) -> Answer:
    """Price what a visitor typed; an interval that we do not know is taken as a year."""
    chosen = Interval.MONTH if interval == Interval.MONTH else Interval.YEAR
    card = price_cards.current()
    try:
        priced = figures.figure(card, _read_seats(typed), chosen, _vat_percent())
    except Invalid as refusal:
        return Answer(typed, chosen, None, None, refusal.message)
    return Answer(str(priced.seats), chosen, priced, price_curve.curve(card, priced), None)


def entry() -> str:
    """Say what the first user costs."""
    return price_words.entry(figures.figure(price_cards.current(), 1, Interval.MONTH, _vat_percent()))


def _read_seats(typed: str) -> int:
    """Read a number of people as people type it; raises Invalid when it is none that can be bought here."""
    digits = typed.replace(",", "").strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_NUMBER and int(digits) >= 1):
        message = f"Give the number of people as a whole number from 1 to {SELF_SERVICE_SEATS:,}, such as 25."
        raise Invalid(message, field="seats")
    if int(digits) > SELF_SERVICE_SEATS:
        message = f"For more than {SELF_SERVICE_SEATS:,} people, get a quote: the link is on this page."
        raise Invalid(message, field="seats")
    return int(digits)


def _totals(card: Card) -> list[tuple[Figure, Figure]]:
    """Price the usual numbers of people, by the month and by the year."""
    vat = _vat_percent()
    return [
        (figures.figure(card, seats, Interval.MONTH, vat), figures.figure(card, seats, Interval.YEAR, vat))
        for seats in TOTALS_SHOWN
    ]


def _vat_percent() -> int | None:
    percent: int | None = current_app.config["SETTINGS"].vat_percent
    return percent
