"""Acting from a thread of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import memberships, people

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.accounts.memberships import Actor


def acting(actor: Actor) -> Callable[[], Actor]:
    """Give a way for another thread to act as this actor, without touching the rows of this thread's session."""
    person_id, organisation_id = actor.person.id, actor.organisation.id
    return lambda: memberships.actor(people.known(person_id), organisation_id)
