"""The workspace of an organisation: what needs doing, its people, what it pays and what happened."""

from app.web.workspace import (
    billing,
    changes,
    contacts,
    invitations,
    invoices,
    journal,
    lists,
    people,
    person,
    quotes,
    records,
    roles,
    seat_allowances,
    seat_changes,
    teams,
    today,
    withdrawal,
)
from app.web.workspace.area import area

__all__ = [
    "area",
    "billing",
    "changes",
    "contacts",
    "invitations",
    "invoices",
    "journal",
    "lists",
    "people",
    "person",
    "quotes",
    "records",
    "roles",
    "seat_allowances",
    "seat_changes",
    "teams",
    "today",
    "withdrawal",
]
