"""A parish with a shelf, seats and an owner, and browsers that read every page they get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from app import mail
from app.accounts import memberships, people
from app.accounts.memberships import Membership, Role
from app.accounts.people import Person
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail
from app.kernel.transaction import transaction
from billing import price_cards, seats, subscriptions
from catalog.shelf import importing
from tests.page_reader import PageReader
from tests.provider import snapshot
from tests.shelf import SHELF

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask import Flask

OWNER = "ruth@example.org"


@dataclass
class Parish:
    """An organisation with the browser of its owner."""

    app: Flask
    password: str
    id: UUID
    owner: PageReader
    owner_id: UUID
    make_person: Callable[..., UUID]

    @property
    def home(self) -> str:
        """The address of its workspace."""
        return f"/workspace/{self.id}/"

    def pays_for(self, number: int, **changes: object) -> None:
        """Have it pay for seats, as the provider would tell it."""
        with self.app.app_context(), transaction():
            subscriptions.begin(self.id, snapshot(quantity=number, **changes))

    def member(self, address: str, *roles: Role, seat: bool = False) -> PageReader:
        """Add somebody with roles and give their browser."""
        person_id = self.make_person(name=address.partition("@")[0].capitalize(), address=address, organisation="Elsewhere")
        with self.app.app_context(), transaction():
            owner = people.known(self.owner_id)
            here = memberships.actor(owner, self.id)
            membership = memberships.add(here.organisation, people.known(person_id), roles)
            if seat:
                seats.assign(self.id, membership.id, seats.State.IN_USE, by=owner.id)
        return self.browser(address)

    def browser(self, address: str) -> PageReader:
        """Sign somebody in."""
        browser = PageReader(self.app)
        browser.sign_in(address, self.password)
        return browser

    def page_of(self, address: str) -> str:
        """Give the address of the page about somebody."""
        with self.app.app_context():
            query = sa.select(Membership.id).where(Membership.organisation_id == self.id, Membership.address == address)
            return f"{self.home}people/{db.session.scalars(query).one()}"

    def seats(self) -> seats.Count:
        """Count its seats."""
        with self.app.app_context():
            return seats.count(self.id)


@pytest.fixture
def parish(app: Flask, make_person: Callable[..., UUID], password: str) -> Parish:
    """Give an organisation that has bought nothing yet, in a shop with prices and courses."""
    with app.app_context(), transaction():
        price_cards.publish_seed()
        importing.load(SHELF)
    person = make_person()
    with app.app_context():
        organisation_id = memberships.places_of(person)[0].organisation.id
    parish = Parish(app, password, organisation_id, PageReader(app), person, make_person)
    parish.owner.sign_in(OWNER, password)
    return parish


@pytest.fixture
def link_to(app: Flask) -> Callable[[str], str]:
    """Give a reader of the newest mail to an address: the path of the link in it."""

    def read(address: str) -> str:
        with app.app_context():
            mail.send_due()
            query = sa.select(DeliveredMail.text).where(DeliveredMail.address == address).order_by(DeliveredMail.id.desc())
            links: list[str] = re.findall(r"http://127\.0\.0\.1:8000(/\S+)", db.session.scalars(query.limit(1)).one())
            return links[0]

    return read


@pytest.fixture
def operator(parish: Parish) -> PageReader:
    """Give the browser of the operator."""
    person_id = parish.make_person(name="Olive Marsh", address="olive@example.org", organisation="The shop")
    with parish.app.app_context(), transaction():
        db.session.get_one(Person, person_id).is_operator = True
    return parish.browser("olive@example.org")
