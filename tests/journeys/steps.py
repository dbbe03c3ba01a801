"""The steps of the journey from registering to the first certificate, each as a person does it who may have done it before.

A step that was cut off is played again: the person looks at what the shop says now, and goes on from there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from bs4 import BeautifulSoup, Tag
from werkzeug.test import Client

from app.accounts.invitations import Invitation
from app.accounts.organisations import Organisation
from app.accounts.people import Person
from app.accounts.registrations import Registration
from app.kernel.db import db
from app.kernel.journal import JournalEntry
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from billing import price_cards, reconciliation, seats
from billing.changes import Change
from billing.checkouts import Checkout, State
from billing.events import ProviderEvent
from billing.sandbox.store import Store
from billing.subscriptions import Subscription
from catalog.learning.attempts import Attempt, AttemptQuestion
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.learning.enrolments import Enrolment
from catalog.learning.progress import BlockProgress
from catalog.shelf import courses, importing
from tests.buying import CARD
from tests.shelf import SHELF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from flask import Flask

    Fields = Mapping[str, str | list[str]]

ORIGIN = "http://127.0.0.1:8000"
OWNER = "ruth@example.org"
INVITED = {"amy": "Amy Pond", "ben": "Ben Wade", "cat": "Cat Hill"}
PASSWORD = "three odd words"  # noqa: S105 - of nobody
ORDER = "/buy?seats=25&interval=year"
SLUG = "first-response"
COURSE = next(course for course in SHELF.courses if course.slug == SLUG)
CHECK = next((1, number) for number, block in enumerate(COURSE.lessons[0].blocks, 1) if block.content["kind"] == "check")
RIGHT = next(
    str(number) for number, option in enumerate(COURSE.lessons[0].blocks[CHECK[1] - 1].content["options"]) if option["is_right"]
)
QUESTIONS = courses.DRAWN
RIGHT_ANSWERS = {
    BeautifulSoup(question.html, "html5lib").get_text(strip=True): [
        number for number, option in enumerate(question.options) if option["is_right"]
    ]
    for question in COURSE.questions
}


# A box that is ticked or chosen only by being pressed is not sent as it stands.
SENT_UNCHANGED = "input[name]:not([type=checkbox]):not([type=radio]), input[type=radio][checked]"


@dataclass
class Page:
    """What a browser shows."""

    status: int
    path: str
    text: str

    @property
    def read(self) -> BeautifulSoup:
        """The page as a tree."""
        return BeautifulSoup(self.text, "html5lib")

    @property
    def heading(self) -> str:
        """The words of the first heading."""
        return self.one("h1").get_text(strip=True)

    def one(self, selector: str) -> Tag:
        """Give the first element of a kind."""
        found = self.read.select_one(selector)
        assert found is not None, (selector, self.status, self.path, self.text)
        return found

    def form(self, words: str) -> tuple[str, dict[str, str]] | None:
        """Give where the form with a button goes to and what it sends unchanged; None when there is no such button."""
        read = self.read
        for button in read.select("main button"):
            form = read.select_one(f"#{button['form']}") if button.get("form") else button.find_parent("form")
            if form is not None and button.get_text(strip=True).startswith(words):
                fields = {str(field["name"]): str(field.get("value", "")) for field in form.select(SENT_UNCHANGED)}
                return str(form["action"]), fields
        return None


class Browser:
    """A browser that remembers its cookies and where it is, in a file, because the shop may die at any moment."""

    def __init__(self, site: WSGIApplication, memory: Path) -> None:
        self._client = Client(site, use_cookies=False)
        self._memory = memory
        self._cookies: dict[str, str] = {}
        self.at = "/"
        if memory.exists():
            self._cookies, self.at = json.loads(memory.read_text())

    def get(self, address: str) -> Page:
        """Open a page, following wherever it leads."""
        return self._ask("GET", address)

    def post(self, address: str, fields: Fields) -> Page:
        """Send a form, following wherever that leads."""
        return self._ask("POST", address, fields)

    def press(self, page: Page, words: str, **fields: str | list[str]) -> Page:
        """Press a button with the form around it filled in."""
        form = page.form(words)
        assert form is not None, (words, page.status, page.path, page.text)
        return self.post(form[0] or page.path, form[1] | fields)

    def forget(self) -> None:
        """Forget every cookie."""
        self._cookies.clear()

    def _ask(self, method: str, address: str, fields: Fields | None = None) -> Page:
        for _ in range(6):
            path = address.removeprefix(ORIGIN)
            cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            headers = {"Cookie": cookies, "Origin": ORIGIN, "User-Agent": "Firefox/141.0"}
            answer = self._client.open(path, method=method, data=fields, headers=headers, base_url=ORIGIN)
            for line in answer.headers.getlist("Set-Cookie"):
                for name, morsel in SimpleCookie(line).items():
                    self._cookies[name] = morsel.value
            self.at = path
            self._memory.write_text(json.dumps([self._cookies, self.at]))
            if answer.status_code not in {302, 303}:
                return Page(answer.status_code, path, answer.text)
            method, address, fields = "GET", answer.headers["Location"], None
        message = f"goes round in circles: {address}"
        raise AssertionError(message)


class Scene:
    """The shop with the owner's browser and a learner's."""

    def __init__(self, app: Flask, site: WSGIApplication) -> None:
        self.app = app
        self.data: Path = app.config["SETTINGS"].data
        self.owner = Browser(site, self.data / "owner.json")
        self.learner = Browser(site, self.data / "learner.json")

    def mailed_link(self, address: str, pattern: str) -> str:
        """Give the path of the link in the newest mail to an address."""
        for row in self.owner.get(f"/sandbox/mailbox?to={address}").read.select("tbody th a"):
            if found := re.search(pattern, self.owner.get(str(row["href"])).text):
                return found[0]
        message = f"no mail to {address} with {pattern}"
        raise AssertionError(message)

    def sweep(self, *names: str) -> None:
        """Let background work run until there is none left to do."""
        jobs = self.app.extensions["jobs"]
        while sum(jobs.run(name) for name in names):
            pass


def open_shop(scene: Scene) -> None:
    """Publish the prices."""
    with scene.app.app_context(), transaction():
        price_cards.publish_seed()


def register(scene: Scene) -> None:
    """Give what an account needs, on the way to an order."""
    page = scene.owner.get("/register?seats=25&interval=year")
    fields = {
        "kind": "organisation",
        "organisation_name": "St Mary",
        "name": "Ruth Amadi",
        "address": OWNER,
        "password": PASSWORD,
    }
    assert scene.owner.press(page, "Create the account", **fields).path == "/register/sent"


def send_mails(scene: Scene) -> None:
    """Send the mails that are due."""
    scene.sweep("mail")


def confirm(scene: Scene) -> None:
    """Follow the link in the mail; when it was used already, sign in."""
    page = scene.owner.get(scene.mailed_link(OWNER, r"/register/[\w.-]+"))
    if page.form("Confirm and sign in"):
        page = scene.owner.press(page, "Confirm and sign in")
    elif page.status == 409:
        assert "Sign in with it." in page.text
        page = sign_in(scene.owner, OWNER, ORDER)
    assert page.path == ORDER, page


def order(scene: Scene) -> None:
    """Go to the provider's page."""
    page = scene.owner.press(scene.owner.get(ORDER), "Pay £984.96")
    assert page.heading == "Pay for Lanyard seats", page


