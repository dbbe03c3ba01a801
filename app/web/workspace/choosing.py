"""Choosing people in the table: one by one or everybody who matches, as an address or a form says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import url_for

from app.crowd import Selection
from app.web.workspace import wishes

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from app.accounts.memberships import Actor


def is_empty(given: MultiDict[str, str]) -> bool:
    """Whether nobody was chosen."""
    return not given.getlist("who") and "all" not in given


def selection(actor: Actor, given: MultiDict[str, str], *, is_asked: bool = False) -> Selection:
    """Read who was chosen; everybody who matches only in the number that was shown, unless it is only being asked about."""
    if "all" in given:
        expected = given.get("expected", "")
        number = int(expected) if expected.isdecimal() and expected.isascii() and len(expected) < 10 and not is_asked else None  # noqa: PLR2004 - digits of a number of people
        return Selection(wanted=wishes.read(actor, given), expected=number)
    return Selection(wishes.uuids(given.getlist("who")))


def fields(actor: Actor, given: MultiDict[str, str], number: int) -> list[tuple[str, str]]:
    """Give what a form sends again: who was chosen, how many that are, and the filters to come back to."""
    whom = [("all", "1"), ("expected", str(number))] if "all" in given else [("who", who) for who in given.getlist("who")]
    person = [("person", "1")] if "person" in given else []
    return [*whom, *person, *wishes.address(actor, given).items()]


def back(actor: Actor, given: MultiDict[str, str]) -> str:
    """Give the page that the people were chosen on: the table as it was filtered, or the page of the one person."""
    place: dict[str, Any] = {"organisation": actor.organisation.id}
    if "person" in given and "all" not in given and len(given.getlist("who")) == 1:
        return url_for("workspace.person", membership=given["who"], **place)
    asked: dict[str, Any] = {**wishes.address(actor, given)}
    return url_for("workspace.people", **place, **asked)
