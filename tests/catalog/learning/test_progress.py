"""Progress: saved as it happens, resumed to the block, and finished in the version that was begun."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from catalog.learning import enrolments, progress, records
from catalog.learning.enrolments import Enrolment
from catalog.shelf import courses, importing
from catalog.shelf.importing import Content
from tests import learning
from tests.learning import SLUG
from tests.shelf import SHELF

READING, CHECK, SCENARIO, SORT, ORDER = (1, 1), (1, 3), (1, 4), (2, 3), (2, 4)


@pytest.fixture
def enrolment(learner):
    with transaction():
        return learning.enrol(learner)


def far(enrolment):
    return progress.of(enrolment.id, learning.course_of(enrolment).lessons)


def save(enrolment, place, form):
    with transaction():
        return progress.save_answer(enrolment.id, place, form)


def finish(enrolment, place):
    with transaction():
        progress.finish(enrolment.id, place)


def change_course():
    file = SHELF.courses[1]
    changed = dataclasses.replace(file, digest="another", lessons=file.lessons[:1])
    with transaction():
        importing.load(Content((SHELF.courses[0], changed), SHELF.guides, SHELF.articles))


def test_beginning_twice_is_beginning_once(learner, enrolment):
    with transaction():
        assert learning.enrol(learner).id == enrolment.id
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 1
    assert [line for line in db.session.scalars(sa.select(JournalEntry.what)) if line == "enrolment.begun"] == ["enrolment.begun"]


def test_nothing_is_done_at_the_beginning_and_all_of_it_at_the_end(enrolment):
    assert far(enrolment).next_place == (1, 1)
    with transaction():
        learning.do_lessons(enrolment)
    assert far(enrolment).is_complete
    assert far(enrolment).next_place is None
    assert far(enrolment).done_count == len(far(enrolment).places) == 9


def test_one_goes_on_at_the_very_block_where_one_stopped(enrolment):
    finish(enrolment, (1, 1))
    assert far(enrolment).next_place == (1, 2)
    save(enrolment, CHECK, {"choice": ["0"]})
    assert far(enrolment).next_place == CHECK
    finish(enrolment, (2, 1))
    assert far(enrolment).next_place == (2, 2)
    with transaction():
        learning.do_lessons(enrolment)
    assert far(enrolment).is_complete


def test_what_was_skipped_comes_at_the_end(enrolment):
    for place in far(enrolment).places[1:]:
        for form in learning.forms_of(progress.block_of(courses.lesson(enrolment.version_id, place[0]).blocks, place[1])):
            save(enrolment, place, form)
        finish(enrolment, place)
    assert far(enrolment).next_place == (1, 1)


@pytest.mark.parametrize(
    ("place", "form", "kept"),
    [
        (CHECK, {"choice": ["0"]}, {"chosen": [0]}),
        (SORT, {f"group-{n}": ["1"] for n in range(3)}, {"groups": [1, 1, 1]}),
        (ORDER, {"place-0": ["2"], "place-1": ["0"], "place-2": ["1"]}, {"places": [2, 0, 1]}),
        (SCENARIO, {"step": ["start"], "choice": ["0"]}, {"at": "start", "choice": 0}),
        (SCENARIO, {"step": ["start"], "choice": ["1"], "on": ["yes"]}, {"at": "listening", "choice": None}),
        (SCENARIO, {"step": ["start"], "choice": ["0"], "on": ["yes"]}, {"at": "start", "choice": 0}),
        (SCENARIO, {"step": ["nowhere"]}, {"at": "start", "choice": None}),
        (READING, {"anything": ["else"]}, {}),
    ],
)
def test_an_answer_is_kept_as_it_was_given(enrolment, place, form, kept):
    assert save(enrolment, place, form) == kept
    db.session.expire_all()
    assert progress.answer_to(enrolment.id, place) == kept


@pytest.mark.parametrize(
    ("place", "form", "words"),
    [
        (CHECK, {}, "Choose an answer first"),
        (CHECK, {"choice": ["3"]}, "has changed since"),
        (CHECK, {"choice": ["-1"]}, "has changed since"),
        (CHECK, {"choice": ["٣"]}, "has changed since"),
        (CHECK, {"choice": ["9" * 5000]}, "has changed since"),
        (SORT, {"group-0": ["1"]}, "every one of them"),
        (SORT, {f"group-{n}": ["2"] for n in range(3)}, "has changed since"),
        (ORDER, {f"place-{n}": ["1"] for n in range(3)}, "a place of its own"),
        (ORDER, {"place-0": ["0"], "place-1": ["1"]}, "a place of its own"),
        (SCENARIO, {"step": ["start"], "choice": ["7"]}, "has changed since"),
    ],
)
def test_what_is_no_answer_is_refused_and_the_earlier_one_stays(enrolment, place, form, words):
    block = progress.block_of(courses.lesson(enrolment.version_id, place[0]).blocks, place[1])
    before = save(enrolment, place, next(learning.forms_of(block)))
    with pytest.raises(Invalid, match=words):
        save(enrolment, place, form)
    db.session.expire_all()
    assert progress.answer_to(enrolment.id, place) == before


@pytest.mark.parametrize("place", [CHECK, SCENARIO, SORT, ORDER])
def test_an_exercise_is_done_only_when_it_was_answered(enrolment, place):
    with pytest.raises(Invalid, match="Answer first"):
        finish(enrolment, place)
    assert far(enrolment).done_count == 0
    block = progress.block_of(courses.lesson(enrolment.version_id, place[0]).blocks, place[1])
    for form in learning.forms_of(block):
        save(enrolment, place, form)
    finish(enrolment, place)
    assert far(enrolment).done == {place}


def test_a_story_must_come_to_its_end(enrolment):
    save(enrolment, SCENARIO, {"step": ["start"], "choice": ["1"]})
    with pytest.raises(Invalid, match="Answer first"):
        finish(enrolment, SCENARIO)


def test_a_wrong_answer_is_an_answer_too(enrolment):
    save(enrolment, CHECK, {"choice": ["0"]})
    finish(enrolment, CHECK)
    assert far(enrolment).done == {CHECK}


def test_a_place_that_is_not_there_is_missing(enrolment):
    for place in ((0, 1), (9, 1), (1, 0), (1, 99)):
        with pytest.raises(Missing):
            finish(enrolment, place)


def test_whoever_is_in_the_middle_of_a_version_finishes_that_one(learner, enrolment):
    finish(enrolment, (1, 1))
    change_course()
    assert courses.current(SLUG).version.number == 2
    with transaction():
        assert learning.enrol(learner).version_id == enrolment.version_id
        learning.do_lessons(enrolment)
        attempt = learning.take_test(learner, enrolment)
    assert attempt.state == "passed"
    held = records.of_member(learner.organisation.id, learner.membership.id)[0].certificates[0]
    assert held.certificate.version == 1
    with transaction():
        assert learning.enrol(learner).version_id == courses.current(SLUG).version.id


def test_nothing_more_is_saved_once_a_course_is_passed(learner, enrolment):
    with transaction():
        learning.take_test(learner, enrolment)
    for late in (lambda: save(enrolment, CHECK, {"choice": ["0"]}), lambda: finish(enrolment, (1, 1))):
        with pytest.raises(Conflict, match="passed this course already"):
            late()
    assert far(enrolment).done_count == 0


def test_records_hold_each_course_once_with_all_that_belongs_to_it(learner, enrolment):
    with transaction():
        learning.take_test(learner, enrolment, wrong=9)
        learning.take_test(learner, enrolment)
    with transaction():
        again = learning.enrol(learner)
        learning.do_lessons(again, but=2)
        learning.enrol(learner, "fire-safety-awareness")
    fire, first = records.of_member(learner.organisation.id, learner.membership.id)
    assert (fire.course.slug, first.course.slug) == ("fire-safety-awareness", SLUG)
    assert first.enrolment.id == again.id
    assert first.progress.done_count == 7
    assert [attempt.score_percent for attempt in first.attempts] == [10, 100]
    assert len(first.certificates) == 1
    assert enrolments.newest(learner.membership.id, SLUG).id == again.id
