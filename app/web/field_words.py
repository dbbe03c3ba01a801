"""The values of profile fields as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import profile_fields
from app.accounts.profile_fields import Kind
from app.web import context

if TYPE_CHECKING:
    from app.accounts.profile_fields import ProfileField


def written(field: ProfileField, value: str) -> str:
    """Write a value as people read it: a date as day, month and year."""
    day = profile_fields.as_day(value) if field.kind == Kind.DATE else None
    return context.day(day) if day else value
