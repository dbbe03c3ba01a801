"""The workspace of an organisation: what needs doing, its people, what it pays and what happened."""

from app.web.workspace import contacts, people, records, today
from app.web.workspace.area import area

__all__ = ["area", "contacts", "people", "records", "today"]
