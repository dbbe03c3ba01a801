"""Somebody at a browser: what they press and type, by mouse or by keyboard, and what must not happen while they do."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

TABS = 80
CARD = {"Card number": "4242 4242 4242 4242", "Expiry date": "12/34", "Security code": "123"}
HOLDER = {
    "Name on card": "Ruth Amadi",
    "Billing postcode": "SW1A 1AA",
    "Billing address": "1 High Street",
    "Town or city": "Exampleton",
}
SERVER_ERROR = 500
REFUSED = 400


class Watch:
    """Notes everything that goes wrong in a browser context."""

    def __init__(self, context: BrowserContext, origin: str, elsewhere: str | None = None) -> None:
        self._context = context
        self._allowed = tuple(filter(None, (origin, elsewhere)))
        self._problems: list[str] = []
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        # A page that is answered with 404 or 422 on purpose is noted as a resource; `_answered` judges those.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self._problems.append(f"console: {message.text} at {message.location}")

    def _error(self, error: WebError) -> None:
        self._problems.append(f"page error: {error.error}")

    def _failed(self, request: Request) -> None:
        # A request that its own page gave up, such as an earlier figure of the calculator, is no failure.
        if request.failure != "net::ERR_ABORTED":
            self._problems.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if not response.url.startswith(self._allowed):
            self._problems.append(f"left the shop: {response.url}")
        elif response.status >= (SERVER_ERROR if is_page else REFUSED):
            self._problems.append(f"answered {response.status}: {response.url}")

    def leave(self) -> list[str]:
        """Close the browser context and give what went wrong."""
        self._context.close()
        return self._problems


class Visitor:
    """A person with one page open, who uses a mouse."""

    def __init__(self, page: Page, *, has_scripts: bool = True) -> None:
        self.page = page
        self.has_scripts = has_scripts

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(path)

    def press(self, name: str, role: str = "button") -> None:
        """Press a button, or follow a link, by its name."""
        self.activate(self.page.get_by_role(role, name=name, exact=True).first)  # type: ignore[arg-type]  # a role of ARIA

    def follow(self, name: str) -> None:
        """Follow a link by its words."""
        self.press(name, "link")

    def fill(self, **answers: str) -> None:
        """Fill in a form by the labels, written with underscores."""
        self.fill_in({label.replace("_", " "): answer for label, answer in answers.items()})

    def fill_in(self, answers: dict[str, str]) -> None:
        """Fill in a form by the labels."""
        for label, answer in answers.items():
            self._type(self.page.get_by_label(label, exact=True), answer)

    def sees(self, text: str) -> None:
        """Wait until a text can be seen."""
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def sign_out(self, name: str) -> None:
        """Sign out from the menu that bears one's name."""
        self.activate(self.page.locator("summary", has_text=name))
        self.press("Sign out")
        self.heads("You are signed out")

    def heads(self, words: str) -> None:
        """Wait until the page has this heading, and no other of its rank."""
        expect(self.page.locator("h1")).to_have_text(words)

    def is_at(self, path: str) -> None:
        """Wait until the address has this path."""
        expect(self.page).to_have_url(re.compile(re.escape(path)))

    def path(self) -> str:
        """Give the path of the page that is open."""
        return urlsplit(self.page.url).path

    def sign_in(self, address: str, password: str) -> None:
        """Sign in."""
        self.open("/sign-in")
        self.fill_in({"E-mail address or user name": address, "Password": password})
        self.press("Sign in")
        self.page.wait_for_url(lambda url: not url.endswith("/sign-in"))

    def open_mail(self, address: str, subject: str) -> None:
        """Wait for a mail in the sandbox's mailbox and follow the link in it."""
        link = self.page.get_by_role("link", name=re.compile(subject))
        limit = time.monotonic() + 20
        self.open(f"/sandbox/mailbox?to={address}")
        while not link.count():
            assert time.monotonic() < limit, f"no mail to {address}"
            time.sleep(0.2)
            self.open(f"/sandbox/mailbox?to={address}")
        self.activate(link.first)
        self.page.wait_for_url(re.compile("/mailbox/[0-9a-f-]+$"))
        self.activate(self.page.locator("#content").get_by_role("link", name=re.compile("^http")).first)
        self.page.wait_for_url(lambda url: "/sandbox/" not in url)

    def register(self, address: str, organisation: str, name: str = "Ruth Amadi") -> None:
        """Create an account for an organisation and confirm its address by the mail."""
        self.fill(Name_of_your_organisation=organisation, Your_name=name)
        self.fill_in({"E-mail address": address, "Choose a password": "three odd words"})
        self.press("Create the account")
        self.page.wait_for_url("**/register/sent")
        self.open_mail(address, "Confirm")
        self.heads("Confirm your address")
        self.press("Confirm and sign in")

    def pay(self, **changes: str) -> None:
        """Fill in the payment page and send it."""
        card = CARD | HOLDER | {label.replace("_", " "): value for label, value in changes.items()}
        self.fill_in(card)
        self.activate(self.page.get_by_role("button", name=re.compile("^Pay ")))

    def is_served(self) -> None:
        """Have the payment confirmed: scripts find out by themselves, and without them there is a button."""
        done = self.page.get_by_role("heading", name="Thank you. Your seats are ready")
        check = self.page.get_by_role("button", name="Check now", exact=True)
        expect(done.or_(check).first).to_be_visible()
        if not self.has_scripts and check.count():
            self.activate(check)
        expect(done).to_be_visible(timeout=15_000)

    def activate(self, locator: Locator) -> None:
        """Press or follow something."""
        locator.click()

    def choose(self, locator: Locator) -> None:
        """Choose an option: one of several, or a box to tick."""
        locator.check()

    def pick(self, locator: Locator, words: str) -> None:
        """Pick what stands in a list."""
        locator.select_option(words)

    def _type(self, locator: Locator, text: str) -> None:
        locator.fill(text)


class KeyboardVisitor(Visitor):
    """A person who has only a keyboard."""

    def activate(self, locator: Locator) -> None:
        self._reach(locator)
        self.page.keyboard.press("Enter")

    def choose(self, locator: Locator) -> None:
        """Tick a box by the space bar; among options of which one is chosen, Tab reaches the group and arrows the option."""
        group = f"input[type=radio][name={locator.get_attribute('name')}]"
        if locator.get_attribute("type") == "radio":
            self._reach(self.page.locator(group), is_any=True)
            for _ in range(self.page.locator(group).count()):
                if self._has_focus(locator):
                    break
                self.page.keyboard.press("ArrowDown")
        else:
            self._reach(locator)
        if not locator.is_checked():
            self.page.keyboard.press("Space")
        expect(locator).to_be_checked()

    def _type(self, locator: Locator, text: str) -> None:
        self._reach(locator)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def _reach(self, locator: Locator, *, is_any: bool = False) -> None:
        """Press Tab until something, or any of some, has the focus, going round the page at most once."""
        expect(locator.first if is_any else locator).to_be_visible()
        for _ in range(TABS):
            if self._has_focus(locator):
                return
            self.page.keyboard.press("Tab")
        message = f"cannot be reached by Tab: {locator}"
        raise AssertionError(message)

    @staticmethod
    def _has_focus(locator: Locator) -> bool:
        return bool(locator.evaluate_all("elements => elements.includes(document.activeElement)"))