def pay(scene: Scene) -> None:
    """Pay on the provider's page, or see there that this is done, and come back."""
    page = scene.owner.get(scene.owner.at)
    if page.heading == "This order is already paid":
        page = scene.owner.get(str(page.one("main a")["href"]))
    elif page.heading == "Pay for Lanyard seats":
        page = scene.owner.press(page, "Pay £984.96", **CARD)
    assert "/checkouts/" in page.path, page


def be_served(scene: Scene) -> None:
    """Press the button on the page after payment until it says thank you."""
    page = scene.owner.get(scene.owner.at)
    if page.form("Check now"):
        page = scene.owner.press(page, "Check now")
    elif page.form("Check again"):
        page = scene.owner.press(page, "Check again")
    assert page.heading == "Thank you. Your seats are ready", page


def look(scene: Scene) -> None:
    """Reload the page after payment, which says thank you by now."""
    assert scene.owner.get(scene.owner.at).heading == "Thank you. Your seats are ready"


def deliver(scene: Scene) -> None:
    """Let the provider's messages arrive and be applied."""
    scene.app.extensions["sandbox"].deliver_due()
    scene.sweep("provider_events")


def reconcile(scene: Scene) -> None:
    """Ask the provider about everything, as happens every hour, because no message of it ever arrives."""
    scene.sweep("paid_orders")
    with scene.app.app_context():
        assert reconciliation.run(scene.app.extensions["gateway"]).differences == ()


