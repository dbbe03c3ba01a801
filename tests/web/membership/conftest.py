"""A visitor with a browser, and the mails that reach them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app import mail
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"


class Visitor:
    """Someone with a browser of their own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.headers = {"User-Agent": FIREFOX}

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self.client.get(path, headers=self.headers)

    def page(self, path: str) -> BeautifulSoup:
        """Open a page that is there, and read it."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return BeautifulSoup(response.text, "html5lib")

    def token(self) -> str:
        """Give the token that the forms of this browser carry."""
        response = self.get("/sign-in")
        if response.status_code == 303:
            response = self.get("/profile/name")
        return str(BeautifulSoup(response.text, "html5lib").select_one("input[name=csrf_token]")["value"])  # type: ignore[index]  # there is one

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form."""
        return self.client.post(path, data={"csrf_token": self.token(), **fields}, headers=self.headers)

    def sign_in(self, password: str, address: str = "ruth@example.org", **fields: str) -> TestResponse:
        """Sign in."""
        return self.send("/sign-in", address=address, password=password, **fields)

    def is_signed_in(self) -> bool:
        """Whether the profile opens."""
        return self.get("/profile").status_code == 200


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Give somebody who is not signed in."""
    return Visitor(app)


@pytest.fixture
def other(app: Flask) -> Visitor:
    """Give somebody else, or the same person in another browser."""
    return Visitor(app)


@pytest.fixture
def read_mail(app: Flask):
    """Give a reader of the newest mail to an address: its subject and the path of the link in it, if there is one."""

    def read(address: str) -> tuple[str, str]:
        with app.app_context():
            mail.send_due()
            query = sa.select(DeliveredMail).where(DeliveredMail.address == address).order_by(DeliveredMail.id.desc())
            newest = db.session.scalars(query.limit(1)).one()
            found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", newest.text)
            return newest.subject, found[1] if found else ""

    return read
