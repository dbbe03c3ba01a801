"""What a buyer types on the checkout page, and what is said about it when it cannot be used."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from billing.sandbox.engine.customers import BY_NUMBER, Card, Holder

EXPIRY = re.compile(r"(\d{1,2})\s*/?\s*(\d{2}|\d{4})")
CVC = re.compile(r"\d{3,4}")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
NOT_A_TEST_CARD = "Enter one of the test card numbers on this page. The sandbox takes no real cards."
CENTURY = 2000
MONTHS = 12
SHOWN_AGAIN = ("email", "number", "expiry", "name", "postcode")


@dataclass
class CardForm:
    """The fields as typed, and the problems by field in the order of the page."""

    typed: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SHOWN_AGAIN, ""))
    problems: dict[str, str] = field(default_factory=dict)
    card: Card | None = None
    holder: Holder = field(default_factory=Holder)


def read(sent: Mapping[str, str], *, known_email: str | None, now: int) -> CardForm:
    """Read a submitted form; the e-mail address is the session's where it has one. The CVC is never given back."""
    typed = {name: sent.get(name, "").strip() for name in SHOWN_AGAIN}
    if known_email is not None:
        typed["email"] = known_email
    expiry = _expiry(typed["expiry"])
    digits = re.sub(r"[\s-]", "", typed["number"])
    checks = {
        "email": "" if ADDRESS.fullmatch(typed["email"]) else "Enter your e-mail address, like name@example.com.",
        "number": "" if digits in BY_NUMBER else NOT_A_TEST_CARD if digits else "Enter a card number.",
        "expiry": _expiry_problem(expiry, now),
        "cvc": "" if CVC.fullmatch(sent.get("cvc", "").strip()) else "Enter the security code: any three digits will do.",
        "name": "" if typed["name"] else "Enter the name on the card.",
        "postcode": "" if typed["postcode"] else "Enter the billing postcode of the card.",
    }
    problems = {name: problem for name, problem in checks.items() if problem}
    if problems or expiry is None:
        return CardForm(typed, problems)
    return CardForm(typed, problems, BY_NUMBER[digits], Holder(typed["email"], typed["name"], typed["postcode"], expiry))


def typed_again(number: str, holder: Holder) -> dict[str, str]:
    """Return the fields as they may be shown again after the bank's question."""
    month, year = holder.expiry
    return {
        "email": holder.email or "",
        "number": " ".join(number[start : start + 4] for start in range(0, len(number), 4)),
        "expiry": f"{month:02}/{year % 100:02}",
        "name": holder.name or "",
        "postcode": holder.postcode or "",
    }


def _expiry_problem(expiry: tuple[int, int] | None, now: int) -> str:
    if expiry is None:
        return "Enter the expiry date as month and year, like 12/34."
    today = datetime.fromtimestamp(now, UTC)
    if expiry[::-1] < (today.year, today.month):
        return "This card has expired. Enter an expiry date in the future."
    return ""


def _expiry(text: str) -> tuple[int, int] | None:
    match = EXPIRY.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= MONTHS:
        return None
    year = int(match[2])
    return int(match[1]), year if year >= CENTURY else CENTURY + year
