"""The workspace of an organisation: what needs doing, its people, what it pays and what happened."""

from app.web.workspace import billing, contacts, people, records, seat_changes, today
from app.web.workspace.area import area

__all__ = ["area", "billing", "contacts", "people", "records", "seat_changes", "today"]
