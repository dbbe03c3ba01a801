"""Loading the shelf: whole or not at all, with the line to mend, in versions, and without change when nothing changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.cli.content import FOLDER as OURS
from app.kernel.db import db
from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from catalog.shelf import articles, courses, guides, importing, question_banks
from catalog.shelf.courses import CourseVersion
from catalog.shelf.guides import GuideVersion
from tests.shelf import FOLDER

FIRE = "fire-safety-awareness"
COURSE = "courses/first-response/course.md"
BANK = "courses/first-response/questions.md"
GUIDE = "guides/five-steps.md"
ARTICLE = "articles/how-often.md"


@pytest.fixture
def content(tmp_path):
    return Path(shutil.copytree(FOLDER, tmp_path / "content"))


def load(content):
    read = importing.read(content)
    with transaction():
        return importing.load(read)


def change(content, before, after, file=COURSE):
    path = content / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_our_own_shelf_loads(shop):
    report = load(OURS)
    assert FIRE in report.published
    for card in courses.published():
        found = courses.current(card.slug)
        assert len(question_banks.of_version(found.version.id)) >= found.drawn
        assert courses.lesson(found.version.id, found.version.sample).blocks


def test_a_course_is_read_block_by_block(shop, content):
    load(content)
    version = courses.current("first-response").version
    first, second = (courses.lesson(version.id, number).blocks for number in (1, 2))
    assert [block["kind"] for block in first] == ["reading", "reading", "check", "scenario"]
    assert [block["kind"] for block in second] == ["reading", "cards", "sort", "order", "check"]
    assert 'src="picture:steps.svg" alt="Three steps from left to right."' in first[0]["html"]
    assert 'href="guide:five-steps"' in first[0]["html"]
    assert first[1]["title"] == "Then"
    assert 'class="callout callout--law"' in first[1]["html"]
    assert [option["is_right"] for option in first[2]["options"]] == [False, True, False]
    assert [choice["then"] for choice in first[3]["steps"][0]["choices"]] == ["", "listening", "start"]
    assert second[2]["groups"] == ["Fact", "Opinion"]
    assert sorted(thing["place"] for thing in second[3]["things"]) == [0, 1, 2]
    assert [thing["place"] for thing in second[3]["things"]] != [0, 1, 2]


def test_a_bank_is_read_with_its_lessons(shop, content):
    load(content)
    bank = {question.key: question for question in question_banks.of_version(courses.current("first-response").version.id)}
    assert len(bank) == 14
    assert bank["minute-7"].has_several
    assert bank["minute-7"].right == [0, 2]
    assert bank["afterwards-1"].lesson == 2
    assert bank["minute-1"].why == "<p>Because it helps.</p>"


def test_loading_twice_changes_nothing(shop, content):
    load(content)
    report = load(content)
    assert report.published == ()
    assert report.withdrawn == ()
    assert report.unchanged == 4


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        (COURSE, "Stay *calm*", "Stay very *calm*"),
        (COURSE, "minutes: 25", "minutes: 26"),
        (BANK, "Because it helps.", "Because it helps so much."),
        ("courses/first-response/steps.svg", "#9c3d2c", "#9c3d2d"),
    ],
)
def test_a_course_that_changed_in_any_file_becomes_a_new_version_and_the_old_one_stays(shop, content, file, before, after):
    load(content)
    old = courses.current("first-response").version
    change(content, before, after, file)
    assert load(content).published == ("first-response",)
    assert courses.current("first-response").version.number == 2
    assert courses.of_version(old.id).version.digest == old.digest
    assert courses.picture(old.id, "steps.svg").content == (FOLDER / "courses/first-response/steps.svg").read_bytes()
    assert db.session.scalar(sa.select(sa.func.count()).where(CourseVersion.slug == "first-response")) == 2


def test_a_changed_guide_becomes_a_new_version_and_a_changed_article_is_replaced(shop, content):
    load(content)
    change(content, "Let them speak.", "Let them speak first.", GUIDE)
    change(content, "Yearly for schools.", "Yearly for every school.", ARTICLE)
    assert load(content).published == ("five-steps", "how-often")
    assert guides.current("five-steps").number == 2
    assert db.session.scalar(sa.select(sa.func.count()).select_from(GuideVersion)) == 2
    assert "every school" in articles.current("how-often").html


def test_what_has_no_file_any_more_leaves_the_shelf_and_comes_back_as_a_new_version(shop, content):
    load(content)
    (content / ARTICLE).unlink()
    change(content, "[another course](course:fire-safety-awareness)", "another course")
    shutil.move(content / "courses" / FIRE, content / "aside")
    assert load(content).withdrawn == (FIRE, "how-often")
    for gone in (lambda: courses.current(FIRE), lambda: articles.current("how-often")):
        with pytest.raises(Missing):
            gone()
    assert articles.published() == []
    shutil.move(content / "aside", content / "courses" / FIRE)
    load(content)
    assert courses.current(FIRE).version.number == 2


@pytest.mark.parametrize(
    ("file", "before", "after", "line", "words"),
    [
        (COURSE, "---\ntitle", "title", 1, "begin with front matter"),
        (COURSE, "minutes: 25", "minutes: many", 6, "minutes is a whole number"),
        (COURSE, "minutes: 25", "minutes: true", 6, "minutes is a whole number"),
        (COURSE, "category: children", "category: fire", 4, "category is one of"),
        (COURSE, "reviewed_on: 2026-11-01", "reviewed_on: soon", 19, "reviewed_on is a date"),
        (COURSE, "sample: 1", "sample: 9", 20, "sample names a lesson from 1 to 2"),
        (COURSE, "sample: 1", "colour: red", 20, "colour is not known"),
        (COURSE, "audience: ", "watchers: ", 2, "audience is missing"),
        (COURSE, "title: First", "title: [First", 3, "expected"),
        (COURSE, "sample: 1", "sample: 1\nminutes: 30", 21, "minutes stands here twice"),
        (
            COURSE,
            "    about: for anyone under 19\n",
            "    about: for anyone under 19\n    about: for all\n",
            19,
            "about stands here twice",
        ),
        (COURSE, ":::callout law", ":::callout law\n![Steps](steps.svg)", 36, "put the picture above or below the :::callout"),
        (COURSE, "    about: for anyone under 19\n", "", 15, "support is a list, each with name, contact and about"),
        (COURSE, "# The first minute\n", "Some words\n\n# The first minute\n", 23, "begin the first lesson"),
        (COURSE, "# Afterwards\n", "# An empty one\n\n# Afterwards\n", 76, "is empty"),
        (COURSE, "# Afterwards\n", "# The first minute\n", 76, "two lessons called"),
        (COURSE, ":::callout law", ":::callout loud", 35, "name one of note, important, law, say"),
        (COURSE, ":::callout law", ":::shout", 35, "there is no :::shout"),
        (COURSE, ":::cards Which is which?", "", 85, "this ::: closes nothing"),
        (COURSE, "  > Only you hold it.\n:::\n", "  > Only you hold it.\n", 86, "close :::cards of line 80"),
        (COURSE, "(steps.svg", "(stairs.svg", 27, "no picture stairs.svg"),
        (COURSE, "![Three steps from left to right.]", "![]", 27, "say in the brackets"),
        (COURSE, "(steps.svg ", "(steps.svg", 27, "write a picture alone on its line"),
        (COURSE, "- [x] Listening", "- [ ] Listening", 46, "one of them right and one of them wrong"),
        (COURSE, "  > Asking comes later.\n", "", 43, "explain every option"),
        (COURSE, "- [ ] Asking", "- Asking", 46, "begin an option with"),
        (COURSE, "- [ ] Writing", "Writing", 50, "begin an item with"),
        (COURSE, "What comes first?\n\n- [ ] Asking", "\n- [ ] Asking", 45, "ask the question"),
        (COURSE, "-> listening", "-> hearing", 54, "no step is called hearing"),
        (COURSE, '"I will listen." -> listening', '"I will listen." -> end', 54, "no choice leads to the step listening"),
        (COURSE, '"I will listen." -> listening', '"I will listen."', 54, "from the step start no way leads to the end"),
        (COURSE, "  > Somebody else could have seen it.\n", "", 81, "back of the card"),
        (COURSE, "## Opinion\n", "", 87, "two to four groups"),
        (COURSE, "- He seemed guilty\n", "", 92, "at least one thing into the group Opinion"),
        (COURSE, "3. Write it down\n", "", 96, "at least three things"),
        (COURSE, "guide:five-steps", "guide:six-steps", 25, "there is no guide six-steps"),
        (BANK, "# Afterwards", "# Afterward", 71, "no lesson is called Afterward"),
        (BANK, "## minute-2", "## minute-1", 13, "short name of its own"),
        (BANK, "## minute-2", "## Minute 2", 13, "short name of its own"),
        (BANK, "> Because it helps.", "", 3, "explain the answer"),
        (BANK, "- [x] Right one", "- [ ] Right one", 6, "one of them right"),
        (BANK, "> Because it helps.", "> Because it helps.\n\nAnd more.", 13, "nothing may follow"),
        (GUIDE, "kind: form", "kind: paper", 6, "kind is one of"),
        (GUIDE, "  - first-response", "  - second-response", 7, "there is no course second-response"),
        (ARTICLE, "guide:five-steps", "guide:no-steps", 13, "there is no guide no-steps"),
        (ARTICLE, "course: first-response", "course: none", 4, "there is no course none"),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_nothing_is_loaded(shop, content, file, before, after, line, words):
    change(content, before, after, file)
    with pytest.raises(Invalid, match=words) as refused:
        load(content)
    assert f"{file}:{line}: " in refused.value.message, refused.value.message
    assert courses.published() == []


def test_every_mistake_of_every_file_is_named_at_once(content):
    change(content, "minutes: 25", "minutes: many")
    change(content, "# Afterwards\n", "# An empty one\n\n# Afterwards\n")
    change(content, "kind: form", "kind: paper", GUIDE)
    with pytest.raises(Invalid) as refused:
        importing.read(content)
    assert len(refused.value.message.splitlines()) == 3


def test_a_file_that_is_not_utf_8_is_refused_with_its_line_and_a_mark_at_its_beginning_is_not(content):
    path = content / GUIDE
    text = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    importing.read(content)
    path.write_bytes(text.replace("Let them speak.", "Let them speak, é.").encode("latin-1"))
    with pytest.raises(Invalid, match=r"five-steps\.md:16: save this file as UTF-8"):
        importing.read(content)


def test_signs_of_the_law_stay_what_they_are(shop, content):
    change(content, "Stay *calm*", "Read section 17(10)(c) and s.47(1)(r). Stay *calm*")
    load(content)
    assert "17(10)(c) and s.47(1)(r)" in courses.lesson(courses.current("first-response").version.id, 1).blocks[0]["html"]


def test_a_course_without_its_bank_is_refused(content):
    (content / BANK).unlink()
    with pytest.raises(Invalid, match=r"questions\.md:1: the question bank is missing"):
        importing.read(content)


def test_markup_in_a_course_file_is_shown_and_not_run(shop, content):
    evil = "<script>alert(1)</script>[x](javascript:alert(1))<img src=x onerror=alert(1)>"
    change(content, "Stay *calm*", f"{evil} Stay *calm*")
    change(content, "What comes first?\n", f"What comes first? {evil}\n")
    change(content, "## Fact", f"## {evil} Fact")
    load(content)
    version = courses.current("first-response").version
    for number in (1, 2):
        text = str(courses.lesson(version.id, number).blocks)
        assert "<script" not in text
        assert "<img src=x" not in text
        assert 'href="javascript' not in text


def test_the_catalogue_finds_by_category_and_words(shop, content):
    load(content)
    assert [card.slug for card in courses.published("health")] == [FIRE]
    assert [card.slug for card in courses.published(words="minutes FIRE")] == [FIRE]
    assert courses.published(words="100%") == []
    assert courses.published("care") == []
    assert [guide.slug for guide in guides.published(words="child tells")] == ["five-steps"]
    assert guides.published("health") == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("courses/first-response", "courses/First Response", "use lower-case letters, digits and single hyphens"),
        ("courses/first-response", "courses/guides", "guides is the address of another page"),
        ("guides/five-steps.md", "guides/five--steps.md", "use lower-case letters, digits and single hyphens"),
    ],
)
def test_a_name_that_makes_no_address_is_refused(content, before, after, words):
    (content / before).rename(content / after)
    with pytest.raises(Invalid, match=words):
        importing.read(content)


def test_a_list_in_an_explanation_keeps_its_levels(content):
    change(content, "> Because it helps.", "> Because:\n> - it helps\n>   - a little", BANK)
    course = next(course for course in importing.read(content).courses if course.slug == "first-response")
    assert "<li>it helps\n<ul>\n<li>a little" in course.questions[0].why
