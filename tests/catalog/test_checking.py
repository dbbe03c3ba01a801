"""Checking content: our own passes, and every rule finds its breach with file and line."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import cli
from app.cli.content import FOLDER as OURS
from app.kernel import clock
from catalog.shelf import checking, importing
from catalog.shelf.course_files import round_half_up
from catalog.shelf.spelling import american
from tests.shelf import FOLDER

TODAY = date(2026, 11, 24)
FIRE = "courses/fire-safety-awareness/course.md"
FIRE_BANK = "courses/fire-safety-awareness/questions.md"


@pytest.fixture(scope="module")
def ours():
    return checking.check(importing.read(OURS), clock.real_now().date())


@pytest.fixture
def content(tmp_path):
    return Path(shutil.copytree(OURS, tmp_path / "content"))


def change(content, file, pattern, after):
    path = content / file
    text, count = re.subn(pattern, after, path.read_text(), count=1, flags=re.MULTILINE | re.DOTALL)
    assert count == 1, pattern
    path.write_text(text)


def problems(content, today=TODAY):
    return checking.check(importing.read(content), today).problems


def test_our_own_content_is_what_we_promise(ours):
    assert ours.problems == ()


def test_the_shelf_holds_what_it_is_said_to_hold(ours):
    assert {course.slug for course in ours.measures} >= {
        "when-a-child-tells-you-first-response",
        "child-sexual-exploitation",
        "e-safety-children-online",
        "safer-recruitment",
        "fire-safety-awareness",
        "data-protection-essentials",
    }


@pytest.mark.parametrize(
    ("file", "pattern", "after", "words"),
    [
        (FIRE, r"^minutes: \d+", "minutes: 90", r"course\.md:6: minutes says 90, and counting gives \d+"),
        (FIRE, r"^minimum_age: \d+", "minimum_age: 12", "minimum_age is 16 or 18"),
        (FIRE, r"^nations: Written", "nations: Made", "nations begins with Written for England"),
        (FIRE, r"^reviewed_on: .*?$", "reviewed_on: 2025-01-01", "reviewed over a year ago"),
        (FIRE, r"^reviewed_on: .*?$", "reviewed_on: 2027-01-01", "or later than today"),
        (FIRE, r"^outcomes:\n  - \w", "outcomes:\n  - X", "each beginning with a verb in lower case"),
        (FIRE, r"^minutes:", "content_note: This may distress.\nminutes:", "says under support whom to turn to"),
        (FIRE, r"^:::cards.*?^:::\n", "", "at least 1 of :::cards, and this one 0"),
        (FIRE, r"\Z", "\n# One more lesson\n\nWords.\n", "the lesson One more lesson has no exercise"),
        (FIRE, r"\Z", "\n" + "word " * 300 + "\n", "this block has 300 words"),
        (FIRE, r"\Z", "\nThe color of the center.\n", r"color is American; write colour"),
        (FIRE, r"\Z", "\nSee https://example.org for more.\n", "instead of its web address"),
        (FIRE, r"\Z", "\nRead [this][1].\n\n[1]: course:safer-recruitment\n", "write a link as"),
        (FIRE, r"\Z", "\nRead [this](handbook.pdf).\n", "write a link as"),
        (FIRE_BANK, r"^(# [^\n]*\n).*?(?=^# )", r"\1\n", r"questions\.md:1: the lesson .* needs 3 questions and has 0"),
        (FIRE_BANK, r"^- \[x\] .*?$", "- [x] All of the above", "write out what is meant"),
        ("articles/how-often-safeguarding-training.md", r"^## .*\Z", "Short.\n", "400 to 900 is the measure"),
    ],
)
def test_each_rule_finds_its_breach(content, file, pattern, after, words):
    change(content, file, pattern, after)
    found = problems(content)
    assert any(re.search(words, line) for line in found), found


def test_right_options_that_are_the_longest_are_found(content):
    bank = content / FIRE_BANK
    bank.write_text(
        re.sub(r"^(- \[x\] .*)$", r"\1 and a good deal more than the others say", bank.read_text(), flags=re.MULTILINE)
    )
    found = problems(content)
    assert any("the right option is the longest in" in line for line in found)
    assert any("as long as wrong ones" in line for line in found)


def test_right_options_in_one_place_are_found(tmp_path):
    content = Path(shutil.copytree(FOLDER, tmp_path / "content"))
    bank = content / "courses/first-response/questions.md"
    text = re.sub(
        r"- \[ \] Wrong one\n((?:- \[ \] .*\n)*)- \[x\] Right one\n", r"- [x] Right one\n- [ ] Wrong one\n\1", bank.read_text()
    )
    bank.write_text(text)
    assert any("the right option stands in place 1 in 10 of 10 questions" in line for line in problems(content))


def test_a_sentence_in_two_files_is_found_in_both(content):
    sentence = "\nThis very sentence of more than a dozen words stands in two of our files today.\n"
    for file in (FIRE, "courses/safer-recruitment/course.md"):
        path = content / file
        path.write_text(path.read_text() + sentence)
    assert sum("stands in another file too" in line for line in problems(content)) == 2


def test_the_command_says_what_it_measured_and_ends_with_1_when_something_is_wrong(content, capsys):
    assert cli.run(["content", "check", "--folder", str(content)]) == 0
    assert "things to mend" in capsys.readouterr().out
    change(content, FIRE, r"^minutes: \d+", "minutes: 90")
    assert cli.run(["content", "check", "--folder", str(content)]) == 1
    assert f"{FIRE}:6: minutes says 90" in capsys.readouterr().err
    change(content, FIRE, r"^minutes: \d+", "minutes: many")
    assert cli.run(["content", "check", "--folder", str(content)]) == 1
    assert "minutes is a whole number" in capsys.readouterr().err


def test_reading_age_grows_with_words_and_sentences():
    easy = "The cat sat. The dog ran. We went in."
    hard = "Organisational accountability necessitates comprehensive documentation of multidisciplinary deliberations throughout."
    assert checking.reading_age("") == 0
    assert checking.reading_age(easy) < 8
    assert checking.reading_age(hard) > 20


@given(st.integers(0, 10_000), st.integers(1, 1000))
def test_halves_are_rounded_up(number, by):
    assert abs(round_half_up(number, by) * by - number) * 2 <= by
    assert round_half_up(by * number + (by + 1) // 2, by) == number + 1


def test_american_words_are_found_and_british_ones_left_alone():
    text = (
        "They organized a color program at the center, realized the behavior, and enrolled at the laboratory, an honorary colour."
    )
    assert [word for word, _ in american(text)] == ["organized", "color", "center", "realized", "behavior"]
    assert dict(american(text))["behavior"] == "behaviour"


def test_the_example_of_the_documents_loads(tmp_path):
    text = (Path(__file__).parents[2] / "docs/authoring.md").read_text()
    folder = tmp_path / "courses/holding-a-door"
    folder.mkdir(parents=True)
    course, bank = re.findall(r"^```markdown\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (folder / "course.md").write_text(course)
    (folder / "questions.md").write_text(bank)
    (example,) = importing.read(tmp_path).courses
    assert example.front["title"] == "Holding a Door"
    assert checking.measure(example).counted == example.front["minutes"]
