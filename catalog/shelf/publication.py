"""What is published, as one mark: whoever keeps pages of the shelf looks at it to know whether they are still right."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from app.kernel.db import db
from catalog.shelf.articles import Article
from catalog.shelf.courses import CourseVersion
from catalog.shelf.guides import GuideVersion


def mark() -> str:
    """Give a mark that changes whenever a course, a guide or an article is published, changed or taken off the shelf."""
    parts = (
        *(sa.select(model.slug, sa.cast(model.id, sa.String)).where(model.is_current) for model in (CourseVersion, GuideVersion)),
        sa.select(Article.slug, Article.digest).where(Article.is_current),
    )
    rows = db.session.execute(sa.union_all(*parts)).all()
    return hashlib.sha256(repr(sorted(tuple(row) for row in rows)).encode()).hexdigest()
