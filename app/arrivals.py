"""Arrivals: a list of people is read, shown line by line, brought in whole or not at all, and undone while nobody has accepted.

Reading and bringing in are sweeps: whoever sent the list may leave, and a worker that is killed leaves the list to the next.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
import structlog

from app import crowd, fates, joining, outlooks, waiting_list
from app.accounts import (
    invitations,
    known_addresses,
    memberships,
    notices,
    organisations,
    oversight,
    people,
    people_imports,
    people_lists,
    profile_fields,
    profile_values,
    same_names,
    teams,
    user_names,
    waiting_places,
)
from app.accounts.memberships import Membership
from app.accounts.memberships import State as MembershipState
from app.accounts.people_imports import Fate, PeopleImport, State
from app.kernel import batches, clock, journal, nudges, sheet_reading
from app.kernel.db import UtcDateTime, db, uuid7
from app.kernel.errors import Conflict, Invalid, Refusal
from app.kernel.transaction import transaction
from billing import seats

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from app.accounts.memberships import Actor
    from app.accounts.people_imports import Somebody
    from app.accounts.people_lists import Line

    # Somebody who comes, with the membership that is or becomes theirs.
    Comer = tuple[Somebody, UUID]

log = structlog.get_logger(__name__)

SWEEP = "people_lists"
LARGEST = 10 * 1024 * 1024
# A list no larger than this is read while its sender waits.
READ_AT_ONCE = 64 * 1024
NOTED_EVERY = 2_000
NOT_READ = (
    "Something went wrong at our end while this list was read. Save it as CSV UTF-8, or paste it, and send that; if it happens "
    "again, write to us."
)
NOT_BROUGHT_IN = "Something went wrong at our end, and nobody was brought in. Try again; if it happens again, write to us."


def send(
    actor: Actor,
    content: bytes,
    *,
    file_name: str = "",
    is_pasted: bool = False,
    gives_user_names: bool = False,
    team_id: UUID | None = None,
    note: str = "",
) -> PeopleImport:
    """Take a list in, to be read; who has no address in it gets a user name, if wanted.

    Raises Invalid for an empty or too large one, one that is no text, or an unusable note.
    """
    if not content.strip():
        field = "text" if is_pasted else "file"
        raise Invalid("There is nobody in this list. Give names and e-mail addresses, one person on each line.", field=field)
    if len(content) > LARGEST:
        raise Invalid("A list is at most 10 MB large. Keep the columns of the template, or send it in parts.", field="file")
    if is_pasted and b"\0" in content:
        raise Invalid("This list holds a sign that cannot be kept (NUL). Take it out and send it again.", field="text")
    if team_id is not None:
        oversight.teams_of(actor).find(team_id)
    sent = people_imports.send(
        actor.organisation.id,
        content,
        by=actor.person.id,
        file_name=file_name.replace("\0", "")[-120:],
        is_pasted=is_pasted,
        gives_user_names=gives_user_names,
        team_id=team_id,
        note=joining.read_note(note),
    )
    nudges.ask(SWEEP)
    return sent


def want(actor: Actor, import_id: UUID) -> PeopleImport:
    """Ask for the people of a list to be brought in; raises Conflict when it is not ready, or seats are too few."""
    found = people_imports.of_organisation(actor.organisation.id, import_id)
    if not people_imports.number_to_bring_in(found.id):
        raise Conflict("There is nobody in this list who is not here already.")
    problem = outlooks.shortage(found.organisation_id, outlooks.of_list(found))
    if problem and not waiting_places.is_kept(actor.organisation.id):
        raise Conflict(problem)
    if not people_imports.move(found.id, State.READY, State.WANTED, problem=""):
        raise Conflict("This list has moved on. Reload the page to see where it stands.")
    nudges.ask(SWEEP)
    return found


def undo(actor: Actor, import_id: UUID) -> int:
    """Withdraw every invitation of a list, so that its seats are free; gives how many.

    Raises Conflict when somebody has accepted already, or the list was not brought in.
    """
    found = people_imports.of_organisation(actor.organisation.id, import_id)
    ones = _brought_in(found.id, waiting_places.of_import(found.id))
    accepted = sum(one.state == MembershipState.ACTIVE for one in ones)
    if accepted:
        raise Conflict(f"{accepted:,} of this list have accepted already. Withdraw the invitations of the others under People.")
    if not people_imports.move(found.id, State.DONE, State.UNDONE, settled_at=clock.now()):
        raise Conflict("This list is not one that can be undone now. Reload the page to see where it stands.")
    theirs = people_imports.invitations_of(found.id)
    withdrawn = crowd.withdraw(actor.organisation.id, ones, by=actor.person.id, only=theirs)
    withdrawn += _leave_waiting_list(actor.organisation.id, [one for one in ones if one.waits], by=actor.person.id)
    facts = {"people": len(withdrawn)}
    journal.write("people_import.undone", organisation_id=actor.organisation.id, by=actor.person.id, about=found.id, **facts)
    return len(withdrawn)


def _leave_waiting_list(organisation_id: UUID, ones: Collection[crowd.One], *, by: UUID) -> list[UUID]:
    """Take some people who were read and locked off the waiting list, so that they are not invited; gives whose places ended."""
    everybody = [one.id for one in ones]
    off = set(waiting_places.settle(organisation_id, everybody, waiting_places.State.TAKEN_OFF, by=by))
    for state, are_meant in ((MembershipState.ARCHIVED, True), (MembershipState.WITHDRAWN, False)):
        ids = [one.id for one in ones if one.id in off and one.sent_at is None and one.has_joined is are_meant]
        if ids:
            crowd.move(ids, state)
    return sorted(off)


def sweep(days: int) -> int:
    """Read the lists that wait, bring in those that are wanted and forget old ones; gives how many steps were done."""
    done = 0
    for import_id in people_imports.due(State.WAITING):
        done += _surely(read, import_id, (State.WAITING, State.REFUSED), NOT_READ)
    for import_id in people_imports.due(State.WANTED):
        done += _surely(partial(bring_in, days=days), import_id, (State.WANTED, State.READY), NOT_BROUGHT_IN)
    with transaction():
        people_imports.forget_old()
    return done


def _surely(step: Callable[[UUID], bool], import_id: UUID, otherwise: tuple[State, State], words: str) -> bool:
    """Take the next step of a list; one that fails in a way nobody foresaw is moved out of the way, with words for its sender."""
    try:
        return step(import_id)
    except Refusal as refusal:
        log.warning("list not finished", people_import=str(import_id), why=refusal.message)
        return False
    except Exception:
        # One list that cannot be finished must not stop those of everybody else.
        log.exception("list not finished", people_import=str(import_id))
    with transaction():
        return people_imports.move(import_id, *otherwise, problem=words, content=None)


def read(import_id: UUID) -> bool:
    """Read a list and keep what was found, line by line, or why it cannot be read; False when somebody else has."""
    sent = people_imports.whole(import_id)
    organisation_id = sent.organisation_id
    if sent.state != State.WAITING:
        return False
    try:
        lines = people_lists.checked(_noted(import_id, _found(sent)))
    except Invalid as refusal:
        with transaction():
            return people_imports.move(import_id, State.WAITING, State.REFUSED, problem=refusal.message, content=None)
    with transaction():
        if not people_imports.move(import_id, State.WAITING, State.READY, lines_read=len(lines), content=None):
            return False
        people_imports.keep_lines(import_id, fates.of_lines(organisation_id, lines))
    return True


def _found(sent: PeopleImport) -> Iterator[Line]:
    """Give what stands in a list, line by line."""
    content, by_name = sent.content or b"", sent.gives_user_names
    if sent.is_pasted:
        return people_lists.of_text(content.decode(), by_name=by_name)
    fields = profile_fields.of(sent.organisation_id)
    return people_lists.of_rows(sheet_reading.rows(content, sent.file_name), fields, by_name=by_name)


def bring_in(import_id: UUID, *, days: int) -> bool:
    """Bring in everybody of a list who is new or comes back, or nobody; False when somebody else has.

    Whatever refuses it, such as too few seats by now, puts the list back to its preview with the reason.
    """
    try:
        with transaction():
            return _bring_in(import_id, days)
    except Refusal as refusal:
        log.info("list refused", kind=type(refusal).__name__)
        with transaction():
            moved = people_imports.move(import_id, State.WANTED, State.READY, problem=refusal.message)
            if moved:
                sent, number = people_imports.whole(import_id), people_imports.number_to_bring_in(import_id)
                notices.of_list(sent.organisation_id, notices.What.LIST_REFUSED, import_id, number)
            return moved


def _bring_in(import_id: UUID, days: int) -> bool:
    if not people_imports.move(import_id, State.WANTED, State.DONE, settled_at=clock.now()):
        return False
    sent = db.session.get_one(PeopleImport, import_id)
    organisation = organisations.known(sent.organisation_id)
    new, back, stayed = _sorted(organisation.id, import_id)
    both = new + back
    if not both:
        raise Conflict("Everybody in this list is here by now.")
    written_to = sum(bool(line.address_key) for line, _ in both)
    if written_to:
        joining.count_mails(organisation.id, written_to)
    _add(organisation.id, new)
    _take_up([member_id for _, member_id in back])
    teams.end_managing(organisation.id, [member_id for _, member_id in back], by=sent.sent_by)
    ids = [member_id for _, member_id in both]
    pairs = [(line.team_id or sent.team_id, member_id) for line, member_id in both]
    teams.put_each(organisation.id, [(team, member) for team, member in pairs if team is not None], by=sent.sent_by)
    known_of = ((member, {UUID(field): value for field, value in line.values.items()}) for line, member in both)
    profile_values.put_each(organisation.id, known_of, by=sent.sent_by)
    # After their teams are known: the seats may come from allowances.
    waiting = waiting_list.give(organisation.id, ids, seats.State.HELD, by=sent.sent_by, note=sent.note, import_id=import_id)
    seated = [(line, member_id) for line, member_id in both if member_id not in waiting]
    guests = [invitations.Guest(member_id, line.name, line.address or None, has_seat=True) for line, member_id in seated]
    invited = invitations.send_each(organisation, guests, by=sent.sent_by, days=days, note=sent.note)
    people_imports.settle(import_id, invited, stayed)
    notices.of_list(organisation.id, notices.What.LIST_DONE, import_id, len(both))
    journal.write(
        "people_import.done", organisation_id=organisation.id, by=sent.sent_by, about=import_id, new=len(new), back=len(back)
    )
    return True


def _sorted(organisation_id: UUID, import_id: UUID) -> tuple[list[Comer], list[Comer], list[int]]:
    """Give who of a list is new, who comes back, each with their membership, and the places of those who are here by now."""
    whole = people_imports.everybody(import_id)
    named = same_names.of_lines(organisation_id, [line for line in whole if not line.address_key], lock=True)
    lines = [line for line in whole if line.fate in {Fate.NEW, Fate.BACK}]
    known = known_addresses.known(organisation_id, [line.address_key for line in lines], lock=True)
    new: list[Comer] = []
    back: list[Comer] = []
    stayed: list[int] = []
    # Two addresses may lead to one record, as where two were merged.
    taken: set[UUID] = set()
    for line in lines:
        known_as = known.get(line.address_key) if line.address_key else named.get(line.number)
        member_id, state = known_as or (None, None)
        if member_id is None:
            new.append((line, uuid7()))
        elif state in known_addresses.HERE or member_id in taken:
            stayed.append(line.place)
        else:
            taken.add(member_id)
            back.append((line, member_id))
    return new, back, stayed


def _noted(import_id: UUID, found: Iterable[Line]) -> Iterator[Line]:
    """Note how far reading has come now and then, each time in a transaction of its own."""
    for number, line in enumerate(found, start=1):
        if number % NOTED_EVERY == 0:
            with transaction():
                people_imports.note_progress(import_id, number)
        yield line


def _add(organisation_id: UUID, new: list[Comer]) -> None:
    """Add everybody who is new, invited to learn, in one statement."""
    if not new:
        return
    text = sa.String()
    unaddressed = [member for line, member in new if not line.address_key]
    opened = user_names.open_accounts([line.name for line, _ in new if not line.address_key]) if unaddressed else []
    accounts: dict[UUID, tuple[UUID | None, str | None]] = dict(zip(unaddressed, opened, strict=True))
    given = (
        (member, person, line.name, people.name_key(line.name), line.address or None, key, user_name, key or user_name)
        for line, member in new
        for (person, user_name), key in [(accounts.get(member, (None, None)), line.address_key or None)]
    )
    rows = batches.of(
        given,
        id=sa.Uuid(),
        person_id=sa.Uuid(),
        name=text,
        name_key=text,
        address=text,
        address_key=text,
        user_name=text,
        login_key=text,
    )
    no, yes = sa.literal(value=False), sa.literal(value=True)
    values = {
        "organisation_id": sa.literal(organisation_id, sa.Uuid()),
        "state": sa.literal(str(MembershipState.INVITED)),
        **dict.fromkeys(("is_owner", "is_admin", "is_manager", "is_billing"), no),
        "is_learner": yes,
        "added_at": sa.literal(clock.now(), UtcDateTime()),
    }
    try:
        batches.insert(Membership, (*rows.c.keys(), *values), sa.select(*rows.c, *values.values()))
    except sa.exc.IntegrityError as error:
        raise Conflict("Somebody else has just invited one of these people. Look at the list again.") from error


def _take_up(ids: list[UUID]) -> None:
    """Take up the records of those who come back, as learners who are invited."""
    if not ids:
        return
    roles = {f"is_{role}": role is memberships.Role.LEARNER for role in memberships.Role}
    statement = sa.update(Membership).where(Membership.id.in_(batches.ids(ids)))
    values = {"state": str(MembershipState.INVITED), "archived_at": None, **roles}
    db.session.execute(statement.values(**values).execution_options(synchronize_session=False))


def _brought_in(import_id: UUID, waiting: Collection[UUID]) -> list[crowd.One]:
    """Give those whom a list has brought in and whose invitation by it is open or accepted, or who wait, locked in id order."""
    are_guests = Membership.id.in_(people_imports.guests_of(import_id))
    return crowd.read(sa.or_(are_guests, Membership.id.in_(batches.ids(waiting))), lock=True)