def invite(scene: Scene, key: str) -> None:
    """Invite somebody; when they were invited already, that is seen in the list."""
    workspace = scene.owner.get("/workspace/").one("main .card a")["href"]
    page = scene.owner.get(f"{workspace}people/invite")
    sent = {"name": INVITED[key], "address": f"{key}@example.org", "role": "learner"}
    page = scene.owner.press(page, "Send the invitation", **sent)
    assert page.path.endswith("/people") or (page.status == 409 and "has an open invitation" in page.text), page
    assert INVITED[key] in scene.owner.get(f"{workspace}people").text


def accept(scene: Scene) -> None:
    """Follow the link of the invitation; when it was used already, sign in."""
    page = scene.learner.get(scene.mailed_link("amy@example.org", r"/join/[\w.-]+"))
    if page.status == 404:
        assert "has been used" in page.text
        page = scene.learner.get(str(sign_in(scene.learner, "amy@example.org", "/workspace/").one("main .card a")["href"]))
    else:
        if "Accept and begin" not in page.text:
            page = scene.learner.press(page, "Continue")
        page = scene.learner.press(page, "Accept and begin", name=INVITED["amy"], password=PASSWORD)
    assert page.heading == "My learning", page


def stock_shelf(scene: Scene) -> None:
    """Put the courses of the tests on the shelf."""
    with scene.app.app_context(), transaction():
        importing.load(SHELF)


def begin_course(scene: Scene) -> None:
    """Begin the course; when that was done already, there is a way to go on."""
    page = scene.learner.get(_learning(scene))
    if page.form("Start the course"):
        page = scene.learner.press(page, "Start the course")
    else:
        page = scene.learner.get(str(page.one("main .actions a.button")["href"]))
    assert page.path.endswith("/1/1"), page


def save_answer(scene: Scene) -> None:
    """Answer the first check of the lessons, unless an answer stands there."""
    page = scene.learner.get(_learning(scene, *CHECK))
    if page.form("Check again") is None:
        page = scene.learner.press(page, "Check", choice=RIGHT)
    assert "That is right." in page.text, page


def finish_block(scene: Scene) -> None:
    """Go on from the check, where the answer still stands; to go on twice is the same as once."""
    page = scene.learner.get(_learning(scene, *CHECK))
    assert "That is right." in page.text, page
    page = scene.learner.press(page, "Go on")
    assert page.path.endswith(f"/{CHECK[0]}/{CHECK[1] + 1}"), page
    assert scene.learner.get(_learning(scene)).one("main progress")["value"] == "1"


def begin_test(scene: Scene) -> None:
    """Say who one is and begin the test, or go on with the one that is open."""
    page = scene.learner.get(_learning(scene, "test"))
    if page.form("Begin the test"):
        page = scene.learner.press(page, "Begin the test", confirmed="y")
    else:
        assert page.heading == "Your test is open", page
    assert _answered(scene) == [False] * QUESTIONS


def answer_question(scene: Scene) -> None:
    """Answer the first question of the test."""
    _answer(scene, 1)
    assert _answered(scene) == [True, *[False] * (QUESTIONS - 1)]


def answer_the_rest(scene: Scene) -> None:
    """Answer the other questions."""
    for number in range(2, QUESTIONS + 1):
        _answer(scene, number)


