"""Checking content: whether courses, guides and articles are what the shelf promises, measured as far as a program can."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from catalog.shelf import markup
from catalog.shelf.course_files import EXERCISE_MINUTES, WORDS_A_MINUTE, round_half_up
from catalog.shelf.courses import DRAWN, DRAWN_BY_LEADS
from catalog.shelf.exercises import KINDS
from catalog.shelf.spelling import american

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from catalog.shelf.course_files import CourseFile, QuestionFile
    from catalog.shelf.importing import Content
    from catalog.shelf.page_files import PageFile

LESSONS = range(4, 9)
OUTCOMES = range(3, 7)
SCENARIOS = 2
LONGEST_BLOCK = 260
BANK, BANK_OF_LEADS = 20, 30
OF_A_LESSON = 3
WITH_SEVERAL = 3
AGES = (16, 18)
ARTICLE_WORDS = range(400, 901)
GUIDE_WORDS = range(80, 1001)
REVIEWED_WITHIN = timedelta(days=366)
MINUTES_PERCENT = 15
TRUE_OR_FALSE_PERCENT = 25
LONGEST_PERCENT = 33
PLACE_PERCENT = 45
LENGTH_PERCENT = range(80, 126)
OLDEST_READER = 15
Problem = tuple["Path", int, str]
REPEATED_WORDS = 12
SENTENCE = re.compile(r"[.!?]+[^\w\s]*(?:\s|$)")
WEB = re.compile(r"https?://|www\.")
OF_THE_ABOVE = re.compile(r"\b(all|none|both|neither) of (the above|these answers|them above)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of a course: minutes as stated and as counted, words, exercises, questions and the age of its reader.

    `longest_percent` is the share of single-choice questions whose right option is the longest.
    """

    slug: str
    stated: int
    counted: int
    words: int
    exercises: int
    questions: int
    reading_age: int
    longest_percent: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured, and a line for each thing to mend."""

    measures: tuple[Measures, ...]
    problems: tuple[str, ...]


def check(content: Content, today: date) -> Findings:
    """Measure everything that the files hold against docs/authoring.md."""
    found = [
        *(problem for course in content.courses for problem in _of_course(course, today)),
        *(problem for guide in content.guides for problem in _of_page(guide, GUIDE_WORDS, today)),
        *(problem for article in content.articles for problem in _of_page(article, ARTICLE_WORDS, today)),
        *_repeated(content),
    ]
    problems = tuple(f"{path}:{line}: {words}" for path, line, words in sorted(found))
    return Findings(tuple(measure(course) for course in content.courses), problems)


def measure(course: CourseFile) -> Measures:
    """Measure a course."""
    words = sum(lesson.words for lesson in course.lessons)
    exercises = sum(lesson.exercises for lesson in course.lessons)
    drawn = DRAWN_BY_LEADS if course.front["lead"] else DRAWN
    counted = round_half_up(2 * words + WORDS_A_MINUTE * drawn, 2 * WORDS_A_MINUTE) + EXERCISE_MINUTES * exercises
    singles = [question for question in course.questions if _is_single(question)]
    longest = sum(_right_is_longest(question) for question in singles)
    return Measures(
        course.slug,
        course.front["minutes"],
        counted,
        words,
        exercises,
        len(course.questions),
        reading_age(" ".join(_reading_texts(course))),
        round_half_up(100 * longest, len(singles)) if singles else 0,
    )


def reading_age(text: str) -> int:
    """Give the age at which a text is read with ease: its Automated Readability Index (Senter and Smith, 1967) and five years."""
    sentences = [sentence for sentence in SENTENCE.split(text) if sentence.strip()]
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    if not words:
        return 0
    letters = sum(letter.isalnum() for word in words for letter in word)
    # In hundredths: 4.71 for each letter of a word, 0.5 for each word of a sentence, less 21.43.
    index = round_half_up(471 * letters, len(words)) + round_half_up(50 * len(words), len(sentences)) - 2143
    return 5 + max(0, round_half_up(index, 100))


def _of_course(course: CourseFile, today: date) -> Iterator[Problem]:
    for line, words in (*_of_facts(course), *_of_lessons(course)):
        yield course.path, line, words
    for line, words in _of_bank(course):
        yield course.bank, line, words
    yield from _of_file(course, today)
    for line, words in _of_text(course.bank):
        yield course.bank, line, words


def _of_facts(course: CourseFile) -> Iterator[tuple[int, str]]:
    front, measured = course.front, measure(course)
    if abs(measured.stated - measured.counted) * 100 > MINUTES_PERCENT * measured.stated:
        yield course.line_of("minutes"), f"minutes says {measured.stated}, and counting gives {measured.counted}"
    if len(front["outcomes"]) not in OUTCOMES or any(not outcome[0].islower() for outcome in front["outcomes"]):
        words = f"give {OUTCOMES[0]} to {OUTCOMES[-1]} outcomes, each beginning with a verb in lower case"
        yield course.line_of("outcomes"), words
    if not front["nations"].startswith("Written for "):
        yield course.line_of("nations"), "nations begins with Written for England"
    if front["minimum_age"] not in AGES:
        yield course.line_of("minimum_age"), "minimum_age is 16 or 18"
    if front["content_note"] and not front["support"]:
        yield course.line_of("content_note"), "a course with a content note says under support whom to turn to"
    if measured.reading_age > OLDEST_READER:
        yield 1, f"this reads like a text for people of {measured.reading_age}; shorten sentences and words"


def _of_lessons(course: CourseFile) -> Iterator[tuple[int, str]]:
    if len(course.lessons) not in LESSONS:
        yield 1, f"a course has {LESSONS[0]} to {LESSONS[-1]} lessons, and this one {len(course.lessons)}"
    kinds = Counter(block.content["kind"] for lesson in course.lessons for block in lesson.blocks)
    for kind in KINDS:
        needed = SCENARIOS if kind == "scenario" else 1
        if kinds[kind] < needed:
            yield 1, f"a course has at least {needed} of :::{kind}, and this one {kinds[kind]}"
    if not any('src="picture:' in text for text in _reading_html(course)):
        yield 1, "a course shows at least one picture"
    for lesson in course.lessons:
        if not lesson.exercises:
            yield lesson.line, f"the lesson {lesson.title} has no exercise"
        for block in lesson.blocks:
            words = markup.count_words(block.content["html"]) if block.content["kind"] == "reading" else 0
            if words > LONGEST_BLOCK:
                yield block.line, f"this block has {words} words; part it with a ## heading or an exercise"


def _of_bank(course: CourseFile) -> Iterator[tuple[int, str]]:
    questions, needed = course.questions, BANK_OF_LEADS if course.front["lead"] else BANK
    if len(questions) < needed:
        yield 1, f"the bank needs {needed} questions and has {len(questions)}"
    of_lesson = Counter(question.lesson for question in questions)
    for number, lesson in enumerate(course.lessons, start=1):
        if of_lesson[number] < OF_A_LESSON:
            yield 1, f"the lesson {lesson.title} needs {OF_A_LESSON} questions and has {of_lesson[number]}"
    several = sum(not _is_single(question) for question in questions)
    if several < WITH_SEVERAL:
        yield 1, f"ask at least {WITH_SEVERAL} questions with several right answers; there are {several}"
    true_or_false = sum(len(question.options) == 2 for question in questions)  # noqa: PLR2004 - true and false
    if true_or_false * 100 > TRUE_OR_FALSE_PERCENT * len(questions):
        yield 1, f"ask at most a quarter of the questions with two options; there are {true_or_false}"
    for question in questions:
        texts = [question.html, *(option["html"] for option in question.options)]
        if any(OF_THE_ABOVE.search(text) for text in texts):
            yield question.line, "write out what is meant instead of 'all of the above'"
    yield from _balance([question for question in questions if _is_single(question) and len(question.options) > 2])  # noqa: PLR2004 - more than true and false


def _balance(singles: list[QuestionFile]) -> Iterator[tuple[int, str]]:
    """Find out whether length or place gives the right option away."""
    if not singles:
        return
    longest = [question for question in singles if _right_is_longest(question)]
    if len(longest) * 100 > LONGEST_PERCENT * len(singles):
        keys = ", ".join(question.key for question in longest)
        yield 1, f"the right option is the longest in {len(longest)} of {len(singles)} questions: {keys}"
    right = [len(markup.plain(option["html"])) for question in singles for option in question.options if option["is_right"]]
    wrong = [len(markup.plain(option["html"])) for question in singles for option in question.options if not option["is_right"]]
    percent = round_half_up(100 * sum(right) * len(wrong), sum(wrong) * len(right))
    if percent not in LENGTH_PERCENT:
        allowed = f"between {LENGTH_PERCENT[0]} and {LENGTH_PERCENT[-1]} gives nothing away"
        yield 1, f"right options are {percent}% as long as wrong ones; {allowed}"
    places = Counter([option["is_right"] for option in question.options].index(True) + 1 for question in singles)
    for place, count in places.items():
        if count * 100 > PLACE_PERCENT * len(singles):
            yield 1, f"the right option stands in place {place} in {count} of {len(singles)} questions"


def _of_page(file: PageFile, lengths: range, today: date) -> Iterator[Problem]:
    words = markup.count_words(file.html)
    if words not in lengths:
        yield file.path, 1, f"this has {words} words; {lengths[0]} to {lengths[-1]} is the measure"
    if (age := reading_age(_ended(file.html))) > OLDEST_READER:
        yield file.path, 1, f"this reads like a text for people of {age}; shorten sentences and words"
    yield from _of_file(file, today)


def _of_file(file: CourseFile | PageFile, today: date) -> Iterator[Problem]:
    """Find what is wrong in any kind of file."""
    if not today - REVIEWED_WITHIN <= file.front["reviewed_on"] <= today:
        words = "review this against its sources: it was reviewed over a year ago, or later than today"
        yield file.path, file.line_of("reviewed_on"), words
    for line, words in _of_text(file.path):
        yield file.path, line, words


def _of_text(path: Path) -> Iterator[tuple[int, str]]:
    """Find American spelling and web addresses, line by line."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for word, british in american(line):
            yield number, f"{word} is American; write {british}"
        if WEB.search(line):
            yield number, "name the source instead of its web address, which may move"
        elif markup.strange_link(line):
            yield number, "write a link as [words](course:slug), with course, guide, mailto or tel; a picture alone on its line"


