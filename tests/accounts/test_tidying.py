"""Tidying: what is over goes, what still counts stays."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import time_machine

from app.accounts import registrations, sign_ins, tidying
from app.accounts.organisations import Kind
from app.accounts.people import Person
from app.accounts.registrations import Registration
from app.accounts.sign_ins import SignIn
from app.kernel.db import db
from app.kernel.limits import LimitCounter
from app.kernel.transaction import transaction


def test_what_is_over_goes_after_its_time_and_twice_is_once(app, make_person):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller, app.app_context():
        person_id = make_person()
        wish = registrations.read(name="Eve", address="eve@example.org", kind=Kind.INDIVIDUAL, organisation_name="")
        with transaction():
            registrations.ask(wish, "hash", network="n")
            sign_ins.begin(db.session.get_one(Person, person_id), agent="a")
        assert tidying.tidy() == 0
        traveller.shift(timedelta(days=3))
        assert tidying.tidy() == 3
        assert tidying.tidy() == 0
        assert [
            db.session.scalar(sa.select(sa.func.count()).select_from(model)) for model in (Registration, LimitCounter, SignIn)
        ] == [0, 0, 1]
        traveller.shift(timedelta(days=28))
        assert tidying.tidy() == 1