def hand_in(scene: Scene) -> None:
    """Hand the test in with every answer in its place; when it was handed in already, its answers lead to the result."""
    page = scene.learner.get(_learning(scene, "test", "answers"))
    if page.heading == "You passed":
        return
    assert _answered(scene) == [True] * QUESTIONS
    assert scene.learner.press(page, "Hand in").heading == "You passed"


def make_document(scene: Scene) -> None:
    """Make the documents that are missing, and open the one of the certificate."""
    scene.sweep("certificates")
    page = scene.learner.get(_learning(scene))
    page = scene.learner.get(str(page.one("main a[href*='/certificates/']")["href"]))
    assert page.one("main a[href$='.pdf']"), page


def come_to_rest(scene: Scene) -> None:
    """Let everything that is due happen."""
    scene.app.extensions["sandbox"].deliver_due()
    scene.app.extensions["jobs"].run_until_quiet()
    scene.app.extensions["sandbox"].deliver_due()


def check(scene: Scene) -> None:
    """See that everything happened exactly once."""
    with scene.app.app_context():
        assert reconciliation.run(scene.app.extensions["gateway"]).differences == ()
        assert seats.miscounted() == []
        (organisation,) = _all(Organisation)
        counted = seats.count(organisation.id)
        assert counted == seats.Count(bought=25, in_use=1, held=2), counted
        assert {person.address for person in _all(Person)} == {OWNER, "amy@example.org"}
        (checkout,) = _all(Checkout)
        assert checkout.state == State.SERVED
        (subscription,) = _all(Subscription)
        assert (subscription.status, subscription.bought, subscription.is_live) == ("active", 25, True)
        assert [event.id for event in _all(ProviderEvent) if event.state != "applied"] == []
        assert sorted(invitation.state for invitation in _all(Invitation)) == ["accepted", "open", "open"]
        said = [entry.what for entry in _all(JournalEntry)]
        for once in ("checkout.started", "checkout.paid", "checkout.served", "subscription.began"):
            assert said.count(once) == 1, (once, said)
        _check_mails()
        _check_provider(scene, subscription.provider_id)


def check_learning(scene: Scene) -> None:
    """See that what was learned was kept, and that it earned one certificate with one document and one mail."""
    with scene.app.app_context():
        (enrolment,) = _all(Enrolment)
        (block,) = _all(BlockProgress)
        assert ((block.lesson, block.block), block.answer, block.done_at is not None) == (CHECK, {"chosen": [int(RIGHT)]}, True)
        (attempt,) = _all(Attempt)
        assert (attempt.state, attempt.right_count, attempt.drawn) == ("passed", QUESTIONS, QUESTIONS)
        assert enrolment.passed_at == attempt.ended_at
        assert [question.is_right for question in _all(AttemptQuestion)] == [True] * QUESTIONS
        (certificate,) = _all(Certificate)
        assert (certificate.attempt_id, certificate.name, certificate.minutes) == (attempt.id, INVITED["amy"], 0)
        (document,) = _all(CertificateDocument)
        assert document.pdf.startswith(b"%PDF-")
        mails = [mail for mail in _all(OutboxMail) if mail.kind == "certificate"]
        assert [mail.facts for mail in mails] == [{"certificate_id": str(certificate.id)}]
        assert [mail.id for mail in _all(DeliveredMail)].count(mails[0].id) == 1
        assert [mail.id for mail in _all(OutboxMail) if mail.sent_at is None] == []
        said = [entry.what for entry in _all(JournalEntry)]
        for once in ("enrolment.begun", "attempt.begun", "attempt.passed", "certificate.issued"):
            assert said.count(once) == 1, (once, said)
        for course in SHELF.courses:
            assert courses.current(course.slug).version.number == 1


def add_seats(scene: Scene, wanted: int) -> None:
    """Add two seats, unless they are there by now; a change that is not finished is looked at first."""
    billing = _billing(scene)
    if f"{wanted} seats" not in _facts(scene.owner.get(billing)):
        page = scene.owner.get(f"{billing}/more-seats?seats=2")
        page = scene.owner.press(page, "Pay ")
        assert page.path == billing, page
    assert f"{wanted} seats" in _facts(scene.owner.get(billing))


