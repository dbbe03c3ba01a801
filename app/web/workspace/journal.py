"""The journal as a page: who did what to whom and when, filtered, turned page by page and taken away; nothing can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Response, request
from wtforms import SelectField

from app.accounts import memberships, people
from app.kernel import journal, sheets
from app.kernel.errors import Invalid
from app.permissions import SEE_JOURNAL
from app.web import context, days
from app.web.forms import Form, TextField
from app.web.workspace import history_words, wishes
from app.web.workspace.area import area, page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from app.kernel.journal import JournalEntry, Wanted

PAGE = 50
CHUNK = 2_000
HEAD = ("When", "What happened")
KINDS = {
    "": ("Everything", ()),
    "people": ("People and roles", ("membership.", "ownership.", "merger.", "record.", "profile_value.")),
    "seats": ("Seats", ("seat.", "waiting_list.", "shortfall.")),
    "invitations": (
        "Invitations and ways in",
        ("invitation.", "slip.", "join_link.", "join_request.", "mail_domain."),
    ),
    "teams": ("Teams", ("team.",)),
    "lists": ("Lists brought in", ("people_import.",)),
    "learning": ("Learning", ("enrolment.", "attempt.", "certificate.")),
    "money": ("Orders and payments", ("checkout.", "subscription.", "change.", "invoice_recipient.")),
    "settings": (
        "Settings",
        ("organisation.", "safeguarding_contacts.", "profile_field.", "people_view.", "brand.", "quiet_hours."),
    ),
}


class JournalForm(Form):
    """What the journal is filtered by; what it holds stands in the address."""

    kind = SelectField("About", choices={key: label for key, (label, _) in KINDS.items()})
    who = TextField("Whose e-mail address or user name")
    since = TextField("From the day")
    until = TextField("To the day")

    class Meta:
        """A search changes nothing, so it needs no token."""

        csrf = False


@area.page("/<uuid:organisation>/history", allow=SEE_JOURNAL)
def history(actor: Actor) -> ResponseReturnValue:
    """Show what happened in the organisation, newest first, as the address asks for it."""
    form = JournalForm(request.args)
    try:
        wanted, refused = _wanted(actor, form), False
    except Invalid as refusal:
        form.refuse(refusal)
        wanted, refused = journal.Wanted(), True
    found = [] if refused else journal.of(actor.organisation.id, wanted, before=_mark(), limit=PAGE + 1)
    shown = found[:PAGE]
    rendered = page(
        "history",
        actor,
        "history",
        form=form,
        asked=_asked(form),
        items=history_words.describe(actor.organisation.id, shown),
        next_mark=shown[-1].id if len(found) > PAGE else None,
        is_first="before" not in request.args,
    )
    return rendered, 422 if refused else 200


@area.page("/<uuid:organisation>/history.csv", allow=SEE_JOURNAL)
def history_csv(actor: Actor) -> ResponseReturnValue:
    """Give exactly what the journal shows, as CSV."""
    wanted = _wanted(actor, JournalForm(request.args))
    rows = ([context.moment(line.at), line.text] for line in _lines(actor, wanted))
    disposition = {"Content-Disposition": 'attachment; filename="journal.csv"'}
    return Response(sheets.as_csv(HEAD, rows), content_type=sheets.CSV_TYPE, headers=disposition)


def _lines(actor: Actor, wanted: Wanted) -> Iterator[history_words.Line]:
    last: JournalEntry | None = None
    while True:
        found = journal.of(actor.organisation.id, wanted, before=last.id if last else None, limit=CHUNK)
        yield from history_words.describe(actor.organisation.id, found)
        if len(found) < CHUNK:
            return
        last = found[-1]


def _wanted(actor: Actor, form: JournalForm) -> Wanted:
    """Read what is asked for; raises Invalid for an address that nobody has or a day that is none."""
    involving: frozenset[UUID] = frozenset()
    if form.who.data:
        member = memberships.ever_with_login(actor.organisation.id, _key(form.who.data))
        involving = frozenset({member.id, member.person_id or member.id})
    zone = ZoneInfo(actor.organisation.zone)
    since, until = days.read(form.since.data, "since"), days.read(form.until.data, "until")
    return journal.Wanted(
        kinds=KINDS.get(form.kind.data or "", KINDS[""])[1],
        involving=involving,
        since=days.begin(since, zone) if since else None,
        until=days.end(until, zone) if until else None,
    )


def _key(typed: str) -> str:
    try:
        return people.login_key(people.read_login(typed))
    except Invalid as refusal:
        raise Invalid(refusal.message, field="who") from refusal


def _mark() -> UUID | None:
    mark = request.args.get("before")
    if not mark:
        return None
    return next(iter(wishes.uuids([mark])))


def _asked(form: JournalForm) -> dict[str, str]:
    return {name: field.data for name, field in form._fields.items() if field.data}
