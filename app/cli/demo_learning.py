"""What the people of the demo have learned: courses gone through and tests taken, as the classroom would have them do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.accounts import memberships, people, safeguarding_contacts
from app.kernel.transaction import transaction
from catalog.learning import attempts, enrolments, progress
from catalog.shelf import courses
from catalog.shelf.exercises import END

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.accounts.memberships import Actor
    from catalog.learning.attempts import Attempt
    from catalog.learning.enrolments import Enrolment

TAKES = timedelta(minutes=9)
FIRST_RESPONSE = "when-a-child-tells-you-first-response"


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody did: a course, how many blocks they left out, and how many answers of each test were wrong."""

    name: str
    slug: str
    left_out: int = 0
    tests: tuple[int, ...] = ()


PARTS = (
    Part("Tom Barker", FIRST_RESPONSE, tests=(0,)),
    Part("Tom Barker", "fire-safety-awareness", tests=(4, 1)),
    Part("Tom Barker", "data-protection-essentials", left_out=9),
    Part("Mei Chen", "safer-recruitment", left_out=20),
    Part("Mei Chen", FIRST_RESPONSE, left_out=3, tests=(2,)),
    Part("Leo Grant", "fire-safety-awareness", tests=(0,)),
    Part("Leo Grant", "e-safety-children-online", left_out=12),
)
CONTACTS = safeguarding_contacts.Wish(
    lead_name="Grace Lindley",
    lead_contact="01632 960148",
    deputy_name="Samuel Orme",
    deputy_contact="01632 960151",
    local_numbers="Children's social care, office hours: 01632 960170\nEmergency duty team, nights and weekends: 01632 960171",
)


def play(owner: Actor, address_of: Callable[[str], str]) -> None:
    """Fill in an organisation's contacts and have its people learn what they do in the demo, each course once."""
    organisation_id = owner.organisation.id
    if safeguarding_contacts.of(organisation_id) is None:
        with transaction():
            safeguarding_contacts.save(organisation_id, CONTACTS, by=owner.person.id)
    for part in PARTS:
        with transaction():
            person = people.with_address(address_of(part.name))
            actor = memberships.actor(people.known(person.id), organisation_id) if person else None
            if actor and enrolments.newest(actor.membership.id, part.slug) is None:
                _learn(actor, part)


def forms_of(block: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
    """Give the forms to send, one after the other, so that an exercise is answered rightly."""
    if block["kind"] == "check":
        yield {"choice": [str(number) for number, option in enumerate(block["options"]) if option["is_right"]]}
    elif block["kind"] == "sort":
        yield {f"group-{number}": [str(thing["group"])] for number, thing in enumerate(block["things"])}
    elif block["kind"] == "order":
        yield {f"place-{number}": [str(thing["place"])] for number, thing in enumerate(block["things"])}
    elif block["kind"] == "scenario":
        yield from _story(block)


def do_lessons(enrolment: Enrolment, *, but: int = 0) -> None:
    """Do every block of a course but the last few, inside the transaction that is open."""
    course = courses.of_version(enrolment.version_id)
    places = progress.of(enrolment.id, course.lessons).places
    for place in places[: max(0, len(places) - but)]:
        block = progress.block_of(courses.lesson(enrolment.version_id, place[0]).blocks, place[1])
        for form in forms_of(block):
            progress.save_answer(enrolment.id, place, form)
        progress.finish(enrolment.id, place)


def answer_all(actor: Actor, attempt: Attempt, *, wrong: int = 0) -> None:
    """Answer every question of an open test, the first few wrongly, inside the transaction that is open."""
    for number, put in enumerate(attempts.questions_of(attempt)):
        right = put.question.right
        others = [option for option in range(len(put.question.options)) if option not in right]
        chosen = others[:1] if number < wrong else right
        attempts.answer(actor.membership.id, attempt.id, put.row.position, [str(option) for option in chosen])


def take_test(actor: Actor, enrolment: Enrolment, *, wrong: int = 0) -> Attempt:
    """Begin a test, answer it and hand it in, inside the transaction that is open."""
    attempt = attempts.begin(actor, enrolment.id, courses.of_version(enrolment.version_id))
    answer_all(actor, attempt, wrong=wrong)
    return attempts.hand_in(actor, attempt.id)


def _learn(actor: Actor, part: Part) -> None:
    enrolment = enrolments.begin(actor, courses.current(part.slug).version)
    do_lessons(enrolment, but=part.left_out)
    for wrong in part.tests:
        attempt = attempts.begin(actor, enrolment.id, courses.of_version(enrolment.version_id))
        attempt.begun_at -= TAKES
        answer_all(actor, attempt, wrong=wrong)
        attempts.hand_in(actor, attempt.id)


def _story(block: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
    """Go through a scenario by the shortest way to its end."""
    steps = {step["name"]: step for step in block["steps"]}
    ways: list[tuple[str, list[tuple[str, int]]]] = [(block["steps"][0]["name"], [])]
    for at, before in ways:
        for number, choice in enumerate(steps[at]["choices"]):
            way = [*before, (at, number)]
            if choice["then"] == END:
                for name, chosen in way[:-1]:
                    yield {"step": [name], "choice": [str(chosen)]}
                    yield {"step": [name], "choice": [str(chosen)], "on": ["yes"]}
                yield {"step": [at], "choice": [str(number)]}
                return
            if choice["then"] and choice["then"] not in {name for name, _ in ways}:
                ways.append((choice["then"], way))