def plan_fewer(scene: Scene) -> None:
    """Plan twenty seats for the renewal, unless that is planned by now."""
    billing = _billing(scene)
    if "Planned from" not in scene.owner.get(billing).text:
        scene.owner.press(scene.owner.get(f"{billing}/fewer-seats"), "Plan this", seats="20")
    assert "for 20 seats by the year" in _facts(scene.owner.get(billing))


def check_changes(scene: Scene) -> None:
    """See that each change was charged, planned and told once, and that the shop and the provider agree."""
    with scene.app.app_context():
        assert reconciliation.run(scene.app.extensions["gateway"]).differences == ()
        assert [change.state for change in _all(Change)] == ["done"] * 3
        (subscription,) = _all(Subscription)
        assert (subscription.bought, subscription.coming_seats, subscription.is_over) == (29, 22, False)
        told = sorted(mail.kind for mail in _all(OutboxMail) if mail.kind not in {"confirm_registration", "seats_bought"})
        assert told == ["renewal_planned", "seats_added", "seats_added", *["vat_document"] * 3]
        assert {mail.id for mail in _all(OutboxMail)} == {mail.id for mail in _all(DeliveredMail)}
        said = [entry.what for entry in _all(JournalEntry)]
        assert [said.count(what) for what in ("change.more_seats", "change.fewer_seats", "change.done")] == [2, 1, 3]
    assert [invoice["status"] for invoice in provider_has(scene.data, "invoice")] == ["paid"] * 3
    (there,) = provider_has(scene.data, "subscription")
    assert there["_items"][0]["quantity"] == 29
    schedules = [found for found in provider_has(scene.data, "subscription_schedule") if found["status"] == "active"]
    assert [phase["items"][0]["quantity"] for found in schedules for phase in found["_phases"]] == [29, 22]


def _billing(scene: Scene) -> str:
    """Give the address of Billing, after finishing a change that was left half-done."""
    billing = f"{scene.owner.get('/workspace/').one('main .card a')['href']}billing"
    half_done = scene.owner.get(billing).read.select_one("main a[href*='/billing/changes/']")
    if half_done is not None:
        page = scene.owner.get(str(half_done["href"]))
        if page.form("Check now"):
            page = scene.owner.press(page, "Check now")
        assert page.heading == "Done", page
    return billing


def _facts(page: Page) -> str:
    """Give what Billing says about the subscription."""
    return " ".join(page.one("main .definition").get_text(" ").split())


def _learning(scene: Scene, *place: object) -> str:
    """Give the address of the learner's course, or of a place in it."""
    found = re.match(r"/learn/[^/]+/", scene.learner.at)
    assert found, scene.learner.at
    return "/".join([f"{found[0]}{SLUG}", *map(str, place)])


def _answer(scene: Scene, number: int) -> None:
    """Answer a question rightly."""
    page = scene.learner.get(_learning(scene, "test", number))
    right = RIGHT_ANSWERS[page.one("#asked").get_text(strip=True)]
    answered = scene.learner.press(page, "Save and go on", choice=[str(option) for option in right])
    assert answered.heading.startswith(("Question", "Your answers")), answered


def _answered(scene: Scene) -> list[bool]:
    """Give whether each question of the open test has an answer."""
    rows = scene.learner.get(_learning(scene, "test", "answers")).read.select("main .answer-list > li")
    return [row.select_one(".answer-list__chosen") is not None for row in rows]


def _check_mails() -> None:
    """See that every mail was sent once, and one for each cause."""
    mails = _all(OutboxMail)
    assert [mail.kind for mail in mails if mail.sent_at is None] == []
    assert {mail.id for mail in mails} == {mail.id for mail in _all(DeliveredMail)}
    causes = sorted((mail.kind, mail.address) for mail in mails if mail.kind != "confirm_registration")
    invited = [("invitation", f"{key}@example.org") for key in INVITED]
    assert causes == [*invited, ("seats_bought", OWNER), ("vat_document", OWNER)]
    registered = [mail.facts["registration_id"] for mail in mails if mail.kind == "confirm_registration"]
    assert sorted(registered) == sorted(str(registration.id) for registration in _all(Registration))


