"""Promotion codes for the operator: made, seen with how often they were used, and ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from wtforms import DateField, SelectField
from wtforms.validators import Optional

from app.kernel.errors import Conflict, Invalid
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation
from app.web.area import signed_in_person
from app.web.forms import Form, TextField
from app.web.office.area import area
from billing import price_cards, promotions
from billing.figures import Discount
from billing.price_cards import Interval

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

PENCE = 100
AMOUNT = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,2}))?")
MOST_DIGITS = 6


class PromotionForm(Form):
    """What a promotion code takes off, for whom and how long."""

    code = TextField("Code")
    percent = TextField("Per cent off")
    amount = TextField("Or pounds off each payment, before VAT")
    interval = SelectField("For those who pay", choices={"year": "Yearly", "month": "Monthly"})
    payments = TextField("For how many payments")
    last_day = DateField("Last day on which it can be used", [Optional()])
    limit = TextField("How many orders can use it")

    def last(self) -> date | None:
        """Read the last day; raises Invalid when what was typed is no date."""
        day: date | None = self.last_day.data
        if day is None and any(self.last_day.raw_data or []):
            message = "Give the last day as a date, such as 2026-12-31, or leave it empty."
            raise Invalid(message, field="last_day")
        return day


@area.page("/promotions", allow=RUN_THE_SHOP)
def promotions_page() -> ResponseReturnValue:
    """Show the promotion codes, and ask for another one."""
    return _page(PromotionForm(formdata=None))


@area.action("/promotions", allow=RUN_THE_SHOP)
def make_promotion() -> ResponseReturnValue:
    """Make a promotion code."""
    form = PromotionForm()
    try:
        with transaction():
            promotion = promotions.make(
                form.code.data or "",
                Discount(_whole(form.percent.data, "percent"), _pence(form.amount.data)),
                by=signed_in_person().id,
                currency=price_cards.current().currency,
                interval=Interval.MONTH if form.interval.data == Interval.MONTH else Interval.YEAR,
                payments=_whole(form.payments.data, "payments"),
                last_day=form.last(),
                limit=_whole(form.limit.data, "limit"),
            )
            words = f"The code {promotion.code} can be used now: {promotion.words}."
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(words, "success")
    return redirect(url_for("office.promotions_page"), 303)


@area.action("/promotions/<code>/end", allow=RUN_THE_SHOP)
def end_promotion(code: str) -> ResponseReturnValue:
    """Let nobody use a promotion code any more."""
    with transaction():
        promotions.end(code, by=signed_in_person().id)
    flash(f"The code {code} cannot be used any more. Whoever bought with it keeps what it gave them.", "success")
    return redirect(url_for("office.promotions_page"), 303)


def _page(form: PromotionForm) -> str:
    return render_template(
        "office/promotions.html", nav=navigation.office(), here="money", promotions=promotions.newest(), form=form
    )


def _whole(typed: str | None, field: str) -> int | None:
    """Read a whole number, or None where nothing was typed; raises Invalid for anything else."""
    digits = (typed or "").replace(",", "").rstrip("%").strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
        message = "Give a whole number, or leave it empty."
        raise Invalid(message, field=field)
    return int(digits)


def _pence(typed: str | None) -> int | None:
    """Read an amount in pounds as pence, or None where nothing was typed; raises Invalid for anything else."""
    plain = (typed or "").replace(",", "").removeprefix("£").strip()
    if not plain:
        return None
    match = AMOUNT.fullmatch(plain)
    if match is None:
        message = "Give an amount in pounds, such as 25 or 12.50."
        raise Invalid(message, field="amount")
    return int(match[1]) * PENCE + int((match[2] or "").ljust(2, "0"))
