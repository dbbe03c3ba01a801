"""Digests: one mail a day to each of those who run things here, instead of one for each thing that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import memberships, notices, oversight, people, quiet_hours
from app.accounts.mail_choices import Choice
from app.accounts.memberships import Role
from app.accounts.notices import What
from app.kernel import clock, outbox
from app.kernel.transaction import transaction
from app.mail_sorting import MORNING

if TYPE_CHECKING:
    from uuid import UUID

    from app.accounts.memberships import Actor
    from app.accounts.notices import Notice, Waiting

SWEEP = "news"
KIND = "news"
TOLD = frozenset({Role.OWNER, Role.ADMIN, Role.MANAGER})
# How many names one mail tells for each thing.
NAMED = 5


def tell_due() -> int:
    """Tell everybody who is due what happened since they were told last, each in a transaction of their own; a sweep."""
    told = 0
    for waiting in notices.waiting():
        if _is_due(waiting):
            with transaction():
                told += _tell(waiting.recipient_id, waiting.choice)
    return told


def _is_due(waiting: Waiting) -> bool:
    """Whether somebody is told now: at once, or on the morning after the first thing that happened."""
    if waiting.choice is not Choice.DAILY:
        return True
    return quiet_hours.next_morning(waiting.zone, waiting.since, MORNING) <= clock.now()


def _tell(recipient_id: UUID, choice: Choice) -> int:
    """Write the mail to one person, unless they want none or run nothing here any more; gives how much is settled by that."""
    taken = notices.take(recipient_id)
    actor = memberships.acting_as(recipient_id)
    if not taken or choice is Choice.NEVER or actor is None or not actor.roles & TOLD:
        return len(taken)
    lines = [line for what in What if (line := _line(actor, what, [notice for notice in taken if notice.what == what]))]
    if lines:
        facts = {"at": str(actor.organisation.id), "organisation": actor.organisation.name, "name": actor.membership.name}
        outbox.write(KIND, actor.membership.address, organisation_id=actor.organisation.id, lines=lines, **facts)
    return len(taken)


def _line(actor: Actor, what: What, taken: list[Notice]) -> dict[str, object] | None:
    """Give what a mail tells of one kind of thing, as far as its reader may see whom it is about; None for nothing."""
    if what in {What.LIST_DONE, What.LIST_REFUSED}:
        number = sum(notice.number for notice in taken) if oversight.is_over_everybody(actor) else 0
        return {"what": what.value, "number": number, "about": []} if number else None
    seen = notices.seen_of(oversight.sees(actor), [notice.about for notice in taken])
    named = sorted(seen, key=lambda one: people.name_key(seen[one]))
    return {"what": what.value, "number": len(named), "about": [str(one) for one in named[:NAMED]]} if named else None
