"""Changes for many people at once: what is about to happen is said first, and a button does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request

from app import crowd
from app.accounts import waiting_places
from app.crowd import Change
from app.kernel.errors import Conflict, Missing, NotAllowed
from app.kernel.transaction import transaction
from app.permissions import GIVE_SEATS, SEE_BILLING
from app.shortfalls import Kind
from app.web import context, wiring
from app.web.workspace import choosing, missing_seats
from app.web.workspace.area import area, page
from billing import allotting, allowances, seats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import MultiDict

    from app.accounts.memberships import Actor
    from app.crowd import Plan

NAMED = 10
# For each change: the question, the words of its button, and what is said once it is done.
WORDS = {
    Change.GIVE: ("Give a seat to {}?", "Give {}", "{} a seat now."),
    Change.TAKE_BACK: ("Take the seats of {} back?", "Take {} back", "The seats of {} are free again."),
    Change.ARCHIVE: ("Archive {}?", "Archive {}", "{} archived. Their seats are free, and every record stays."),
    Change.RESTORE: ("Bring {} back?", "Bring back {}", "{} here again, as they were."),
    Change.RESEND: ("Send {} their invitation again?", "Send {}", "We have written to {} again. Earlier links no longer work."),
    Change.WITHDRAW: ("Withdraw the invitations of {}?", "Withdraw {}", "The invitations of {} are withdrawn."),
}
NOUNS = {Change.GIVE: "seat", Change.TAKE_BACK: "seat", Change.RESEND: "invitation", Change.WITHDRAW: "invitation"}


@area.page("/<uuid:organisation>/people/change", allow=GIVE_SEATS)
def people_change(actor: Actor) -> ResponseReturnValue:
    """Say what a change would do for the people chosen, before anything happens."""
    given = request.args
    if choosing.is_empty(given):
        flash("Nobody was chosen. Tick the people you mean, or everyone who matches.", "attention")
        return redirect(choosing.back(actor, given), 303)
    return _question(actor, given)


@area.action("/<uuid:organisation>/people/change", allow=GIVE_SEATS)
def change_people(actor: Actor) -> ResponseReturnValue:
    """Do the change for everybody it can be done for, or for nobody."""
    given = request.form
    try:
        with transaction():
            words, is_done = carry_out(actor, given)
    except (Conflict, NotAllowed) as refusal:
        return _question(actor, given, refusal.message), refusal.status
    flash(words, "success" if is_done else "attention")
    return redirect(choosing.back(actor, given), 303)


def carry_out(actor: Actor, given: MultiDict[str, str]) -> tuple[str, bool]:
    """Do the change that a form asks for, inside the open transaction; gives what became of it, and whether anything did."""
    plan = crowd.do(actor, _change(given), choosing.selection(actor, given), days=wiring.settings().invitation_days)
    waiting = waiting_places.among(actor.organisation.id, [one.id for one in plan.able]) if plan.seats_needed else set()
    return _outcome(plan, len(waiting)), bool(plan.able)


def _question(actor: Actor, given: MultiDict[str, str], refusal: str = "") -> str:
    change, selection = _change(given), choosing.selection(actor, given, is_asked=True)
    plan = crowd.plan(actor, change, selection)
    count, has_list = seats.count(actor.organisation.id), waiting_places.is_kept(actor.organisation.id)
    question, button, _ = WORDS[change]
    noun = NOUNS.get(change)
    fields = [("do", change.value), *choosing.fields(actor, given, len(plan.able) + len(plan.unable))]
    number_missing = 0
    if plan.needing and not has_list:
        try:
            number_missing = allotting.missing_for(actor.organisation.id, plan.needing)
        except Conflict as too_few:
            refusal = refusal or too_few.message
    return page(
        "people_change",
        actor,
        "people",
        plan=plan,
        refusal=refusal,
        question=question.format(_whom(plan)),
        button=button.format(context.counted(len(plan.able), noun) if noun else _people(len(plan.able))),
        shown=plan.able[:NAMED],
        seats=count,
        is_too_many=bool(number_missing or (refusal and plan.needing)),
        missing=missing_seats.of(actor, number_missing, Kind.PEOPLE, fields) if number_missing and count.bought else None,
        number_to_wait=number_to_wait(actor, plan.seats_needed, _fitting(actor, plan, count.free)) if has_list else 0,
        fields=fields,
        back=choosing.back(actor, given),
        may_see_billing=bool(actor.roles & SEE_BILLING.roles),
    )


def number_to_wait(actor: Actor, needed: int, free: int) -> int:
    """Give how many of those who need a seat would go on the waiting list."""
    return needed if waiting_places.has_any(actor.organisation.id) else max(0, needed - free)


def _fitting(actor: Actor, plan: Plan, free: int) -> int:
    """Give for how many of those who need a seat there is one now."""
    set_aside = seats.allowances_of(actor.organisation.id)
    return len(allowances.fitting(actor.organisation.id, plan.needing, set_aside, free))


def _outcome(plan: Plan, number_waiting: int = 0) -> str:
    """Say what was done, how many of them wait for their seat, and about how many it was not done and why."""
    said = []
    if number_waiting and number_waiting == len(plan.able) and plan.change is Change.GIVE:
        said.append(f"{_whom(plan)} {'is' if number_waiting == 1 else 'are'} on the waiting list.")
    elif plan.able:
        whom = _whom(plan)
        verbs = (" has", " have") if plan.change is Change.GIVE else (" is", " are")
        verb = verbs[0] if len(plan.able) == 1 else verbs[1]
        named = whom + verb if plan.change in {Change.GIVE, Change.ARCHIVE, Change.RESTORE} else whom
        said.append(WORDS[plan.change][2].format(named))
        if number_waiting:
            are = "is" if number_waiting == 1 else "are"
            said.append(f"Of them, {_people(number_waiting)} {are} on the waiting list for a seat.")
    said += [f"Left out: {_people(number)}, because they {why}." for why, number in plan.reasons]
    return " ".join(said)


def _whom(plan: Plan) -> str:
    return plan.able[0].name if len(plan.able) == 1 else _people(len(plan.able))


def _people(number: int) -> str:
    return context.counted(number, "person", "people")


def _change(given: Mapping[str, str]) -> Change:
    try:
        return Change(given.get("do", ""))
    except ValueError as error:
        raise Missing from error
