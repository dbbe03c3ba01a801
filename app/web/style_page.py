"""The living style page: every component once, for those who build pages and for the pictures the tests take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import render_template
from wtforms import BooleanField, FileField, PasswordField, RadioField, SelectField

from app.permissions import RUN_THE_SHOP
from app.web import navigation
from app.web.area import Area
from app.web.forms import Form, TextField
from app.web.storefront import prices
from catalog.shelf import courses
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MOMENTS = (
    (datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "An invitation was sent"),
    (datetime(2026, 11, 24, 8, 30, tzinfo=UTC), "It was accepted, and a seat came into use"),
)
area = Area("style_page", "/office")


class ExampleForm(Form):
    """A form with a field of each kind."""

    name = TextField("Your name")
    address = TextField("E-mail address")
    password = PasswordField("Password")
    interval = RadioField("How often do you want to pay?", choices={"year": "Once a year", "month": "Every month"})
    team = SelectField("Team", choices={"youth": "Youth", "welcome": "Welcome", "trustees": "Trustees"})
    file = FileField("A list of people")
    agreed = BooleanField("I have read the terms")


@area.page("/components", allow=RUN_THE_SHOP)
def components() -> ResponseReturnValue:
    """Show every component once."""
    form = ExampleForm(interval="year")
    form.address.errors = ["Give an e-mail address in full, such as ruth@example.org."]
    form.form_errors.append("This is how a problem with the whole form is said.")
    timeline = [{"at": at, "text": text} for at, text in MOMENTS]
    return render_template(
        "office/components.html",
        nav=navigation.office(),
        here="components",
        form=form,
        answer=prices.answer("25", "year"),
        timeline=timeline,
        categories=CATEGORIES,
        shelf=courses.published()[:3],
    )
