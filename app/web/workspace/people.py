"""The people of an organisation as a table: searched, filtered, sorted, turned page by page, and taken away as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, request

from app import roster, shortfalls
from app.accounts import join_requests, oversight, waiting_places
from app.crowd import MANAGERS_MAY, Change
from app.kernel import sheets
from app.permissions import ARCHIVE_PEOPLE, BRING_IN_LISTS, BUILD_TEAMS, SEE_BILLING, SEE_PEOPLE
from app.roster import Show
from app.web import context
from app.web.workspace import wishes
from app.web.workspace.area import area, page
from billing import seats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from app.roster import Entry

HEAD = ("Name", "E-mail", "User name", "Here as", "Teams", "State", "Seat", "Invitation until", "Added", "Joined", "Left")
SEAT_WORDS = {None: "none", "held": "held", "in_use": "in use"}
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
    """Show the people whom the actor may see, as the address asks for them."""
    wanted = wishes.read(actor, request.args)
    tree = oversight.teams_of(actor)
    may_archive = bool(actor.roles & ARCHIVE_PEOPLE.roles)
    return page(
        "people",
        actor,
        "people",
        wanted=wanted,
        asked=wishes.as_query(wanted),
        form=wishes.form_of(wanted, tree),
        seen={node.team.id for node in tree.walk()},
        found=roster.page(actor, wanted, wishes.turn()),
        number=roster.count(actor, wanted),
        counted_to=roster.COUNTED,
        seats=seats.count(actor.organisation.id),
        seat_words=SEAT_WORDS,
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
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


@area.page("/<uuid:organisation>/people.csv", allow=SEE_PEOPLE)
def people_csv(actor: Actor) -> ResponseReturnValue:
    """Give exactly the people that the table shows, as CSV."""
    return _file(sheets.as_csv(HEAD, _rows(actor)), sheets.CSV_TYPE, "people.csv")


@area.page("/<uuid:organisation>/people.xlsx", allow=SEE_PEOPLE)
def people_xlsx(actor: Actor) -> ResponseReturnValue:
    """Give exactly the people that the table shows, as XLSX."""
    return _file(sheets.as_xlsx(HEAD, _rows(actor), "People"), sheets.XLSX_TYPE, "people.xlsx")


def _rows(actor: Actor) -> Iterator[list[str]]:
    titles = {node.team.id: node.title for node in oversight.teams_of(actor).walk()}
    for entries in roster.everyone(actor, wishes.read(actor, request.args)):
        for entry in entries:
            yield _row(entry, [titles[team.id] for team in entry.teams if team.id in titles])


def _row(entry: Entry, teams: list[str]) -> list[str]:
    member = entry.member
    moments = (entry.expires_at, member.added_at, member.joined_at, member.archived_at)
    days = [context.day(moment) if moment else "" for moment in moments]
    roles = ", ".join(sorted(member.roles))
    who = [member.name, member.address or "", member.user_name or ""]
    return [*who, roles, "; ".join(teams), member.state, SEAT_WORDS[entry.seat], *days]


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
