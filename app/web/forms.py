"""What the forms of all areas share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_wtf import FlaskForm
from wtforms import Field, StringField

from app.kernel.errors import Invalid

if TYPE_CHECKING:
    from app.kernel.errors import Refusal


def trimmed(value: str | None) -> str | None:
    """Take off the spaces around what was typed."""
    return value.strip() if value else value


class TextField(StringField):
    """One line of text without spaces around it."""

    def __init__(self, label: str, validators: list[Any] | None = None, **options: Any) -> None:
        """Trim what is typed."""
        super().__init__(label, validators or [], filters=[trimmed], **options)


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A form that comes back filled in, with each refusal beside the field that it is about."""

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal of the domain at its field, or above the form when it names none."""
        name = refusal.field if isinstance(refusal, Invalid) else None
        field: Field | None = self._fields.get(name or "")
        if field is None:
            self.form_errors.append(refusal.message)
        else:
            field.errors = [*field.errors, refusal.message]
