"""Guides: documents of one or two pages, in versions that never change once they are published."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Missing


class GuideVersion(Model):
    """A guide as it was published; at most one version of a slug is on the shelf."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    slug: Mapped[str]
    number: Mapped[int]
    digest: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    category: Mapped[str]
    audience: Mapped[str]
    kind: Mapped[str]
    courses: Mapped[list[Any]]
    sources: Mapped[list[Any]]
    reviewed_on: Mapped[date]
    html: Mapped[str]
    blocks: Mapped[list[Any]]
    published_at: Mapped[datetime]
    is_current: Mapped[bool]

    __table_args__ = (
        sa.UniqueConstraint("slug", "number"),
        sa.Index(
            "ix_guide_version_one_current",
            "slug",
            unique=True,
            sqlite_where=sa.text("is_current"),
            postgresql_where=sa.text("is_current"),
        ),
    )

    @property
    def is_form(self) -> bool:
        """Whether it is there to be filled in, and so can be had for Word."""
        return self.kind == "form"

    @property
    def beginning(self) -> str:
        """What stands before its second heading."""
        first, heading, rest = self.html.partition("<h2>")
        return f"{first}{heading}{rest.partition('<h2>')[0]}"


def published(category: str | None = None, words: str = "") -> list[GuideVersion]:
    """Give the guides on the shelf by title, of one category and with all these words in title, summary or audience."""
    query = sa.select(GuideVersion).where(GuideVersion.is_current).order_by(GuideVersion.title)
    if category:
        query = query.where(GuideVersion.category == category)
    wanted = words.casefold().split()
    return [guide for guide in db.session.scalars(query) if all(word in _searched(guide) for word in wanted)]


def current(slug: str) -> GuideVersion:
    """Give the version of a guide that is on the shelf; raises Missing."""
    guide = db.session.scalar(sa.select(GuideVersion).where(GuideVersion.slug == slug, GuideVersion.is_current))
    if guide is None:
        raise Missing
    return guide


def of_course(slug: str) -> list[GuideVersion]:
    """Give the guides that belong to a course, by title."""
    return [guide for guide in published() if slug in guide.courses]


def _searched(guide: GuideVersion) -> str:
    return f"{guide.title} {guide.summary} {guide.audience}".casefold()
