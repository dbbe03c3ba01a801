"""Articles: one question of somebody who has not bought yet, answered honestly."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db
from app.kernel.errors import Missing


class Article(Model):
    """An article as it reads now; one whose file is gone is no longer shown."""

    slug: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    course: Mapped[str]
    sources: Mapped[list[Any]]
    published_on: Mapped[date]
    reviewed_on: Mapped[date]
    html: Mapped[str]
    is_current: Mapped[bool]


def published() -> list[Article]:
    """Give the articles, newest first."""
    query = sa.select(Article).where(Article.is_current)
    return list(db.session.scalars(query.order_by(Article.published_on.desc(), Article.title)))


def current(slug: str) -> Article:
    """Give an article that is shown; raises Missing."""
    article = db.session.get(Article, slug)
    if article is None or not article.is_current:
        raise Missing
    return article
