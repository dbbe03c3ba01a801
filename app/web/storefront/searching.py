"""What search engines and other shops' previews read: the list of pages, the rules, and a picture of each course."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, current_app, render_template, send_file, url_for

from app.kernel.errors import Missing
from app.permissions import ANYONE
from app.web import social_cards, wiring
from app.web.storefront.routes import area
from catalog.shelf import articles, courses, guides, standing_pages

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

DAY = 86_400
ROBOTS = """User-agent: *
Disallow: /workspace/
Disallow: /learn/
Disallow: /office/
Disallow: /sandbox/
Disallow: /buy
Disallow: /prices/figure
Disallow: /courses.json

Sitemap: {site_url}/sitemap.xml
"""


@area.page("/sitemap.xml", allow=ANYONE)
def sitemap() -> ResponseReturnValue:
    """List the public pages for search engines."""
    names = ("home", "courses", "prices", "library", "articles", "contact", "trust")
    paths = [
        *(url_for(f"storefront.{name}") for name in names),
        *(url_for("storefront.sector", slug=slug) for slug in standing_pages.SECTORS),
        *(f"/courses/{course.slug}{part}" for course in courses.published() for part in ("", "/sample/1")),
        *(url_for("storefront.guide", slug=guide.slug) for guide in guides.published()),
        *(url_for("storefront.article", slug=article.slug) for article in articles.published()),
        *(url_for("storefront.policy", slug=slug) for slug in standing_pages.POLICIES),
    ]
    text = render_template("storefront/sitemap.xml", paths=paths)
    return Response(text, mimetype="application/xml")


@area.page("/robots.txt", allow=ANYONE)
def robots() -> ResponseReturnValue:
    """Tell search engines which pages are for people with an account."""
    return Response(ROBOTS.format(site_url=current_app.config["SETTINGS"].url), mimetype="text/plain")


@area.page("/courses/<slug>/card.png", allow=ANYONE)
def social_card(slug: str) -> ResponseReturnValue:
    """Show the picture that stands beside a link to a course; `lanyard` is that of the shop itself."""
    card = social_cards.of_shop() if slug == social_cards.SHOP else social_cards.of_course(_card(slug))
    response = send_file(social_cards.picture(wiring.settings().data, card), mimetype="image/png", max_age=DAY)
    response.cache_control.public = True
    return response


def _card(slug: str) -> courses.CourseCard:
    """Give a course on the shelf; raises Missing."""
    for card in courses.published():
        if card.slug == slug:
            return card
    raise Missing
