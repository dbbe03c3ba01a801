"""The people of an organisation as a table: searched, filtered, sorted, turned page by page, and taken away as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.datastructures import MultiDict

from app import roster, shortfalls
from app.accounts import join_requests, oversight, people_views, profile_fields, waiting_places
from app.crowd import MANAGERS_MAY, Change
from app.kernel import sheets
from app.permissions import ARCHIVE_PEOPLE, BRING_IN_LISTS, BUILD_TEAMS, SAVE_VIEWS, SEE_BILLING, SEE_PEOPLE
from app.roster import Show
from app.web.workspace import columns, field_forms, view_tabs, wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from app.web.workspace.columns import Column

# What the buttons under the table say, and among whom each makes sense.
BUTTONS = {
    Change.GIVE: ("Give a seat", {Show.HERE, Show.ACTIVE, Show.INVITED}),
    Change.TAKE_BACK: ("Take the seat back", {Show.HERE, Show.ACTIVE}),
    Change.RESEND: ("Send the invitation again", {Show.HERE, Show.INVITED}),
    Change.WITHDRAW: ("Withdraw the invitation", {Show.HERE, Show.INVITED}),
    Change.ARCHIVE: ("Archive", {Show.HERE, Show.ACTIVE}),
    Change.RESTORE: ("Bring back", {Show.ARCHIVED}),
}


@area.page("/<uuid:organisation>/people", allow=SEE_PEOPLE)
def people(actor: Actor) -> ResponseReturnValue:
    """Show the people whom the actor may see, as the address asks for them or the view with which the table opens does."""
    tree, fields = oversight.teams_of(actor), profile_fields.of(actor.organisation.id)
    kept = people_views.of(actor)
    views = view_tabs.seen(kept, tree, fields)
    given = view_tabs.opened(request.args, views)
    gone = field_forms.others(given, fields)
    given = MultiDict((name, value) for name, value in given.items(multi=True) if name not in gone)
    wanted = wishes.read(actor, given)
    form = wishes.form_of(wanted, tree, fields)
    every = columns.all_of(fields, {node.team.id: node.title for node in tree.walk()})
    shown = columns.chosen(every, given)
    may_archive = bool(actor.roles & ARCHIVE_PEOPLE.roles)
    return page(
        "people",
        actor,
        "people",
        wanted=wanted,
        asked=wishes.address(actor, given),
        form=form,
        field_filters=field_forms.filters(form, fields),
        has_fields=bool(fields),
        is_filter_gone=bool(gone),
        every=every,
        columns=shown,
        tabs=view_tabs.tabs(actor, views, given),
        has_views=bool(kept),
        everyone=view_tabs.everyone(actor, views),
        seen={node.team.id for node in tree.walk()},
        found=roster.page(actor, wanted, wishes.turn(), with_learning=columns.has_learning(shown)),
        number=roster.count(actor, wanted),
        counted_to=roster.COUNTED,
        seats=seats.count(actor.organisation.id),
        buttons=[
            (change.value, label)
            for change, (label, shows) in BUTTONS.items()
            if wanted.show in shows and (may_archive or change in MANAGERS_MAY)
        ],
        ready=shortfalls.ready(actor),
        number_waiting=waiting_places.number_waiting(actor),
        number_asking=join_requests.number_asking(actor),
        may_bring_in=bool(actor.roles & BRING_IN_LISTS.roles),
        may_build=bool(actor.roles & BUILD_TEAMS.roles),
        may_save=bool(actor.roles & SAVE_VIEWS.roles),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


@area.page("/<uuid:organisation>/people.csv", allow=SEE_PEOPLE)
def people_csv(actor: Actor) -> ResponseReturnValue:
    """Give exactly the people and the columns that the table shows, as CSV."""
    shown = _columns(actor)
    return _file(sheets.as_csv(_head(shown), _rows(actor, shown)), sheets.CSV_TYPE, "people.csv")


@area.page("/<uuid:organisation>/people.xlsx", allow=SEE_PEOPLE)
def people_xlsx(actor: Actor) -> ResponseReturnValue:
    """Give exactly the people and the columns that the table shows, as XLSX."""
    shown = _columns(actor)
    return _file(sheets.as_xlsx(_head(shown), _rows(actor, shown), "People"), sheets.XLSX_TYPE, "people.xlsx")


def _columns(actor: Actor) -> list[Column]:
    titles = {node.team.id: node.title for node in oversight.teams_of(actor).walk()}
    return columns.chosen(columns.all_of(profile_fields.of(actor.organisation.id), titles), request.args)


def _head(shown: Sequence[Column]) -> list[str]:
    return ["Name", *(column.label for column in shown)]


def _rows(actor: Actor, shown: Sequence[Column]) -> Iterator[list[str]]:
    wanted, with_learning = wishes.read(actor, request.args), columns.has_learning(shown)
    for entries in roster.everyone(actor, wanted, with_learning=with_learning):
        for entry in entries:
            yield [entry.member.name, *(column.text(entry) for column in shown)]


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
