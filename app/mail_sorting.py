"""Sorting mails before they leave: what is unwanted or outdated is put away, what can wait rests, and several become one.

It happens in the transaction that takes mails from the outbox, so a worker that is killed leaves them as they were.
"""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING
from uuid import UUID

from app import mail_kinds
from app.accounts import invitations, mail_choices, memberships, people, quiet_hours
from app.accounts.mail_choices import Choice, Topic
from app.accounts.quiet_hours import Rule
from app.kernel import clock, outbox

if TYPE_CHECKING:
    from datetime import datetime

    from app.kernel.outbox import OutboxMail

# When mails that somebody wants once a day come, by the clock where they are.
MORNING = time(8)
BUNDLE = "course_digest"
SEAT_GIVEN = "seat_given"


def sort(leased: list[OutboxMail]) -> list[OutboxMail]:
    """Give those of some leased mails that go out now; a constant number of statements, however many they are."""
    outdated = _outdated(leased)
    if outdated:
        outbox.put_away_outdated(outdated)
        leased = [mail for mail in leased if mail.id not in outdated]
    topical = [mail for mail in leased if mail_kinds.of(mail.kind).topic]
    chosen = mail_choices.of({people.address_key(mail.address) for mail in topical})
    rules = quiet_hours.of({mail.organisation_id for mail in leased if mail.organisation_id})
    unwanted: list[UUID] = []
    resting: dict[datetime, list[UUID]] = {}
    going: list[OutboxMail] = []
    for mail in leased:
        choice = _choice(mail, chosen)
        until = _rest(mail, choice, rules.get(mail.organisation_id, Rule()) if mail.organisation_id else Rule())
        if choice is Choice.NEVER:
            unwanted.append(mail.id)
        elif until is not None:
            resting.setdefault(until, []).append(mail.id)
        else:
            going.append(mail)
    if unwanted:
        outbox.put_away(unwanted)
    for until, ids in resting.items():
        outbox.hold(ids, until)
    return _bundled(going)


def _outdated(leased: list[OutboxMail]) -> set[UUID]:
    """Give the mails that are not true any more: invitations by a link that is over, and seats of those who have left since."""
    by_link = {mail.id: UUID(mail.facts["link_id"]) for mail in leased if mail.kind in (invitations.MAIL, invitations.REMINDER)}
    readers = {
        mail.id: (mail.organisation_id, people.address_key(mail.address))
        for mail in leased
        if mail.kind == SEAT_GIVEN and mail.organisation_id
    }
    still_open = invitations.open_links(by_link.values()) if by_link else set()
    have_left = memberships.left(set(readers.values())) if readers else set()
    over = {mail_id for mail_id, link_id in by_link.items() if link_id not in still_open}
    return over | {mail_id for mail_id, reader in readers.items() if reader in have_left}


def _choice(mail: OutboxMail, chosen: dict[tuple[str, Topic], Choice]) -> Choice:
    topic = mail_kinds.of(mail.kind).topic
    if topic is None:
        return Choice.AT_ONCE
    return chosen.get((people.address_key(mail.address), topic), mail_choices.USUAL[topic])


def _rest(mail: OutboxMail, choice: Choice, rule: Rule) -> datetime | None:
    """Give the moment until which a mail rests, or None for one that goes out now."""
    now = clock.now()
    begin = now
    if choice is Choice.DAILY and mail_kinds.of(mail.kind).is_single:
        begin = max(now, quiet_hours.next_morning(rule.zone, mail.written_at, MORNING))
    may_rest = mail_kinds.of(mail.kind).can_wait or (mail.kind == invitations.MAIL and rule.holds_invitations)
    quiet = quiet_hours.until(rule, begin) if may_rest else None
    return quiet or (begin if begin > now else None)


def _bundled(going: list[OutboxMail]) -> list[OutboxMail]:
    """Put the single mails about courses that go to the same reader now into one, and give what is left.

    What cannot wait takes nothing along that can, and would have rested.
    """
    for can_wait in (True, False):
        going = _gathered(going, can_wait=can_wait)
    return going


def _gathered(going: list[OutboxMail], *, can_wait: bool) -> list[OutboxMail]:
    known = mail_kinds.KINDS.items()
    kinds = [name for name, kind in known if kind.topic is Topic.COURSES and kind.is_single and kind.can_wait is can_wait]
    single = [mail for mail in going if mail.kind in kinds and mail.organisation_id]
    if not single:
        return going
    readers = {(mail.organisation_id, mail.address) for mail in single}
    together: dict[tuple[UUID | None, str], dict[UUID, OutboxMail]] = {}
    for mail in [*single, *outbox.gather(sorted(readers, key=str), kinds)]:
        together.setdefault((mail.organisation_id, mail.address), {})[mail.id] = mail
    bundles = [list(mails.values()) for mails in together.values() if len(mails) > 1]
    for mails in bundles:
        outbox.bundle(BUNDLE, mails)
    gone = {mail.id for mails in bundles for mail in mails}
    return [mail for mail in going if mail.id not in gone]
