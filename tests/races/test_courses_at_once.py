"""A learner in two windows, on two machines, and workers side by side: one enrolment, one test, one certificate, one document."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa

from app import factory
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.journal import JournalEntry
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from app.web import typefaces
from catalog.learning import attempts, certificate_documents
from catalog.learning.attempts import Attempt, AttemptQuestion, State
from catalog.learning.certificate_documents import Press
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.learning.enrolments import Enrolment
from catalog.shelf import importing
from tests import learning
from tests.races.actors import acting
from tests.shelf import SHELF

ROUNDS = range(5)


@pytest.fixture
def as_learner(owner):
    """Give a way to act as somebody who may take a course, in whichever thread."""
    with transaction():
        importing.load(SHELF)
    return acting(owner)


@pytest.fixture
def enrolment_id(as_learner):
    with transaction():
        return learning.enrol(as_learner()).id


@pytest.fixture
def attempt_id(as_learner, enrolment_id):
    """Give a test in which every question is answered rightly."""
    with transaction():
        actor = as_learner()
        attempt = attempts.begin(actor, enrolment_id, learning.course_of(db.session.get_one(Enrolment, enrolment_id)))
        learning.answer_all(actor, attempt)
        return attempt.id


@pytest.fixture
def open_press(data):
    """Give a way to open a press whose typefaces are made, because that takes seconds of their own."""
    fonts = typefaces.for_documents(data)
    return lambda: Press(factory.CERTIFICATE, fonts, "https://training.example.org")


@pytest.fixture
def elsewhere(owner, environment):
    """Give a way to have the learner do something in two other processes while something is done here; gives what they print."""

    def run(operation, *arguments, here):
        person_id, organisation_id = owner.person.id, owner.organisation.id
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.races.learner", str(person_id), str(organisation_id), operation, *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        here()
        said = [int(process.communicate(timeout=60)[0]) for process in started]
        assert [process.returncode for process in started] == [0, 0]
        return said

    return run


def rows(model):
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(model)))


def said(what):
    return [entry.what for entry in rows(JournalEntry)].count(what)


def begin_test(as_learner, enrolment_id):
    enrolment = db.session.get_one(Enrolment, enrolment_id)
    attempts.begin(as_learner(), enrolment_id, learning.course_of(enrolment))


def hand_in(as_learner, attempt_id):
    attempts.hand_in(as_learner(), attempt_id)


def is_earned_once():
    """Whether there is one certificate, of one pass, and one mail that tells of it."""
    (certificate,) = rows(Certificate)
    (attempt,) = rows(Attempt)
    (enrolment,) = rows(Enrolment)
    mails = [mail.facts["certificate_id"] for mail in rows(OutboxMail) if mail.kind == "certificate"]
    return (
        (attempt.state, certificate.attempt_id, mails) == (State.PASSED, attempt.id, [str(certificate.id)])
        and not enrolment.is_open
        and (said("attempt.passed"), said("certificate.issued")) == (1, 1)
    )


def test_a_course_begun_in_two_windows_at_once_is_begun_once(as_learner, race):
    refused = [outcome for outcome in race(*[lambda: learning.enrol(as_learner())] * 8) if outcome is not None]
    assert all(isinstance(refusal, Conflict) for refusal in refused)
    assert len(rows(Enrolment)) == 1
    assert said("enrolment.begun") == 1


def test_a_test_begun_in_two_windows_at_once_is_one_test(as_learner, enrolment_id, race):
    assert race(*[partial(begin_test, as_learner, enrolment_id)] * 8) == [None] * 8
    (attempt,) = rows(Attempt)
    assert (attempt.state, attempt.number) == (State.OPEN, 1)
    assert sorted(question.position for question in rows(AttemptQuestion)) == list(range(1, attempt.drawn + 1))
    assert said("attempt.begun") == 1


def test_a_course_and_a_test_begun_on_three_machines_at_once_are_one(as_learner, elsewhere):
    def here():
        for _ in range(10):
            try:
                with transaction():
                    begin_test(as_learner, learning.enrol(as_learner()).id)
            except Conflict:
                continue

    elsewhere("begin", here=here)
    assert (len(rows(Enrolment)), len(rows(Attempt))) == (1, 1)
    assert (said("enrolment.begun"), said("attempt.begun")) == (1, 1)


def test_a_test_handed_in_ten_times_at_once_earns_one_certificate(as_learner, attempt_id, race):
    assert race(*[partial(hand_in, as_learner, attempt_id)] * 10) == [None] * 10
    assert is_earned_once()


def test_a_test_handed_in_on_three_machines_at_once_earns_one_certificate(as_learner, attempt_id, elsewhere):
    def here():
        with transaction():
            hand_in(as_learner, attempt_id)

    assert elsewhere("hand_in", str(attempt_id), here=here) == [0, 0]
    assert is_earned_once()


@pytest.mark.parametrize("round_", ROUNDS)
def test_an_answer_changed_while_the_test_is_handed_in_counts_or_is_refused(round_, as_learner, attempt_id, race):
    first = attempts.questions_of(db.session.get_one(Attempt, attempt_id))[0]
    right = first.question.right
    wrong = next(number for number in range(len(first.question.options)) if number not in right)

    def change():
        attempts.answer(as_learner().membership.id, attempt_id, 1, [str(wrong)])

    refusal, handed_in = race(change, partial(hand_in, as_learner, attempt_id))
    assert handed_in is None
    (attempt,) = rows(Attempt)
    question = db.session.get_one(AttemptQuestion, (attempt_id, 1))
    if refusal is None:
        assert (question.chosen, question.is_right, attempt.right_count) == ([wrong], False, attempt.drawn - 1)
    else:
        assert isinstance(refusal, Conflict)
        assert (question.chosen, question.is_right, attempt.right_count) == (right, True, attempt.drawn)
    assert is_earned_once()


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_test_begun_while_the_last_one_is_handed_in_leaves_none_open_on_a_passed_course(
    round_, as_learner, enrolment_id, attempt_id, race
):
    refusal, handed_in = race(partial(begin_test, as_learner, enrolment_id), partial(hand_in, as_learner, attempt_id))
    assert refusal is None or isinstance(refusal, Conflict)
    assert handed_in is None
    assert is_earned_once()


def test_two_workers_who_print_the_same_certificate_keep_one_document(app, as_learner, attempt_id, open_press):
    with transaction():
        hand_in(as_learner, attempt_id)
    both = threading.Barrier(2)
    printed = []

    class Waiting:
        """A press that gives what it printed only when the other has printed too."""

        def __init__(self):
            self._press = open_press()

        def print(self, certificate):
            pdf = self._press.print(certificate)
            printed.append(pdf)
            both.wait(timeout=20)
            return pdf

    def work(_):
        with app.app_context():
            return certificate_documents.make_missing(Waiting)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, range(2))) == [0, 1]
    (document,) = rows(CertificateDocument)
    assert printed == [document.pdf] * 2
    made_at = document.made_at
    with app.app_context():
        assert app.extensions["jobs"].run("certificates") == 0
    (document,) = rows(CertificateDocument)
    assert (document.made_at, document.pdf) == (made_at, printed[0])


def test_documents_made_on_three_machines_at_once_are_made_once(app, as_learner, attempt_id, open_press, elsewhere):
    with transaction():
        hand_in(as_learner, attempt_id)
    mine = []
    others = elsewhere("documents", here=lambda: mine.append(app.extensions["jobs"].run("certificates")))
    assert sum(others) + sum(mine) == 1
    (document,) = rows(CertificateDocument)
    assert document.pdf.startswith(b"%PDF-")
