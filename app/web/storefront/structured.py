"""Structured data (schema.org) for search engines: the same facts as on the page, and nothing that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import url_for

from app.web import wiring
from app.web.context import counted
from catalog.shelf import standing_pages

if TYPE_CHECKING:
    from billing.figures import Figure
    from catalog.shelf.articles import Article
    from catalog.shelf.courses import Course

Thing = dict[str, Any]
CONTEXT = "https://schema.org"


def organisation() -> Thing:
    """Describe who runs the shop."""
    settings = wiring.settings()
    return {"@type": "Organization", "name": settings.company_name, "url": settings.url, "email": settings.contact_address}


def breadcrumbs(*places: tuple[str, str]) -> Thing:
    """Describe where a page stands: each place from the top with its address."""
    items = [
        {"@type": "ListItem", "position": position, "name": name, "item": _whole(address)}
        for position, (name, address) in enumerate(places, start=1)
    ]
    return {"@context": CONTEXT, "@type": "BreadcrumbList", "itemListElement": items}


def site() -> Thing:
    """Describe the shop itself."""
    return {"@context": CONTEXT, "@type": "WebSite", "name": "Lanyard", "url": _whole("/"), "publisher": organisation()}


def questions() -> Thing:
    """Describe the questions of the home page."""
    asked = [
        {"@type": "Question", "name": question.words, "acceptedAnswer": {"@type": "Answer", "text": question.plain}}
        for question in standing_pages.questions()
    ]
    return {"@context": CONTEXT, "@type": "FAQPage", "mainEntity": asked}


def course(found: Course, first: Figure | None) -> Thing:
    """Describe a course and what the first seat, which opens it, costs a month."""
    version = found.version
    described: Thing = {
        "@context": CONTEXT,
        "@type": "Course",
        "name": version.title,
        "description": version.summary,
        "url": _whole(url_for("storefront.course", slug=version.slug)),
        "image": _whole(url_for("storefront.social_card", slug=version.slug)),
        "provider": organisation(),
        "inLanguage": "en-GB",
        "audience": {"@type": "Audience", "audienceType": version.audience},
        "teaches": version.outcomes,
        "timeRequired": f"PT{version.minutes}M",
        "hasCourseInstance": {"@type": "CourseInstance", "courseMode": "Online", "courseWorkload": f"PT{version.minutes}M"},
    }
    if first is not None:
        described["offers"] = _offer(first) | {"category": "Subscription"}
    return described


def product(figures: list[Figure]) -> Thing:
    """Describe the subscription with its price for some numbers of people."""
    return {
        "@context": CONTEXT,
        "@type": "Product",
        "name": "Lanyard subscription",
        "description": "Every course and guide on the shelf, for a number of named people, for a year.",
        "image": _whole(url_for("storefront.social_card", slug="lanyard")),
        "brand": {"@type": "Brand", "name": "Lanyard"},
        "offers": [_offer(figure) | {"name": f"{counted(figure.seats, 'seat')} for a {figure.interval}"} for figure in figures],
    }


def article(found: Article, picture: str) -> Thing:
    """Describe an article; its picture is the social card of that slug."""
    return {
        "@context": CONTEXT,
        "@type": "Article",
        "headline": found.title,
        "description": found.summary,
        "datePublished": found.published_on.isoformat(),
        "dateModified": found.reviewed_on.isoformat(),
        "author": organisation(),
        "publisher": organisation(),
        "image": _whole(url_for("storefront.social_card", slug=picture)),
        "mainEntityOfPage": _whole(url_for("storefront.article", slug=found.slug)),
    }


def _offer(figure: Figure) -> Thing:
    """Describe a price, the one that is paid."""
    minor = figure.gross_minor
    return {
        "@type": "Offer",
        "price": f"{minor // 100}.{minor % 100:02}",
        "priceCurrency": "GBP",
        "availability": "https://schema.org/InStock",
        "url": _whole(url_for("storefront.prices", seats=figure.seats, interval=figure.interval)),
    }


def _whole(address: str) -> str:
    return f"{wiring.settings().url}{address}"
