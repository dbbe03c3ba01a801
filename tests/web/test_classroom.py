"""The classroom as a learner meets it, page by page: begin, answer, go on, be tested, and what happens when the seat goes."""

from __future__ import annotations

import dataclasses
import re

import pytest
import sqlalchemy as sa

from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import seats
from catalog.learning import attempts, certificates, enrolments, progress
from catalog.learning.attempts import AttemptQuestion
from catalog.learning.progress import BlockProgress
from catalog.shelf import importing
from catalog.shelf.importing import Content
from tests import learning
from tests.learning import SLUG
from tests.shelf import SHELF


@pytest.fixture
def leo(parish):
    """Give the browser of a learner with a seat."""
    parish.pays_for(5)
    return parish.member("leo@example.org", Role.LEARNER, seat=True)


def home(parish):
    return f"/learn/{parish.id}/{SLUG}"


def start(parish, browser):
    browser.get(home(parish))
    browser.submit("Start the course")


def actor(parish, address="leo@example.org"):
    return memberships.actor(people.with_address(address), parish.id)


def enrolment_of(parish):
    return enrolments.newest(actor(parish).membership.id, SLUG)


def do_lessons(parish):
    with parish.app.app_context(), transaction():
        learning.do_lessons(enrolment_of(parish))


def answer_test(parish, wrong=0):
    with parish.app.app_context(), transaction():
        enrolment = enrolment_of(parish)
        attempt = attempts.begin(actor(parish), enrolment.id, learning.course_of(enrolment))
        learning.answer_all(actor(parish), attempt, wrong=wrong)


def rows(parish, model):
    with parish.app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_a_course_is_begun_and_gone_through_block_by_block(parish, leo):
    start(parish, leo)
    assert (leo.heading, leo.path) == ("The first minute", f"{home(parish)}/1/1")
    assert "Content note." in leo.words
    assert "Quick exit signs you out" in leo.words
    leo.submit("Go on")
    assert leo.heading == "Then"
    leo.submit("Go on")
    assert leo.heading == "Check yourself"
    leo.submit("Check", {"choice": "1"})
    assert "That is right." in leo.words
    leo.submit("Go on")
    assert leo.heading == "The plate"
    leo.submit("2 “I will listen.”")
    assert "A good step" in leo.words
    leo.submit("Go on")
    assert "She stops." in leo.words
    leo.submit("1 Wait.")
    leo.submit("Next lesson")
    assert leo.path == f"{home(parish)}/2/1"
    leo.get(home(parish))
    assert "Done" in leo.words
    leo.click("Go on")
    assert leo.path == f"{home(parish)}/2/1"


def test_a_page_of_a_lesson_shows_what_the_files_hold(parish, leo):
    start(parish, leo)
    picture = leo.page.select_one("figure img")
    assert picture["alt"] == "Three steps from left to right."
    answer = leo.client.get(picture["src"])
    assert answer.mimetype == "image/svg+xml"
    assert "immutable" in answer.headers["Cache-Control"]
    links = {link.text: link["href"] for link in leo.page.select(".prose a")}
    assert links == {
        "a guide": f"/learn/{parish.id}/guides/five-steps",
        "another course": f"/learn/{parish.id}/fire-safety-awareness",
    }
    leo.get(f"{home(parish)}/1/2")
    assert leo.page.select_one(".callout--law .callout__title").text == "The law"
    assert leo.page.select_one(".key-points li").text == "Listen."
    assert leo.page.select_one(".prose h2").text == "A smaller thing"