def _check_provider(scene: Scene, subscription_id: str) -> None:
    """See that the provider has one customer, who paid one invoice of one subscription."""
    kinds = ("customer", "checkout.session", "subscription", "invoice", "product", "price", "tax_rate")
    found = {kind: provider_has(scene.data, kind) for kind in kinds}
    assert {kind: len(objects) for kind, objects in found.items()} == dict.fromkeys(kinds, 1)
    assert found["subscription"][0]["id"] == subscription_id
    assert (found["invoice"][0]["status"], found["invoice"][0]["total"]) == ("paid", 98496)


def provider_has(data: Path, kind: str) -> list[dict[str, Any]]:
    """Give what the provider has of a kind, newest first, read from its file."""
    store = Store(data / "stripe_sandbox.sqlite3", deadline=lambda _: None, on_queued=lambda: None)
    with store.reading(0) as work:
        return work.all(kind)


def _all(model: Any) -> list[Any]:
    return list(db.session.scalars(sa.select(model)))


def sign_in(browser: Browser, address: str, wanted: str) -> Page:
    """Sign in on the way to a page."""
    page = browser.get("/sign-in")
    return browser.press(page, "Sign in", address=address, password=PASSWORD, next=wanted)


STEPS: dict[str, Callable[[Scene], None]] = {
    "open_shop": open_shop,
    "register": register,
    "send_confirmation": send_mails,
    "confirm": confirm,
    "order": order,
    "pay": pay,
    "be_served": be_served,
    "look": look,
    "deliver": deliver,
    "reconcile": reconcile,
    "send_receipt": send_mails,
    **{f"invite_{key}": lambda scene, key=key: invite(scene, key) for key in INVITED},  # type: ignore[misc]  # key is bound at once
    "send_invitations": send_mails,
    "accept": accept,
    "come_to_rest": come_to_rest,
    "check": check,
    "stock_shelf": stock_shelf,
    "begin_course": begin_course,
    "save_answer": save_answer,
    "finish_block": finish_block,
    "begin_test": begin_test,
    "answer_question": answer_question,
    "answer_the_rest": answer_the_rest,
    "hand_in": hand_in,
    "make_document": make_document,
    "send_certificate": send_mails,
    "add_seats": lambda scene: add_seats(scene, 27),
    "plan_fewer": plan_fewer,
    "add_to_plan": lambda scene: add_seats(scene, 29),
    "come_to_rest_changed": come_to_rest,
    "check_changes": check_changes,
    "come_to_rest_again": come_to_rest,
    "check_learning": check_learning,
}
BEGINNING = ("open_shop", "register", "send_confirmation", "confirm", "order", "pay")
END = ("send_receipt", "invite_amy", "invite_ben", "invite_cat", "send_invitations", "accept", "come_to_rest", "check")
# The buyer comes back and asks before the provider's messages arrive; or the messages come first; or none ever comes.
WAYS = {
    "asked": (*BEGINNING, "be_served", "deliver", *END),
    "told": (*BEGINNING, "deliver", "look", *END),
    "reconciled": (*BEGINNING, "reconcile", "look", *END),
}
# What the owner may do after being served: more seats, fewer with the renewal, and more again on top of that plan.
CHANGING = ("add_seats", "plan_fewer", "add_to_plan", "come_to_rest_changed", "check_changes")
# The documents, of invoices and of certificates, are not made in a rehearsal: the typesetter's threads survive no fork.
WITH_DOCUMENTS = ("come_to_rest", "check")
# What the first learner does after that.
BEFORE_DOCUMENTS = (
    "stock_shelf", "begin_course", "save_answer", "finish_block", "begin_test", "answer_question", "answer_the_rest", "hand_in",
)  # fmt: skip
LEARNING = (*BEFORE_DOCUMENTS, "make_document", "send_certificate", "come_to_rest_again", "check_learning")
