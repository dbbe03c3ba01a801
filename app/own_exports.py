"""Own exports: everything the shop holds about a person, as files that people and programs can read."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import structlog

from app.accounts import memberships, mergers, people, person_exports, profile_fields, profile_values, sign_ins, teams
from app.accounts.memberships import State as MembershipState
from app.kernel import journal, outbox, sheets
from app.kernel.errors import Missing
from app.kernel.transaction import transaction
from billing import seats
from catalog.learning import certificate_documents, records

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from app.accounts.memberships import Place
    from app.accounts.people import Person

log = structlog.get_logger(__name__)

Row = dict[str, Any]
TABLES = {
    "organisations": (
        "organisation",
        "name",
        "address",
        "user_name",
        "state",
        "roles",
        "teams",
        "added_at",
        "joined_at",
        "left_at",
    ),
    "profile": ("organisation", "field", "value"),
    "seats": ("organisation", "state", "from", "until", "why_released"),
    "courses": ("organisation", "course", "begun_at", "passed_at", "parts_done", "parts"),
    "tests": ("organisation", "course", "state", "score_percent", "begun_at", "ended_at"),
    "certificates": (
        "organisation",
        "number",
        "course",
        "version",
        "score_percent",
        "minutes",
        "issued_on",
        "refresh_by",
        "state",
    ),
    "mails": ("organisation", "kind", "address", "written_at", "sent_at"),
    "history": ("organisation", "what", "at"),
    "devices": ("device", "signed_in_at", "last_seen_at"),
}
MOST_EVENTS = 5_000


def make_waiting() -> int:
    """Make each export that waits, outside of any transaction, and keep it in one of its own; gives how many. A sweep."""
    made = 0
    for export_id, person_id in person_exports.due():
        try:
            content = zipped(people.known(person_id))
            with transaction():
                made += person_exports.keep(export_id, content)
        except Exception:
            # One that cannot be made stops nobody else's, and is tried again.
            log.exception("export not made", export=str(export_id))
    return made


def zipped(person: Person) -> bytes:
    """Give everything about a person as a ZIP: one JSON, the same as CSV files, and the PDFs of their certificates."""
    places = [
        place for state in (MembershipState.ACTIVE, MembershipState.ARCHIVED) for place in memberships.places_of(person.id, state)
    ]
    tables, pdfs = _tables(person, places)
    about = {
        "name": person.name,
        "address": person.address,
        "user_name": person.user_name,
        "account_opened_at": _text(person.joined_at),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("everything.json", json.dumps({"you": about, **tables}, ensure_ascii=False, indent=2))
        for name, head in TABLES.items():
            rows = ([_text(row[title]) for title in head] for row in tables[name])
            archive.writestr(f"{name}.csv", sheets.as_csv(head, rows))
        for number, pdf in pdfs:
            archive.writestr(f"certificates/{number}.pdf", pdf)
    return content.getvalue()


def _tables(person: Person, places: list[Place]) -> tuple[dict[str, list[Row]], list[tuple[str, bytes]]]:
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    pdfs: list[tuple[str, bytes]] = []
    for place in places:
        for name, rows in _of_place(place).items():
            tables[name] += rows
        pdfs += _pdfs(place)
    tables["devices"] = [
        {"device": one.agent, "signed_in_at": _text(one.created_at), "last_seen_at": _text(one.last_seen_at)}
        for one in sign_ins.of(person.id)
    ]
    return tables, pdfs


def _of_place(place: Place) -> dict[str, list[Row]]:
    """Give what one organisation knows about a person."""
    member, organisation = place.membership, place.organisation
    at = {"organisation": organisation.name}
    found = records.of_member(organisation.id, member.id)
    known = profile_values.of_people([member.id]).get(member.id, {})
    belongs = {
        "name": member.name,
        "address": member.address,
        "user_name": member.user_name,
        "state": member.state,
        "roles": ", ".join(sorted(member.roles)),
        "teams": ", ".join(team.name for team in teams.of_people([member.id]).get(member.id, [])),
        "added_at": _text(member.added_at),
        "joined_at": _text(member.joined_at),
        "left_at": _text(member.archived_at),
    }
    return {
        "organisations": [at | belongs],
        "profile": [
            at | {"field": field.name, "value": known[field.id]}
            for field in profile_fields.of(organisation.id)
            if field.id in known
        ],
        "seats": [
            at
            | {
                "state": one.state,
                "from": _text(one.assigned_at),
                "until": _text(one.released_at),
                "why_released": one.why_released,
            }
            for one in seats.history(member.id)
        ],
        "courses": [
            at
            | {
                "course": record.course.title,
                "begun_at": _text(record.enrolment.begun_at),
                "passed_at": _text(record.enrolment.passed_at),
                "parts_done": record.progress.done_count,
                "parts": len(record.progress.places),
            }
            for record in found
        ],
        "tests": [at | _test(record.course.title, attempt) for record in found for attempt in record.attempts],
        "certificates": [at | _certificate(held) for record in found for held in record.certificates],
        "mails": [
            at
            | {"kind": mail.kind, "address": mail.address, "written_at": _text(mail.written_at), "sent_at": _text(mail.sent_at)}
            for mail in (outbox.to(organisation.id, member.address, limit=MOST_EVENTS) if member.address else [])
        ],
        "history": [
            at | {"what": entry.what, "at": _text(entry.at)}
            for entry in journal.about(organisation.id, *mergers.ids_of(member.id), limit=MOST_EVENTS)
        ],
    }


def _test(course: str, attempt: Any) -> Row:
    score = attempt.score_percent if attempt.right_count is not None else None
    times = {"begun_at": _text(attempt.begun_at), "ended_at": _text(attempt.ended_at)}
    return {"course": course, "state": attempt.state, "score_percent": score, **times}


def _certificate(held: Any) -> Row:
    one = held.certificate
    copied = {name: getattr(one, name) for name in ("number", "version", "score_percent", "minutes")}
    days = {"issued_on": one.issued_on.isoformat(), "refresh_by": one.refresh_by.isoformat()}
    return {**copied, **days, "course": one.title, "state": str(held.state)}


def _pdfs(place: Place) -> list[tuple[str, bytes]]:
    """Give the PDFs of somebody's certificates that have been made."""
    made = []
    for record in records.of_member(place.organisation.id, place.membership.id):
        for held in record.certificates:
            try:
                made.append((held.certificate.number, certificate_documents.of(held.certificate)))
            except Missing:
                continue
    return made


def _text(value: datetime | str | float | UUID | None) -> str:
    """Write a value as both kinds of file hold it; what is not there is empty."""
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
