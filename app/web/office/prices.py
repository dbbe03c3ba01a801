"""The price cards in the office: what is sold now, what was sold before, and a new version, looked at before it is published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from wtforms import BooleanField, SelectField, TextAreaField

from app.kernel.errors import Invalid
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation, wiring
from app.web.area import signed_in_person
from app.web.forms import Form, trimmed
from app.web.office.area import area
from billing import figures, price_cards, subscriptions
from billing.price_cards import Interval, Mode

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from billing.figures import Figure
    from billing.price_cards import Card

CURRENCY = "GBP"
TOTALS_SHOWN = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
PRICE = re.compile(r"£?([0-9]{1,6})(?:\.([0-9]{2}))?")
SEATS = re.compile(r"[0-9]{1,7}")
COLUMNS = 3
MODES = {
    Mode.GRADUATED.value: "each seat costs what its own band says",
    Mode.VOLUME.value: "all seats cost what the band of their number says",
}


class CardForm(Form):
    """A new version of the prices; what it holds stands in the address while it is only looked at."""

    bands = TextAreaField("Bands", filters=[trimmed])
    mode = SelectField("How they count", choices=MODES)
    bump = BooleanField("Where a larger number costs less, sell that to whoever asks for the smaller one")


class LookForm(CardForm):
    """The same, looked at."""

    class Meta:
        """Looking changes nothing, so it needs no token."""

        csrf = False


@area.page("/prices", allow=RUN_THE_SHOP)
def prices() -> ResponseReturnValue:
    """Show every price card and, as the address asks, what a new one would come to."""
    form = LookForm(request.args) if request.args else LookForm(formdata=None, data=_as_typed(price_cards.current()))
    looked_at, status = None, 200
    if request.args:
        try:
            looked_at = _read(form)
        except Invalid as refusal:
            form.refuse(refusal)
            status = refusal.status
    return _page(form, looked_at), status


@area.action("/prices", allow=RUN_THE_SHOP)
def publish_prices() -> ResponseReturnValue:
    """Publish a new version of the prices: for new customers from now on, and for nobody who has bought before."""
    form = CardForm()
    try:
        with transaction():
            read = _read(form)
            card = price_cards.publish(
                CURRENCY, _bands(form.bands.data or ""), read.mode, bump=read.bump, by=signed_in_person().id
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, None), refusal.status
    flash(f"Version {card.version} is sold from now on.", "success")
    return redirect(url_for("office.prices"), 303)


def _page(form: CardForm, looked_at: Card | None) -> str:
    current = price_cards.current()
    return render_template(
        "office/prices.html",
        nav=navigation.office(),
        here="prices",
        form=form,
        current=current,
        modes=MODES,
        published=price_cards.publications(),
        paid_by=subscriptions.live_by_card(),
        looked_at=looked_at,
        totals=[] if looked_at is None else _totals(current, looked_at),
    )


def _totals(current: Card, looked_at: Card) -> list[tuple[Figure, Figure, Figure, Figure]]:
    """Give what the usual numbers cost now and would cost, by the month and by the year."""
    vat = wiring.settings().vat_percent

    def price(card: Card, seats: int, interval: Interval) -> Figure:
        return figures.figure(card, seats, interval, vat)

    return [
        (
            price(current, seats, Interval.MONTH),
            price(looked_at, seats, Interval.MONTH),
            price(current, seats, Interval.YEAR),
            price(looked_at, seats, Interval.YEAR),
        )
        for seats in TOTALS_SHOWN
    ]


def _read(form: CardForm) -> Card:
    """Read a card as it was typed; raises Invalid when it makes no sense."""
    mode = Mode(form.mode.data) if form.mode.data in MODES else Mode.GRADUATED
    return price_cards.read(0, CURRENCY, _bands(form.bands.data or ""), mode, bump=bool(form.bump.data))


def _bands(typed: str) -> list[dict[str, int]]:
    """Read a band from each line: its first seat, the price of a month, the price of a year; raises Invalid with the line."""
    bands = []
    for number, line in enumerate(filter(str.strip, typed.splitlines()), start=1):
        parts = line.replace(",", " ").replace(";", " ").split()
        prices_found = [PRICE.fullmatch(part) for part in parts[1:]]
        if len(parts) != COLUMNS or not SEATS.fullmatch(parts[0]) or not all(prices_found):
            message = f"Line {number}: give the first seat, the price of a month and the price of a year, such as 5 4.00 36.00."
            raise Invalid(message, field="bands")
        month, year = (int(found[1]) * 100 + int(found[2] or 0) for found in prices_found if found)
        bands.append({"first": int(parts[0]), "month": month, "year": year})
    return bands


def _as_typed(card: Card) -> dict[str, object]:
    """Give a card as somebody would type it."""

    def pounds(minor: int) -> str:
        return f"{minor // 100}.{minor % 100:02}"

    lines = [f"{band.first} {pounds(band.month_minor)} {pounds(band.year_minor)}" for band in card.bands]
    return {"bands": "\n".join(lines), "mode": card.mode.value, "bump": card.bump}
