"""May this person open the courses of this organisation? The one question that needs both what was bought and who sits on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.accounts.memberships import Role
from app.kernel import clock
from app.kernel.errors import NotAllowed
from billing import entitlements
from billing.entitlements import Access

if TYPE_CHECKING:
    from datetime import timedelta

    from app.accounts.memberships import Actor

PREVIEWERS = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the courses are open to someone, whether only as a preview, and otherwise why not."""

    may_open: bool
    is_preview: bool = False
    why_not: str = ""


def to_courses(actor: Actor, grace: timedelta) -> Decision:
    """Decide whether courses are open: with a seat in use while the subscription runs, or as an owner's or admin's preview."""
    now = clock.now()
    if entitlements.of_seat(actor.membership.id, grace, now).access is Access.FULL:
        return Decision(may_open=True)
    if entitlements.of_organisation(actor.organisation.id, grace, now).access is not Access.FULL:
        why_not = f"{actor.organisation.name} has no running subscription, so the courses are closed. Ask an owner there."
        return Decision(may_open=False, why_not=why_not)
    if actor.roles & PREVIEWERS:
        return Decision(may_open=True, is_preview=True)
    return Decision(may_open=False, why_not=f"You have no seat at {actor.organisation.name}. Ask an admin there to give you one.")


def demand_courses(actor: Actor, grace: timedelta) -> Decision:
    """Give the decision, or raise NotAllowed with the reason when the courses are not open."""
    decision = to_courses(actor, grace)
    if not decision.may_open:
        raise NotAllowed(decision.why_not)
    return decision