def test_what_is_missing_in_an_answer_is_said_and_nothing_is_lost(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/1/3")
    leo.submit("Check", status=422)
    assert "Choose an answer first." in leo.words
    leo.get(f"{home(parish)}/2/3")
    leo.submit("Check", {"group-0": "1"}, status=422)
    assert "Put every one of them into a group first." in leo.words
    assert leo.page.select_one('input[name="group-0"][value="1"]').has_attr("checked")
    leo.get(f"{home(parish)}/2/4")
    leo.submit("Check", {"place-0": "1", "place-1": "1", "place-2": "2"}, status=422)
    assert "Give each of them a place of its own" in leo.words
    assert [place["value"] for place in leo.page.select("option[selected]")] == ["1", "1", "2"]
    assert rows(parish, BlockProgress) == 0


def test_an_exercise_shows_what_belongs_where(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/2/3")
    leo.submit("Check", {f"group-{number}": "0" for number in range(3)})
    assert "2 of 3 are where they belong." in leo.words
    assert "It belongs to: Opinion" in leo.words
    leo.submit("Check again", {f"group-{number}": "1" for number in range(3)})
    assert "1 of 3 are where they belong." in leo.words
    leo.get(f"{home(parish)}/2/2")
    assert len(leo.page.select("details")) == 2
    leo.submit("Go on")
    leo.get(f"{home(parish)}/2/3")
    assert "1 of 3 are where they belong." in leo.words


def test_going_on_without_an_answer_is_not_offered_and_not_possible(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/1/3")
    assert "Go on" not in [button.text.strip() for button in leo.page.select("main button")]
    leo.post(f"{home(parish)}/1/3/done", {}, status=422)
    assert "Answer first, then go on." in leo.words


def test_a_test_asks_who_one_is_then_question_by_question_and_says_how_it_went(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/test")
    assert "assessment only" in leo.words
    leo.submit("Begin the test", status=422)
    assert "Confirm that it is you who answers." in leo.words
    leo.submit("Begin the test", {"confirmed": "y"})
    assert leo.heading == "Question 1 of 10"
    leo.submit("Save and go on", status=422)
    assert "Choose an answer first." in leo.words
    leo.submit("Save and go on", {"choice": "0"})
    assert leo.heading == "Question 2 of 10"
    leo.get(f"{home(parish)}/test/answers")
    assert "9 questions wait for an answer." in leo.words
    leo.submit("Hand in", status=422)
    assert re.search(r"Questions 2, 3, .* wait for an answer", leo.words)
    answer_test(parish, wrong=6)
    leo.get(f"{home(parish)}/test")
    assert leo.heading == "Your test is open"
    leo.click("See all answers")
    leo.submit("Hand in")
    assert leo.heading == "Not this time"
    assert "4 of 10 right; 8 pass." in leo.words
    assert "Because it helps." in leo.words
    leo.click("Try again")
    leo.get(home(parish))
    assert "4 of 10 right" in leo.words


def test_passing_shows_the_certificate_and_a_refresher_never_touches_it(parish, leo):
    start(parish, leo)
    do_lessons(parish)
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    assert leo.heading == "You passed"
    leo.click("Open your certificate")
    number = re.search(r"LY-[0-9A-Z-]+", leo.words)[0]
    leo.get(f"/learn/{parish.id}/")
    assert "Passed on" in leo.words
    leo.click("First Response")
    leo.submit("Take it again")
    assert leo.path == f"{home(parish)}/1/1"
    leo.get(f"/learn/{parish.id}/certificates/{number}")
    assert "Issued" in leo.words


def test_handing_in_twice_leads_to_the_same_result(parish, leo):
    start(parish, leo)
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    twice = leo.again()
    twice.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    twice.submit("Hand in")
    assert twice.path == leo.path
    assert twice.heading == "You passed"


def test_a_seat_that_ends_in_the_middle_of_a_test_closes_the_door_and_keeps_the_answers(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/test")
    leo.submit("Begin the test", {"confirmed": "y"})
    leo.submit("Save and go on", {"choice": "0"})
    with parish.app.app_context(), transaction():
        seats.release(parish.id, actor(parish).membership.id, "taken back", by=None)
    leo.submit("Save and go on", {"choice": "0"}, status=403)
    assert "You have no seat at St Mary." in leo.words
    leo.get(f"/learn/{parish.id}/")
    assert "You have no seat at St Mary." in leo.words
    with parish.app.app_context(), transaction():
        seats.assign(parish.id, actor(parish).membership.id, seats.State.IN_USE, by=None)
    leo.get(f"/learn/{parish.id}/")
    leo.click("Go on with the test of First Response")
    leo.click("See all answers")
    assert "9 questions wait for an answer." in leo.words
    assert rows(parish, AttemptQuestion) == 10


def test_an_admin_whose_seat_ends_in_the_middle_of_a_test_hands_nothing_in(parish, leo):
    tom = parish.member("tom@example.org", Role.ADMIN, Role.LEARNER, seat=True)
    start(parish, tom)
    with parish.app.app_context(), transaction():
        enrolment = enrolments.newest(actor(parish, "tom@example.org").membership.id, SLUG)
        attempt = attempts.begin(actor(parish, "tom@example.org"), enrolment.id, learning.course_of(enrolment))
        learning.answer_all(actor(parish, "tom@example.org"), attempt)
        attempt_id = attempt.id
        seats.release(parish.id, enrolment.membership_id, "taken back", by=None)
    tom.post(f"{home(parish)}/test/answers", {"attempt": str(attempt_id)}, 403)
    assert "You are looking around without a seat" in tom.words
    with parish.app.app_context():
        assert (
            attempts.of_enrolment(enrolments.newest(actor(parish, "tom@example.org").membership.id, SLUG).id)[0].state == "open"
        )


def test_an_old_page_never_answers_a_question_of_another_test(parish, leo):
    start(parish, leo)
    leo.get(f"{home(parish)}/test")
    leo.submit("Begin the test", {"confirmed": "y"})
    old = leo.again()
    old.get(f"{home(parish)}/test/3")
    answer_test(parish, wrong=6)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    leo.click("Try again")
    leo.submit("Begin the test", {"confirmed": "y"})
    old.submit("Save and go on", {"choice": "0"}, status=409)
    assert "This test is closed" in old.words
    leo.get(f"{home(parish)}/test/answers")
    assert "10 questions wait for an answer." in leo.words


def test_going_back_to_a_test_that_is_over_leads_to_how_it_went(parish, leo):
    start(parish, leo)
    for wrong, heading in ((6, "Not this time"), (0, "You passed")):
        answer_test(parish, wrong=wrong)
        leo.get(f"{home(parish)}/test/answers")
        leo.submit("Hand in")
        for page in ("/test/10", "/test/answers", *(["/test"] if not wrong else [])):
            leo.get(f"{home(parish)}{page}", 303)
            leo.follow()
            assert leo.heading == heading
    leo.post(f"{home(parish)}/1/3", {"choice": "1"}, 403)
    assert "You have passed this course" in leo.words


def test_a_refresher_hides_nothing_that_was_earned(parish, leo):
    start(parish, leo)
    answer_test(parish, wrong=6)
    for _ in range(2):
        leo.get(f"{home(parish)}/test/answers")
        leo.submit("Hand in")
        if leo.heading == "Not this time":
            answer_test(parish)
    leo.get(home(parish))
    assert "4 of 10 right" in leo.words
    assert "10 of 10 right" in leo.words
    leo.submit("Take it again")
    leo.get(home(parish))
    assert "You are taking it again." in leo.words
    assert "10 of 10 right" in leo.words
    leo.get(f"/learn/{parish.id}/")
    leo.click("Certificate for First Response")
    parish.owner.get(parish.page_of("leo@example.org"))
    assert "taking it again" in parish.owner.words
    assert "100%, passed on" in parish.owner.words


def test_a_revoked_certificate_is_nowhere_shown_as_good(parish, leo):
    start(parish, leo)
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    with parish.app.app_context(), transaction():
        held = certificates.of_membership(parish.id, actor(parish).membership.id)[0].certificate
        certificates.revoke(held.number, "Somebody else sat it.", by=actor(parish).person.id)
    leo.get(home(parish))
    assert "was revoked. You can take the course again." in leo.words
    leo.get(f"/learn/{parish.id}/")
    assert "The certificate was revoked" in leo.words
    assert "refresh recommended" not in leo.words


def test_a_course_that_changes_in_the_middle_is_finished_as_it_was_begun(parish, leo):
    start(parish, leo)
    file = SHELF.courses[1]
    changed = dataclasses.replace(file, digest="new", front=file.front | {"title": "Second Response"}, lessons=file.lessons[:1])
    with parish.app.app_context(), transaction():
        importing.load(Content((changed,), SHELF.guides))
    leo.get(home(parish))
    assert leo.heading == "First Response"
    do_lessons(parish)
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    leo.click("Open your certificate")
    assert "First Response, version 1" in leo.words
    leo.get(home(parish))
    assert leo.heading == "Second Response"
    leo.get(f"/learn/{parish.id}/fire-safety-awareness", 404)


def test_a_course_that_left_the_shelf_stays_open_to_those_who_began_it(parish, leo):
    start(parish, leo)
    with parish.app.app_context(), transaction():
        importing.load(Content(SHELF.courses[:1], ()))
    leo.get(f"/learn/{parish.id}/")
    leo.click("Go on with First Response")
    una = parish.member("una@example.org", Role.LEARNER, seat=True)
    una.get(home(parish), 404)
    assert una.client.get(f"/courses/{SLUG}/cover.svg").status_code == 200
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    leo.post(f"{home(parish)}/begin", {}, 409)
    assert "no longer on the shelf" in leo.words


def test_an_owner_looks_around_without_a_seat_and_leaves_no_trace(parish, leo):
    parish.owner.get(home(parish))
    parish.owner.click("Look at the first lesson")
    assert "Nothing is saved." in parish.owner.words
    parish.owner.get(f"{home(parish)}/1/3")
    parish.owner.submit("Check", {"choice": "1"}, status=200)
    assert "That is right." in parish.owner.words
    parish.owner.click("Go on")
    parish.owner.post(f"{home(parish)}/begin", {}, status=403)
    parish.owner.get(f"{home(parish)}/test", 403)
    assert rows(parish, BlockProgress) == 0


def test_a_lesson_that_was_passed_can_be_read_again_and_nothing_changes(parish, leo):
    start(parish, leo)
    answer_test(parish)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    leo.get(f"{home(parish)}/1/1")
    assert "You are reading this again." in leo.words
    leo.click("Go on")
    assert leo.path == f"{home(parish)}/1/2"
    assert rows(parish, BlockProgress) == 0


def test_a_lesson_before_the_course_is_begun_says_that_nothing_is_kept(parish, leo):
    leo.get(f"{home(parish)}/1/1")
    assert "You have not begun this course, so nothing is saved." in leo.words
    leo.click("Start the course")
    assert leo.path == home(parish)
    assert rows(parish, BlockProgress) == 0


def test_nobody_opens_the_result_of_somebody_else(parish, leo):
    start(parish, leo)
    answer_test(parish, wrong=5)
    leo.get(f"{home(parish)}/test/answers")
    leo.submit("Hand in")
    una = parish.member("una@example.org", Role.LEARNER, seat=True)
    una.get(leo.path, 404)
    leo.get(leo.path.replace(SLUG, "fire-safety-awareness"), 404)


def test_there_is_no_test_before_the_course_is_begun(parish, leo):
    leo.get(f"{home(parish)}/test", 403)
    assert "Begin the course first." in leo.words
    start(parish, leo)
    leo.get(f"{home(parish)}/test/1", 404)
    leo.get(f"{home(parish)}/test/answers", 404)


def test_a_sample_lesson_answers_visitors_and_keeps_nothing(parish):
    visitor = parish.owner.__class__(parish.app)
    visitor.get(f"/courses/{SLUG}/sample/3")
    visitor.submit("Check", {"choice": "0"}, status=200)
    assert "Not quite." in visitor.words
    visitor.get(f"/courses/{SLUG}/sample/4?step=start&choice=1")
    assert "A good step" in visitor.words
    visitor.submit("Go on", status=200)
    assert "She stops." in visitor.words
    visitor.get(f"/courses/{SLUG}/sample/3?choice=99")
    assert "has changed since" in visitor.words
    visitor.get(f"/courses/{SLUG}/sample/5", 404)
    assert rows(parish, BlockProgress) == 0


def test_every_page_of_a_lesson_is_small(parish, leo):
    start(parish, leo)
    with parish.app.app_context():
        places = progress.of(enrolment_of(parish).id, learning.course_of(enrolment_of(parish)).lessons).places
    assert len(places) == 9
    for number, block in places:
        leo.get(f"{home(parish)}/{number}/{block}")
        assert len(leo.response.data) < 60_000


def test_guides_are_read_whole_with_a_seat_and_begun_without(parish, leo):
    leo.get(f"/learn/{parish.id}/guides")
    leo.click("Five Steps")
    assert "Only this is for those with a seat." in leo.words
    assert len(leo.page.select(".writing-line")) == 4
    assert leo.page.select_one("li.tick").text.strip() == "You listened"
    una = parish.member("una@example.org", Role.LEARNER)
    una.get(f"/learn/{parish.id}/guides/five-steps", 403)
    visitor = parish.owner.__class__(parish.app)
    visitor.get("/library/five-steps")
    assert "Let them speak." in visitor.words
    assert "Only this is for those with a seat." not in visitor.words