def _repeated(content: Content) -> Iterator[tuple[Path, int, str]]:
    """Find sentences of some length that stand in two files."""
    seen: dict[str, set[Path]] = defaultdict(set)
    lines: dict[tuple[str, Path], int] = {}
    paths = [path for course in content.courses for path in (course.path, course.bank)]
    for path in [*paths, *(file.path for file in (*content.guides, *content.articles))]:
        body = path.read_text(encoding="utf-8").split("\n---\n", 1)[-1]
        before = path.read_text(encoding="utf-8").count("\n") - body.count("\n")
        for number, line in enumerate(body.splitlines(), start=before + 1):
            for sentence in SENTENCE.split(line):
                words = re.findall(r"\w+", sentence.casefold())
                if len(words) >= REPEATED_WORDS:
                    key = " ".join(words)
                    seen[key].add(path.parent if path.name in {"course.md", "questions.md"} else path)
                    lines.setdefault((key, path), number)
    for (key, path), number in lines.items():
        if len(seen[key]) > 1:
            yield path, number, f"this sentence stands in another file too: {' '.join(key.split()[:8])} …"


def _is_single(question: QuestionFile) -> bool:
    return [option["is_right"] for option in question.options].count(True) == 1


def _right_is_longest(question: QuestionFile) -> bool:
    lengths = [(len(markup.plain(option["html"])), option["is_right"]) for option in question.options]
    longest = max(length for length, _ in lengths)
    return [bool(is_right) for length, is_right in lengths if length == longest] == [True]


def _reading_html(course: CourseFile) -> list[str]:
    return [block.content["html"] for lesson in course.lessons for block in lesson.blocks if block.content["kind"] == "reading"]


def _reading_texts(course: CourseFile) -> list[str]:
    return [_ended(text) for text in _reading_html(course)]


def _ended(html: str) -> str:
    """Give the words of some HTML, each paragraph, cell and item ended like a sentence."""
    return markup.plain(re.sub(r"</(p|li|td|th|h\d|figcaption)>", ". ", html))
