"""What every page knows: who is looking, where assets are, and how dates and money are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from flask import get_flashed_messages, has_request_context, request
from flask_login import current_user
from jinja2 import FileSystemBytecodeCache, StrictUndefined

from app.accounts import brands
from app.kernel import clock, money
from app.web import assets, price_words
from catalog.shelf import standing_pages
from catalog.shelf.categories import CATEGORIES

if TYPE_CHECKING:
    from datetime import date, datetime

    from flask import Flask

    from app.settings import Settings

HOME_ZONE = ZoneInfo("Europe/London")


def day(value: date | datetime) -> str:
    """Write a date such as 23 November 2026; a moment is shown as the day it was in London."""
    shown = value.astimezone(HOME_ZONE) if hasattr(value, "astimezone") else value
    return f"{shown.day} {shown:%B %Y}"


def moment(value: datetime) -> str:
    """Write a moment such as 23 November 2026 at 14:05."""
    local = value.astimezone(HOME_ZONE)
    return f"{day(value)} at {local:%H:%M}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun, such as 1 seat or 1,200 seats."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def brings_cookies() -> bool:
    """Whether the visitor sent any cookie; a page for anyone else leaves the session alone."""
    return has_request_context() and bool(request.cookies)


def flashes() -> list[tuple[str, str]]:
    """Give what there is to tell after the last action, once: category and message."""
    if not brings_cookies():
        return []
    return cast("list[tuple[str, str]]", get_flashed_messages(with_categories=True))


def category_label(key: str) -> str:
    """Give the label of a category of the shelf."""
    return CATEGORIES.get(key, key)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the templates their words and refuse undefined ones."""
    # Compiled templates are kept, because compiling all of them takes seconds; each is made anew as soon as its file is another.
    compiled = settings.data / "compiled_templates"
    compiled.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(pounds=money.pounds, day=day, moment=moment, counted=counted, price_words=price_words.describe)
    app.jinja_env.globals.update(
        asset=assets.url,
        is_sandbox=settings.is_sandbox,
        site_url=settings.url,
        contact_address=settings.contact_address,
        exit_url=settings.exit_url,
        bank_details=settings.bank_details,
        now=clock.now,
        brand_of=brands.of,
        flashes=flashes,
        category_label=category_label,
        sector_links=[(sector.slug, sector.name) for sector in standing_pages.sectors()],
        policy_links=[(policy.slug, policy.title) for policy in standing_pages.policies()],
    )

    @app.context_processor
    def person() -> dict[str, object]:
        signed_in = current_user.person if brings_cookies() and current_user.is_authenticated else None
        return {"person": signed_in}
