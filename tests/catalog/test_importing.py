"""Loading the shelf: whole or not at all, with the line to mend, in versions, and without change when nothing changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.kernel.db import db
from app.kernel.errors import Invalid, Missing
from app.kernel.transaction import transaction
from catalog.shelf import courses, importing
from catalog.shelf.courses import CourseVersion

CONTENT = Path(__file__).parents[2] / "catalog/content"
FIRE = "fire-safety-awareness"


@pytest.fixture
def content(tmp_path):
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def load(content):
    files = importing.read(content)
    with transaction():
        return importing.load(files)


def change(content, before, after):
    path = content / "courses" / FIRE / "course.md"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_our_own_courses_load_and_open(shop, content):
    report = load(content)
    assert FIRE in report.published
    page = courses.page(FIRE)
    assert page.version == 1
    assert page.sample.html.startswith("<p>On Sunday")
    assert [lesson.number for lesson in page.lessons] == [1, 2, 3]
    assert courses.lesson(FIRE, 2).title == "The first two minutes"


def test_stated_minutes_are_within_a_fifth_of_the_words():
    for file in importing.read(CONTENT):
        words = sum(lesson.minutes for lesson in file.lessons)
        assert abs(words - file.front["minutes"]) <= max(1, file.front["minutes"] / 5), file.slug


def test_loading_twice_changes_nothing(shop, content):
    load(content)
    report = load(content)
    assert report.published == ()
    assert report.withdrawn == ()
    assert report.unchanged == len(list((content / "courses").iterdir()))


def test_a_changed_course_becomes_a_new_version_and_the_old_one_stays(shop, content):
    load(content)
    change(content, "faintly of toast", "strongly of toast")
    assert load(content).published == (FIRE,)
    assert courses.page(FIRE).version == 2
    assert db.session.scalar(sa.select(sa.func.count()).where(CourseVersion.slug == FIRE)) == 2


def test_a_course_whose_file_is_gone_leaves_the_shelf_and_comes_back_as_a_new_version(shop, content):
    load(content)
    shutil.move(content / "courses" / FIRE, content / "aside")
    assert load(content).withdrawn == (FIRE,)
    with pytest.raises(Missing):
        courses.page(FIRE)
    shutil.move(content / "aside", content / "courses" / FIRE)
    load(content)
    assert courses.page(FIRE).version == 2


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("---\ntitle", "title", 1, "begin with front matter"),
        ("minutes: 8", "minutes: many", 6, "minutes is a whole number"),
        ("minutes: 8", "minutes: true", 6, "minutes is a whole number"),
        ("category: health", "category: fire", 4, "category is one of"),
        ("reviewed_on: 2026-11-02", "reviewed_on: soon", 20, "reviewed_on is a date"),
        ("sample: 1", "sample: 9", 21, "sample names a lesson from 1 to 3"),
        ("sample: 1", "colour: red", 21, "colour is not known"),
        ("audience: ", "watchers: ", 2, "audience is missing"),
        ("title: Fire", "title: [Fire", 3, "expected"),
        ("# How a fire begins\n", "Some words\n\n# How a fire begins\n", 23, "begin the first lesson"),
        ("# Leaving well\n", "# An empty one\n\n# Leaving well\n", 64, "is empty"),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_nothing_is_loaded(shop, content, before, after, line, words):
    change(content, before, after)
    with pytest.raises(Invalid, match=words) as refused:
        load(content)
    assert f"{FIRE}/course.md:{line}:" in refused.value.message
    assert courses.published() == []


def test_every_broken_file_is_named_at_once(content):
    for path in (content / "courses").glob("*/course.md"):
        path.write_text("no front matter")
    with pytest.raises(Invalid) as refused:
        importing.read(content)
    assert len(refused.value.message.splitlines()) == len(list((content / "courses").iterdir()))


def test_markup_in_a_course_file_is_shown_and_not_run(shop, content):
    change(content, "On Sunday", "<script>alert(1)</script>[x](javascript:alert(1)) On Sunday")
    load(content)
    html = courses.lesson(FIRE, 1).html
    assert "<script" not in html
    assert 'href="javascript' not in html


def test_the_catalogue_finds_by_category_and_words(shop, content):
    load(content)
    assert [card.slug for card in courses.published("health")] == [FIRE]
    assert [card.slug for card in courses.published(words="leave BUILDING")] == [FIRE]
    assert courses.published(words="100%") == []
    assert courses.published("care") == []
