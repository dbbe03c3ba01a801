"""Bringing in lists of people: pasted or as a file, shown line by line, brought in whole or not at all, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, flash, redirect, request, url_for
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField, TextAreaField

from app import arrivals, outlooks, slips
from app.accounts import oversight, people_imports, people_lists, profile_fields, waiting_places
from app.accounts.people_imports import Fate, State
from app.kernel import sheets
from app.kernel.errors import Conflict, Invalid, Missing
from app.kernel.transaction import transaction
from app.permissions import BRING_IN_LISTS, SEE_BILLING
from app.shortfalls import Kind
from app.web import context, uploads
from app.web.forms import Form, trimmed
from app.web.workspace import changes as people_changes
from app.web.workspace import missing_seats, wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor

EXAMPLES = (("Ruth Amadi", "ruth@example.org", ""), ("Tom Barker", "tom@example.org", ""))
EXAMPLES_OF_KIND = {"text": "", "choice": "", "date": "23/11/2026"}
FATES = {
    Fate.NEW: ("new", "neutral"),
    Fate.BACK: ("comes back", "good"),
    Fate.HERE: ("here already", "neutral"),
    Fate.PROBLEM: ("problem", "attention"),
}
# A request holds a little more than the file in it.
LARGEST_REQUEST = arrivals.LARGEST + 64 * 1024


class ListForm(Form):
    """A list, pasted or as a file, and what holds for everybody in it."""

    text = TextAreaField("Paste names and addresses")
    file = FileField("Or choose a CSV or XLSX file")
    by_name = BooleanField("People without an address get a user name")
    team = SelectField("Put everybody into a team")
    note = TextAreaField("A few words of your own", filters=[trimmed])


@area.page("/<uuid:organisation>/people/lists", allow=BRING_IN_LISTS)
def people_lists_page(actor: Actor) -> ResponseReturnValue:
    """Ask for a list of people, and show those that were sent before."""
    return _form_page(actor, ListForm(formdata=None))


@uploads.takes_up_to(LARGEST_REQUEST, "workspace.send_people_list")
@area.action("/<uuid:organisation>/people/lists", allow=BRING_IN_LISTS)
def send_people_list(actor: Actor) -> ResponseReturnValue:
    """Take a list in; a short one is read at once, a long one in the background."""
    form = ListForm()
    uploaded = request.files.get("file")
    pasted = (form.text.data or "").encode()
    is_pasted = bool(pasted.strip())
    content = pasted if is_pasted else uploaded.read() if uploaded else b""
    try:
        with transaction():
            sent = arrivals.send(
                actor,
                content,
                file_name="" if is_pasted or uploaded is None else uploaded.filename or "",
                is_pasted=is_pasted,
                gives_user_names=form.by_name.data,
                team_id=next(iter(wishes.uuids([form.team.data])), None) if form.team.data else None,
                note=form.note.data or "",
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _form_page(actor, form), refusal.status
    if len(content) <= arrivals.READ_AT_ONCE:
        arrivals.read(sent.id)
    return redirect(url_for("workspace.people_list", organisation=actor.organisation.id, people_list=sent.id), 303)


@area.page("/<uuid:organisation>/people/lists/template.csv", allow=BRING_IN_LISTS)
def list_template_csv(actor: Actor) -> ResponseReturnValue:
    """Give an empty list to fill in, as CSV."""
    return _file(sheets.as_csv(*_template(actor)), sheets.CSV_TYPE, "people-template.csv")


@area.page("/<uuid:organisation>/people/lists/template.xlsx", allow=BRING_IN_LISTS)
def list_template_xlsx(actor: Actor) -> ResponseReturnValue:
    """Give an empty list to fill in, as XLSX."""
    return _file(sheets.as_xlsx(*_template(actor), "People"), sheets.XLSX_TYPE, "people-template.xlsx")


@area.page("/<uuid:organisation>/people/lists/<uuid:people_list>", allow=BRING_IN_LISTS)
def people_list(actor: Actor, people_list: UUID) -> ResponseReturnValue:
    """Show what will happen with each line of a list, or what has."""
    return _list_page(actor, people_list)


@area.action("/<uuid:organisation>/people/lists/<uuid:people_list>/bring-in", allow=BRING_IN_LISTS)
def bring_in_list(actor: Actor, people_list: UUID) -> ResponseReturnValue:
    """Bring in everybody of a list who is new or comes back."""
    try:
        with transaction():
            arrivals.want(actor, people_list)
    except Conflict as refusal:
        return _list_page(actor, people_list, refusal.message), refusal.status
    return redirect(url_for("workspace.people_list", organisation=actor.organisation.id, people_list=people_list), 303)


@area.action("/<uuid:organisation>/people/lists/<uuid:people_list>/undo", allow=BRING_IN_LISTS)
def undo_list(actor: Actor, people_list: UUID) -> ResponseReturnValue:
    """Withdraw every invitation of a list while nobody has accepted."""
    with transaction():
        number = arrivals.undo(actor, people_list)
    flash(f"Undone: {context.counted(number, 'invitation')} withdrawn, and their seats are free.", "success")
    return redirect(url_for("workspace.people_list", organisation=actor.organisation.id, people_list=people_list), 303)


def _template(actor: Actor) -> tuple[list[str], list[list[str]]]:
    """Give the head of a list and two lines as examples, with a column for each profile field."""
    fields = profile_fields.of(actor.organisation.id)
    shown = [field.choices[0] if field.choices else EXAMPLES_OF_KIND[field.kind] for field in fields]
    return [*people_lists.HEAD, *(field.name for field in fields)], [[*line, *shown] for line in EXAMPLES]


def _form_page(actor: Actor, form: ListForm) -> str:
    form.team.choices = {"": "No team", **wishes.team_choices(oversight.teams_of(actor))}
    return page(
        "people_lists",
        actor,
        "people",
        form=form,
        sent=people_imports.recent(actor.organisation.id),
        seats=seats.count(actor.organisation.id),
        most=people_lists.MOST,
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def _list_page(actor: Actor, list_id: UUID, refusal: str = "") -> str:
    found = people_imports.of_organisation(actor.organisation.id, list_id)
    asked, after = request.args.get("fate", ""), request.args.get("after", "0")
    if (asked and asked not in set(Fate)) or not (after.isdecimal() and after.isascii() and len(after) < 9):  # noqa: PLR2004 - digits of a line
        raise Missing
    fate = Fate(asked) if asked else None
    counts = people_imports.counts(found.id)
    lines = people_imports.lines(found.id, fate, after=int(after), limit=people_imports.PAGE + 1)
    shown = lines[: people_imports.PAGE]
    has_slips = found.state == State.DONE and bool(slips.of_list(actor, found.id))
    needed = counts[Fate.NEW] + counts[Fate.BACK]
    count, has_list = seats.count(actor.organisation.id), waiting_places.is_kept(actor.organisation.id)
    seen = outlooks.of_list(found) if found.state == State.READY and needed else None
    is_too_many = seen is not None and not has_list and bool(seen.tight or seen.needed > count.free)
    # More seats are no help where it is what is set aside for a team that does not suffice.
    number_missing = count.missing_for(seen.needed) if seen is not None and is_too_many and seen.tight is None else 0
    # Where no seat at all is free the page says so anyway.
    says_why = seen is not None and is_too_many and (seen.tight is not None or count.set_aside > 0)
    return page(
        "people_list",
        actor,
        "people",
        found=found,
        refusal=refusal or found.problem,
        shortage=outlooks.shortage(actor.organisation.id, seen) if seen is not None and says_why else "",
        is_moving=found.state in {State.WAITING, State.WANTED},
        counts=counts,
        fates=FATES,
        fate=asked,
        lines=shown,
        number_waiting=len(waiting_places.of_import(found.id)) if found.state == State.DONE else 0,
        next_after=shown[-1].place if len(lines) > len(shown) else None,
        needed=needed,
        has_slips=has_slips,
        has_list=has_list,
        seats=count,
        missing=missing_seats.of(actor, number_missing, Kind.LIST, [("people_list", str(found.id))])
        if number_missing and count.bought
        else None,
        is_too_many=is_too_many,
        number_to_wait=people_changes.number_to_wait(actor, needed, seen.fitting) if seen is not None and has_list else 0,
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
