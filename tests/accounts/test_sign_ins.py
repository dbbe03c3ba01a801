"""Sign-ins: what lets a person in, what keeps others out, and how a session ends."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import perf_counter

import pytest
import sqlalchemy as sa
import time_machine

from app.accounts import credentials, sign_ins
from app.accounts.people import Person
from app.accounts.sign_ins import SignIn
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from app.kernel.transaction import transaction

ADDRESS, NETWORK = "ruth@example.org", "203.0.113.0/24"


def begin(app, person_id, *, keep=False):
    with app.app_context(), transaction():
        return sign_ins.begin(db.session.get_one(Person, person_id), agent="Firefox on Linux", keep=keep)


def find(app, session):
    with app.app_context():
        return sign_ins.find(session.token)


def try_password(app, address=ADDRESS, password="wrong words", network=NETWORK):  # noqa: S107 - a wrong one
    """Try as the page does: count, check, begin; give what came of it."""
    with app.app_context():
        try:
            with transaction():
                sign_ins.count_try(address, network)
            proof = sign_ins.prove(address, password)
            with transaction():
                sign_ins.begin_with(proof, network=network, agent="a", keep=False)
        except NotAllowed:
            return "too many"
        except Invalid:
            return "wrong"
    return "in"


def test_the_right_password_lets_a_person_in(app, make_person, password):
    make_person()
    assert try_password(app, password=password) == "in"
    assert try_password(app, address="RUTH@example.org", password=password) == "in"


def test_an_unknown_address_and_a_wrong_password_are_refused_in_the_same_words(app, make_person):
    make_person()
    words = set()
    for address in (ADDRESS, "nobody@example.org"):
        with app.app_context(), pytest.raises(Invalid) as refusal:
            sign_ins.prove(address, "wrong words")
        words.add((refusal.value.message, refusal.value.field))
    assert len(words) == 1


def test_an_unknown_address_takes_as_long_as_a_known_one(app, make_person):
    credentials.configure("full")
    try:
        make_person()
        seconds = {}
        for address in (ADDRESS, "nobody@example.org"):
            with app.app_context():
                began = perf_counter()
                with pytest.raises(Invalid):
                    sign_ins.prove(address, "wrong words")
                seconds[address] = perf_counter() - began
    finally:
        credentials.configure("cheap")
    assert seconds["nobody@example.org"] > seconds[ADDRESS] / 3


def test_after_five_tries_even_the_right_password_is_not_checked(app, make_person, password):
    make_person()
    assert [try_password(app) for _ in range(5)] == ["wrong"] * 5
    assert try_password(app, password=password) == "too many"


def test_twenty_tries_at_once_get_five_checked(app, make_person):
    make_person()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: try_password(app), range(20)))
    assert (answers.count("wrong"), answers.count("too many")) == (5, 15)


def test_an_unknown_address_is_limited_like_a_known_one(app):
    assert [try_password(app, "nobody@example.org") for _ in range(6)] == ["wrong"] * 5 + ["too many"]


def test_after_fifteen_minutes_one_may_try_again(app, make_person, password):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        make_person()
        for _ in range(6):
            try_password(app)
        traveller.shift(timedelta(minutes=15))
        assert try_password(app, password=password) == "in"


def test_signing_in_forgets_the_tries_before_it(app, make_person, password):
    make_person()
    for _ in range(3):
        assert [try_password(app) for _ in range(4)] == ["wrong"] * 4
        assert try_password(app, password=password) == "in"


def test_tries_from_elsewhere_do_not_lock_a_person_out(app, make_person, password):
    make_person()
    for _ in range(6):
        try_password(app, network="198.51.100.0/24")
    assert try_password(app, password=password) == "in"


def test_a_network_gets_a_hundred_tries_over_all_addresses(app):
    answers = [try_password(app, f"person{number}@example.org") for number in range(101)]
    assert answers == ["wrong"] * 100 + ["too many"]


def test_a_hash_of_another_cost_is_made_anew_on_signing_in(app, make_person, password):
    credentials.configure("full")
    try:
        person_id = make_person()
    finally:
        credentials.configure("cheap")
    assert try_password(app, password=password) == "in"
    with app.app_context():
        assert not credentials.is_outdated(db.session.get_one(Person, person_id).password_hash)
    assert try_password(app, password=password) == "in"


def test_a_password_that_changed_after_it_was_checked_lets_nobody_in(app, make_person, password):
    person_id = make_person()
    with app.app_context():
        proof = sign_ins.prove(ADDRESS, password)
        with transaction():
            db.session.get_one(Person, person_id).password_hash = credentials.hash_password("other odd words")
        with pytest.raises(Conflict), transaction():
            sign_ins.begin_with(proof, network=NETWORK, agent="a", keep=False)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SignIn)) == 0


def test_the_database_holds_only_the_hash_of_a_token(app, make_person):
    session = begin(app, make_person())
    with app.app_context():
        row = db.session.execute(sa.text("SELECT * FROM sign_in")).one()
    assert session.token not in row
    assert hashlib.sha256(session.token.encode()).hexdigest() in row
    assert len(session.token) == 43


def test_a_live_session_is_found_with_its_person_in_one_query(app, make_person):
    session = begin(app, make_person())
    statements = []
    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        found = sign_ins.find(session.token)
        assert found is not None
        assert found.person.address == ADDRESS
    assert [word for statement in statements if (word := statement.split()[0]) != "BEGIN"] == ["SELECT"]


@pytest.mark.parametrize(("keep", "stay"), [(False, timedelta(hours=12)), (True, timedelta(days=30))])
def test_a_session_ends_by_itself(app, make_person, keep, stay):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        session = begin(app, make_person(), keep=keep)
        traveller.shift(stay - timedelta(seconds=1))
        assert find(app, session)
        traveller.shift(timedelta(seconds=1))
        assert find(app, session) is None


def test_a_made_up_token_finds_nobody(app, make_person):
    begin(app, make_person())
    with app.app_context():
        assert sign_ins.find("x" * 43) is None
        assert sign_ins.find("") is None


def test_a_revoked_session_ends_at_once_and_the_others_stay(app, make_person):
    person_id = make_person()
    here, there = begin(app, person_id), begin(app, person_id)
    with app.app_context(), transaction():
        sign_ins.revoke(person_id, there.sign_in.id)
    assert find(app, here)
    assert find(app, there) is None


def test_nobody_revokes_the_session_of_somebody_else(app, make_person):
    ruth, eve = make_person(), make_person("Eve", "eve@example.org", "Elsewhere")
    session = begin(app, ruth)
    with app.app_context(), pytest.raises(Missing), transaction():
        sign_ins.revoke(eve, session.sign_in.id)
    assert find(app, session)


def test_revoking_the_others_keeps_this_one_and_touches_nobody_else(app, make_person):
    ruth, eve = make_person(), make_person("Eve", "eve@example.org", "Elsewhere")
    here, there, hers = begin(app, ruth), begin(app, ruth), begin(app, eve)
    with app.app_context(), transaction():
        assert sign_ins.revoke_others(ruth, here.sign_in.id) == 1
    assert find(app, here)
    assert find(app, hers)
    assert find(app, there) is None


def test_the_list_shows_the_live_sessions_of_one_person(app, make_person):
    ruth, eve = make_person(), make_person("Eve", "eve@example.org", "Elsewhere")
    here, there = begin(app, ruth), begin(app, ruth)
    begin(app, eve)
    with app.app_context(), transaction():
        sign_ins.end(there.sign_in.id)
    with app.app_context():
        assert [sign_in.id for sign_in in sign_ins.of(ruth)] == [here.sign_in.id]


def test_a_session_is_noted_as_seen_at_most_every_five_minutes(app, make_person):
    with time_machine.travel("2026-11-23T10:00:00+00:00", tick=False) as traveller:
        session = begin(app, make_person())
        began = session.sign_in.last_seen_at

        def seen_again():
            with app.app_context(), transaction():
                sign_ins.note_sighting(session.sign_in.id)
            return find(app, session).sign_in.last_seen_at - began

        traveller.shift(timedelta(minutes=4, seconds=59))
        assert not find(app, session).sign_in.is_due_for_sighting()
        assert seen_again() == timedelta(0)
        traveller.shift(timedelta(seconds=1))
        assert find(app, session).sign_in.is_due_for_sighting()
        assert seen_again() == timedelta(minutes=5)
