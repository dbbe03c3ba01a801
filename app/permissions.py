"""Who may do what: every route names one of these, and the table in the docs is made from the routes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.accounts.memberships import Role


class Reach(StrEnum):
    """To whom a permission applies before roles come in."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    MEMBER = "member"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a route demands; `roles` count only for members of the organisation in the address, archived ones if `also_former`."""

    name: str
    reach: Reach
    roles: frozenset[Role] = frozenset()
    also_former: bool = False


def _for_roles(name: str, *roles: Role) -> Permission:
    return Permission(name, Reach.MEMBER, frozenset(roles))


ANYONE = Permission("come in", Reach.ANYONE)
SIGNED_IN = Permission("use an account of one's own", Reach.SIGNED_IN)
RUN_THE_SHOP = Permission("run the shop", Reach.OPERATOR)

SEE_WORKSPACE = _for_roles("see the workspace", Role.OWNER, Role.ADMIN, Role.BILLING)
# What a manager is shown and may do of this is about the people of their teams: app/accounts/oversight.py sees to it.
SEE_PEOPLE = _for_roles("see the people", Role.OWNER, Role.ADMIN, Role.MANAGER)
SEE_CONTACTS = _for_roles("see the safeguarding contacts as a form", Role.OWNER, Role.ADMIN)
SET_CONTACTS = _for_roles("set the safeguarding contacts", Role.OWNER, Role.ADMIN)
GIVE_SEATS = _for_roles("give and take seats", Role.OWNER, Role.ADMIN, Role.MANAGER)
GIVE_SEATS_AGAIN = _for_roles("give everybody their seats again", Role.OWNER, Role.ADMIN)
ARCHIVE_PEOPLE = _for_roles("archive people and bring them back", Role.OWNER, Role.ADMIN)
BRING_IN_LISTS = _for_roles("bring in lists of people", Role.OWNER, Role.ADMIN)
LET_PEOPLE_IN = _for_roles("let people in who come by a link or ask", Role.OWNER, Role.ADMIN, Role.MANAGER)
SET_WAYS_IN = _for_roles("set how people come in by themselves", Role.OWNER, Role.ADMIN)
BUILD_TEAMS = _for_roles("build teams", Role.OWNER, Role.ADMIN)
SAVE_VIEWS = _for_roles("keep views of the people table", Role.OWNER, Role.ADMIN)
SET_BRAND = _for_roles("set the organisation's name and colours", Role.OWNER, Role.ADMIN)
SET_QUIET_HOURS = _for_roles("set the quiet hours", Role.OWNER, Role.ADMIN)
SET_FIELDS = _for_roles("say what is known of people", Role.OWNER, Role.ADMIN)
HAND_ON_ROLES = _for_roles("hand on roles", Role.OWNER)
SEE_JOURNAL = _for_roles("see the journal", Role.OWNER, Role.ADMIN)
SEE_BILLING = _for_roles("see what is paid", Role.OWNER, Role.BILLING)
BUY_SEATS = _for_roles("buy seats", Role.OWNER, Role.BILLING)
BE_HERE = _for_roles("belong here", *Role)
LEARN = _for_roles("learn", *Role)
KEEP_CERTIFICATES = Permission("keep one's own certificates", Reach.MEMBER, frozenset(Role), also_former=True)
