"""What stands at the side of the pages of an organisation and of the office, for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import url_for

from app.accounts.memberships import State
from app.permissions import LEARN, SEE_BILLING, SEE_CONTACTS, SEE_JOURNAL, SEE_PEOPLE, SEE_WORKSPACE, SET_FIELDS

if TYPE_CHECKING:
    from app.accounts.memberships import Actor

Entry = tuple[str, str, str]

WORKSPACE = (
    ("today", "Today", "workspace.today", SEE_WORKSPACE),
    ("people", "People", "workspace.people", SEE_PEOPLE),
    ("teams", "Teams", "workspace.teams", SEE_PEOPLE),
    ("contacts", "Contacts", "workspace.safeguarding_contacts", SEE_CONTACTS),
    ("settings", "Settings", "workspace.profile_fields", SET_FIELDS),
    ("billing", "Billing", "workspace.billing", SEE_BILLING),
    ("history", "History", "workspace.history", SEE_JOURNAL),
    ("learning", "My learning", "classroom.my_learning", LEARN),
    ("guides", "Guides", "classroom.guides", LEARN),
)
OFFICE = (
    ("overview", "Overview", "office.overview"),
    ("customers", "Customers", "office.customers_page"),
    ("money", "Money", "office.money"),
    ("invoices", "Invoices", "office.invoices"),
    ("prices", "Prices", "office.prices"),
    ("quotes", "Quotes", "office.quotes_page"),
    ("certificates", "Certificates", "office.certificates_page"),
    ("components", "Components", "style_page.components"),
)


def workspace(actor: Actor) -> list[Entry]:
    """Give the entries that the actor may open: key, label and address; to somebody who has left, their certificates."""
    if actor.membership.state == State.ARCHIVED:
        return [("learning", "My certificates", url_for("certificates.my_certificates", organisation=actor.organisation.id))]
    return [
        (key, label, url_for(endpoint, organisation=actor.organisation.id))
        for key, label, endpoint, permission in WORKSPACE
        if actor.roles & permission.roles
    ]


def office() -> list[Entry]:
    """Give the operator's entries: key, label and address."""
    return [(key, label, url_for(endpoint)) for key, label, endpoint in OFFICE]
