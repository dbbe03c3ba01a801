"""What the shop says about itself: who runs it and how to reach them, what it promises, and how it looks after data."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import render_template

from app.permissions import ANYONE
from app.web import wiring
from app.web.storefront.routes import area
from catalog.shelf import standing_pages

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@area.page("/contact", allow=ANYONE)
def contact() -> ResponseReturnValue:
    """Say who runs the shop and how to reach them."""
    return render_template("storefront/contact.html", facts=facts())


@area.page("/trust", allow=ANYONE)
def trust() -> ResponseReturnValue:
    """Show everything that somebody who buys for an organisation has to ask for, in one place."""
    return render_template("storefront/trust.html", policies=standing_pages.policies(), facts=facts())


@area.page("/policies/<slug>", allow=ANYONE)
def policy(slug: str) -> ResponseReturnValue:
    """Show a policy as it is in force."""
    return _show(standing_pages.policy(slug))


@area.page("/policies/<slug>/<int(max=999):number>", allow=ANYONE)
def policy_version(slug: str, number: int) -> ResponseReturnValue:
    """Show a version of a policy, which stays where it is for ever."""
    return _show(standing_pages.policy(slug, number))


def facts() -> dict[str, str]:
    """Give what the policies say of the operator, by the names that stand in them in braces."""
    settings = wiring.settings()
    mail = urlsplit(settings.mail_url).hostname if settings.mail_url else None
    return {
        "company_name": settings.company_name,
        "company_address": settings.company_address,
        "company_phone": settings.company_phone,
        "contact_address": settings.contact_address,
        "data_contact": settings.data_contact,
        "hosting": settings.hosting,
        "mail_service": mail or "none: in this sandbox no mail leaves",
        "site": urlsplit(settings.url).netloc,
    }


def _show(found: standing_pages.Policy) -> ResponseReturnValue:
    versions = standing_pages.versions(found.slug)
    return render_template("storefront/policy.html", policy=found, versions=versions, facts=facts())
