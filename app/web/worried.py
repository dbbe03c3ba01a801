"""Worried about someone now? Whom to call, in the order in which to call them; open to every member, with or without a seat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import render_template

from app.accounts import safeguarding_contacts
from app.permissions import LEARN, SET_CONTACTS
from app.web import navigation
from app.web.area import Area

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

area = Area("worried", "/learn")
ADDRESS = r"(?P<address>[^\s<>()@,;:]+@[^\s<>()@,;:]+\.\w+)"
# Only what is surely one number: it begins a word with 0, (0 or +44, and nothing but spaces stands between its figures.
PHONE = r"(?P<phone>(?<![\w/:.+-])(?:\+44 ?(?:\(0\))?|\(0\d{2,5}\)|0)[\d ]*\d(?![\d:/]|-\d)|(?<!\S)999(?!\S))"
REACHABLE = re.compile(f"{ADDRESS}|{PHONE}")
SHORT_NUMBER = re.compile(r"\d{3}|116 ?\d{3}")
DIGITS = range(10, 12)
ALSO = {"999", "08001111"}


@dataclass(frozen=True, slots=True)
class Line:
    """A national line: who answers, the number, and when to call it."""

    name: str
    number: str
    when: str


NATIONAL = (
    Line("Police, not an emergency", "101", "when a crime has happened and nobody is in danger now"),
    Line("NSPCC helpline", "0808 800 5000", "for any adult who worries about a child"),
    Line("Childline", "0800 1111", "for children and young people under 19, at any time"),
    Line(
        "National Domestic Abuse Helpline",
        "0808 2000 247",
        "for women, and those who worry about one, at any time",
    ),
    Line("Samaritans", "116 123", "for anybody who finds it hard to go on, at any time"),
)


@area.page("/<uuid:organisation>/worried", allow=LEARN)
def worried(actor: Actor) -> ResponseReturnValue:
    """Say whom to call about somebody who may be in danger."""
    found = safeguarding_contacts.of(actor.organisation.id)
    return render_template(
        "worried/worried.html",
        actor=actor,
        nav=navigation.workspace(actor),
        contacts=found,
        lead=list(linked(found.lead_contact)) if found else [],
        deputy=list(linked(found.deputy_contact)) if found else [],
        local=[list(linked(line)) for line in found.local_numbers.splitlines()] if found else [],
        national=[(line, list(linked(line.number))) for line in NATIONAL],
        may_set_contacts=bool(actor.roles & SET_CONTACTS.roles),
    )


def linked(text: str) -> Iterator[tuple[str, str]]:
    """Give a text in parts, each with the link that calls or writes to it, or with none."""
    if SHORT_NUMBER.fullmatch(text):
        yield text, f"tel:{text.replace(' ', '')}"
        return
    end = 0
    for found in REACHABLE.finditer(text):
        href = f"mailto:{quote(found['address'], safe='@')}" if found["address"] else _tel(found["phone"])
        if href:
            if text[end : found.start()]:
                yield text[end : found.start()], ""
            yield found[0], href
            end = found.end()
    if text[end:]:
        yield text[end:], ""


def _tel(written: str) -> str:
    """Give the link that calls a number; none for figures that are not as many as a number of ours has."""
    digits = re.sub(r"\D", "", written.replace("(0)", ""))
    national = f"0{digits.removeprefix('44')}" if written.startswith("+") else digits
    plus = "+" if written.startswith("+") else ""
    return f"tel:{plus}{digits}" if len(national) in DIGITS or national in ALSO else ""
