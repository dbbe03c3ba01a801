"""Where the browser is that tests and measurements use: named in CHROMIUM, or on the PATH."""

from __future__ import annotations

import shutil

from app import settings

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Give the browser's path; None when there is none."""
    return settings.named_browser() or next(filter(None, map(shutil.which, NAMES)), None)
