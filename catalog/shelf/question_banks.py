"""Question banks: the questions of a course version, from which every test is drawn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db


class Question(Model):
    """A question with its options, as HTML made from its Markdown when it was loaded."""

    version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("course_version.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    lesson: Mapped[int]
    html: Mapped[str]
    options: Mapped[list[Any]]
    why: Mapped[str]

    @property
    def right(self) -> list[int]:
        """The numbers of the right options."""
        return [number for number, option in enumerate(self.options) if option["is_right"]]

    @property
    def has_several(self) -> bool:
        """Whether more than one option is right."""
        return len(self.right) > 1


def of_version(version_id: UUID) -> list[Question]:
    """Give the bank of a course version."""
    return list(db.session.scalars(sa.select(Question).where(Question.version_id == version_id).order_by(Question.key)))
