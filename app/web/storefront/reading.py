"""What visitors may read: which guides there are and how each begins, and the articles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, url_for

from app.permissions import ANYONE
from app.web import social_cards
from app.web.storefront import prices, structured
from app.web.storefront.courses import words_and_category
from app.web.storefront.routes import area
from catalog.shelf import articles as press
from catalog.shelf import courses, guides

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@area.page("/library", allow=ANYONE)
def library() -> ResponseReturnValue:
    """Show the guides of a category, or those in which the words are found."""
    category, words = words_and_category()
    found = guides.published(category, words)
    return render_template("storefront/library.html", found=found, shelf=guides.published(), category=category, words=words)


@area.page("/library/<slug>", allow=ANYONE)
def guide(slug: str) -> ResponseReturnValue:
    """Show what a guide is for and how it begins."""
    found = guides.current(slug)
    return render_template("storefront/guide.html", guide=found, belongs_to=_courses_of(found.courses))


@area.page("/articles", allow=ANYONE)
def articles() -> ResponseReturnValue:
    """Show the articles, newest first."""
    return render_template("storefront/articles.html", articles=press.published())


@area.page("/articles/<slug>", allow=ANYONE)
def article(slug: str) -> ResponseReturnValue:
    """Show an article, the course it leads to and the price."""
    found = press.current(slug)
    leads_to = next(iter(_courses_of([found.course])), None)
    card_of = leads_to.slug if leads_to else social_cards.SHOP
    places = (("Articles", url_for("storefront.articles")), (found.title, url_for("storefront.article", slug=slug)))
    return render_template(
        "storefront/article.html",
        article=found,
        leads_to=leads_to,
        card_of=card_of,
        entry=prices.entry(),
        structured=[structured.article(found, card_of), structured.breadcrumbs(*places)],
    )


def _courses_of(slugs: list[str]) -> list[courses.CourseCard]:
    """Give those of some courses that are on the shelf."""
    return [card for card in courses.published() if card.slug in slugs]
