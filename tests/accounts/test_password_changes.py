"""Password changes: a link resets once, within an hour, and whatever could be done with the old password ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import address_changes, credentials, one_time_links, password_changes, sign_ins
from app.accounts.one_time_links import OneTimeLink, Purpose
from app.accounts.people import Person
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction

NEW = "other odd words"


def ask(app, address="ruth@example.org", network="n"):
    """Ask for a reset and give the token of the newest link."""
    with app.app_context():
        with transaction():
            password_changes.ask_for_reset(address, network=network)
        link = db.session.scalar(sa.select(OneTimeLink).order_by(OneTimeLink.id.desc()).limit(1))
        return one_time_links.token(link) if link else None


def reset(app, token, password=NEW):
    with app.app_context():
        password_hash = password_changes.choose_for(token, password)
        with transaction():
            password_changes.reset(token, password_hash)


def knows(app, password):
    with app.app_context():
        try:
            return bool(sign_ins.prove("ruth@example.org", password))
        except Invalid:
            return False


def mails(app):
    with app.app_context():
        return [(mail.kind, mail.address) for mail in db.session.scalars(sa.select(OutboxMail).order_by(OutboxMail.id))]


def test_a_link_sets_the_new_password_and_tells_its_person(app, make_person, password):
    make_person()
    reset(app, ask(app))
    assert knows(app, NEW)
    assert not knows(app, password)
    assert mails(app) == [("reset_password", "ruth@example.org"), ("password_changed", "ruth@example.org")]


def test_a_reset_ends_every_sign_in(app, make_person):
    person_id = make_person()
    with app.app_context(), transaction():
        session = sign_ins.begin(db.session.get_one(Person, person_id), agent="a")
    reset(app, ask(app))
    with app.app_context():
        assert sign_ins.find(session.token) is None


def test_a_link_resets_once(app, make_person):
    make_person()
    token = ask(app)
    reset(app, token)
    with pytest.raises(Conflict):
        reset(app, token, "third odd words")
    assert knows(app, NEW)


def test_of_two_who_use_a_link_at_once_one_sets_the_password(app, make_person):
    make_person()
    token = ask(app)
    hashes = [credentials.hash_password(f"odd words {number}") for number in range(6)]

    def use(password_hash):
        with app.app_context():
            try:
                with transaction():
                    password_changes.reset(token, password_hash)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(use, hashes))
    assert won.count(True) == 1
    assert knows(app, f"odd words {won.index(True)}")


def test_a_newer_link_makes_the_older_ones_void(app, make_person):
    make_person()
    old, new = ask(app), ask(app)
    with pytest.raises(Conflict, match="newer one"):
        reset(app, old)
    reset(app, new)
    assert knows(app, NEW)


def test_a_link_works_for_an_hour_and_not_longer(app, make_person, password):
    make_person()
    token = ask(app)
    with app.app_context(), transaction():
        clock.advance(timedelta(hours=1))
    with pytest.raises(Conflict, match="expired"):
        reset(app, token)
    assert knows(app, password)


def test_a_forged_link_and_one_for_another_purpose_are_not_known(app, make_person):
    person_id = make_person()
    token = ask(app)
    with pytest.raises(Missing):
        reset(app, token[:-2] + "zz")
    with app.app_context():
        with transaction():
            other = one_time_links.issue(Purpose.CHANGE_ADDRESS, timedelta(hours=1), person_id=person_id, address="x@example.org")
        wrong = one_time_links.token(other)
    with pytest.raises(Missing):
        reset(app, wrong)


def test_a_bad_password_leaves_the_link_good(app, make_person):
    make_person()
    token = ask(app)
    with pytest.raises(Invalid):
        reset(app, token, "Ruth Amadi")
    reset(app, token)
    assert knows(app, NEW)


def test_an_unknown_address_gets_a_mail_too_and_no_link(app):
    assert ask(app, "nobody@example.org") is None
    assert mails(app) == [("no_account", "nobody@example.org")]


def test_the_mail_goes_to_the_address_of_the_account_and_not_to_the_one_that_was_typed(app, make_person):
    make_person(address="strasse@example.org")
    ask(app, "straße@example.org")
    assert mails(app) == [("reset_password", "strasse@example.org")]


def test_an_address_gets_three_links_an_hour(app, make_person):
    make_person()
    for number in range(5):
        ask(app, network=f"network {number}")
    assert len(mails(app)) == 3


def test_changing_the_password_keeps_this_sign_in_and_ends_the_others(app, make_person, password):
    person_id = make_person()
    with app.app_context():
        with transaction():
            person = db.session.get_one(Person, person_id)
            here, there = sign_ins.begin(person, agent="a"), sign_ins.begin(person, agent="b")
        proof = sign_ins.prove_again(person, password)
        password_hash = credentials.hash_password(NEW)
        with transaction():
            password_changes.change(proof, password_hash, keep_id=here.sign_in.id)
        assert sign_ins.find(here.token)
        assert sign_ins.find(there.token) is None
    assert knows(app, NEW)
    assert mails(app) == [("password_changed", "ruth@example.org")]


def test_a_new_password_voids_the_links_that_are_still_open(app, make_person, password):
    person_id = make_person()
    token = ask(app)
    with app.app_context():
        person = db.session.get_one(Person, person_id)
        proof = sign_ins.prove_again(person, password)
        with transaction():
            address_changes.ask(proof, "eve@example.org", network="n")
        move = db.session.scalars(sa.select(OneTimeLink).where(OneTimeLink.purpose == Purpose.CHANGE_ADDRESS)).one()
        move_token = one_time_links.token(move)
    reset(app, token)
    with app.app_context(), pytest.raises(Conflict), transaction():
        address_changes.confirm(move_token)


def test_the_present_password_has_to_be_right(app, make_person):
    person_id = make_person()
    with app.app_context(), pytest.raises(Invalid) as refusal:
        sign_ins.prove_again(db.session.get_one(Person, person_id), "wrong words")
    assert refusal.value.field == "current"
